"""Writes stills and clips: pictures or a video, with their truth as JSON lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edgehands.errors import SourceError, UsageError
from edgehands.synthetic.render import render_scene
from edgehands.synthetic.sample import random_scene

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.synthetic.scene import HandTruth, Keypoints, Rendering, Scene, SceneTruth

_CODECS = {
    ".avi": ("mjpeg", "yuvj420p"),
    ".mp4": ("mpeg4", "yuv420p"),
    ".webm": ("libvpx-vp9", "yuv420p"),
    ".mkv": ("ffv1", "bgr0"),
}
"""FFmpeg's encoder and pixel format by file name ending."""

_FORMATS = {".avi": "avi", ".mp4": "mp4", ".webm": "webm", ".mkv": "matroska"}

VIDEO_ENDINGS: frozenset[str] = frozenset(_CODECS)
"""File name endings that :func:`write_clip` supports."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        pictures: the video file, or the folder of the pictures.
        truth: the JSON lines, one per picture.
        count: how many pictures.
    """

    pictures: Path
    truth: Path
    count: int


def _rounded(values: NDArray[np.float64], digits: int) -> list[Any]:
    return np.round(values, digits).tolist()  # type: ignore[no-any-return]


def _points(points: Keypoints) -> dict[str, Any]:
    return {
        "image": _rounded(points.image, 2),
        "camera": _rounded(points.camera, 5),
        "world": _rounded(points.world, 5),
    }


def _hand_record(hand: HandTruth) -> dict[str, Any]:
    return {
        "index": hand.index,
        "handedness": hand.handedness.value,
        "gesture": hand.gesture,
        "shown": round(hand.shown, 3),
        "palm_size": round(hand.palm_size, 2),
        "visible": hand.visible.tolist(),
        "in_image": hand.in_image.tolist(),
        "rotation": _rounded(hand.rotation, 5),
        "angles": _rounded(hand.pose.to_vector(), 2),
        "mediapipe": _points(hand.mediapipe),
        "anatomical": _points(hand.anatomical),
    }


def truth_line(truth: SceneTruth, **extra: Any) -> str:
    """One picture's truth as a line of JSON; ``extra`` keys come first."""
    c = truth.camera
    record = {
        **extra,
        "seed": truth.seed,
        "t": round(truth.t, 6),
        "camera": {
            "width": c.width,
            "height": c.height,
            "fx": c.fx,
            "fy": c.fy,
            "cx": c.cx,
            "cy": c.cy,
        },
        "hands": [_hand_record(hand) for hand in truth.hands],
    }
    return json.dumps(record)


def write_stills(folder: Path, scenes: Iterable[Scene]) -> Written:
    """Draw scenes into ``folder/NNNNNN.png`` and ``folder/truth.jsonl``.

    Raises:
        SourceError: a file can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, count = folder / "truth.jsonl", 0
    with target.open("w", encoding="utf-8") as lines:
        for scene in scenes:
            picture = render_scene(scene)
            name = f"{count:06d}.png"
            if not cv2.imwrite(str(folder / name), picture.image[..., ::-1]):
                raise SourceError(f"{folder / name}: can't be written; is the disk full?")
            lines.write(truth_line(picture.truth, file=name) + "\n")
            count += 1
    return Written(folder, target, count)


def write_random_stills(folder: Path, count: int, seed: int = 0, **settings: Any) -> Written:
    """``count`` random scenes from one seed; ``settings`` are :func:`random_scene`'s."""
    return write_stills(folder, (random_scene(seed + i, **settings) for i in range(count)))


def write_clip(target: Path, pictures: Iterable[Rendering], fps: float) -> Written:
    """Write a video (by its ending: .avi, .mp4, .webm or lossless .mkv) and ``target.jsonl``.

    Raises:
        UsageError: an unsupported ending, or no pictures.
        SourceError: the video can't be written.
    """
    if target.suffix not in _CODECS:
        raise UsageError(f"{target.name}: unknown kind of video; end it in {', '.join(_CODECS)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = target.with_suffix(".jsonl")
    count = 0
    video: _Video | None = None
    try:
        with lines.open("w", encoding="utf-8") as out:
            for picture in pictures:
                video = video or _Video(target, picture.image, fps)
                video.write(picture.image)
                out.write(truth_line(picture.truth, frame=count) + "\n")
                count += 1
    finally:
        if video is not None:
            video.close()
    if count == 0:
        raise UsageError(f"{target.name}: no pictures to write; give at least one frame")
    return Written(target, lines, count)


class _Video:
    """A video of pictures of one size, in good quality, since it is measured on."""

    def __init__(self, target: Path, first: NDArray[np.uint8], fps: float) -> None:
        # Imported here: stills don't need FFmpeg.
        import av  # noqa: PLC0415

        self._av: Any = av
        self._target = target
        encoder, form = _CODECS[target.suffix]
        height, width = first.shape[:2]
        try:
            # Opened by us: FFmpeg takes some file names for URLs.
            self._file = target.open("wb")
            self._container = self._av.open(self._file, "w", format=_FORMATS[target.suffix])
            self._stream = self._container.add_stream(
                encoder, rate=Fraction(fps).limit_denominator(1001)
            )
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from None
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = form
        self._stream.bit_rate = int(4 * width * height * max(fps, 1.0) / 8)

    def write(self, image: NDArray[np.uint8]) -> None:
        try:
            frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            self._container.mux(self._stream.encode(frame))
        except (self._av.FFmpegError, OSError) as error:
            raise self._failed(error) from None

    def close(self) -> None:
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._file.close()
        except (ValueError, OSError) as error:  # av.FFmpegError's subclasses are one of the two
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> SourceError:
        why = getattr(error, "strerror", None) or error
        return SourceError(f"{self._target}: can't be written ({why}); is the folder there?")
