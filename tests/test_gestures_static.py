"""Finger counts and static gestures of single frames."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgehands.errors import GestureError
from edgehands.gestures import GESTURES, NONE, count_fingers, pinch_strength, recognise, shape_of
from edgehands.gestures.features import features_of
from edgehands.gestures.static import score_gestures
from edgehands.hand import Handedness
from tests.gesture_hands import made_hand
from tests.golden_gestures import FILE, measured

# shape, turn in the picture, name, fingers
SHOWN = [
    ("open_palm", 0.0, "open_palm", 5),
    ("fist", 0.0, "fist", 0),
    ("point", 0.0, "point_up", 1),
    ("point", 90.0, "point", 1),
    ("victory", 0.0, "victory", 2),
    ("three", 0.0, "three", 3),
    ("four", 0.0, "four", 4),
    ("thumbs_up", -62.0, "thumbs_up", 1),
    ("thumbs_down", 118.0, "thumbs_down", 1),
    ("ok", 0.0, "ok", 3),
    ("pinch", 0.0, "pinch", 0),
    ("rock", 0.0, "rock", 2),
    ("call", 0.0, "call", 2),
    ("i_love_you", 0.0, "i_love_you", 3),
    ("relaxed", 0.0, NONE, None),
]


@pytest.mark.parametrize(("shape", "roll", "name", "fingers"), SHOWN)
def test_each_shape_has_its_name_and_count(
    shape: str, roll: float, name: str, fingers: int | None
) -> None:
    """A light that is switched by the wrong gesture is worse than none."""
    hand = made_hand(shape, roll=roll)
    seen = recognise(hand)
    assert seen.name == name
    assert 0.5 <= seen.score <= 1.0
    if fingers is not None:
        assert count_fingers(hand) == fingers


def test_every_gesture_is_shown_above() -> None:
    """A gesture that no test shows could vanish unnoticed."""
    assert {name for _, _, name, _ in SHOWN} == {*GESTURES, NONE}


@pytest.mark.parametrize(("shape", "roll", "name", "fingers"), SHOWN)
def test_left_hands_mean_the_same_as_right_hands(
    shape: str, roll: float, name: str, fingers: int | None
) -> None:
    """Left-handed people must be understood too, whatever the tracker calls their hand."""
    left = made_hand(shape, roll=-roll, side=Handedness.LEFT)
    assert recognise(left).name == name
    assert recognise(replace(left, handedness=Handedness.RIGHT)).name == name


@settings(max_examples=60, deadline=None)
@given(
    index=st.integers(0, len(SHOWN) - 1),
    size=st.floats(0.4, 2.5),
    roll=st.floats(-180.0, 180.0),
    yaw=st.floats(-40.0, 40.0),
    pitch=st.floats(-30.0, 30.0),
)
def test_size_and_turn_do_not_matter_where_up_does_not(
    index: int, size: float, roll: float, yaw: float, pitch: float
) -> None:
    """A child's hand, or a hand held aslant, shows the same gesture."""
    shape, _, name, _ = SHOWN[index]
    if name in {"point", "point_up", "thumbs_up", "thumbs_down", NONE}:
        return
    assert recognise(made_hand(shape, scale=size, roll=roll, yaw=yaw, pitch=pitch)).name == name


def test_up_matters_for_thumbs_and_the_pointing_finger() -> None:
    """Thumbs up and thumbs down must never be mistaken for each other."""
    names = [recognise(made_hand("thumbs_up", roll=r)).name for r in (-62.0, 28.0, 118.0, 208.0)]
    assert names == ["thumbs_up", NONE, "thumbs_down", NONE]


def test_pinch_strength_grows_as_the_tips_meet() -> None:
    """A dimmer that follows the pinch must go up and down smoothly, and be 0 for an open hand."""
    apart, together = made_hand("open_palm"), made_hand("pinch")
    strengths = []
    for part in np.linspace(0.0, 1.0, 9):
        world = apart.world_landmarks * (1 - part) + together.world_landmarks * part
        strengths.append(pinch_strength(replace(apart, world_landmarks=world.astype(np.float32))))
    assert strengths[0] == 0.0
    assert strengths[-1] > 0.9
    assert strengths == sorted(strengths)
    assert pinch_strength(made_hand("fist")) < 0.2


def test_scores_are_between_0_and_1_for_any_points() -> None:
    """Whatever a landmark model invents, subscribers get a number that means something."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        scores = score_gestures(shape_of(rng.normal(0, 0.05, (21, 3)).astype(np.float32)))
        assert all(0.0 <= s <= 1.0 for s in scores)
        assert len(scores) == len(GESTURES)


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((21, 3), np.float32),
        np.full((21, 3), np.nan, np.float32),
        np.full((21, 3), np.inf, np.float32),
        np.zeros((20, 3), np.float32),
        np.zeros((21, 2), np.float32),
    ],
)
def test_points_that_are_no_hand_are_refused_in_one_line(points: np.ndarray) -> None:
    """A program that passes rubbish should hear what is wrong with it, not a division by zero."""
    with pytest.raises(GestureError) as raised:
        count_fingers(replace(made_hand(), world_landmarks=points))
    assert "\n" not in str(raised.value)


def test_measures_and_scores_are_those_that_accuracy_was_measured_with() -> None:
    """A change of a threshold or a sign would make the figures in docs/gestures.md untrue."""
    golden, now = json.loads(FILE.read_text()), measured()
    assert golden.keys() == now.keys()
    for name, values in golden.items():
        for key, numbers in values.items():
            assert now[name][key] == pytest.approx(numbers, abs=0.002), (name, key)


@pytest.mark.parametrize("side", Handedness)
def test_features_are_bones_and_tips_as_seen_from_the_palm(side: Handedness) -> None:
    """Taught gestures are kept as these numbers: others would make every file of them useless."""
    hand = made_hand("call", yaw=20.0, pitch=-15.0, roll=40.0, scale=1.3, side=side)
    points = hand.world_landmarks.astype(float) - hand.world_landmarks[0]
    if side is Handedness.LEFT:
        points[:, 0] *= -1
    along = points[[5, 9, 13, 17]].mean(axis=0)
    y = along / np.linalg.norm(along)
    z = np.cross(points[5] - points[17], along)
    z /= np.linalg.norm(z)
    axes = np.stack([np.cross(y, z), y, z])
    seen = points @ axes.T / np.linalg.norm(points[[5, 9, 13, 17]], axis=1).mean()
    starts = [i for i in range(1, 20) if i % 4]
    bones = np.array([seen[i + 1] - seen[i] for i in starts])
    bones /= np.linalg.norm(bones, axis=1)[:, None]
    expected = np.concatenate([bones.ravel(), 1.5 * seen[[4, 8, 12, 16, 20]].ravel()])
    found = features_of(hand.world_landmarks, right=side is Handedness.RIGHT)
    assert found == pytest.approx(expected, abs=1e-4)
