"""Reads films of real hands, without known truth, and runs trackers on them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import msgspec
import numpy as np

from edgehands import HandTracker
from edgehands.cameras import SourceFailure
from edgehands.cameras.inputs import InputFile, read_input
from edgehands.closing import Closing
from edgehands.errors import BackendUnavailable, UsageError
from edgehands.evaluation.values import ReportedHand, Run
from edgehands.hand import Handedness
from edgehands.tracking.smoothing import HandSmoother

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.config import TrackingConfig

MEDIAPIPE_WORKER: Final = Path(__file__).with_name("mediapipe_worker.py")
"""The MediaPipe worker, run by a Python of its own."""

SUFFIXES: Final = (".mp4", ".webm", ".gif", ".avi", ".mov", ".mkv", ".m4v")
"""File name endings of films."""

WIDEST: Final = 1280
"""Films are scaled down to this width, pixels, a usual camera setting."""


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A decoded film.

    Attributes:
        name: of its file, without the ending.
        fps: frames a second.
        images: (F, height, width, 3) uint8 RGB, mapped from ``file``.
        file: the .npy file of the images.
    """

    name: str
    fps: float
    images: NDArray[np.uint8]
    file: Path

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, slots=True, eq=False)
class SeenHand(ReportedHand):
    """A hand that edgehands reported, before and after smoothing.

    Attributes:
        smooth: (21, 2) smoothed frame pixels.
        presence: 0..1.
    """

    smooth: NDArray[np.float64] | None = None
    presence: float = 1.0


def find_films(folder: Path) -> list[Path]:
    """The films in a folder, by name.

    Raises:
        UsageError: there is none.
    """
    films = sorted(
        path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if not films:
        raise UsageError(f"--films {folder}: no film there: name a folder of {' '.join(SUFFIXES)}")
    return films


def read_film(path: Path, seconds: float, folder: Path) -> Film | SourceFailure:
    """The first seconds of a film, decoded into a file in ``folder``."""
    images: list[NDArray[np.uint8]] = []
    times: list[float] = []
    for frame in read_input(InputFile(path, "video")):
        if isinstance(frame, SourceFailure):
            if images:
                break  # truncated: keep the frames before the break
            return frame
        if frame.t_mono >= seconds:
            break
        images.append(_narrow(frame.image))
        times.append(frame.t_mono)
    fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 30.0
    file = folder / "film.npy"
    np.save(file, np.stack(images))
    return Film(path.stem, fps, np.load(file, mmap_mode="r"), file)


def _narrow(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    if width <= WIDEST:
        return image
    size = (WIDEST, round(height * WIDEST / width))
    smaller = np.empty((size[1], size[0], 3), np.uint8)
    cv2.resize(image, size, smaller, interpolation=cv2.INTER_AREA)
    return smaller


class FilmTracker(Closing):
    """The tracker under test, reporting raw and smoothed hands. A context manager.

    Args:
        config: of the tracker; smoothing is applied separately.
    """

    def __init__(self, config: TrackingConfig) -> None:
        cv2.setNumThreads(1)
        self._resources = ExitStack()
        raw = msgspec.structs.replace(config, smoothing=False)
        self._tracker = self._resources.enter_context(HandTracker(raw))
        # A model's first run takes longer and isn't counted.
        self._tracker.process(np.zeros((480, 640, 3), np.uint8), 0.0)

    def run(self, film: Film) -> Run:
        """Track a film from its start; its CPU time is that of tracking and smoothing."""
        self._tracker.reset()
        smoothers: dict[int, HandSmoother] = {}
        frames = []
        cpu = 0.0
        for i in range(len(film)):
            image, t = np.array(film.images[i]), i / film.fps
            start = time.process_time()
            hands = self._tracker.process(image, t)
            smooth = [
                smoothers.setdefault(hand.id, HandSmoother()).smooth(
                    hand.landmarks, hand.world_landmarks, hand.palm_size, t
                )[0]
                for hand in hands
            ]
            cpu += time.process_time() - start
            frames.append(
                tuple(
                    SeenHand(
                        hand.landmarks[:, :2].astype(np.float64),
                        hand.handedness,
                        hand.id,
                        points[:, :2].astype(np.float64),
                        hand.presence,
                    )
                    for hand, points in zip(hands, smooth, strict=True)
                )
            )
        return Run(tuple(frames), cpu / max(1, len(film)) * 1e3)

    def close(self) -> None:
        """Release the models."""
        self._resources.close()


class MediaPipe(Closing):
    """MediaPipe in a Python of its own. A context manager.

    Args:
        python: one that has mediapipe 0.10.
        complexity: 0 = lite, 1 = full.
        static: palm detection in every frame.
    """

    def __init__(self, python: Path, complexity: int, *, static: bool) -> None:
        mode = "static" if static else "tracking"
        try:
            self._process = subprocess.Popen(  # noqa: S603  (the user's own Python)
                [python, MEDIAPIPE_WORKER, str(complexity), mode],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as error:
            raise UsageError(
                f"--mediapipe {python}: {error.strerror}: name the python of an environment that"
                " has mediapipe"
            ) from error
        self._python = python

    def run(self, film: Film) -> Run:
        """Track a film."""
        answer = ""
        to, back = self._process.stdin, self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            if to is not None and back is not None:
                to.write(f"{len(film)} {film.file}\n")
                to.flush()
                answer = back.readline()
        if not answer:
            raise BackendUnavailable(
                f"--mediapipe {self._python} doesn't track: it needs mediapipe 0.10.21 with"
                " mediapipe.python.solutions"
            )
        told = json.loads(answer)
        frames = tuple(
            tuple(
                ReportedHand(np.array(hand["points"], float), Handedness(hand["handedness"]))
                for hand in hands
            )
            for hands in told["frames"]
        )
        return Run(frames, told["cpu_ms"])

    def close(self) -> None:
        """End MediaPipe's process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
