"""The overlay: what a person sees must be where the numbers are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgehands.drawing import _FINGERS, draw_hands, label_text, roi_corners
from edgehands.hand import Gesture, Hand, Handedness, Roi

# An open right hand, upright, in units of its own palm size; wrist at the origin.
OPEN_HAND = np.array(
    [
        *[(0, 0), (-0.35, -0.2), (-0.6, -0.5), (-0.8, -0.75), (-0.95, -1.0)],
        *[(-0.3, -0.95), (-0.35, -1.4), (-0.37, -1.65), (-0.4, -1.9)],
        *[(0, -1), (0, -1.5), (0, -1.8), (0, -2.05)],
        *[(0.25, -0.92), (0.3, -1.35), (0.33, -1.6), (0.35, -1.85)],
        *[(0.48, -0.8), (0.58, -1.1), (0.64, -1.3), (0.7, -1.5)],
    ]
)


def hand(
    wrist: tuple[float, float] = (200, 300),
    palm: float = 100,
    *,
    number: int = 7,
    gesture: Gesture | None = None,
) -> Hand:
    landmarks = np.zeros((21, 3), np.float32)
    landmarks[:, :2] = OPEN_HAND * palm + wrist
    roi = Roi(wrist[0], wrist[1] - palm, 2.6 * palm, 0.0)
    world = np.zeros((21, 3), np.float32)
    return Hand(number, Handedness.RIGHT, 0.98, 0.99, landmarks, world, roi, gesture)


def blank(height: int = 480, width: int = 640) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((height, width, 3), 90, np.uint8)


def test_drawing_leaves_the_picture_alone() -> None:
    """The frame goes on to others: drawing on it would feed the overlay to the tracker."""
    image = blank()
    before = image.copy()
    drawn = draw_hands(image, [hand()])
    np.testing.assert_array_equal(image, before)
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    assert not np.shares_memory(drawn, image)
    assert not np.array_equal(drawn, image)


def test_no_hands_no_drawing() -> None:
    """An empty frame of a video stays as it is, but is still a copy."""
    image = blank()
    drawn = draw_hands(image, [])
    np.testing.assert_array_equal(drawn, image)
    assert not np.shares_memory(drawn, image)


@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_landmarks_are_drawn_where_they_are(scale: float) -> None:
    """An overlay that is off by some pixels sends people hunting for an error in the tracker."""
    drawn = draw_hands(
        blank(int(480 * scale), int(640 * scale)), [hand((200 * scale, 300 * scale), 100 * scale)]
    )
    for points, colour in _FINGERS:
        for point in points:
            x, y = (OPEN_HAND[point] * 100 + (200, 300)) * scale
            assert tuple(drawn[round(y), round(x)]) == colour


def test_small_and_large_pictures_look_alike() -> None:
    """Readable at 384 pixels and at 4,000: lines grow with the picture."""
    shares = []
    for width in (384, 1280, 4000):
        image = blank(width, width)
        drawn = draw_hands(image, [hand((width / 2, width * 0.7), width / 5)])
        shares.append(float((drawn != image).any(axis=2).mean()))
    assert min(shares) > 0.02
    assert max(shares) < 0.2
    # Not equal: at 384 pixels a line and its rim can't be thinner than a pixel each.
    assert max(shares) < 2.5 * min(shares)


def test_small_hand_in_a_large_picture_is_not_a_blot() -> None:
    """A hand far away keeps its fingers apart in the drawing."""
    drawn = draw_hands(blank(3000, 4000), [hand((2000, 1500), 60)])
    for points, colour in _FINGERS:
        x, y = OPEN_HAND[points[-1]] * 60 + (2000, 1500)
        assert tuple(drawn[round(y), round(x)]) == colour


@pytest.mark.parametrize(
    ("rotation", "fingers"), [(0, (0, -1)), (math.pi / 2, (1, 0)), (-math.pi / 4, (-0.707, -0.707))]
)
def test_roi_square_turns_clockwise(rotation: float, fingers: tuple[float, float]) -> None:
    """The square shows what the landmark model looked at, its double edge where fingers point."""
    corners = roi_corners(Roi(50, 80, 20, rotation))
    middle = corners[:2].mean(axis=0) - (50, 80)
    np.testing.assert_allclose(middle / 10, fingers, atol=1e-3)
    np.testing.assert_allclose(corners.mean(axis=0), (50, 80))
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    np.testing.assert_allclose(sides, 20)
    # Clockwise on the screen (y down): the cross product of two sides is positive.
    a, b = corners[1] - corners[0], corners[2] - corners[1]
    assert a[0] * b[1] - a[1] * b[0] > 0


def test_label_says_who_it_is() -> None:
    """The id is what ties a picture to the messages."""
    assert label_text(hand()) == "7 right 98%"
    assert label_text(hand(gesture=Gesture("open_palm", 0.9))) == "7 right 98% open_palm"
    assert label_text(hand(gesture=Gesture("none", 0.9))) == "7 right 98%"


@pytest.mark.parametrize("wrist", [(5, 300), (635, 300), (320, 30), (320, 900), (-500, -500)])
def test_label_stays_in_the_picture(wrist: tuple[float, float]) -> None:
    """A hand at the edge keeps a label that can be read whole."""
    image = blank()
    drawn = draw_hands(image, [hand(wrist)])
    label = (drawn == (255, 140, 130)).all(axis=2)
    ys, xs = np.nonzero(label)
    inside = draw_hands(blank(), [hand((320, 300))])
    whole = np.nonzero((inside == (255, 140, 130)).all(axis=2))
    assert xs.size > 0.5 * whole[0].size
    assert ys.min() >= 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e9])
def test_absurd_landmarks_do_no_harm(value: float) -> None:
    """One bad number from a model mustn't end a long run over a folder."""
    bad = hand()
    bad.landmarks[3, :2] = value
    bad.landmarks[0, 0] = value
    roi = Roi(value, 10, value, value if math.isfinite(value) else 0.0)
    worse = Hand(1, Handedness.LEFT, 0.5, 0.5, bad.landmarks, bad.world_landmarks, roi)
    assert draw_hands(blank(), [bad, worse]).shape == (480, 640, 3)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (20, 20)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    """A one-pixel image is an input like any other."""
    assert draw_hands(blank(*size), [hand((1, 1), 3)]).shape == (*size, 3)


def test_pictures_that_are_views() -> None:
    """A crop or a mirrored view, not contiguous, is drawn on like any picture."""
    image = blank()[:, ::-1][10:400, 20:500]
    assert draw_hands(image, [hand()]).shape == (390, 480, 3)
