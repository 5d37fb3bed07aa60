"""Draws stills and clips of synthetic hands with their truth, from a seed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import track

from edgehands.cli.actions.output import people, tables
from edgehands.errors import UsageError
from edgehands.hand import Handedness
from edgehands.synthetic import CLIPS, GESTURES, plan, write_clip, write_stills
from edgehands.synthetic.sample import random_scene
from edgehands.synthetic.suite import ABOUT
from edgehands.synthetic.write import VIDEO_ENDINGS
from edgehands.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from edgehands.synthetic import Written

_ENDINGS = sorted(VIDEO_ENDINGS)
_PHOTO_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if found is None:
        raise UsageError(f"--size {text}: not a size: give WIDTHxHEIGHT, for example 640x480")
    return int(found[1]), int(found[2])


def _photos(folder: Path | None) -> tuple[Path, ...]:
    if folder is None:
        return ()
    if not folder.is_dir():
        raise UsageError(f"--photos {folder}: no such folder: give one with JPEG or PNG files")
    found = tuple(sorted(p for p in folder.iterdir() if p.suffix.lower() in _PHOTO_ENDINGS))
    if not found:
        raise UsageError(f"--photos {folder}: no pictures in it: give one with JPEG or PNG files")
    return found


def _side(text: str | None) -> Handedness | None:
    if text is None:
        return None
    if text not in {"left", "right"}:
        raise UsageError(f"--hand {text}: unknown: give left or right")
    return Handedness(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class StillOptions:
    """Contents of the stills of ``edgehands synth``; None = chosen by the seed."""

    count: int
    hands: int
    gesture: str | None
    hand: str | None
    tone: float | None
    view: str
    difficulty: str
    photos: Path | None


def list_names() -> None:
    """Print the names of the clips, and what each shows; then those of the gestures."""
    tables.print("clips:")
    for name in CLIPS:
        tables.print(f"  {name:14} {ABOUT[name]}")
    tables.print(f"gestures: {', '.join(GESTURES)}")


def write_video(output: Path, clip: str, seed: int, size: str) -> None:
    """Draw a clip into a video file, with its truth in a second file.

    Raises:
        UsageError: not a video file name, an unknown clip, or an invalid size.
    """
    if output.suffix.lower() not in VIDEO_ENDINGS:
        raise UsageError(
            f"{output}: --clip makes a video: give a name that ends in {', '.join(_ENDINGS)}"
        )
    film = plan(clip, seed, _size(size))
    frames = track(
        film.render(),
        clip,
        film.frames,
        console=people,
        transient=True,
        disable=not people.is_terminal,
    )
    _print_summary(write_clip(output, frames, film.fps))


def is_video(output: Path) -> bool:
    """Whether an output has a video file name."""
    return output.suffix.lower() in VIDEO_ENDINGS


def write_pictures(output: Path, options: StillOptions, seed: int, size: str) -> None:
    """Draw stills into a folder, with their truth.

    Raises:
        UsageError: the target looks like a file name, or an option is invalid.
    """
    if re.fullmatch(r"\.[A-Za-z]{2,5}[0-9]?", output.suffix) and not output.is_dir():
        raise UsageError(
            f"{output} looks like a file: give a folder for stills, or for a video a name that ends"
            f" in {', '.join(_ENDINGS)}"
        )
    shape, backgrounds, side = _size(size), _photos(options.photos), _side(options.hand)
    scenes = (
        random_scene(
            seed + i,
            hands=options.hands,
            gesture=options.gesture,
            handedness=side,
            tone=options.tone,
            view=options.view,  # type: ignore[arg-type] # random_scene checks the words
            difficulty=options.difficulty,  # type: ignore[arg-type]
            size=shape,
            photos=backgrounds,
        )
        for i in range(options.count)
    )
    stills = track(
        scenes,
        "stills",
        options.count,
        console=people,
        transient=True,
        disable=not people.is_terminal,
    )
    _print_summary(write_stills(output, stills))


def _print_summary(done: Written) -> None:
    people.print(f"{counted(done.count, 'picture')}: {done.pictures}, truth: {done.truth}")
