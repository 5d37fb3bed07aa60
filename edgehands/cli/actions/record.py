"""Records pictures from your own camera with the tracker's results."""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import msgspec
from rich.progress import TextColumn

from edgehands import HandTracker
from edgehands.cameras import is_live, open_source
from edgehands.cli.actions.output import people, progress_bar
from edgehands.dataset.depth_sources import DepthSource, WithDepthFolder, open_depth_camera
from edgehands.dataset.doubtful import DOUBTFUL_PRESENCE
from edgehands.dataset.faces import YuNet, default_model
from edgehands.dataset.models import ModelPair
from edgehands.dataset.record import Recorder, RecordSettings, RecordSummary, header_of
from edgehands.dataset.writing import DatasetWriter
from edgehands.errors import UsageError
from edgehands.gestures import HandInterpreter
from edgehands.wording import counted

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from edgehands.cameras import CameraSettings
    from edgehands.config import Config, TrackingConfig
    from edgehands.dataset.doubtful import SecondOpinion


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """The options of ``edgehands record``.

    Attributes:
        out: the folder.
        every: keep every n-th frame; None = every 30th.
        doubtful: instead keep the frames in which the tracker may well be wrong.
        count, seconds: when to end; 0 = no limit.
        depth: folder with 16-bit PNGs of millimetres.
        blur: blur faces.
        face_model: YuNet's file; None = the default place.
        ending: of the picture files.
    """

    out: Path
    every: int | None
    doubtful: bool
    count: int
    seconds: float
    depth: Path | None
    blur: bool
    face_model: Path | None
    ending: Literal["jpg", "png"]


def record(settings: Config, options: RecordOptions) -> None:
    """Record until a limit or Ctrl-C, and print what was kept.

    Raises:
        UsageError: options exclude each other.
    """
    if options.every and options.doubtful:
        raise UsageError("--every and --doubtful exclude each other: give one")
    keep = RecordSettings(
        0 if options.doubtful else options.every or 30, options.count, options.seconds
    )
    cv2.setNumThreads(1)
    with ExitStack() as stack:
        finder = YuNet(options.face_model or default_model()) if options.blur else None
        camera = _source(stack, settings.camera.source, settings.camera, options.depth)
        # Photographs of a folder are processed separately, as in edgehands track.
        alone = camera.describe().kind in {"folder", "image"}
        tracking = _tracking(settings.tracking, doubtful=options.doubtful, alone=alone)
        tracker = stack.enter_context(HandTracker(tracking))
        header = header_of(settings, camera, tracker, blurred=finder is not None)
        writer = stack.enter_context(DatasetWriter(options.out, header, options.ending))
        recorder = Recorder(
            camera,
            tracker,
            HandInterpreter(settings.gestures, settings.pose),
            writer,
            second=_second(stack, tracking) if options.doubtful else None,
            faces=finder,
        )
        summary = _run(recorder, keep)
        total = writer.count
    reasons = ", ".join(f"{name} {n}" for name, n in summary.why.most_common() if options.doubtful)
    people.print(
        f"{counted(summary.pictures, 'picture')} with {counted(summary.hands, 'hand')} out of"
        f" {counted(summary.frames, 'frame')}"
        + (f" ({reasons})" if reasons else "")
        + f"; {total} in {options.out}. Next: edgehands annotate {options.out}",
        soft_wrap=True,
    )


def _source(stack: ExitStack, uri: str, camera: CameraSettings, depth: Path | None) -> DepthSource:
    found = open_depth_camera(uri, camera)
    if found is not None:
        if depth is not None:
            raise UsageError(f"--depth {depth}: {uri} gives depth itself: leave it out")
        stack.enter_context(found)
        return found
    # Every frame of a film, including our own, is processed.
    realtime = is_live(uri) and not uri.lower().startswith("demo:")
    opened = stack.enter_context(open_source(uri, camera, realtime=realtime))
    return WithDepthFolder(opened, depth)


def _tracking(configured: TrackingConfig, *, doubtful: bool, alone: bool = False) -> TrackingConfig:
    """Landmarks as the model gives them; for doubtful frames, also of hands usually dropped.

    Args:
        configured: the settings in force.
        doubtful: doubtful frames are kept, which depends on the frames before and after.
        alone: the pictures are unrelated.
    """
    least = min(configured.presence, DOUBTFUL_PRESENCE[0]) if doubtful else configured.presence
    return msgspec.structs.replace(
        configured,
        smoothing=False,
        async_detection=False,
        presence=least,
        static_image=configured.static_image or (alone and not doubtful),
    )


def _second(stack: ExitStack, tracking: TrackingConfig) -> SecondOpinion | None:
    """The other model's landmarks."""
    if tracking.backend == "fake":
        return None
    other = "lite" if tracking.model == "full" else "full"
    pair = stack.enter_context(ModelPair(msgspec.structs.replace(tracking, model=other)))
    return lambda image, roi: pair.read(image, roi).landmarks


def _run(recorder: Recorder, keep: RecordSettings) -> RecordSummary:
    last = RecordSummary()
    with progress_bar(TextColumn("{task.description}")) as bar:
        task = bar.add_task("recording", total=None)

        def show(summary: RecordSummary) -> None:
            nonlocal last
            last = summary
            bar.update(
                task,
                description=f"{summary.frames} frames, {summary.pictures} pictures, "
                f"{summary.hands} hands; Ctrl-C ends",
            )

        with contextlib.suppress(KeyboardInterrupt):
            return recorder.run(keep, show)
    return last
