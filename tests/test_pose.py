"""A hand's place and turn in the camera's frame."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands.errors import CalibrationError
from edgehands.gestures import GesturesConfig, HandInterpreter
from edgehands.hand import Handedness, Pose
from edgehands.pose import (
    Intrinsics,
    PoseConfig,
    PoseEstimator,
    estimate_pose,
    learn_hand_length,
)
from edgehands.pose.smooth import axes_of, between
from tests.gesture_hands import FOCAL, HEIGHT, WIDTH, frame_of, made_hand

if TYPE_CHECKING:
    from edgehands.hand import Hand

CAMERA = Intrinsics(WIDTH, HEIGHT, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2)
LENGTH = 0.19
TURN_MARGIN = 25.0
"""Degrees: a fitted function pulls steep leans towards the camera, 40 degrees read as 22."""


def pose_of(hand_length: float = LENGTH, **made: object) -> Pose:
    """The pose of a made hand."""
    found = estimate_pose(made_hand(**made), CAMERA, hand_length)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("side", Handedness)
@pytest.mark.parametrize("shape", ["open_palm", "fist", "point"])
@pytest.mark.parametrize("at", [(0.0, 0.05, 0.4), (0.15, 0.1, 0.6), (-0.3, -0.1, 1.2)])
def test_the_wrist_is_where_it_is(
    side: Handedness, shape: str, at: tuple[float, float, float]
) -> None:
    """A robot that reaches for the hand must not miss it."""
    found = pose_of(shape=shape, at=at, side=side)
    assert np.linalg.norm(np.array(found.wrist) - at) / np.linalg.norm(at) < 0.08
    assert found.confidence > 0.6


@pytest.mark.parametrize("side", Handedness)
@pytest.mark.parametrize(
    ("yaw", "roll", "normal", "pointing"),
    [
        (0.0, 0.0, (0, 0, -1), (0, -1, 0)),
        (0.0, 90.0, (0, 0, -1), (1, 0, 0)),
        (0.0, 180.0, (0, 0, -1), (0, 1, 0)),
        (180.0, 0.0, (0, 0, 1), (0, -1, 0)),
        (40.0, 0.0, (-0.64, 0, -0.77), (0, -1, 0)),
        (-40.0, 0.0, (0.64, 0, -0.77), (0, -1, 0)),
    ],
)
def test_the_axes_point_where_the_hand_does(
    side: Handedness,
    yaw: float,
    roll: float,
    normal: tuple[float, float, float],
    pointing: tuple[float, float, float],
) -> None:
    """An overlay that stands on the palm must not lie in it, on left and right hands."""
    found = pose_of(side=side, yaw=yaw, roll=roll, at=(0.0, 0.0, 0.6))
    assert float(np.dot(found.palm_normal, normal)) > np.cos(np.radians(TURN_MARGIN))
    assert float(np.dot(found.pointing, pointing)) > np.cos(np.radians(TURN_MARGIN))


def test_quaternion_and_axes_say_the_same() -> None:
    """Users of the quaternion and of the vectors must get the same hand."""
    found = pose_of(yaw=30.0, pitch=15.0, roll=-50.0)
    x, y, z = axes_of(found.quaternion)
    assert x == pytest.approx(found.pointing, abs=1e-6)
    assert z == pytest.approx(found.palm_normal, abs=1e-6)
    assert tuple(np.cross(z, x)) == pytest.approx(y, abs=1e-6)
    assert np.linalg.norm(found.quaternion) == pytest.approx(1.0)
    assert found.quaternion[3] >= 0.0


def test_distance_goes_with_the_hand_s_length() -> None:
    """The same picture is a small hand near by or a large one further away."""
    near, far = pose_of(0.16), pose_of(0.20)
    assert far.wrist[2] / near.wrist[2] == pytest.approx(0.20 / 0.16)


def test_a_hand_s_length_can_be_learned() -> None:
    """A child shows its hand once at arm's length, and distances are right from then on."""
    hands = [made_hand(scale=0.75, at=(0.0, 0.04, 0.5), roll=r) for r in range(-10, 11, 2)]
    middle = float(np.hypot(0.5, 0.0))
    learned = learn_hand_length(hands, middle, CAMERA)
    assert learned == pytest.approx(0.75 * LENGTH, rel=0.06)
    with pytest.raises(CalibrationError, match="2 usable pictures"):
        learn_hand_length(hands[:2], 0.5, CAMERA)
    with pytest.raises(CalibrationError, match="distance of 50 m"):
        learn_hand_length(hands, 50, CAMERA)


def test_a_trembling_hand_has_a_steady_pose() -> None:
    """An overlay that shivers on a still hand is hard to look at."""
    rng = np.random.default_rng(4)
    hands = [made_hand(noise=0.002, rng=rng) for _ in range(150)]
    still = [spread(PoseConfig(smoothing=s), hands) for s in (False, True)]
    assert still[1][0] < 0.5 * still[0][0]
    assert still[1][1] < 0.5 * still[0][1]


def spread(config: PoseConfig, hands: list[Hand]) -> tuple[float, float]:
    """Frame-to-frame change of distance (m) and turn (rad), rms, after the first second."""
    estimator = PoseEstimator(config)
    poses = [estimator.estimate(h, WIDTH, HEIGHT, i / 30) for i, h in enumerate(hands)]
    kept = [p for p in poses[30:] if p is not None]
    depth = np.diff([p.palm[2] for p in kept])
    turns = [math.hypot(*between(a.quaternion, b.quaternion)) for a, b in itertools.pairwise(kept)]
    return float(np.sqrt(np.mean(depth**2))), float(np.sqrt(np.mean(np.square(turns))))


def test_smoothing_does_not_lag_behind_a_push() -> None:
    """A virtual button must give way when it is pressed, not half a second later."""
    estimator = PoseEstimator(
        PoseConfig(
            hand_length=LENGTH, focal_x=FOCAL, calibrated_width=WIDTH, calibrated_height=HEIGHT
        )
    )
    lag = []
    for i in range(60):
        z = 0.6 if i < 30 else 0.6 - 0.02 * min(i - 29, 9)
        found = estimator.estimate(made_hand(at=(0.0, 0.05, z)), WIDTH, HEIGHT, i / 30)
        raw = pose_of(at=(0.0, 0.05, z))
        assert found is not None
        lag.append(abs(found.palm[2] - raw.palm[2]))
    assert max(lag) < 0.06
    assert lag[50] < 0.01  # 0.4 s after the hand has stopped


def test_the_overlay_stays_on_the_hand_while_it_is_steadied() -> None:
    """Smoothing the distance must not pull the place away from the picture's hand."""
    estimator = PoseEstimator(
        PoseConfig(focal_x=FOCAL, calibrated_width=640, calibrated_height=480)
    )
    rng = np.random.default_rng(8)
    for i in range(20):
        hand = made_hand(at=(0.2, 0.1, 0.6), noise=0.003, rng=rng)
        steady = estimator.estimate(hand, WIDTH, HEIGHT, i / 30)
        raw = estimate_pose(hand, CAMERA)
        assert steady is not None
        assert raw is not None
        for a, b in ((steady.palm, raw.palm), (steady.wrist, raw.wrist)):
            assert a[0] / a[2] == pytest.approx(b[0] / b[2], abs=1e-6)
            assert a[1] / a[2] == pytest.approx(b[1] / b[2], abs=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_landmarks_that_are_no_hand_have_no_pose(value: float) -> None:
    """A wrong place is worse for a robot than none."""
    bad = replace(made_hand(), landmarks=np.full((21, 3), value, np.float32))
    assert estimate_pose(bad, CAMERA) is None


def test_the_stream_carries_the_pose_and_it_can_be_switched_off() -> None:
    """Users who don't need it pay nothing for it."""
    on = HandInterpreter(GesturesConfig(enabled=False), PoseConfig())
    off = HandInterpreter(GesturesConfig(enabled=False), PoseConfig(enabled=False))
    assert on.interpret(frame_of((made_hand(),))).frame_hands.hands[0].pose is not None
    assert off.interpret(frame_of((made_hand(),))).frame_hands.hands[0].pose is None


def test_no_landmarks_bring_the_stream_down() -> None:
    """The fitted turn may leave the sphere for hands nobody has seen; that mustn't be a crash."""
    rng = np.random.default_rng(2)
    for i in range(400):
        wild = replace(
            made_hand(),
            landmarks=rng.normal(300.0, 10.0 ** rng.uniform(-3, 4), (21, 3)).astype(np.float32),
            handedness=Handedness.LEFT if i % 2 else Handedness.RIGHT,
        )
        found = estimate_pose(wild, CAMERA)
        if found is not None:
            assert np.isfinite([*found.wrist, *found.quaternion, found.confidence]).all()
            assert 0.0 <= found.confidence <= 1.0
