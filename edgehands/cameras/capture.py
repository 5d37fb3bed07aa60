"""A live device whose newest frame is kept, reopened whenever it disappears.

One thread owns the device: it opens, reads and closes it, and waits longer and longer between
attempts, without end. No other thread touches the device, because OpenCV and libcamera crash if a
device is closed during a read. A call that never returns (a hung driver) can't be ended from here:
``online`` becomes False, ``stuck_s`` grows, and the owner of the process may end it.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edgehands.cameras.base import SourceInfo, orient, oriented_size
from edgehands.closing import Closing
from edgehands.errors import BackendUnavailable, SourceError, SourceNotFound
from edgehands.hand import Frame
from edgehands.safe_text import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from edgehands.config import CameraSettings

log = logging.getLogger(__name__)

STALL_S = 5.0
"""A camera without a frame for this long counts as offline."""
DAMAGED_S = 2.0
"""A camera whose frames were all damaged for this long counts as lost."""
JOIN_S = 3.0
"""How long ``close`` waits for the reading thread."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture from a device: (H, W, 3) uint8 RGB, never modified, and its capture time."""

    image: NDArray[np.uint8]
    t_mono: float


def capture_time(stamp: float, oldest: float = 1.0) -> float:
    """Use a driver's time stamp if it can be of the monotonic clock, otherwise the current time.

    Args:
        stamp: seconds.
        oldest: older stamps, or stamps in the future, are of another clock.
    """
    now = time.monotonic()
    return stamp if 0.0 <= now - stamp < oldest else now


@dataclass
class Complaints:
    """Measures how long a device has delivered only damaged frames.

    Attributes:
        name: the device, without secrets.
    """

    name: str
    _since: float | None = None
    _count: int = 0

    def add(self, reason: str) -> None:
        """Record a skipped frame.

        Raises:
            SourceError: Only damaged frames for :data:`DAMAGED_S`.
        """
        now = time.monotonic()
        self._since = self._since or now
        self._count += 1
        if now - self._since >= DAMAGED_S:
            raise SourceError(
                f"{self.name}: nothing but damaged frames for {DAMAGED_S:g} s ({self._count}, "
                f"the last: {reason})"
            )
        log.debug("%s: a frame left out: %s", self.name, reason)

    def clear(self) -> None:
        """Record an undamaged frame."""
        self._since, self._count = None, 0


class Device(Protocol):
    """An opened camera. A separate function opens it or raises."""

    width: int
    height: int
    fps: float
    detail: str

    def read(self) -> Shot | None:
        """Wait for the next picture; None if there will never be another.

        Raises:
            SourceError: The device is gone or has stopped answering.
        """

    def close(self) -> None:
        """Release the device."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts to open a device: the first, doubled each time up to the last."""

    first: float = 0.5
    last: float = 10.0

    def after(self, failures: int) -> float:
        """Pause after this many consecutive failures (from 1)."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.last)


class LiveSource(Closing):
    """The newest frame of a device, and its state.

    Args:
        info: What is known before the device is open; size and rate are then taken from it.
        opener: Returns an open device, or raises SourceNotFound or SourceError.
        settings: Rotation and mirroring are applied here.
        must_open: Open the device now and raise if that fails; otherwise the source starts offline
            and keeps trying.
        turn: Whether this class rotates and mirrors (False if the device does it).
    """

    def __init__(  # noqa: PLR0913
        self,
        info: SourceInfo,
        opener: Callable[[], Device],
        settings: CameraSettings,
        *,
        must_open: bool,
        backoff: Backoff | None = None,
        turn: bool = True,
    ) -> None:
        self.reconnects = 0
        self.dropped = 0
        self.failures = 0
        self._info = info
        self._opener = opener
        self._settings = settings
        self._backoff = backoff or Backoff()
        self._turn = turn
        self._change = threading.Condition()
        self._stop = threading.Event()
        self._slot: Frame | None = None
        self._ended = False
        self._up = False
        self._last_frame = 0.0
        self._called: float | None = None  # when the driver was last called; None = it returned
        self._seq = 0
        self._died: BackendUnavailable | None = None
        self._trouble = ""
        device = self._open() if must_open else None
        self._thread = threading.Thread(
            target=self._run, args=(device,), name=f"camera {info.uri}", daemon=True
        )
        self._thread.start()

    @property
    def online(self) -> bool:
        """Whether a frame came within the last :data:`STALL_S` and the device wasn't lost since."""
        return self._up and time.monotonic() - self._last_frame < STALL_S

    @property
    def problem(self) -> str:
        """Why no frames arrive, one line without secrets; empty if nothing is wrong."""
        silent = self._up and not self.online
        if not self._trouble and (silent or self.stuck_s > STALL_S):
            return f"{self._info.uri}: no frame for {STALL_S:g} s: check its cable and power"
        return self._trouble

    @property
    def stuck_s(self) -> float:
        """Seconds since the driver was called, until it returns; otherwise 0."""
        called = self._called
        return 0.0 if called is None else time.monotonic() - called

    @property
    def finished(self) -> bool:
        """True if the device has no more frames and all were read, or if closed."""
        with self._change:
            return self._ended and self._slot is None

    def read(self, timeout: float) -> Frame | None:
        """The newest frame not yet returned, or None after ``timeout`` seconds.

        Raises:
            BackendUnavailable: What the camera needs is gone: waiting is useless.
        """
        with self._change:
            self._change.wait_for(lambda: self._slot is not None or self._ended, timeout)
            frame, self._slot = self._slot, None
        if frame is None and self._died is not None:
            raise self._died
        return frame

    def describe(self) -> SourceInfo:
        """The device's description; size and rate are 0 until it was first opened."""
        return self._info

    def close(self) -> None:
        """Stop the reading thread, which closes the device."""
        self._stop.set()
        with self._change:
            self._ended = True
            self._slot = None
            self._change.notify_all()
        if self._thread is threading.current_thread():
            return
        self._thread.join(JOIN_S)
        if self._thread.is_alive():
            log.warning(
                "%s: still busy in its driver after %g s: left behind", self._info.uri, JOIN_S
            )

    def _open(self) -> Device:
        device = self._opener()
        width, height = device.width, device.height
        if self._turn:
            width, height = oriented_size(width, height, self._settings)
        info = self._info
        self._info = SourceInfo(info.uri, info.kind, width, height, device.fps, device.detail)
        return device

    def _run(self, device: Device | None) -> None:
        failures = 0  # consecutive
        lost_at: float | None = None
        ever_up = False
        while not self._stop.is_set():
            try:
                self._called = time.monotonic()
                if device is None:
                    device = self._open()
                    self._called = time.monotonic()
                shot = device.read()
                self._called = None
                if shot is None:
                    break
                came_up = not self._up
                self._put(shot)
                if came_up and ever_up:
                    self.reconnects += 1
                    gone = time.monotonic() - (lost_at or time.monotonic())
                    log.warning("%s: back after %.1f s", self._info.uri, gone)
                elif came_up:
                    log.info("%s: %s", self._info.uri, self._info.detail)
                failures, ever_up, lost_at = 0, True, None
                self._trouble = ""
            except BackendUnavailable as error:
                self._died = error
                break
            except Exception as error:  # noqa: BLE001 - the thread must outlive any driver's fault
                # The reason first: a reader that sees the source offline must also find the reason.
                self._trouble = redact(_line(error))
                self._up = False
                self._close_device(device)
                self._called = device = None
                failures += 1
                self.failures += 1
                lost_at = lost_at or time.monotonic()
                pause = self._backoff.after(failures)
                # Once in full for each outage, so that a camera missing for a week doesn't fill the
                # log.
                level = logging.WARNING if failures == 1 else logging.DEBUG
                log.log(level, "%s (trying again for ever, next in %g s)", _line(error), pause)
                self._stop.wait(pause)
        self._up = False
        self._close_device(device)
        self._called = None
        with self._change:
            self._ended = True
            self._change.notify_all()

    def _put(self, shot: Shot) -> None:
        image = orient(shot.image, self._settings) if self._turn else shot.image
        wall = time.time() - max(time.monotonic() - shot.t_mono, 0.0)
        frame = Frame(image, self._seq, shot.t_mono, wall, self._info.uri)
        self._seq += 1
        self._last_frame = time.monotonic()
        self._up = True
        with self._change:
            if self._stop.is_set():
                return
            if self._slot is not None:
                self.dropped += 1
            self._slot = frame
            self._change.notify_all()

    def _close_device(self, device: Device | None) -> None:
        if device is None:
            return
        self._called = time.monotonic()
        try:
            device.close()
        except Exception as error:  # noqa: BLE001 - it is gone anyway
            log.debug("%s: closing: %s", self._info.uri, error)


def _line(error: Exception) -> str:
    if isinstance(error, (SourceError, SourceNotFound)):
        return str(error)
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"
