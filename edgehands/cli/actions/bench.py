"""Measures tracking: time of each stage, CPU time, memory."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
from rich.progress import track as progress_of
from rich.table import Table

from edgehands import HandTracker, TrackingConfig
from edgehands.cameras import open_source
from edgehands.cli.actions.output import people, tables
from edgehands.errors import UsageError
from edgehands.hand import FrameHands
from edgehands.mqtt.contract.messages import (
    QuantilesMessage,
    encode,
    hands_message,
)
from edgehands.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from edgehands.hand import Frame
    from edgehands.simulate.cost import PublishingCost

WARM_UP = 10
PUBLISHED = (30, 300)
"""Fewest and most frames published to measure the cost of publishing: 1 to 10 seconds."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints.

    Attributes:
        frames: measured, after a warm-up.
        with_hands: share of them in which a hand was seen, 0..1.
        fps: frames per second that tracking alone could process.
        cpu_ms: CPU time of all threads per frame.
        stages: ``palm`` (frames with a detection), ``landmarks`` (frames in which a hand was read:
            a still one isn't), ``outside`` (the rest of tracking), ``track`` (all of it),
            ``encode`` (the message).
        outside_share: share of a frame's time spent outside the models, 0..1; the median of frames
            that only follow hands.
        palm_share: share of frames in which palm detection ran, 0..1.
        peak_mb: peak memory of the process while tracking, 10^6 bytes.
        publishing: cost of publishing two hands 30 times a second; measured separately, included in
            no other figure.
    """

    source: str
    model: str
    precision: str
    backend: str
    detail: str
    max_hands: int
    frames: int
    with_hands: float
    fps: float
    cpu_ms: float
    stages: dict[str, QuantilesMessage]
    outside_share: float
    palm_share: float
    peak_mb: float
    publishing: PublishingCost | None = None


def bench(source: str, config: TrackingConfig, frames: int) -> Report:
    """Measure tracking, then, separately, the cost of publishing.

    Raises:
        UsageError: the source has no frame.
    """
    report = measure(source, config, frames)
    # Imported only now: it loads the MQTT client, which doesn't count as memory for tracking.
    from edgehands.simulate.cost import publishing_cost

    cost = publishing_cost(min(max(frames, PUBLISHED[0]), PUBLISHED[1]))
    return msgspec.structs.replace(report, publishing=cost)


class _Times:
    """Seconds per stage for each frame; 0 where the stage didn't run."""

    def __init__(self, frames: int) -> None:
        self.palm = np.zeros(frames)
        self.landmarks = np.zeros(frames)
        self.track = np.zeros(frames)
        self.encode = np.zeros(frames)
        self.hands = np.zeros(frames, np.int64)


def measure(source: str, config: TrackingConfig, frames: int) -> Report:
    """Track frames of a source, repeating it when it ends, and time every stage.

    Raises:
        UsageError: the source has no frame.
    """
    cv2.setNumThreads(1)
    times = _Times(frames)
    cpu = 0.0
    with HandTracker(config) as tracker:
        images = _frames(source, frames + WARM_UP)
        for number in progress_of(
            range(-WARM_UP, frames),
            "measuring",
            console=people,
            transient=True,
            disable=not people.is_terminal,
        ):
            frame = next(images)
            before = tracker.workload
            cpu_start, start = time.process_time(), time.perf_counter()
            hands = tracker.process(frame.image, number / 30)
            tracked = time.perf_counter()
            encode(hands_message(FrameHands(frame, hands), 0.0))
            end = time.perf_counter()
            if number < 0:
                continue
            cpu += time.process_time() - cpu_start
            after = tracker.workload
            times.palm[number] = after.palm_seconds - before.palm_seconds
            times.landmarks[number] = after.landmark_seconds - before.landmark_seconds
            times.track[number] = tracked - start
            times.encode[number] = end - tracked
            times.hands[number] = len(hands)
        detail = tracker.backend.detail
        kinds = sorted({spec.precision for spec in tracker.models})
    return _report(source, config, times, cpu, detail, "+".join(kinds))


def _frames(source: str, count: int) -> Iterator[Frame]:
    """Frames of a source, repeated endlessly."""
    given = 0
    while given < count:
        with open_source(source, realtime=False) as opened:
            first = given
            while given < count and not opened.finished:
                frame = opened.read(1.0)
                if frame is not None:
                    yield frame
                    given += 1
            if given == first:
                raise UsageError(f"{source} has no frames: name a video or a folder of images")


def _report(
    source: str, config: TrackingConfig, times: _Times, cpu: float, detail: str, precision: str
) -> Report:
    # Detection outside the loop isn't part of a frame's time.
    beside = config.async_detection
    outside = times.track - times.landmarks - (0.0 if beside else times.palm)
    following = (times.hands > 0) & (beside | (times.palm == 0))
    shares = outside[following] / times.track[following]
    share = np.median(shares) if shares.size else 0.0
    stages = {
        "palm": times.palm[times.palm > 0],
        "landmarks": times.landmarks[times.landmarks > 0],
        "outside": outside,
        "track": times.track,
        "encode": times.encode,
    }
    return Report(
        source=source,
        model=config.model,
        precision=precision,
        backend=config.backend,
        detail=detail,
        max_hands=config.max_hands,
        frames=len(times.track),
        with_hands=round(float((times.hands > 0).mean()), 4),
        fps=round(float(1 / times.track.mean()), 1),
        cpu_ms=round(cpu / len(times.track) * 1e3, 3),
        stages={name: _quantiles(seconds) for name, seconds in stages.items() if len(seconds)},
        outside_share=round(float(share), 4),
        palm_share=round(float((times.palm > 0).mean()), 4),
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
    )


def show(report: Report) -> None:
    """Print a report for people."""
    tables.print(
        f"{report.source}, {report.model} {report.precision} on {report.detail},"
        f" at most {counted(report.max_hands, 'hand')}, {counted(report.frames, 'frame')},"
        f" {report.with_hands:.0%} with a hand"
    )
    table = Table("stage", "p50 ms", "p95 ms", "p99 ms")
    for name, times in report.stages.items():
        table.add_row(name, f"{times.p50:.2f}", f"{times.p95:.2f}", f"{times.p99:.2f}")
    tables.print(table)
    tables.print(
        f"{report.fps:.0f} frames a second, {report.cpu_ms:.1f} ms CPU a frame;"
        f" outside the models {report.outside_share:.0%} of a following frame;"
        f" palm detection in {report.palm_share:.0%} of frames;"
        f" peak memory {report.peak_mb:.0f} MB"
    )
    cost = report.publishing
    if cost is not None:
        tables.print(
            f"publishing {cost.hands} hands {cost.fps} times a second: {cost.core_share:.1%} of a"
            f" core, {cost.cpu_ms:.2f} ms CPU a frame"
        )


def _quantiles(seconds: NDArray[np.float64]) -> QuantilesMessage:
    p50, p95, p99 = (round(float(q) * 1e3, 3) for q in np.quantile(seconds, (0.5, 0.95, 0.99)))
    return QuantilesMessage(p50=p50, p95=p95, p99=p99)
