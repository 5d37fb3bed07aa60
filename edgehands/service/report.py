"""Reports every ten seconds how the service is doing, to MQTT and to systemd."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol

from edgehands.mqtt.contract.messages import DropsMessage, StatsMessage
from edgehands.service.statistics import (
    resident_mb,
    restarts,
    temperature_c,
    throttled_flags,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgehands.mqtt.publisher import Publisher
    from edgehands.service.governor import Governor
    from edgehands.service.notify import Notifier
    from edgehands.service.statistics import StageTimes

log = logging.getLogger(__name__)

EVERY_S = 10.0
LOOK_S = 0.5
"""Delay of systemd's status line after a camera or broker comes or goes."""


class Counted(Protocol):
    """A source of frames, with the values that are reported."""

    @property
    def online(self) -> bool:
        """Whether frames arrive."""

    @property
    def dropped(self) -> int:
        """Frames replaced by a newer one."""

    @property
    def reconnects(self) -> int:
        """How often it came back."""

    @property
    def failures(self) -> int:
        """How often it couldn't be opened, or was lost."""


class Reporter:
    """Its own thread, because querying the system may take long.

    Args:
        source: for its drops and reconnects.
        publisher: where the report goes.
        times: of the frame loop.
        frames: returns the number of frames processed so far.
        every: seconds between reports.
        governor: receives each report.
    """

    def __init__(  # noqa: PLR0913 - each is reported on
        self,
        *,
        source: Counted,
        publisher: Publisher,
        times: StageTimes,
        frames: Callable[[], int],
        every: float = EVERY_S,
        governor: Governor | None = None,
    ) -> None:
        self._governor = governor
        self._source = source
        self._publisher = publisher
        self._times = times
        self._frames = frames
        self._every = every
        self._restarts = restarts()
        self._begin = self._then = time.monotonic()
        self._frames_then = 0
        self._fps = 0.0
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @contextlib.contextmanager
    def telling(self, notifier: Notifier) -> Iterator[None]:
        """Report every ten seconds, also in the line that ``systemctl status`` shows."""
        thread = threading.Thread(
            target=self._run, args=(notifier,), name="edgehands-report", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(3.0)

    def report(self) -> StatsMessage:
        """Build the message; the frame rate is that since the last report."""
        now, frames = time.monotonic(), self._frames()
        with self._lock:
            # If called again at once, the rate of the span before still holds.
            if now - self._then >= min(self._every, 1.0) or not self._fps:
                self._fps = (frames - self._frames_then) / max(now - self._then, 1e-3)
                self._then, self._frames_then = now, frames
            fps = self._fps
        counts = self._publisher.counts
        return StatsMessage(
            t=round(time.time(), 4),
            uptime_s=round(now - self._begin, 1),
            fps=round(fps, 2),
            stages=self._times.summary(),
            drops=DropsMessage(
                camera=self._source.dropped,
                hands=counts.hands_dropped,
                events=counts.events_dropped,
            ),
            camera_reconnects=self._source.reconnects,
            camera_failures=self._source.failures,
            broker_reconnects=counts.reconnects,
            restarts=self._restarts,
            rss_mb=round(resident_mb(), 1),
            temperature_c=temperature_c(),
            throttled=throttled_flags(),
        )

    def _run(self, notifier: Notifier) -> None:
        due = self._begin + self._every
        shown: tuple[bool, str] | None = None
        while not self._stop.wait(min(LOOK_S, self._every)):
            try:
                state = (self._source.online, self._publisher.broker)
                reports = time.monotonic() >= due
                waiting = shown is None and not state[0]  # the start's status still holds
                if not reports and (waiting or state == shown):
                    continue
                message = self.report()
                shown = state
                if reports:
                    due = max(due + self._every, time.monotonic())
                    self._publisher.stats(message)
                    self._govern(message)
                notifier.status(self._line(message, *state))
            except Exception:
                log.exception("no report this time")

    def _line(self, message: StatsMessage, online: bool, broker: str) -> str:
        camera = "camera away, retrying"
        if online:
            camera = f"{message.fps:.1f} frames a second"
            if self._governor is not None and self._governor.limit:
                camera += f" (held back: {self._governor.reason})"
        return f"{camera}, {broker}"

    def _govern(self, message: StatsMessage) -> None:
        if self._governor is not None:
            self._governor.update(
                time.monotonic(),
                message.fps,
                temperature_c=message.temperature_c,
                throttled=message.throttled,
            )
