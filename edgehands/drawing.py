"""Hands drawn on a picture: for ``track --overlay``, the preview page, and inspection.

Everything scales with the picture, and within a hand with the hand: drawings are equally readable
at 384 pixels and at 4,000.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.hand import HAND_CONNECTIONS, Handedness, Landmark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from edgehands.hand import Hand, Roi

Colour = tuple[int, int, int]

# Light colours with a dark outline are visible on skin, sky and night alike; with one colour per
# finger, a thumb mistaken for an index finger shows.
_PALM: Colour = (235, 235, 235)
_FINGERS: tuple[tuple[range, Colour], ...] = (
    (range(Landmark.THUMB_CMC, Landmark.THUMB_TIP + 1), (255, 170, 90)),
    (range(Landmark.INDEX_MCP, Landmark.INDEX_TIP + 1), (255, 235, 90)),
    (range(Landmark.MIDDLE_MCP, Landmark.MIDDLE_TIP + 1), (120, 235, 110)),
    (range(Landmark.RING_MCP, Landmark.RING_TIP + 1), (100, 205, 255)),
    (range(Landmark.PINKY_MCP, Landmark.PINKY_TIP + 1), (225, 150, 255)),
)
_HANDEDNESS: dict[Handedness, Colour] = {
    Handedness.LEFT: (90, 200, 255),
    Handedness.RIGHT: (255, 140, 130),
}
_RIM: Colour = (20, 20, 20)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FAR = 30_000
"""OpenCV draws with 16 bits and a fraction: points further out are clamped to this."""


def draw_hands(image: NDArray[np.uint8], hands: Iterable[Hand]) -> NDArray[np.uint8]:
    """Draw hands on a copy of a picture.

    Each hand gets its landmarks and connections (one colour per finger), its ROI as a square with a
    double edge on the side the fingers point to, and a label with id, handedness, its score and, if
    known, the gesture.

    Args:
        image: (H, W, 3) uint8 RGB; it isn't changed.
        hands: hands whose landmarks are in pixels of this picture.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    canvas = np.ascontiguousarray(image).copy()
    hands = tuple(hands)
    # Invalid numbers are drawn far out or not at all: drawing must not fail.
    with np.errstate(invalid="ignore", over="ignore"):
        for hand in hands:
            _draw_roi(canvas, hand.roi, _HANDEDNESS[hand.handedness])
        for hand in hands:
            _draw_skeleton(canvas, hand)
        # Labels last: no other hand's lines cross them.
        for hand in hands:
            _draw_label(canvas, hand)
    return canvas


def label_text(hand: Hand) -> str:
    """A hand's label, such as ``7 right 98% open_palm``."""
    text = f"{hand.id} {hand.handedness} {100 * hand.handedness_score:.0f}%"
    if hand.gesture is not None and hand.gesture.name != "none":
        text += f" {hand.gesture.name}"
    return text


def roi_corners(roi: Roi) -> NDArray[np.float64]:
    """The corners of a ROI in frame pixels: (4, 2), clockwise on the screen.

    The first two are the side that the fingers point to.
    """
    cos, sin = math.cos(roi.rotation), math.sin(roi.rotation)
    half = roi.size / 2.0
    square = np.array([(-half, -half), (half, -half), (half, half), (-half, half)])
    turned = square @ np.array([(cos, sin), (-sin, cos)])
    return np.asarray(turned + np.array((roi.cx, roi.cy)), np.float64)


def _thickness(canvas: NDArray[np.uint8], part: float = 300.0) -> int:
    height, width = canvas.shape[:2]
    return max(1, round(min(int(height), int(width)) / part))


def _point(xy: NDArray[np.floating]) -> tuple[int, int]:
    """Round a point to whole pixels, within what OpenCV can draw; NaN goes far out."""
    x, y = np.nan_to_num(xy[:2], nan=-_FAR, posinf=_FAR, neginf=-_FAR)
    return (round(min(max(float(x), -_FAR), _FAR)), round(min(max(float(y), -_FAR), _FAR)))


def _draw_roi(canvas: NDArray[np.uint8], roi: Roi, colour: Colour) -> None:
    corners = roi_corners(roi)
    points = [_point(corner) for corner in corners]
    thin = _thickness(canvas, 500.0)
    for width, ink in ((thin + 2, _RIM), (thin, colour)):
        for a, b in zip(points, (*points[1:], points[0]), strict=True):
            cv2.line(canvas, a, b, ink, width, cv2.LINE_AA)
    # The double edge: a line a twentieth of the size inside the side the fingers point to.
    inner = corners[:2] + (corners[[3, 2]] - corners[:2]) * 0.05
    cv2.line(canvas, _point(inner[0]), _point(inner[1]), colour, thin, cv2.LINE_AA)


def _finger_colour(landmark: int) -> Colour:
    return next((colour for points, colour in _FINGERS if landmark in points), _PALM)


def _draw_skeleton(canvas: NDArray[np.uint8], hand: Hand) -> None:
    points = [_point(landmark) for landmark in hand.landmarks]
    palm = hand.palm_size if math.isfinite(hand.palm_size) else 0.0
    # As thick as the picture allows, but not so thick that a small hand becomes a blot.
    width = max(1, min(_thickness(canvas, 180.0), round(palm / 14.0)))
    radius = max(1, min(_thickness(canvas, 130.0), round(palm / 16.0)))
    rim = max(1, width // 2)
    for grow, rimmed in ((2 * rim, True), (0, False)):
        for a, b in HAND_CONNECTIONS:
            inside_finger = any(a in points_ and b in points_ for points_, _ in _FINGERS)
            colour = _RIM if rimmed else _finger_colour(b) if inside_finger else _PALM
            cv2.line(canvas, points[a], points[b], colour, width + grow, cv2.LINE_AA)
    for number, point in enumerate(points):
        cv2.circle(canvas, point, radius + rim, _RIM, -1, cv2.LINE_AA)
        cv2.circle(canvas, point, radius, _finger_colour(number), -1, cv2.LINE_AA)


def _draw_label(canvas: NDArray[np.uint8], hand: Hand) -> None:
    height, width = canvas.shape[:2]
    text = label_text(hand)
    scale = max(min(height, width) / 900.0, 0.43)
    stroke = max(1, round(scale * 1.6))
    (text_width, text_height), below = cv2.getTextSize(text, _FONT, scale, stroke)
    pad = max(2, round(text_height * 0.35))
    box_width, box_height = text_width + 2 * pad, text_height + below + 2 * pad
    # Above the ROI's highest corner if there is room, and always entirely inside the picture.
    corners = roi_corners(hand.roi)
    left, top = _point(corners.min(axis=0))
    x = min(max(left, 0), max(width - box_width, 0))
    y = min(max(top - box_height, 0), max(height - box_height, 0))
    colour = _HANDEDNESS[hand.handedness]
    cv2.rectangle(canvas, (x, y), (x + box_width - 1, y + box_height - 1), colour, -1)
    cv2.putText(
        canvas, text, (x + pad, y + pad + text_height), _FONT, scale, _RIM, stroke, cv2.LINE_AA
    )
