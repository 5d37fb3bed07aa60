"""Network cameras: the real FFmpeg against small real servers, with a real network's faults."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edgehands.cameras import CameraSettings, SourceInfo, capture, http, open_source, redact, stream
from edgehands.cameras.capture import Backoff, LiveSource
from edgehands.cameras.opening import has_host
from edgehands.cameras.stream import StreamOpener
from edgehands.errors import SourceError, UsageError
from tests.http_camera import HttpCamera, red_jpeg
from tests.rtsp_server import HEIGHT, WIDTH, RtspServer
from tools.common.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgehands.cameras.capture import Device
    from edgehands.hand import Frame

WAIT_S = 20.0


@pytest.fixture
def server() -> Iterator[RtspServer]:
    """A camera on loopback."""
    with RtspServer() as running:
        yield running


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging camera is noticed within a test's patience."""
    monkeypatch.setattr(stream, "READ_TIMEOUT_S", 0.5)


def live(url: str) -> LiveSource:
    """What open_source makes, with retries that a test can wait for."""
    return LiveSource(
        SourceInfo(redact(url), "rtsp", 0, 0, 0.0),
        StreamOpener(url, CameraSettings()),
        CameraSettings(),
        must_open=False,
        backoff=Backoff(0.02, 0.1),
    )


def next_frame(source: LiveSource) -> Frame:
    frame = source.read(WAIT_S)
    assert frame is not None
    return frame


def test_stream_from_a_camera(server: RtspServer) -> None:
    """A network camera gives frames, in RGB, with its size and rate known."""
    with open_source(server.url, realtime=False) as source:
        frame = source.read(WAIT_S)
        info = source.describe()
    assert frame is not None
    assert frame.image.shape == (HEIGHT, WIDTH, 3)
    assert frame.image[..., 0].min() > 50
    assert frame.image[..., 1:].max() < 20
    assert (info.kind, info.width, info.height) == ("rtsp", WIDTH, HEIGHT)
    assert 0 <= info.fps < 100  # FFmpeg measures it, or leaves it unknown (with OpenCV 4.11)


def test_a_stream_costs_no_more_threads_the_longer_it_lasts(server: RtspServer) -> None:
    """Without it: converting each frame left threads behind, 300 of them and 50 MB in 20 s."""

    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    with closing(StreamOpener(server.url, CameraSettings())()) as device:
        device.read()
        before = threads()
        most = 0
        for _ in range(60):
            device.read()
            most = max(most, threads())
    assert most <= before + 2


def test_camera_with_password(caplog: pytest.LogCaptureFixture) -> None:
    """User and password from the URL open the camera, and are shown nowhere."""
    caplog.set_level("DEBUG")
    with RtspServer("me", "se:cr@t") as server:
        url = server.url.replace("//", "//me:se%3Acr%40t@")
        with open_source(url, realtime=False) as source:
            assert source.read(WAIT_S) is not None
            shown = repr(source.describe())
        wrong = server.url.replace("//", "//me:guessed@")
        with pytest.raises(SourceError, match="user and password") as caught:
            open_source(wrong, realtime=False)
    for text in (shown, str(caught.value), caplog.text):
        assert "cr%40t" not in text
        assert "guessed" not in text
    assert "me:***@127.0.0.1" in shown


def test_camera_that_reboots(server: RtspServer) -> None:
    """A camera that restarts, or a router that does, costs the time it takes, not the service."""
    with live(server.url) as source:
        next_frame(source)
        assert source.online
        server.stop()
        until(lambda: not source.online)
        assert not source.finished
        server.start()
        until(lambda: source.reconnects == 1)
        assert source.online
        next_frame(source)


def test_camera_that_hangs(server: RtspServer) -> None:
    """A camera whose connection stays but that sends nothing is noticed and reopened."""
    with live(server.url) as source:
        next_frame(source)
        server.stalled.set()
        until(lambda: not source.online)
        server.stalled.clear()
        until(lambda: source.reconnects >= 1)
        next_frame(source)


def test_nobody_there() -> None:
    """An address without a camera: an error for `track`, patience for the service."""
    with RtspServer() as server:
        url = server.url
    with pytest.raises(SourceError, match="can't be opened \\(Connection refused\\): check host"):
        open_source(url, realtime=False)
    with live(url) as source:
        assert source.read(0.05) is None
        assert not source.online
        server.start()
        try:
            next_frame(source)
            assert source.reconnects == 0
        finally:
            server.stop()


@pytest.mark.parametrize("url", ["rtsp://", "rtsp:///path", "rtsp:host/path", "rtsp://u:p@/x"])
def test_url_without_a_host(url: str) -> None:
    """A mistyped URL is rejected at once instead of being retried forever."""
    assert not has_host(url)
    for realtime in (False, True):
        with pytest.raises(UsageError, match="no host in it"):
            open_source(url, realtime=realtime)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://h",
        "rtsp://h:554",
        "rtsp://u:p@h:554/a?b=c",
        "rtsp://u:p@ss@10.0.0.1/s",
        "rtsp://[::1]:554/a",
    ],
)
def test_url_with_a_host(url: str) -> None:
    """Every usual form of camera address is let through."""
    assert has_host(url)


@pytest.mark.parametrize("length", [True, False])
def test_mjpeg_over_http(*, length: bool) -> None:
    """The cheapest cameras (ESP32-CAM, OctoPrint's) speak only this, some without lengths."""
    with (
        HttpCamera(length=length) as camera,
        open_source(camera.url, realtime=False) as source,
    ):
        frame = source.read(WAIT_S)
        assert frame is not None
        assert frame.image.shape == (HEIGHT, WIDTH, 3)
        assert frame.image[..., 0].min() > 50
        assert frame.image[..., 1:].max() < 20
        assert source.describe().kind == "http"


def test_http_camera_with_password(caplog: pytest.LogCaptureFixture) -> None:
    """User and password from the URL open the camera, and are shown nowhere."""
    caplog.set_level("DEBUG")
    with HttpCamera("me:cr@t") as camera:
        with open_source(camera.url.replace("//", "//me:cr%40t@"), realtime=False) as source:
            assert source.read(WAIT_S) is not None
            shown = repr(source.describe())
        with pytest.raises(SourceError, match=r"HTTP 401.*check user and password") as caught:
            open_source(camera.url.replace("//", "//me:guessed@"), realtime=False)
        with pytest.raises(SourceError, match=r"HTTP 404.*check the path"):
            open_source(camera.url.replace("//", "//me:cr%40t@") + "s", realtime=False)
    for text in (shown, str(caught.value), caplog.text):
        assert "cr%40t" not in text
        assert "cr@t" not in text
        assert "guessed" not in text


def test_stream_of_damaged_pictures_is_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Garbage must not be taken for pictures: the camera is offline, with a reason."""
    monkeypatch.setattr(capture, "DAMAGED_S", 0.3)
    close = LiveSource._close_device

    def close_slowly(source: LiveSource, device: Device | None) -> None:
        time.sleep(0.3)  # as a broken connection may: the reason must be there before
        close(source, device)

    monkeypatch.setattr(LiveSource, "_close_device", close_slowly)
    with HttpCamera() as camera, live(camera.url) as source:
        next_frame(source)
        whole = noise_jpeg()
        camera.picture = lambda _: whole[:3000] + whole[4500:]
        until(lambda: not source.online)
        assert "nothing but damaged frames for 0.3 s" in source.problem
        camera.picture = red_jpeg
        until(lambda: source.reconnects >= 1)
        assert next_frame(source).image[..., 0].min() > 50


def noise_jpeg() -> bytes:
    noise = np.random.default_rng(6).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


def test_endless_picture_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never ends a picture must not fill the memory."""
    monkeypatch.setattr(http, "MAX_PART_BYTES", 200_000)
    with HttpCamera() as camera:
        camera.length = False
        camera.picture = lambda _: b"\xff\xd8" + bytes(100_000)
        with pytest.raises(SourceError, match="MB without a whole picture"):
            open_source(camera.url, realtime=False)
