"""Hours of the real service at 30 frames a second: does it grow?"""

from __future__ import annotations

import csv
import statistics
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.common.mosquitto import Mosquitto
from tools.fault_table.film import write_film
from tools.fault_table.service import Footprint, Service
from tools.fault_table.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

EVERY_S = 10.0
WARM_UP_S = 120.0
"""Until then buffers fill: rings of statistics, the film's decoder, the allocator's arenas."""

RSS_MB = 2.0
"""Most growth that is allowed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What hours did to the service.

    Attributes:
        seconds: how long it ran.
        first_mb, last_mb: memory in RAM: medians of the first tenth after warming up and of the
            last tenth.
        threads, descriptors: fewest and most after warming up.
        messages: ``hands`` messages that the subscriber got.
        oldest_ms: the oldest of them when it came.
        fps: as the service reports it at the end.
    """

    seconds: float
    first_mb: float
    last_mb: float
    threads: tuple[int, int]
    descriptors: tuple[int, int]
    messages: int
    oldest_ms: float
    fps: float

    @property
    def good(self) -> bool:
        """Whether it holds what is promised."""
        constant = all(low == high for low, high in (self.threads, self.descriptors))
        return constant and self.last_mb - self.first_mb <= RSS_MB

    def __str__(self) -> str:
        return (
            f"{self.seconds / 3600:.2f} h at {self.fps:.1f} frames a second: "
            f"RSS {self.first_mb:.1f} -> {self.last_mb:.1f} MB "
            f"({self.last_mb - self.first_mb:+.2f} MB), threads {_span(self.threads)}, "
            f"descriptors {_span(self.descriptors)}; {self.messages} hands messages delivered, "
            f"the oldest {self.oldest_ms:.0f} ms old: {'pass' if self.good else 'FAIL'}"
        )


def soak(seconds: float, folder: Path, table: Path | None = None) -> Verdict:
    """Let the service run with a broker and a subscriber, and look at it every 10 seconds.

    A request is asked now and then too, so that the whole way to the node and back is used.

    Args:
        seconds: how long.
        folder: for the film, the logs and the state.
        table: a CSV file that gets each sample as it is taken; None = none.
    """
    film = write_film(folder / "film.avi")
    samples: list[tuple[float, Footprint]] = []
    with (
        Mosquitto(folder) as broker,
        Watch(broker.port) as watch,
        Service(film, broker.url, folder) as service,
    ):
        assert watch.wait_for_hands(30), service.log.read_text()
        begin = time.monotonic()
        due = begin
        while (now := time.monotonic()) < begin + seconds:
            if not service.alive:
                raise SystemExit(f"the service ended: {service.log.read_text()[-2000:]}")
            samples.append((now - begin, service.footprint()))
            if table is not None:
                _append(table, samples[-1], watch.hands)
            if len(samples) % 6 == 0:
                watch.ask("stats")
            due += EVERY_S
            time.sleep(max(due - time.monotonic(), 0.0))
        stats = watch.ask("stats")
        log = service.log.read_text()
    for line in log.splitlines():
        if "WARNING" in line or "ERROR" in line or "Traceback" in line:
            sys.stderr.write(f"service: {line}\n")
    warm = min(WARM_UP_S, seconds / 4)
    after = [footprint for t, footprint in samples if t >= warm] or [samples[-1][1]]
    tenth = max(len(after) // 10, 1)
    return Verdict(
        seconds=samples[-1][0] + EVERY_S,
        first_mb=statistics.median(f.rss_kb for f in after[:tenth]) / 1024,
        last_mb=statistics.median(f.rss_kb for f in after[-tenth:]) / 1024,
        threads=(min(f.threads for f in after), max(f.threads for f in after)),
        descriptors=(min(f.descriptors for f in after), max(f.descriptors for f in after)),
        messages=watch.hands,
        oldest_ms=watch.oldest_s * 1000.0,
        fps=stats.fps if stats is not None else 0.0,
    )


def _append(table: Path, sample: tuple[float, Footprint], hands: int) -> None:
    new = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(("seconds", "rss_kb", "threads", "descriptors", "hands_messages"))
        t, footprint = sample
        writer.writerow(
            (round(t, 1), footprint.rss_kb, footprint.threads, footprint.descriptors, hands)
        )


def _span(values: tuple[int, int]) -> str:
    low, high = values
    return str(low) if low == high else f"{low} to {high}"
