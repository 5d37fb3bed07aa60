"""A simulated camera: a moving pattern, with scripted faults. For tests, users' own included.

``fake:?fps=30&frames=300&vanish=2-5&stall=8-9`` delivers 300 frames, is unplugged from second 2 to
second 5 (and can't be opened until then), and hangs from 8 to 9. Several spans are separated by
commas. ``absent=3`` is missing for the first 3 seconds, ``bad=1-2`` delivers frames that can't be
decoded (they are lost). Seconds count from the creation of the source.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import cv2
import numpy as np

from edgehands.cameras.base import SourceInfo, orient, oriented_size
from edgehands.cameras.capture import Shot
from edgehands.closing import Closing
from edgehands.errors import SourceError, SourceNotFound, UsageError
from edgehands.hand import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.config import CameraSettings


@dataclass(frozen=True, slots=True)
class FakeScript:
    """What a fake camera does, and when; spans in seconds of its life.

    Attributes:
        fps: frames a second; 0 = as in the settings.
        frames: number of frames; 0 = endless.
        vanish: spans in which it is unplugged.
        stall: spans in which it hangs.
        bad: spans in which its frames can't be decoded.
    """

    fps: float = 0.0
    frames: int = 0
    vanish: tuple[tuple[float, float], ...] = ()
    stall: tuple[tuple[float, float], ...] = ()
    bad: tuple[tuple[float, float], ...] = ()


def parse_script(query: str) -> FakeScript:
    """Parse the text after ``fake:``.

    Raises:
        UsageError: A key or value is invalid.
    """
    fps, frames = 0.0, 0
    spans: dict[str, tuple[tuple[float, float], ...]] = {"vanish": (), "stall": (), "bad": ()}
    for key, value in parse_qsl(query.removeprefix("?"), keep_blank_values=True):
        try:
            if key == "fps":
                fps = float(value)
            elif key == "frames":
                frames = int(value)
            elif key == "absent":
                spans["vanish"] += ((0.0, float(value)),)
            elif key in spans:
                pairs = (span.partition("-") for span in value.split(","))
                spans[key] += tuple((float(a), float(b) if b else math.inf) for a, _, b in pairs)
            else:
                raise UsageError(
                    f"fake:{query}: unknown key '{key}': use fps, frames, absent, "
                    "vanish, stall or bad"
                )
        except ValueError as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError(
                f"fake:{query}: '{key}={value}' isn't a number or a span such as 2-5"
            ) from None
    if not 0 <= fps <= 1000 or frames < 0:
        raise UsageError(f"fake:{query}: fps must be 0 to 1000 and frames 0 or more")
    return FakeScript(fps, frames, **spans)


def pattern(width: int, height: int, seq: int) -> NDArray[np.uint8]:
    """Draw frame ``seq``: a still gradient with a disc that circles once in 90 frames."""
    row = np.linspace(40, 160, width, dtype=np.uint8)
    column = np.linspace(20, 90, height, dtype=np.uint8)
    image = np.empty((height, width, 3), np.uint8)
    image[..., 0] = row
    image[..., 1] = column[:, None]
    image[..., 2] = 80
    angle = 2 * math.pi * seq / 90
    radius = min(width, height) // 3
    centre = (
        round(width / 2 + radius * math.cos(angle)),
        round(height / 2 + radius * math.sin(angle)),
    )
    cv2.circle(image, centre, max(min(width, height) // 12, 1), (230, 200, 180), -1, cv2.LINE_AA)
    return image


class FakeLife:
    """One fake camera over all its reconnects."""

    def __init__(self, script: FakeScript, settings: CameraSettings) -> None:
        self.script = script
        self.settings = settings
        self.born = time.monotonic()
        self.seq = 0

    def within(self, spans: tuple[tuple[float, float], ...]) -> float:
        """Seconds until the end of the current span; 0 outside all spans."""
        age = time.monotonic() - self.born
        return max((end - age for begin, end in spans if begin <= age < end), default=0.0)

    def open(self) -> FakeDevice:
        """Plug in, if the script has it present."""
        if self.within(self.script.vanish):
            raise SourceNotFound("fake: the camera isn't there: its script says so")
        return FakeDevice(self)


class FakeDevice:
    """The fake camera while it is plugged in."""

    def __init__(self, life: FakeLife) -> None:
        settings = life.settings
        self.width, self.height = settings.width, settings.height
        self.fps = life.script.fps or settings.fps
        self.detail = "moving pattern"
        self._life = life
        self._due = time.monotonic()

    def read(self) -> Shot | None:
        """Wait for the next frame as a camera would, with the faults of the script."""
        life = self._life
        while True:
            if life.script.frames and life.seq >= life.script.frames:
                return None
            now = time.monotonic()
            if self._due > now:
                time.sleep(self._due - now)
            self._due = max(self._due + 1.0 / self.fps, now - 1.0)
            while life.within(life.script.stall):
                time.sleep(min(life.within(life.script.stall), 0.05))
            if life.within(life.script.vanish):
                raise SourceError("fake: the camera was unplugged: its script says so")
            seq, life.seq = life.seq, life.seq + 1
            if life.within(life.script.bad):
                continue
            return Shot(pattern(self.width, self.height, seq), time.monotonic())

    def close(self) -> None:
        """There is nothing to release."""


class FakeSource(Closing):
    """The pattern without a clock: frame n at ``n / fps`` seconds, as fast as it is read.

    The script's spans leave out frames. For tests that want the same frames every time.
    """

    reconnects = 0
    failures = 0
    problem = ""
    stuck_s = 0.0
    dropped = 0
    online = True

    def __init__(self, script: FakeScript, settings: CameraSettings, uri: str) -> None:
        self.finished = False
        self._script = script
        self._settings = settings
        self._fps = script.fps or settings.fps
        self._seq = 0
        self._uri = uri

    def read(self, timeout: float) -> Frame | None:  # noqa: ARG002 - nothing is waited for
        """Draw the next frame."""
        script = self._script
        if self.finished:
            return None
        seq, self._seq = self._seq, self._seq + 1
        self.finished = bool(script.frames) and self._seq >= script.frames
        t = seq / self._fps
        if any(a <= t < b for a, b in script.vanish + script.stall + script.bad):
            return None
        image = orient(pattern(self._settings.width, self._settings.height, seq), self._settings)
        return Frame(image, seq, t, t, self._uri)

    def describe(self) -> SourceInfo:
        """The source's description."""
        settings = self._settings
        width, height = oriented_size(settings.width, settings.height, settings)
        return SourceInfo(self._uri, "fake", width, height, self._fps, "moving pattern")

    def close(self) -> None:
        """Deliver no more frames."""
        self.finished = True
