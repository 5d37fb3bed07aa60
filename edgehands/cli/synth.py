"""``edgehands synth``: stills and clips of synthetic hands with their truth, from a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def synth(
    output: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUTPUT", help="A folder for stills, or a video file (.mp4, .avi, .webm, .mkv)."
        ),
    ] = None,
    *,
    seed: Annotated[
        int, typer.Option(metavar="N", help="The same seed gives the same pictures.")
    ] = 0,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="How many stills.")] = 10,
    clip: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What a video shows; see --list. [default: slow]"),
    ] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height, pixels.")] = "640x480",
    hands: Annotated[int, typer.Option(min=0, max=2, metavar="N", help="Hands in a still.")] = 1,
    gesture: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Hand shape; see --list. [default: any]"),
    ] = None,
    hand: Annotated[
        str | None, typer.Option(metavar="SIDE", help="left or right. [default: either]")
    ] = None,
    tone: Annotated[
        float | None, typer.Option(metavar="N", help="Skin, 0 light to 9 dark. [default: any]")
    ] = None,
    view: Annotated[str, typer.Option(metavar="SIDE", help="palm, back or any.")] = "any",
    difficulty: Annotated[str, typer.Option(metavar="WORD", help="fair or hard.")] = "fair",
    photos: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Photographs to use as backgrounds."),
    ] = None,
    names: Annotated[
        bool, typer.Option("--list", help="List the clips and gestures, and exit.")
    ] = False,
) -> None:
    """Draw synthetic hands: stills into a folder or a clip into a video, each with JSON lines.

    Every line holds a picture's truth: handedness, gesture, 21 points in pixels and in metres by
    MediaPipe's definition and by anatomy, what is visible, the palm's orientation, the camera.
    """
    from edgehands.cli.actions import synth as action
    from edgehands.errors import UsageError

    if names:
        action.list_names()
        return
    if output is None:
        raise UsageError("no output: give a folder for stills, or a video file such as clip.mp4")
    if clip is not None or action.is_video(output):
        action.write_video(output, clip or "slow", seed, size)
        return
    options = action.StillOptions(
        count=count,
        hands=hands,
        gesture=gesture,
        hand=hand,
        tone=tone,
        view=view,
        difficulty=difficulty,
        photos=photos,
    )
    action.write_pictures(output, options, seed, size)
