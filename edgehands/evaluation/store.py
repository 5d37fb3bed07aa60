"""Pictures drawn once and kept, so that every tracker gets the same bytes.

A file is named after a digest of its script (every scene of it) and of a sample picture, so that a
new file is made when the content or the drawing changes, and only then.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import numpy as np

from edgehands.synthetic import render_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edgehands.synthetic import Scene, SceneTruth

    Progress = Callable[[str, int, int], None]
    """Called with a script's name, its pictures drawn so far, and their total."""

SIZE: Final = (640, 480)
"""Width and height of all pictures."""

_CHUNK: Final = 15  # pictures per task of a drawing process


class Script(Protocol):
    """What is to be drawn; it can be pickled."""

    @property
    def name(self) -> str:
        """The beginning of the file's name."""

    @property
    def frames(self) -> int:
        """The number of pictures."""

    def scenes(self, first: int, count: int) -> list[Scene]:
        """The scenes of some of them."""


class Truth(msgspec.Struct, frozen=True, array_like=True):
    """The truth about a picture's hands.

    Attributes:
        points: (H, 21, 2) frame pixels, landmarks by MediaPipe's definition.
        palms: (H,) palm sizes, pixels.
        shown: (H,) share of the landmarks that are visible.
        sides: (H,) of the person.
    """

    points: list[list[tuple[float, float]]]
    palms: list[float]
    shown: list[float]
    sides: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Pictures of a script.

    Attributes:
        file: of the images, (F, height, width, 3) uint8 RGB, .npy.
        images: mapped from it.
        truths: of each picture.
    """

    file: Path
    images: NDArray[np.uint8]
    truths: list[Truth]


@dataclass(frozen=True, slots=True)
class _Job:
    """Pictures of a script to be drawn into a file; ``number`` identifies the script."""

    number: int
    script: Script
    first: int
    count: int
    file: Path


def default_folder() -> Path:
    """Where pictures are kept: in a checkout's ``.cache``, else in the user's cache folder."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".cache" / "suite"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgehands" / "suite"


def pictures(
    wanted: Sequence[tuple[Script, int]],
    folder: Path | None = None,
    progress: Progress | None = None,
) -> list[Drawn]:
    """The first pictures of scripts; those missing are drawn, by one process per core.

    Args:
        wanted: scripts, and how many pictures of each.
        folder: where they are kept; None: :func:`default_folder`.
        progress: called while pictures are drawn.
    """
    folder = folder or default_folder()
    files = []
    missing: list[tuple[Script, int, Path]] = []
    for script, count in wanted:
        stem = f"{script.name}-{digest(script)}"
        file = folder / f"{stem}.npy"
        if count < script.frames and not file.is_file():
            file = folder / f"{stem}-first-{count}.npy"
        if not file.is_file():
            missing.append((script, count, file))
        files.append(file)
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        _draw(missing, progress)
    return [_open(file, count) for file, (_, count) in zip(files, wanted, strict=True)]


def digest(script: Script) -> str:
    """Twelve hexadecimal digits that change with the script and with how it is drawn."""
    state = hashlib.sha256()
    scenes = script.scenes(0, script.frames)
    _feed(state.update, scenes)
    sample = render_scene(scenes[len(scenes) // 2])
    state.update(sample.image.tobytes())
    _feed(state.update, [hand.mediapipe.image for hand in sample.truth.hands])
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


def _draw(missing: Sequence[tuple[Script, int, Path]], progress: Progress | None) -> None:
    """Draw scripts into their files."""
    jobs: list[_Job] = []
    for number, (script, count, file) in enumerate(missing):
        partial = file.with_suffix(f".{os.getpid()}.part")
        shape = (count, SIZE[1], SIZE[0], 3)
        np.lib.format.open_memmap(partial, "w+", np.uint8, shape).flush()
        jobs += [
            _Job(number, script, first, min(_CHUNK, count - first), partial)
            for first in range(0, count, _CHUNK)
        ]
    truths: list[list[Truth | None]] = [[None] * count for _, count, _ in missing]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        tasks = {pool.submit(_draw_some, job): job for job in jobs}
        try:
            for task in as_completed(tasks):
                job = tasks[task]
                known = truths[job.number]
                known[job.first : job.first + job.count] = task.result()
                done = sum(truth is not None for truth in known)
                if progress is not None:
                    progress(job.script.name, done, len(known))
                if done == len(known):
                    file = missing[job.number][2]
                    file.with_suffix(".json").write_bytes(msgspec.json.encode(known))
                    job.file.replace(file)  # last: where the images exist, the rest does too
        finally:
            pool.shutdown(cancel_futures=True)
            for job in jobs:
                job.file.unlink(missing_ok=True)


def _draw_some(job: _Job) -> list[Truth]:
    """Draw a job's pictures; returns the truth of each."""
    images = np.lib.format.open_memmap(job.file, "r+")
    truths = []
    for i, scene in enumerate(job.script.scenes(job.first, job.count), job.first):
        picture = render_scene(scene)
        images[i] = picture.image
        truths.append(_truth(picture.truth))
    images.flush()
    return truths


def _truth(truth: SceneTruth) -> Truth:
    hands = truth.hands
    return Truth(
        [hand.mediapipe.image.round(4).tolist() for hand in hands],
        [round(hand.palm_size, 4) for hand in hands],
        [round(hand.shown, 4) for hand in hands],
        [hand.handedness.value for hand in hands],
    )


def _open(file: Path, count: int) -> Drawn:
    images = np.load(file, mmap_mode="r")
    truths = msgspec.json.decode(file.with_suffix(".json").read_bytes(), type=list[Truth])
    return Drawn(file, images[:count], truths[:count])
