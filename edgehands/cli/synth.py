"""``edgehands synth``: stills and clips of synthetic hands with their truth, from a seed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from edgehands.cli.output import people, tables
from edgehands.errors import UsageError
from edgehands.hand import Handedness
from edgehands.synthetic import CLIPS, GESTURES, plan, write_clip, write_stills
from edgehands.synthetic.sample import random_scene
from edgehands.synthetic.suite import ABOUT
from edgehands.synthetic.write import VIDEO_ENDINGS

app = typer.Typer()

_PHOTO_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if found is None:
        raise UsageError(f"--size {text}: not a size; give WIDTHxHEIGHT, for example 640x480")
    return int(found[1]), int(found[2])


def _photos(folder: Path | None) -> tuple[Path, ...]:
    if folder is None:
        return ()
    if not folder.is_dir():
        raise UsageError(f"--photos {folder}: no such folder; give one with JPEG or PNG files")
    found = tuple(sorted(p for p in folder.iterdir() if p.suffix.lower() in _PHOTO_ENDINGS))
    if not found:
        raise UsageError(f"--photos {folder}: no pictures in it; give one with JPEG or PNG files")
    return found


def _side(text: str | None) -> Handedness | None:
    if text is None:
        return None
    if text not in {"left", "right"}:
        raise UsageError(f"--hand {text}: unknown; give left or right")
    return Handedness(text)


@app.command(epilog="Gestures: " + ", ".join(GESTURES) + ". Clips: " + ", ".join(CLIPS) + ".")
def synth(
    output: Annotated[
        Path | None,
        typer.Argument(help="A folder for stills, or a video file (.mp4, .avi, .webm, .mkv)."),
    ] = None,
    *,
    seed: Annotated[int, typer.Option(help="The same seed gives the same pictures.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many stills.")] = 10,
    clip: Annotated[str, typer.Option(help="Which clip a video shows; --list tells.")] = "slow",
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels.")] = "640x480",
    hands: Annotated[int, typer.Option(min=0, max=2, help="Hands in a still.")] = 1,
    gesture: Annotated[str | None, typer.Option(help="The hands' shape; any if not given.")] = None,
    hand: Annotated[str | None, typer.Option(help="left or right; either if not given.")] = None,
    tone: Annotated[float | None, typer.Option(help="Skin, 0 light to 9 dark.")] = None,
    view: Annotated[str, typer.Option(help="palm, back or any.")] = "any",
    difficulty: Annotated[str, typer.Option(help="fair or hard.")] = "fair",
    photos: Annotated[Path | None, typer.Option(help="Folder of background photographs.")] = None,
    names: Annotated[bool, typer.Option("--list", help="List the clips and exit.")] = False,
) -> None:
    """Draw synthetic hands: stills into a folder or a clip into a video, each with JSON lines.

    Every line holds a picture's truth: handedness, gesture, 21 points in pixels and in metres by
    MediaPipe's definition and by anatomy, what is visible, the palm's orientation, the camera.
    """
    if names:
        for name in CLIPS:
            tables.print(f"{name:14} {ABOUT[name]}")
        return
    if output is None:
        raise UsageError("no output: give a folder for stills, or a video file such as clip.mp4")
    shape = _size(size)
    if output.suffix in VIDEO_ENDINGS:
        film = plan(clip, seed, shape)
        frames = track(film.render(), clip, film.frames, console=people, transient=True)
        done = write_clip(output, frames, film.fps)
    else:
        backgrounds, side = _photos(photos), _side(hand)
        scenes = (
            random_scene(
                seed + i,
                hands=hands,
                gesture=gesture,
                handedness=side,
                tone=tone,
                view=view,  # type: ignore[arg-type] # random_scene checks the words
                difficulty=difficulty,  # type: ignore[arg-type]
                size=shape,
                photos=backgrounds,
            )
            for i in range(count)
        )
        done = write_stills(output, track(scenes, "stills", count, console=people, transient=True))
    people.print(f"{done.count} pictures: {done.pictures}, truth: {done.truth}")
