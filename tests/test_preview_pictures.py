"""Pictures for the page: made while somebody looks, never stored, and off unless asked for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import threading
import time
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
import pytest

from edgehands.config import PreviewConfig
from edgehands.errors import UsageError
from edgehands.picture_socket import LENGTHS, SOCKET_NAME, PictureOrigin, PictureText, pack
from edgehands.preview.pictures import Pictures
from edgehands.service.pictures import BETWEEN_S, PictureServer, picture_packet
from edgehands.service.serve import picture_socket
from tests.mqtt_hands import make_frame, make_hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edgehands.hand import FrameHands

ORIGIN = PictureOrigin(node="hall", camera="main", film=False, source="v4l2:/dev/video0")


class Loop:
    """A frame loop that counts how often a frame was asked for."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def next_frame(self, _timeout: float) -> FrameHands:
        """Give a frame with a hand in it."""
        self.asked.append(time.monotonic())
        return make_frame(make_hand(1), seq=len(self.asked))


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def path(loop: Loop, tmp_path: Path) -> Iterator[Path]:
    """The socket of a service."""
    path = tmp_path / SOCKET_NAME
    with PictureServer(path, lambda: ORIGIN, loop.next_frame):
        yield path
    assert not path.exists()


def read(client: socket.socket) -> tuple[bytes, bytes]:
    """Read one packet."""
    with client.makefile("rb") as stream:
        text, jpeg = LENGTHS.unpack(stream.read(LENGTHS.size))
        return stream.read(text), stream.read(jpeg)


def test_no_picture_is_made_before_somebody_asks(path: Path, loop: Loop) -> None:
    """Without it: a service would use a core for pictures that nobody views."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        text, jpeg = read(client)
        assert (msgspec.json.decode(text, type=PictureOrigin), jpeg) == (ORIGIN, b"")
        assert loop.asked == []
        client.sendall(b"\n")
        text, jpeg = read(client)
        assert len(loop.asked) == 1
    message = msgspec.json.decode(text, type=PictureText).message
    assert message is not None
    assert [hand.id for hand in message.hands] == [1]
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape[:2] == (message.height, message.width)


def test_at_most_ten_pictures_a_second_are_made(path: Path, loop: Loop) -> None:
    """Without it: a page would slow down the hands that it shows."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        read(client)
        client.sendall(b"\n" * 6)
        for _ in range(6):
            read(client)
    assert min(b - a for a, b in zip(loop.asked, loop.asked[1:], strict=False)) >= 0.9 * BETWEEN_S


def test_only_the_services_own_user_and_group_may_look(path: Path) -> None:
    """Without it: every program on the machine could see what the camera sees."""
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert mode & 0o007 == 0


def test_what_an_earlier_run_left_is_replaced_and_a_bad_place_named(tmp_path: Path) -> None:
    """Without it: after a power cut the page would never get pictures again."""
    left = tmp_path / "left"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(os.fspath(left))
    with PictureServer(left, lambda: ORIGIN, lambda _: None):
        assert left.exists()
    bad = tmp_path / "none" / "a"
    with (
        pytest.raises(UsageError, match=r"preview\.picture_socket"),
        PictureServer(bad, lambda: ORIGIN, lambda _: None),
    ):
        pass


def test_pictures_are_off_unless_the_owner_switched_them_on() -> None:
    """Without it: a picture would leave a device whose owner never asked for one."""
    systemd = {"RUNTIME_DIRECTORY": "/run/edgehands"}
    assert picture_socket(PreviewConfig(), systemd) is None
    assert picture_socket(PreviewConfig(images=True), {}) is None
    on = picture_socket(PreviewConfig(images=True), systemd)
    assert str(on) == "/run/edgehands/pictures.sock"
    assert str(picture_socket(PreviewConfig(picture_socket="/a/b"), {})) == "/a/b"


def test_a_frame_that_is_large_becomes_a_small_picture() -> None:
    """Without it: a full-HD camera would fill the page's line."""
    tracked = make_frame(make_hand(1))
    image = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3), np.uint8)
    frame = type(tracked.frame)(image, 1, tracked.frame.t_mono, tracked.frame.t_wall, "x")
    packet = picture_packet(type(tracked)(frame, tracked.hands))
    text, jpeg = LENGTHS.unpack(packet[: LENGTHS.size])
    assert len(packet) == LENGTHS.size + text + jpeg
    shown = cv2.imdecode(np.frombuffer(packet[-jpeg:], np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (360, 640, 3)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - it is another thread's, or another task's
            await asyncio.sleep(0.02)


async def _look(pictures: Pictures, seconds: float) -> list[bytes]:
    got: list[bytes] = []

    async def send(packet: bytes) -> None:
        got.append(packet)

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await pictures.feed(send)
    return got


def test_the_page_asks_only_while_it_looks_and_comes_back(loop: Loop, tmp_path: Path) -> None:
    """Without it: a closed page would cost a core, or a restarted service show nothing more."""
    path = tmp_path / SOCKET_NAME

    async def story() -> None:
        pictures = Pictures(path)
        task = asyncio.create_task(pictures.run())
        for _ in range(2):
            with PictureServer(path, lambda: ORIGIN, loop.next_frame):
                await _until(lambda: pictures.origin is not None)
                before = len(loop.asked)
                assert await _look(pictures, 1.0)
                after = len(loop.asked)
                assert after > before
                await asyncio.sleep(0.5)
                assert len(loop.asked) <= after + 1  # the one that was on its way
            await _until(lambda: pictures.origin is None)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())


def test_nonsense_on_the_socket_ends_only_that_connection(tmp_path: Path) -> None:
    """Without it: another program's socket could fill the page's server's memory."""
    path = tmp_path / SOCKET_NAME
    served = threading.Semaphore(0)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen()

        def nonsense() -> None:
            for answer in (LENGTHS.pack(2**32 - 1, 0), pack(b"{"), pack(b'{"node": 3}'), b"\xff"):
                client, _ = listener.accept()
                with client:
                    client.sendall(answer)
                served.release()

        thread = threading.Thread(target=nonsense, daemon=True)
        thread.start()

        async def story() -> None:
            pictures = Pictures(path)
            task = asyncio.create_task(pictures.run())
            await _until(lambda: not thread.is_alive())
            assert pictures.origin is None
            assert not task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(story())
    assert all(served.acquire(timeout=1) for _ in range(4))
