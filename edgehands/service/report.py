"""Every ten seconds: how the service is doing, to MQTT and to systemd."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from edgehands.mqtt.messages import DropsMessage, StatsMessage
from edgehands.service.statistics import resident_mb, temperature_c, throttled_flags

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from edgehands.mqtt.publisher import Publisher
    from edgehands.service.notify import Notifier
    from edgehands.service.protocols import LiveSource
    from edgehands.service.statistics import StageTimes

log = logging.getLogger(__name__)

EVERY_S = 10.0


class Reporter:
    """A thread of its own, because asking the system may take long. A context manager.

    Args:
        source: for its drops and reconnects.
        publisher: where the report goes.
        times: of the frame loop.
        notifier: for the line in ``systemctl status``.
        frames: gives the number of frames processed so far.
        every: seconds between reports.
    """

    def __init__(  # noqa: PLR0913 - it reports on all of them
        self,
        *,
        source: LiveSource,
        publisher: Publisher,
        times: StageTimes,
        notifier: Notifier,
        frames: Callable[[], int],
        every: float = EVERY_S,
    ) -> None:
        self._source = source
        self._publisher = publisher
        self._times = times
        self._notifier = notifier
        self._frames = frames
        self._every = every
        self._begin = self._then = time.monotonic()
        self._frames_then = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edgehands-report", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(3.0)

    def report(self) -> StatsMessage:
        """Build the message; the frame rate is that since the last call."""
        now, frames = time.monotonic(), self._frames()
        fps = (frames - self._frames_then) / max(now - self._then, 1e-3)
        self._then, self._frames_then = now, frames
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
            broker_reconnects=counts.reconnects,
            rss_mb=round(resident_mb(), 1),
            temperature_c=temperature_c(),
            throttled=throttled_flags(),
        )

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            try:
                message = self.report()
                self._publisher.stats(message)
                broker = "broker connected" if self._publisher.connected else "broker away"
                camera = "camera away, retrying"
                if self._source.online:
                    camera = f"{message.fps:.1f} frames a second"
                self._notifier.status(f"{camera}, {broker}")
            except Exception:
                log.exception("no report this time")
