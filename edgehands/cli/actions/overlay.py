"""Pictures with the hands drawn on them, as files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

from edgehands.drawing import draw_hands
from edgehands.errors import UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from edgehands.cameras.inputs import InputFile, Inputs
    from edgehands.hand import Frame, Hand

_IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
_VIDEOS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
_FPS = 30.0


class OverlayWriter:
    """Writes each frame with its hands: images as PNG, videos as MP4.

    A context manager. In a folder, names are those of the inputs, with the part of their paths
    that tells them apart.

    Args:
        target: a folder (made if it isn't there), or a file for a single input.
        inputs: what will be drawn.

    Raises:
        UsageError: the target doesn't fit the inputs, or can't be written.
    """

    def __init__(self, target: Path, inputs: Inputs) -> None:
        suffix = target.suffix.lower()
        self._kinds = {str(file.path): file.kind for file in inputs.files}
        self._single = target if suffix in _IMAGES or suffix in _VIDEOS else None
        self._folder = target.parent if self._single else target
        self._base = _common_folder(inputs.files)
        self._video: cv2.VideoWriter | None = None
        self._video_of = ""
        self._video_size = (0, 0)
        if self._single is not None:
            _check_fits(self._single, inputs.files)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"--overlay {target}: {error.strerror}: name a folder that can be written"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_video()

    def write(self, frame: Frame, hands: tuple[Hand, ...]) -> None:
        """Draw the hands on a copy of a frame and write it."""
        drawn = cv2.cvtColor(draw_hands(frame.image, hands), cv2.COLOR_RGB2BGR)
        if self._kinds.get(frame.source) == "video":
            self._write_video(frame.source, np.asarray(drawn, np.uint8))
        else:
            path = self._single or self._path(frame.source, ".png")
            if not cv2.imwrite(str(path), drawn):
                raise UsageError(f"--overlay {path}: can't be written: is the disk full?")

    def _write_video(
        self, source: str, drawn: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    ) -> None:
        size = (drawn.shape[1], drawn.shape[0])
        if self._video is None or self._video_of != source:
            self._close_video()
            path = self._single or self._path(source, ".mp4")
            codec = cv2.VideoWriter.fourcc(*_VIDEOS[path.suffix.lower()])
            fps = cv2.VideoCapture(source).get(cv2.CAP_PROP_FPS) or _FPS
            self._video = cv2.VideoWriter(str(path), codec, fps, size)
            self._video_of, self._video_size = source, size
            if not self._video.isOpened():
                raise UsageError(f"--overlay {path}: no video can be written there")
        if size != self._video_size:
            drawn = np.asarray(cv2.resize(drawn, self._video_size), np.uint8)
        self._video.write(drawn)

    def _path(self, source: str, suffix: str) -> Path:
        """Where the picture of an input goes: its path below what all inputs share."""
        inside = Path(os.path.relpath(Path(source).resolve(), self._base))
        path = self._folder / inside.with_suffix(suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _close_video(self) -> None:
        if self._video is not None:
            self._video.release()
            self._video = None


def _common_folder(files: tuple[InputFile, ...]) -> Path:
    folders = [file.path.resolve().parent for file in files]
    return Path(os.path.commonpath(folders)) if folders else Path()


def _check_fits(target: Path, files: tuple[InputFile, ...]) -> None:
    if len(files) > 1:
        raise UsageError(f"--overlay {target} is one file for {len(files)} inputs: name a folder")
    for file in files:
        fits = _IMAGES if file.kind == "image" else _VIDEOS
        if target.suffix.lower() not in fits:
            raise UsageError(
                f"--overlay {target}: an input of kind {file.kind} needs"
                f" {', '.join(sorted(fits))}: change the name or give a folder"
            )
