"""Writes pictures and films with the hands drawn on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from edgehands.cameras.film import is_animation
from edgehands.cameras.limits import shown
from edgehands.cli.actions.film_writer import FILMS, FilmWriter
from edgehands.closing import Closing
from edgehands.errors import SourceError, SourceNotFound, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgehands.cameras.inputs import InputFile, Inputs, Kind

_IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


class OverlayWriter(Closing):
    """Writes each frame with its hands: images as PNG, videos and cameras as MP4.

    A context manager. In a folder, files are named after the inputs, with the part of their paths
    that distinguishes them; the second page of an image gets the suffix ``-2``.

    Args:
        target: a folder (created if missing), or a file for a single input.
        inputs: to be drawn.

    Raises:
        UsageError: the target doesn't fit the inputs, or can't be written.
    """

    def __init__(self, target: Path, inputs: Inputs) -> None:
        suffix = target.suffix.lower()
        self._single = target if suffix in _IMAGES or suffix in FILMS else None
        self._folder = target.parent if self._single else target
        self._base = _common_folder(inputs.files)
        self._film: FilmWriter | None = None
        self._film_of: InputFile | None = None
        if self._single is not None:
            _check_fits(self._single, inputs.files)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"--overlay {shown(target)}: {error.strerror}: name a folder that can be written"
            ) from error

    def close(self) -> None:
        """Finish the film being written."""
        self._close_film()

    def write(
        self, file: InputFile, kind: Kind, drawn: NDArray[np.uint8], number: int, t: float
    ) -> None:
        """Write a picture with the hands drawn on it.

        Args:
            file: its input.
            kind: of the input, as detected.
            drawn: (H, W, 3) uint8 RGB.
            number: of the frame in its input, from 0.
            t: its time in its input, seconds from the first frame.
        """
        if kind != "image":
            if self._film is None or self._film_of != file:
                self._close_film()
                path = self._single or self._path(file, ".mp4")
                self._film, self._film_of = FilmWriter(path, "--overlay"), file
            self._film.write(drawn, t)
            return
        path = self._single or self._path(file, ".png")
        if number:
            path = path.with_name(f"{path.stem}-{number + 1}{path.suffix}")
        # Encoded in memory: OpenCV's own writer crashes on names that aren't UTF-8.
        done, data = cv2.imencode(path.suffix, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        try:
            if done:
                path.write_bytes(data.tobytes())
                return
            why = "no such picture can be made"
        except OSError as error:
            why = error.strerror or str(error)
        raise UsageError(f"--overlay {shown(path)}: can't be written ({why}): is the disk full?")

    def _path(self, file: InputFile, suffix: str) -> Path:
        """The output path for an input: its path below the folder that all inputs share."""
        if file.kind == "camera":
            return self._folder / f"camera{suffix}"
        inside = Path(os.path.relpath(file.path.resolve(), self._base))
        path = self._folder / inside.with_suffix(suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _close_film(self) -> None:
        if self._film is not None:
            self._film.close()
            self._film = None


def _common_folder(files: tuple[InputFile, ...]) -> Path:
    folders = [file.path.resolve().parent for file in files if file.kind != "camera"]
    return Path(os.path.commonpath(folders)) if folders else Path()


def _check_fits(target: Path, files: tuple[InputFile, ...]) -> None:
    if len(files) > 1:
        raise UsageError(
            f"--overlay {shown(target)} is one file for {len(files)} inputs: name a folder"
        )
    for file in files:
        fits = _IMAGES if file.kind == "image" and not _moves(file) else set(FILMS)
        if target.suffix.lower() not in fits:
            raise UsageError(
                f"--overlay {shown(target)}: an input of kind {file.kind} needs"
                f" {', '.join(sorted(fits))}: change the name or give a folder"
            )


def _moves(file: InputFile) -> bool:
    try:
        return is_animation(file.path)
    except (SourceError, SourceNotFound):
        return False  # the reason is reported when its turn comes
