"""``edgehands record``: pictures from one's own camera, with what the tracker says of them."""

from __future__ import annotations

import contextlib
import enum
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cv2
import msgspec
import typer
from rich.progress import Progress, TextColumn

from edgehands import HandTracker
from edgehands.cameras import CameraSettings, open_source
from edgehands.cli.choices import Model
from edgehands.cli.output import people
from edgehands.config import DEFAULT_PATHS, TrackingConfig, load
from edgehands.dataset.depth_sources import DepthSource, WithDepthFolder, open_depth_camera
from edgehands.dataset.doubtful import DOUBTFUL_PRESENCE
from edgehands.dataset.faces import YuNet, default_model
from edgehands.dataset.models import ModelPair
from edgehands.dataset.record import Recorder, RecordSettings, RecordSummary, header_of
from edgehands.dataset.writing import DatasetWriter
from edgehands.errors import UsageError
from edgehands.gestures import HandInterpreter

if TYPE_CHECKING:
    from edgehands.dataset.doubtful import SecondOpinion

app = typer.Typer()

LIVE = ("v4l2", "picamera2", "rtsp", "fake")


class Faces(enum.StrEnum):
    """What becomes of faces."""

    KEEP = "keep"
    BLUR = "blur"


class ImageFormat(enum.StrEnum):
    """How pictures are stored."""

    JPEG = "jpeg"
    PNG = "png"


@app.command()
def record(
    out: Annotated[
        Path, typer.Option(help="The folder: new, or one to be continued.", metavar="FOLDER")
    ],
    *,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="Camera, file or folder; also realsense: and oak:. Else the configuration's.",
        ),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Keep each N-th frame.", show_default="30"),
    ] = None,
    doubtful: Annotated[
        bool,
        typer.Option(
            "--doubtful", help="Keep the frames in which the tracker may well be wrong instead."
        ),
    ] = False,
    count: Annotated[
        int, typer.Option(min=0, metavar="N", help="End after N pictures; 0 = no limit.")
    ] = 0,
    seconds: Annotated[
        float, typer.Option(min=0, metavar="S", help="End after S seconds; 0 = no limit.")
    ] = 0.0,
    depth: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="16-bit PNGs of millimetres, one for each frame."),
    ] = None,
    faces: Annotated[
        Faces, typer.Option(help="blur: nobody's face can be recognised in the pictures.")
    ] = Faces.KEEP,
    face_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YuNet's ONNX file, for --faces blur.")
    ] = None,
    image_format: Annotated[
        ImageFormat,
        typer.Option("--format", help="png loses nothing and takes ten times the room."),
    ] = ImageFormat.JPEG,
    model: Annotated[
        Model | None, typer.Option(help="Whose guess it is; else the configuration's.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read this configuration file only.")
    ] = None,
) -> None:
    """Record pictures, and what the tracker says of them, to be corrected with edgehands annotate.

    Nothing else stores pictures. They stay in the folder, which only its owner may read. Ctrl-C
    ends; the same folder can be continued later.
    """
    if every and doubtful:
        raise UsageError("--every and --doubtful exclude each other: give one")
    settings = load(
        [config] if config else DEFAULT_PATHS,
        options={"camera.source": source, "tracking.model": model.value if model else None},
    )
    keep = RecordSettings(0 if doubtful else every or 30, count, seconds)
    cv2.setNumThreads(1)
    with ExitStack() as stack:
        finder = YuNet(face_model or default_model()) if faces is Faces.BLUR else None
        camera = _source(stack, settings.camera.source, settings.camera, depth)
        tracking = _tracking(settings.tracking, doubtful=doubtful)
        tracker = stack.enter_context(HandTracker(tracking))
        header = header_of(settings, camera, tracker, blurred=finder is not None)
        endings = {ImageFormat.JPEG: "jpg", ImageFormat.PNG: "png"}
        writer = stack.enter_context(
            DatasetWriter(out, header, endings[image_format])  # type: ignore[arg-type]
        )
        recorder = Recorder(
            camera,
            tracker,
            HandInterpreter(settings.gestures, settings.pose),
            writer,
            second=_second(stack, tracking) if doubtful else None,
            faces=finder,
        )
        summary = _run(recorder, keep)
        total = writer.count
    reasons = ", ".join(f"{name} {n}" for name, n in summary.why.most_common() if doubtful)
    people.print(
        f"{summary.pictures} pictures with {summary.hands} hands out of {summary.frames} frames"
        + (f" ({reasons})" if reasons else "")
        + f"; {total} in {out}. Next: edgehands annotate {out}",
        soft_wrap=True,
    )


def _source(stack: ExitStack, uri: str, camera: CameraSettings, depth: Path | None) -> DepthSource:
    found = open_depth_camera(uri, camera)
    if found is not None:
        if depth is not None:
            raise UsageError(f"--depth {depth}: {uri} gives depth itself: leave it out")
        stack.enter_context(found)
        return found
    realtime = uri.partition(":")[0] in LIVE or uri.startswith("/dev/")
    opened = stack.enter_context(open_source(uri, camera, realtime=realtime))
    return WithDepthFolder(opened, depth)


def _tracking(configured: TrackingConfig, *, doubtful: bool) -> TrackingConfig:
    """Landmarks as the model gives them; for doubtful frames, also of hands usually dropped."""
    least = min(configured.presence, DOUBTFUL_PRESENCE[0]) if doubtful else configured.presence
    return msgspec.structs.replace(
        configured, smoothing=False, async_detection=False, presence=least
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
    with Progress(
        TextColumn("{task.description}"),
        console=people,
        transient=True,
        disable=not people.is_terminal,
    ) as bar:
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
