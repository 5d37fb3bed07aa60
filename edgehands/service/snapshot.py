"""A current picture on request, if the owner has enabled that.

Encoded by the requests' thread: the frame loop only passes the frame on.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import cv2

from edgehands.errors import ServiceBusy, UsageError
from edgehands.mqtt.contract.request_messages import SnapshotMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.hand import Frame, FrameHands

WIDEST = 640
"""Pixels; a larger frame is scaled down."""

MAX_JPEG_BYTES = 45_000
"""With base64 and the rest of the answer, this stays below the 64 kB limit of messages."""

QUALITIES = (80, 60, 40, 20)
"""JPEG qualities, tried in this order until the picture is small enough."""

BETWEEN_S = 1.0
"""Least time between two pictures: they are for checking the camera's aim, not for watching."""

WAIT_S = 3.0
"""How long to wait for a frame."""


class Snapshots:
    """Answers requests for pictures.

    Args:
        allowed: ``preview.images`` of the configuration; no request can change it.
        next_frame: waits for the next processed frame, at most the given seconds.
        publish: called with each JPEG, for subscribers to pictures.
        clock: monotonic seconds; tests pass their own.
    """

    def __init__(
        self,
        *,
        allowed: bool,
        next_frame: Callable[[float], FrameHands | None],
        publish: Callable[[bytes], object] = lambda _jpeg: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = allowed
        self._next_frame = next_frame
        self._publish = publish
        self._clock = clock
        self._lock = threading.Lock()
        self._due = 0.0

    def take(self) -> SnapshotMessage:
        """The next frame as a JPEG.

        Raises:
            UsageError: Preview images are off, or no frame comes.
            ServiceBusy: The last picture was taken less than a second ago.
        """
        if not self._allowed:
            raise UsageError(
                "preview images are off, no picture leaves this device: "
                "set images = true under [preview] on it"
            )
        with self._lock:
            now = self._clock()
            if now < self._due:
                raise ServiceBusy(f"at most one picture in {BETWEEN_S:g} s: ask later")
            self._due = now + BETWEEN_S
        tracked = self._next_frame(WAIT_S)
        if tracked is None:
            raise UsageError(f"no frame came in {WAIT_S:g} s: see the camera's status")
        picture = encode_snapshot(tracked.frame)
        self._publish(picture.jpeg)
        return picture


def encode_snapshot(frame: Frame) -> SnapshotMessage:
    """A frame as a JPEG of at most :data:`MAX_JPEG_BYTES`, scaled down if needed."""
    image = frame.image
    scale = min(1.0, WIDEST / image.shape[1])
    while True:
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        picture = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
        for quality in QUALITIES:
            _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if len(jpeg) <= MAX_JPEG_BYTES:
                return SnapshotMessage(
                    seq=frame.seq,
                    t=round(frame.t_wall, 4),
                    width=width,
                    height=height,
                    jpeg=jpeg.tobytes(),
                )
        scale /= 2
