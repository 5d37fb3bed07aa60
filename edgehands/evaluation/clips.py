"""The suite's clips, drawn once and kept: every tracker sees the same bytes.

A clip's file is named after a digest of its script (every scene of it) and of sample pictures, so
that a change of the film or of the drawing makes a new file, and nothing else does.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from edgehands.evaluation.values import Clip
from edgehands.hand import Handedness
from edgehands.synthetic import render_scene
from edgehands.synthetic.suite import NAMES, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgehands.synthetic.scene import SceneTruth
    from edgehands.synthetic.suite import Film

QUICK_SECONDS: Final = 1.5
"""What a quick run sees of each clip."""

_SAMPLES: Final = (0.35, 0.65)  # where in a clip the digest's sample pictures are
_CHUNK: Final = 15  # frames that a drawing process takes at a time
_SIZE: Final = (640, 480)


@dataclass(frozen=True, slots=True)
class _Job:
    """Frames of a clip to be drawn into a file."""

    name: str
    seed: int
    first: int
    count: int
    file: Path


def default_folder() -> Path:
    """Where clips are kept: in a checkout's ``.cache``, else in the user's cache folder."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".cache" / "suite"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgehands" / "suite"


def load_clips(
    names: Sequence[str] = NAMES,
    *,
    seed: int = 1,
    quick: bool = False,
    folder: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Clip]:
    """Clips of the suite; what isn't in the folder yet is drawn, 0.1-0.3 s of CPU a frame.

    Args:
        names: which clips.
        seed: of the people, the light and the backgrounds.
        quick: only the first :data:`QUICK_SECONDS` of each.
        folder: where they are kept; None: :func:`default_folder`.
        progress: called with a clip's name, its frames that are drawn, and those to be drawn.

    Raises:
        UsageError: there is no clip of that name.
    """
    folder = folder or default_folder()
    films = [plan(name, seed, _SIZE) for name in names]
    missing: list[tuple[Film, int, Path]] = []
    found: list[tuple[Film, int, Path]] = []
    for film in films:
        frames = min(film.frames, round(QUICK_SECONDS * film.fps)) if quick else film.frames
        stem = f"{film.name}-{seed}-{digest(film)}"
        file = folder / f"{stem}.npy"
        if quick and not file.is_file():
            file = folder / f"{stem}-quick.npy"
        if not file.is_file():
            missing.append((film, frames, file))
        found.append((film, frames, file))
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        _draw(missing, seed, progress)
    return [_open(film, frames, file) for film, frames, file in found]


def digest(film: Film) -> str:
    """Twelve hexadecimal digits that change with a film's script and with how it is drawn."""
    state = hashlib.sha256()
    for i in range(film.frames):
        _feed(state.update, film.scene_at(i))
    for share in _SAMPLES:
        picture = render_scene(film.scene_at(int(share * film.frames)))
        state.update(picture.image.tobytes())
        _feed(state.update, [hand.mediapipe.image for hand in picture.truth.hands])
    return state.hexdigest()[:12]


def _feed(update: Callable[[bytes], None], value: Any) -> None:
    """Hash a value made of dataclasses, sequences, arrays and plain values."""
    if is_dataclass(value):
        for field in fields(value):
            _feed(update, getattr(value, field.name))
    elif isinstance(value, np.ndarray):
        update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, (list, tuple)):
        for item in value:
            _feed(update, item)
    else:
        update(f"{value!r};".encode())


def _draw(
    missing: Sequence[tuple[Film, int, Path]],
    seed: int,
    progress: Callable[[str, int, int], None] | None,
) -> None:
    """Draw clips into their files, with a process a core."""
    jobs: list[_Job] = []
    drawn: dict[str, list[dict[str, Any] | None]] = {}
    for film, frames, file in missing:
        shape = (frames, _SIZE[1], _SIZE[0], 3)
        partial = file.with_suffix(f".{os.getpid()}.part")
        np.lib.format.open_memmap(partial, "w+", np.uint8, shape).flush()
        drawn[film.name] = [None] * frames
        jobs += [
            _Job(film.name, seed, first, min(_CHUNK, frames - first), partial)
            for first in range(0, frames, _CHUNK)
        ]
    files = {film.name: file for film, _, file in missing}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        tasks = {pool.submit(_draw_frames, job): job for job in jobs}
        for task in as_completed(tasks):
            job = tasks[task]
            truths = drawn[job.name]
            truths[job.first : job.first + job.count] = task.result()
            done = sum(truth is not None for truth in truths)
            if progress is not None:
                progress(job.name, done, len(truths))
            if done == len(truths):
                file = files[job.name]
                file.with_suffix(".json").write_text(json.dumps(truths))
                job.file.replace(file)  # last: where the images are, everything is


def _draw_frames(job: _Job) -> list[dict[str, Any]]:
    """Draw a job's frames; what is true of each of them."""
    film = plan(job.name, job.seed, _SIZE)
    images = np.lib.format.open_memmap(job.file, "r+")
    truths = []
    for i in range(job.first, job.first + job.count):
        picture = render_scene(film.scene_at(i))
        images[i] = picture.image
        truths.append(_record(picture.truth))
    images.flush()
    return truths


def _record(truth: SceneTruth) -> dict[str, Any]:
    hands = truth.hands
    return {
        "points": [hand.mediapipe.image.round(4).tolist() for hand in hands],
        "palms": [round(hand.palm_size, 4) for hand in hands],
        "shown": [round(hand.shown, 4) for hand in hands],
        "sides": [hand.handedness.value for hand in hands],
    }


def _open(film: Film, frames: int, file: Path) -> Clip:
    images = np.load(file, mmap_mode="r")
    truths = json.loads(file.with_suffix(".json").read_text())[:frames]
    points, palms, shown = (
        np.array([truth[key] for truth in truths]) for key in ("points", "palms", "shown")
    )
    return Clip(
        film.name,
        film.about,
        film.fps,
        images[:frames],
        file,
        points,
        palms,
        shown,
        tuple(map(Handedness, truths[0]["sides"])),
    )
