"""Pictures: only where the owner allows them, small, seldom, and what the camera saw."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
import pytest

from edgehands.errors import ServiceBusy, UsageError
from edgehands.hand import Frame, FrameHands
from edgehands.mqtt.contract.messages import encode
from edgehands.mqtt.contract.reading import MAX_BYTES, check_message
from edgehands.mqtt.contract.request_messages import ResponseMessage, SnapshotMessage
from edgehands.service.snapshot import MAX_JPEG_BYTES, WIDEST, Snapshots, encode_snapshot
from tests.test_service_process import Asker, service
from tools.common.mosquitto import Listener, Mosquitto
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def seen(image: NDArray[np.uint8]) -> Frame:
    """A frame with this picture."""
    return Frame(image, 7, 1.0, 1_764_000_000.0)


def picture_of(message: SnapshotMessage) -> NDArray[np.uint8]:
    """What a program that gets it decodes, RGB."""
    raw = cv2.imdecode(np.frombuffer(message.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert raw is not None
    return np.asarray(raw[:, :, ::-1], np.uint8)


def test_a_picture_shows_what_the_camera_saw_in_its_colours() -> None:
    """Without it: whoever aims the camera by it would see blue hands, or another place."""
    image = np.zeros((480, 640, 3), np.uint8)
    image[:240] = (200, 40, 30)
    message = encode_snapshot(seen(image))
    shown = picture_of(message)
    assert shown.shape == (480, 640, 3)
    assert (message.width, message.height, message.seq) == (640, 480, 7)
    assert np.abs(shown[100, 300].astype(int) - (200, 40, 30)).max() < 12
    assert shown[400, 300].max() < 12


@pytest.mark.parametrize("size", [(480, 640), (2160, 3840), (64, 64), (4000, 80)])
def test_no_picture_is_larger_than_a_message_may_be(size: tuple[int, int]) -> None:
    """Without it: a broker would throw the node out for a message that is too large."""
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    message = encode_snapshot(seen(noise))
    assert len(message.jpeg) <= MAX_JPEG_BYTES
    assert message.width <= WIDEST
    assert picture_of(message).shape == (message.height, message.width, 3)
    answer = ResponseMessage(status="ok", data=message, transaction="x" * 128)
    assert len(encode(answer)) < MAX_BYTES - 1024


def test_pictures_are_refused_unless_the_owner_allows_them_and_are_seldom() -> None:
    """Without it: a picture could leave a device whose owner never agreed, or a film of them."""
    now = [10.0]
    frames = [FrameHands(seen(np.zeros((48, 64, 3), np.uint8)), ()), None]
    asked: list[float] = []

    def next_frame(seconds: float) -> FrameHands | None:
        asked.append(seconds)
        return frames.pop(0)

    with pytest.raises(UsageError, match="preview images are off, no picture leaves this device"):
        Snapshots(allowed=False, next_frame=next_frame).take()
    assert not asked  # not even looked at
    snapshots = Snapshots(allowed=True, next_frame=next_frame, clock=lambda: now[0])
    assert snapshots.take().width == 64
    with pytest.raises(ServiceBusy, match="at most one picture in 1 s"):
        snapshots.take()
    now[0] += 1.0
    with pytest.raises(UsageError, match="no frame came"):
        snapshots.take()


@pytest.mark.broker
@pytest.mark.parametrize("allowed", [True, False])
def test_a_running_service_gives_pictures_only_where_its_settings_say_so(
    broker: Mosquitto,
    folder: Path,
    tmp_path: Path,
    *,
    allowed: bool,
) -> None:
    """Without it: nobody could rely on it that no picture leaves a device."""
    log = tmp_path / "log"
    env = {"EDGEHANDS_NODE__NAME": "pi", "EDGEHANDS_CAMERA__LOOP": "true"}
    if allowed:
        env["EDGEHANDS_PREVIEW__IMAGES"] = "true"
    arguments = ("--source", f"dir:{folder}", "--mqtt", broker.url)
    with Listener(broker.port) as listener, service(*arguments, log=log, **env):
        assert wait_for(lambda: listener.on("/hands"), 30), log.read_text()
        asker = Asker(broker, listener)
        # Nobody can switch it on from afar.
        assert asker.ask("set", preview=True)["status"] == "error"
        assert asker.ask("set", images=True)["status"] == "error"
        answer = asker.ask("snapshot")
        config = asker.ask("config")["data"]
    pictures = listener.on("main/snapshot")
    assert len(pictures) == int(allowed)
    for jpeg in pictures:
        check_message("edgehands/pi/camera/main/snapshot", jpeg)
    assert config["preview"]["images"] is allowed
    assert ("preview images are on" in log.read_text()) == allowed
    if not allowed:
        assert "preview images are off" in answer["error"]
        assert not any(b"jpeg" in message.payload for message in listener.heard)
        return
    data = {**answer["data"], "jpeg": base64.b64decode(answer["data"]["jpeg"])}
    shown = picture_of(msgspec.convert(data, SnapshotMessage))
    assert shown[240, 300:320].mean() > 150  # the bright disc that stands for a hand
    assert shown[20, 20].mean() < 60
