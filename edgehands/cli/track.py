"""``edgehands track``: images, films and cameras to landmarks in JSON lines, pictures and films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgehands.cli.choices import (
    Backend,
    BackendOption,
    MaxHandsOption,
    Model,
    ModelOption,
    Precision,
    PrecisionOption,
    ThreadsOption,
)

app = typer.Typer()


@app.command()
def track(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Images, folders of images, videos, and every source that run takes: demo:, "
            "v4l2:0, picamera2:0, rtsp://host/path, http://host/path.",
        ),
    ],
    as_json: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help="Write JSON lines, one for each frame; - is stdout."
        ),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Write pictures with the hands drawn on them: to a folder, or to this file.",
        ),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write one film of everything with the hands drawn on it: .mp4, .mkv, .mov, "
            ".webm or .avi.",
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(
            min=0, metavar="S", help="Seconds of each video or camera; 0: all, a camera to Ctrl-C."
        ),
    ] = 0.0,
    frames: Annotated[
        int, typer.Option(min=0, metavar="N", help="At most this many frames of each input.")
    ] = 0,
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=1000,
            metavar="RATE",
            help="Rate of videos without times of their own (raw H.264, raw MJPEG), and of the "
            "images of --sequence.",
        ),
    ] = None,
    *,
    static: Annotated[
        bool, typer.Option("--static", help="Take each frame of a video by itself, as images are.")
    ] = False,
    sequence: Annotated[
        bool, typer.Option("--sequence", help="Follow hands from image to image, as in a video.")
    ] = False,
    model: ModelOption = Model.FULL,
    precision: PrecisionOption = Precision.AUTO,
    backend: BackendOption = Backend.AUTO,
    max_hands: MaxHandsOption = 2,
    threads: ThreadsOption = 0,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="The pictures are mirror images (selfies).")
    ] = False,
    smoothing: Annotated[bool, typer.Option(help="Smooth the landmarks of followed hands.")] = True,
) -> None:
    """Find hands in images, videos and cameras; JSON lines, pictures, or a summary for people.

    Each image is taken by itself, with its own ids; hands in videos are followed. An input that
    can't be read is named on stderr and the rest goes on; the exit code is then 1. Gestures, the
    pose and the camera's lens are as the configuration file says.
    """
    from edgehands.cameras.inputs import Limits
    from edgehands.cli.actions.track import TrackOptions
    from edgehands.cli.actions.track import track as track_inputs
    from edgehands.config import TrackingConfig

    options = TrackOptions(
        inputs=inputs,
        lines=as_json,
        overlay=overlay,
        film=video,
        limits=Limits(frames, seconds),
        fps=fps,
        static=static,
        sequence=sequence,
        tracking=TrackingConfig(
            model=model.value,
            precision=precision.value,
            backend=backend.value,
            max_hands=max_hands,
            num_threads=threads,
            mirrored=mirrored,
            smoothing=smoothing,
        ),
    )
    if not track_inputs(options):
        raise typer.Exit(1)
