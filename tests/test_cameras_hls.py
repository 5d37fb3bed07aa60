"""HLS over HTTP and HTTPS: a playlist and its segments, from a small server on loopback."""

from __future__ import annotations

import functools
import http.server
import shutil
import ssl
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgehands.cameras import CameraSettings, open_source
from edgehands.errors import SourceError
from tools.common.certificates import make_authority, make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edgehands.cameras.stream import StreamDevice

av: Any = pytest.importorskip("av", reason="films need PyAV")

WIDTH, HEIGHT, FRAMES, RATE = 160, 120, 160, 20
WAIT_S = 20.0


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and keeps the tests' output clean."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def served(folder: Path, certificate: Path | None = None) -> Iterator[str]:
    """Serve a folder on loopback; with a certificate (and its key beside it) by HTTPS."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        scheme = "http" if certificate is None else "https"
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def make_playlist(folder: Path, frames: int = FRAMES, **more: str) -> Path:
    """Fill a folder with ``live.m3u8`` and segments of one second: a red picture."""
    folder.mkdir()
    options = {"hls_time": "1", "hls_list_size": "0", **more}
    with av.open(str(folder / "live.m3u8"), "w", format="hls", options=options) as out:
        stream = out.add_stream("mpeg2video", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = RATE
        for _ in range(frames):
            image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            image[..., 0] = 200
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    return folder


@pytest.fixture
def playlist(tmp_path: Path) -> Path:
    """Eight seconds."""
    return make_playlist(tmp_path / "hls")


def first_frame(url: str, settings: CameraSettings | None = None) -> np.ndarray:
    """The first picture of a stream."""
    with open_source(url, settings or CameraSettings(), realtime=False) as source:
        frame = source.read(WAIT_S)
        assert frame is not None
        return np.array(frame.image)


def device(url: str) -> StreamDevice:
    """A stream, read frame by frame."""
    from edgehands.cameras.stream import StreamDevice  # noqa: PLC0415 - needs PyAV

    return StreamDevice(url, CameraSettings())


def test_a_playlist_is_a_camera(playlist: Path) -> None:
    """Many cameras and most servers offer HLS and nothing else."""
    with served(playlist) as address:
        image = first_frame(f"{address}/live.m3u8")
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert image[..., 0].mean() > 150
    assert image[..., 1:].mean() < 60


def test_a_playlist_of_two_seconds_is_shown_whole(tmp_path: Path) -> None:
    """Without it: looking into it to find out what it is would use up what there is."""
    folder = make_playlist(tmp_path / "hls", 2 * RATE)
    with served(folder) as address, closing(device(f"{address}/live.m3u8")) as camera:
        assert sum(1 for _ in iter(camera.read, None)) == 2 * RATE


def test_a_live_playlist_of_one_second_gives_a_picture_at_once(tmp_path: Path) -> None:
    """Without it: the first picture would have to wait for the next segment, and the one after."""
    folder = make_playlist(tmp_path / "hls", RATE, hls_flags="omit_endlist")
    with served(folder) as address, closing(device(f"{address}/live.m3u8")) as camera:
        shot = camera.read()
        assert shot is not None
        assert shot.image.shape == (HEIGHT, WIDTH, 3)


def test_over_tls_a_named_certificate_is_asked_for(playlist: Path, tmp_path: Path) -> None:
    """Who names a certificate is told of a stranger who answers in the camera's place."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    make_authority(tmp_path)
    make_authority(tmp_path, "other")
    make_certificate(tmp_path, "camera")
    with served(playlist, tmp_path / "camera.crt") as address:
        url = f"{address}/live.m3u8"
        good = CameraSettings(ca_file=str(tmp_path / "ca.crt"))
        assert first_frame(url, good).shape == (HEIGHT, WIDTH, 3)
        assert first_frame(url).shape == (HEIGHT, WIDTH, 3)  # without one, any is taken
        wrong = CameraSettings(ca_file=str(tmp_path / "other.crt"))
        with pytest.raises(SourceError):
            first_frame(url, wrong)


def test_a_playlist_opens_no_local_file(playlist: Path, tmp_path: Path) -> None:
    """A camera's server must not be able to show what lies on the device."""
    secret = tmp_path / "secret.ts"
    shutil.copy(next(playlist.glob("*.ts")), secret)
    text = (playlist / "live.m3u8").read_text().splitlines()
    lines = [secret.as_uri() if line.endswith(".ts") else line for line in text]
    (playlist / "evil.m3u8").write_text("\n".join(lines) + "\n")
    with served(playlist) as address, pytest.raises(SourceError):
        first_frame(f"{address}/evil.m3u8")
