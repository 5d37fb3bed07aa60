"""The geometry agrees with itself and with hand-computed cases."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgehands.geometry.anchors import palm_anchors
from edgehands.geometry.boxes import box_iou, weighted_nms
from edgehands.geometry.duplicates import same_hand
from edgehands.geometry.roi import (
    crop_to_frame,
    landmarks_roi,
    letterbox_maps,
    letterbox_to_frame,
    normalise_angle,
    on_grid,
    palm_roi,
    project_landmarks,
    rotate_world,
)
from edgehands.hand import PalmDetection, Roi
from tests.hands import open_hand


def test_anchors() -> None:
    """A wrong anchor order would put every detected palm somewhere else."""
    anchors = palm_anchors()
    assert anchors.shape == (2016, 2)
    assert anchors[0].tolist() == pytest.approx([0.5 / 24, 0.5 / 24])
    assert anchors[1].tolist() == anchors[0].tolist()  # two a cell of the fine grid
    assert anchors[2].tolist() == pytest.approx([1.5 / 24, 0.5 / 24])  # x runs first
    assert anchors[1152].tolist() == pytest.approx([0.5 / 12, 0.5 / 12])
    assert (anchors[1152:1158] == anchors[1152]).all()  # six a cell of the coarse grid
    assert anchors[-1].tolist() == pytest.approx([11.5 / 12, 11.5 / 12])


def test_iou() -> None:
    """A wrong overlap would merge two hands into one, or publish one hand twice."""
    one = np.array([0, 0, 2, 2], np.float32)
    many = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 3, 3], [1, 1, 1, 1]], np.float32)
    assert box_iou(one, many).tolist() == pytest.approx([1, 1 / 3, 0, 0])


def test_nms_averages_by_score() -> None:
    """Picking instead of averaging would make the ROI jump between neighbouring anchors."""
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]], np.float32)
    merged, best = weighted_nms(boxes, boxes, np.array([0.6, 0.9, 0.7], np.float32), 0.3)
    assert best.tolist() == pytest.approx([0.9, 0.7])
    assert merged[0].tolist() == pytest.approx([0.6, 0, 10.6, 10])
    assert merged[1].tolist() == [50, 50, 60, 60]


def test_nms_survives_boxes_without_area() -> None:
    """A degenerate box must not loop forever: the service would hang on one odd frame."""
    boxes = np.zeros((3, 4), np.float32)
    merged, best = weighted_nms(boxes, boxes, np.array([0.6, 0.9, 0.7], np.float32), 0.3)
    assert len(merged) == len(best) == 3


@given(st.floats(-1e3, 1e3))
def test_angles_come_home(radians: float) -> None:
    """An angle outside [-pi, pi) would turn the ROI the long way round."""
    angle = normalise_angle(radians)
    assert -math.pi <= angle < math.pi
    assert math.isclose(math.cos(angle), math.cos(radians), abs_tol=1e-6)


def test_upright_palm_gives_upright_roi() -> None:
    """The ROI must lie along the fingers: that is where the landmark model expects the hand."""
    keypoints = np.array(
        [[100, 140], [80, 100], [100, 95], [115, 100], [125, 110], [75, 130], [65, 120]], np.float32
    )
    palm = PalmDetection(np.array([70, 80, 130, 140], np.float32), keypoints, 0.9)
    roi = palm_roi(palm)
    assert (roi.cx, roi.cy) == pytest.approx((100, 110 - 0.5 * 60))
    assert roi.size == pytest.approx(2.6 * 60)
    assert roi.rotation == pytest.approx(0)


@given(angle=st.floats(-math.pi, math.pi - 1e-3), scale=st.floats(20, 500), x=st.floats(-50, 700))
def test_roi_turns_with_the_hand(angle: float, scale: float, x: float) -> None:
    """A hand turned, moved and scaled must be looked for in a ROI turned, moved, scaled alike."""
    still = landmarks_roi(open_hand())
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]], np.float32)
    moved = open_hand()[:, :2] @ turn.T * np.float32(scale) + np.array((x, 100), np.float32)
    roi = landmarks_roi(moved)
    assert math.isclose(math.cos(roi.rotation - still.rotation), cos, abs_tol=1e-3)
    assert math.isclose(roi.size, still.size * scale, rel_tol=1e-3)
    centre = turn @ np.array([still.cx, still.cy]) * scale + (x, 100)
    assert (roi.cx, roi.cy) == pytest.approx(tuple(centre), abs=1e-2 * scale)


@given(st.floats(-100, 700), st.floats(-100, 500), st.floats(10, 900), st.floats(-math.pi, math.pi))
def test_crop_corners(cx: float, cy: float, size: float, rotation: float) -> None:
    """Crop centre and corners must land on the ROI's own, or every landmark is shifted."""
    to_frame = crop_to_frame(Roi(cx, cy, size, rotation), 224)
    assert to_frame @ [112, 112, 1] == pytest.approx([cx, cy], abs=1e-6)
    corner = to_frame @ [224, 0, 1]
    right_up = np.array([size / 2, -size / 2])
    cos, sin = math.cos(rotation), math.sin(rotation)
    expected = np.array([[cos, -sin], [sin, cos]]) @ right_up + (cx, cy)
    assert corner == pytest.approx(expected, abs=1e-6)


@given(st.floats(-100, 4000), st.floats(-100, 4000), st.floats(1, 4000), st.floats(-3.14, 3.14))
def test_grid_moves_nothing_by_half_a_pixel_of_the_crop(
    cx: float, cy: float, size: float, rotation: float
) -> None:
    """A hand would be cropped at the wrong place."""
    roi = Roi(cx, cy, size, rotation)
    placed = on_grid(roi)
    assert on_grid(placed) == placed
    for corner in ([0, 0, 1], [224, 0, 1], [0, 224, 1], [112, 112, 1]):
        moved = crop_to_frame(placed, 224) @ corner - crop_to_frame(roi, 224) @ corner
        assert math.hypot(*moved) <= 0.5 * size / 224


def test_grid_takes_up_what_processors_differ_by() -> None:
    """Two machines would cut out other pixels of the same hand."""
    noise = np.random.default_rng(1)
    other = 0
    for cx, cy, size, rotation in noise.uniform([0, 0, 80, -3], [640, 480, 500, 3], (2000, 4)):
        here = Roi(cx, cy, size, rotation)
        off = noise.uniform(-1e-4, 1e-4, 3)  # pixels, as measured: docs/device-tests.md
        there = Roi(cx + off[0], cy + off[1], size + off[2], rotation + off[0] / size)
        other += on_grid(here) != on_grid(there)
    assert other <= 10


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (101, 37), (192, 192)])
def test_a_letterboxed_picture_is_sampled_in_32nds_of_a_pixel(size: tuple[int, int]) -> None:
    """Each OpenCV would draw palms another picture, and none the one that MediaPipe sees."""
    width, height = size
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    to_frame = letterbox_to_frame(width, height, 192)
    drawn = cv2.remap(image, *letterbox_maps(to_frame, 192), cv2.INTER_LINEAR)

    places = np.rint(32 * (np.arange(192)[:, None] * to_frame[0, 0] + to_frame[:, 2])).astype(int)
    padded = np.zeros((height + 400, width + 400, 3), int)
    padded[200 : 200 + height, 200 : 200 + width] = image
    want = np.zeros((192, 192, 3), int)
    for down in (0, 1):
        for right in (0, 1):
            (x, y), (part_x, part_y) = places.T // 32 + 200, places.T % 32
            share_x, share_y = np.abs(1 - right - part_x / 32), np.abs(1 - down - part_y / 32)
            weights = np.rint(1024 * share_y[:, None] * share_x).astype(int)
            want += weights[..., None] * padded[np.ix_(y + down, x + right)]
    np.testing.assert_array_equal(drawn, (want + 512) >> 10)


def test_letterbox() -> None:
    """A wide frame is padded above and below, so that palms keep their shape."""
    to_frame = letterbox_to_frame(640, 480, 192)
    assert to_frame @ [0, 24, 1] == pytest.approx([0, 0])
    assert to_frame @ [192, 168, 1] == pytest.approx([640, 480])


def test_projection_scales_depth() -> None:
    """Z must be in the scale of x and y, or a hand drawn in 3-D is flat or endless."""
    raw = np.tile(np.array([112, 112, 22.4], np.float32), (21, 1))
    out = project_landmarks(raw, crop_to_frame(Roi(300, 200, 448, 0.7), 224))
    assert out[0].tolist() == pytest.approx([300, 200, 22.4 / 224 / 0.4 * 448], rel=1e-5)


def test_world_turns_with_the_roi() -> None:
    """World landmarks must be in the frame's axes, or a turned hand reads as an upright one."""
    raw = np.zeros((21, 3), np.float32)
    raw[:, 0] = 0.1  # to the right in the crop
    turned = rotate_world(raw, math.pi / 2)  # the crop's right is the frame's down
    assert turned[0].tolist() == pytest.approx([0, 0.1, 0], abs=1e-6)


def test_duplicates() -> None:
    """The same hand read twice is one hand; two hands side by side are two."""
    hand = open_hand() * 100
    assert same_hand(hand, hand + np.array((5, 5, 0), np.float32))
    assert not same_hand(hand, hand + np.array((60, 0, 0), np.float32))
