"""RTSP over TCP and UDP, and with TLS, against GStreamer's server, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from edgehands.cameras import CameraSettings, open_source
from edgehands.errors import SourceError
from tools.common.certificates import make_authority, make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

pytest.importorskip("av", reason="streams need PyAV")

PYTHON = "/usr/bin/python3"
PROGRAM = Path(__file__).with_name("gst_camera.py")
NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0')"
WAIT_S = 20.0


@pytest.fixture(autouse=True, scope="module")
def _server_installed() -> None:
    if (
        not Path(PYTHON).exists()
        or subprocess.run([PYTHON, "-c", NEEDS], capture_output=True, check=False).returncode
    ):
        pytest.skip("no RTSP server: apt-get install gir1.2-gst-rtsp-server-1.0")


@contextmanager
def camera(*certificate: Path) -> Iterator[str]:
    """Its URL."""
    process = subprocess.Popen(
        [PYTHON, str(PROGRAM), *map(str, certificate)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def picture(url: str, settings: CameraSettings) -> np.ndarray:
    """The tenth picture: by then none hides damage."""
    with open_source(url, settings, realtime=False) as source:
        frames = [source.read(WAIT_S) for _ in range(10)]
    assert frames[-1] is not None
    return frames[-1].image


def check(image: np.ndarray) -> None:
    """It is the camera's red picture."""
    assert image.shape == (240, 320, 3)
    assert image[..., 0].min() > 200
    assert image[..., 1:].max() < 40


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_h264_by_rtsp(transport: Literal["tcp", "udp"]) -> None:
    """What most network cameras send, by both ways they send it."""
    with camera() as url:
        check(picture(url, CameraSettings(transport=transport)))


def test_rtsp_with_tls_asks_for_the_named_certificate(tmp_path: Path) -> None:
    """Who names a certificate is told of a stranger who answers in the camera's place."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    make_authority(tmp_path)
    make_authority(tmp_path, "other")
    make_certificate(tmp_path, "camera")
    with camera(tmp_path / "camera.crt", tmp_path / "camera.key") as url:
        check(picture(url, CameraSettings(ca_file=str(tmp_path / "ca.crt"))))
        check(picture(url, CameraSettings()))  # without one, any is taken
        with pytest.raises(SourceError, match="can't be opened"):
            picture(url, CameraSettings(ca_file=str(tmp_path / "other.crt")))
