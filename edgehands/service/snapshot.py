"""A picture of now for who asks, where the owner has switched that on.

Encoded by the requests' thread: the frame loop only hands the frame over.
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
"""Pixels; a larger frame is made smaller."""

MAX_JPEG_BYTES = 45_000
"""As base64, with the rest of the answer, below the 64 kB that no message exceeds."""

QUALITIES = (80, 60, 40, 20)
"""Of the JPEG, tried in this order until it is small enough."""

BETWEEN_S = 1.0
"""Between two pictures: this is for looking whether the camera is aimed well, not for watching."""

WAIT_S = 3.0
"""How long a frame is waited for."""


class Snapshots:
    """Gives pictures to requests.

    Args:
        allowed: ``preview.images`` of the configuration; no request can change it.
        next_frame: waits for the next processed frame, for so many seconds.
        publish: called with each JPEG, for those who subscribe to pictures.
        clock: monotonic seconds; tests hand in their own.
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
        """Give the next frame as a JPEG.

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
    """Make a JPEG of at most :data:`MAX_JPEG_BYTES` of a frame, smaller than it where needed."""
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
