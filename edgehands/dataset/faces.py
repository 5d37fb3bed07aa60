"""Makes faces unrecognisable before a picture is stored, found with OpenCV's YuNet.

The model file isn't part of edgehands: the user provides it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import cv2
import numpy as np

from edgehands.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL_NAMES: Final = "face_detection_yunet_*.onnx"
WHERE_TO_GET: Final = (
    "https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet (MIT licence)"
)
LEAST_SCORE: Final = 0.5
"""Lower than YuNet's usual 0.9: blurring too much does less harm than missing a face."""

MARGIN: Final = 0.25
"""How far the blur extends beyond a face's box, in units of its size."""

LONG_SIDE: Final = 640
"""Size to which a picture is scaled down for face detection, pixels."""


class FaceFinder(Protocol):
    """A face detector."""

    def find(self, image: NDArray[np.uint8], /) -> NDArray[np.float64]:
        """(N, 4) x, y, width, height of the faces in (H, W, 3) uint8 RGB, pixels."""


def default_model() -> Path:
    """The model file in the user's data folder; the newest if there are several.

    Raises:
        DatasetError: there is none.
    """
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    folder = Path(home) / "edgehands"
    found = sorted(folder.glob(MODEL_NAMES))
    if not found:
        raise DatasetError(
            f"--faces blur: no {MODEL_NAMES} in {folder}: download one from {WHERE_TO_GET} to "
            "there, or name it with --face-model"
        )
    return found[-1]


class YuNet:
    """OpenCV's YuNet.

    Args:
        model: the ONNX file.

    Raises:
        DatasetError: it doesn't exist, or OpenCV can't read it.
    """

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise DatasetError(f"--face-model {model}: no such file: get one from {WHERE_TO_GET}")
        try:
            self._net = cv2.FaceDetectorYN.create(str(model), "", (320, 320), LEAST_SCORE)
        except (cv2.error, AttributeError) as error:
            reason = str(error).strip().splitlines()[0][:120]
            raise DatasetError(
                f"--face-model {model}: OpenCV {cv2.__version__} can't read it as YuNet ({reason})"
            ) from None

    def find(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(N, 4) x, y, width, height of the faces in (H, W, 3) uint8 RGB, pixels."""
        height, width = image.shape[:2]
        scale = min(1.0, LONG_SIDE / max(height, width))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        self._net.setInputSize((small.shape[1], small.shape[0]))
        _, faces = self._net.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        if faces is None:
            return np.empty((0, 4))
        boxes: NDArray[np.float64] = np.asarray(faces[:, :4], np.float64) / scale
        return boxes


def blur_faces(image: NDArray[np.uint8], finder: FaceFinder) -> NDArray[np.uint8]:
    """A copy of (H, W, 3) uint8 RGB in which no face can be recognised.

    Each face becomes a mosaic of at most six by six tiles, which can't be undone, unlike a blur.
    """
    out = image.copy()
    height, width = image.shape[:2]
    for x, y, w, h in finder.find(image):
        x0, x1 = max(0, int(x - MARGIN * w)), min(width, int(x + (1 + MARGIN) * w) + 1)
        y0, y1 = max(0, int(y - MARGIN * h)), min(height, int(y + (1 + MARGIN) * h) + 1)
        if x0 >= x1 or y0 >= y1:
            continue
        tiles = (min(6, x1 - x0), min(6, y1 - y0))
        coarse = cv2.resize(out[y0:y1, x0:x1], tiles, interpolation=cv2.INTER_AREA)
        out[y0:y1, x0:x1] = cv2.resize(coarse, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
    return out
