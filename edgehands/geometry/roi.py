"""The rotated square around a hand: from a palm, from landmarks, to and from the crop.

All formulas follow MediaPipe's calculators (named in each function), so that its landmark model
sees pixels as in its training.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from edgehands.geometry.constants import (
    LANDMARK_ROI_POINTS,
    LANDMARK_ROI_SCALE,
    LANDMARK_ROI_SHIFT,
    LANDMARK_Z_NORMALISER,
    PALM_ROI_SCALE,
    PALM_ROI_SHIFT,
    PALM_ROTATION_FROM,
    PALM_ROTATION_TO,
    ROI_GRID_BITS,
    ROI_GRID_TURN,
    ROI_TARGET_ANGLE,
    SAMPLING_STEPS,
)
from edgehands.hand import Roi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import PalmDetection


def normalise_angle(radians: float) -> float:
    """The same direction within [-pi, pi)."""
    return radians - 2 * math.pi * math.floor((radians + math.pi) / (2 * math.pi))


def _rotation(from_x: float, from_y: float, to_x: float, to_y: float) -> float:
    """How far the image must turn for the vector to point up, radians."""
    return normalise_angle(ROI_TARGET_ANGLE - math.atan2(from_y - to_y, to_x - from_x))


def _square(  # noqa: PLR0913, PLR0917  (the numbers of a rotated rectangle and what becomes of it)
    cx: float, cy: float, width: float, height: float, rotation: float, scale: float, shift: float
) -> Roi:
    """Shift along the hand, then the square of the long side, scaled: RectTransformation."""
    cx -= height * shift * math.sin(rotation)
    cy += height * shift * math.cos(rotation)
    return Roi(cx, cy, max(width, height) * scale, rotation)


def palm_roi(palm: PalmDetection) -> Roi:
    """The ROI of a detected palm's hand: DetectionsToRects and RectTransformation."""
    x0, y0, x1, y1 = palm.box.tolist()
    wrist = palm.keypoints[PALM_ROTATION_FROM].tolist()
    middle = palm.keypoints[PALM_ROTATION_TO].tolist()
    rotation = _rotation(wrist[0], wrist[1], middle[0], middle[1])
    return _square(
        (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, rotation, PALM_ROI_SCALE, PALM_ROI_SHIFT
    )


def landmarks_roi(landmarks: NDArray[np.float32]) -> Roi:
    """The ROI in which to look for the hand next: HandLandmarksToRect and RectTransformation.

    Args:
        landmarks: (21, 2 or more), frame pixels.
    """
    # Twelve points: plain numbers take a fifth of the time of numpy calls.
    points = landmarks[:, :2].tolist()
    wrist, index, middle, ring = points[0], points[5], points[9], points[13]
    rotation = _rotation(
        wrist[0],
        wrist[1],
        0.25 * index[0] + 0.5 * middle[0] + 0.25 * ring[0],
        0.25 * index[1] + 0.5 * middle[1] + 0.25 * ring[1],
    )
    cos, sin = math.cos(rotation), math.sin(rotation)
    along = [points[i][0] * cos + points[i][1] * sin for i in LANDMARK_ROI_POINTS]
    across = [points[i][1] * cos - points[i][0] * sin for i in LANDMARK_ROI_POINTS]
    left, right, top, bottom = min(along), max(along), min(across), max(across)
    mid_x, mid_y = (left + right) / 2, (top + bottom) / 2
    return _square(
        mid_x * cos - mid_y * sin,
        mid_x * sin + mid_y * cos,
        right - left,
        bottom - top,
        rotation,
        LANDMARK_ROI_SCALE,
        LANDMARK_ROI_SHIFT,
    )


def on_grid(roi: Roi) -> Roi:
    """The ROI, rounded so that all processors crop the same pixels; too finely to move landmarks.

    Float palm models agree only to the sixth digit between processors. A ROI shifted by 0.0001
    pixels changes a few bytes of the crop, those change the landmarks, and these the next ROI: soon
    two machines see the same hand differently. Rounded, both ROIs are the same, unless a value lies
    that close to the middle between two steps.

    Steps are binary fractions: 1/1024 to 1/512 of the size for centre and size, 1/512 radian for
    the rotation; so nothing moves by more than half a pixel of the crop.
    """
    _, exponent = math.frexp(roi.size)
    finer = math.ldexp(1.0, ROI_GRID_BITS - exponent)
    return Roi(
        round(roi.cx * finer) / finer,
        round(roi.cy * finer) / finer,
        round(roi.size * finer) / finer,
        round(roi.rotation * ROI_GRID_TURN) / ROI_GRID_TURN,
    )


def crop_to_frame(roi: Roi, crop_size: int) -> NDArray[np.float64]:
    """The affine map from crop pixels to frame pixels, (2, 3) float64.

    Crop corner (0, 0) maps to the ROI's corner and (size, size) to the opposite one, without
    half-pixel offsets, as in ImageToTensor's OpenCV path.
    """
    step = roi.size / crop_size
    cos, sin = math.cos(roi.rotation) * step, math.sin(roi.rotation) * step
    half = crop_size / 2
    return np.array(
        [
            [cos, -sin, roi.cx - half * (cos - sin)],
            [sin, cos, roi.cy - half * (sin + cos)],
        ]
    )


def letterbox_to_frame(
    width: int, height: int, crop_size: int, extent: float = 1.0
) -> NDArray[np.float64]:
    """The map from a letterboxed crop to the frame's pixels, (2, 3) float64.

    Args:
        width: of the frame, pixels.
        height: of the frame, pixels.
        crop_size: side of the crop, pixels.
        extent: side of the square around the frame's middle shown, in units of its longest side.
    """
    return crop_to_frame(Roi(width / 2, height / 2, max(width, height) * extent, 0.0), crop_size)


def letterbox_maps(
    to_frame: NDArray[np.float64], crop_size: int
) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
    """Where each pixel of a letterboxed crop lies in the frame, as ``cv2.remap`` takes it.

    In 32nds of a pixel: MediaPipe's OpenCV, like all before 5, samples no finer, and one level of
    difference in a few bytes makes the palm model return a box 0.2 pixels elsewhere.

    Args:
        to_frame: (2, 3), from :func:`letterbox_to_frame`.
        crop_size: side of the crop, pixels.

    Returns:
        (crop_size, crop_size, 2) x and y, rounded down; (crop_size, crop_size) y and x beyond that.
    """
    along = np.arange(crop_size)[:, None] * to_frame[[0, 1], [0, 1]] + to_frame[:, 2]
    x, y = np.rint(along * SAMPLING_STEPS).astype(np.int64).T
    whole = np.empty((crop_size, crop_size, 2), np.int16)
    whole[..., 0] = x // SAMPLING_STEPS
    whole[..., 1] = (y // SAMPLING_STEPS)[:, None]
    beyond = (y % SAMPLING_STEPS)[:, None] * SAMPLING_STEPS + x % SAMPLING_STEPS
    return whole, beyond.astype(np.uint16)


def project_landmarks(
    raw: NDArray[np.float32], to_frame: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The landmark model's coordinates in frame pixels: TensorsToLandmarks, LandmarkProjection.

    Args:
        raw: (21, 3), x and y in pixels of the crop, z in the model's own scale.
        to_frame: (2, 3), from :func:`crop_to_frame`.

    Returns:
        (21, 3) float32, z in the scale of x and y.
    """
    turn = to_frame.astype(np.float32)
    out = np.empty((21, 3), np.float32)
    # Products and sums one at a time: the rounding of a matrix product depends on the processor,
    # and landmarks would differ in the last bit.
    np.multiply(raw[:, :1], turn[:, 0], out=out[:, :2])
    out[:, :2] += raw[:, 1:2] * turn[:, 1]
    out[:, :2] += turn[:, 2]
    out[:, 2] = raw[:, 2] * (math.hypot(*to_frame[:, 0].tolist()) / LANDMARK_Z_NORMALISER)
    return out


def rotate_world(raw: NDArray[np.float32], rotation: float) -> NDArray[np.float32]:
    """World landmarks turned from the crop's axes to the frame's: WorldLandmarkProjection.

    Args:
        raw: (21, 3), metres, in the axes of the upright crop.
        rotation: of the ROI, radians.
    """
    turn = np.array(
        [[math.cos(rotation), math.sin(rotation)], [-math.sin(rotation), math.cos(rotation)]],
        np.float32,
    )
    out = raw.copy()
    np.multiply(raw[:, :1], turn[0], out=out[:, :2])  # no matrix product: see above
    out[:, :2] += raw[:, 1:2] * turn[1]
    return out
