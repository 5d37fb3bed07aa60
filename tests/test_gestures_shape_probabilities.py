"""What a hand looks like: the fitted table beside the rules."""

from __future__ import annotations

import numpy as np
import pytest

from edgehands import HandTracker, TrackingConfig
from edgehands.gestures import recognise
from edgehands.gestures.shape_probabilities import MEASURES, measures_of, shape_probabilities
from edgehands.gestures.shape_probability_table import SHAPES, TABLE
from edgehands.hand import Handedness
from edgehands.synthetic import random_scene, render_scene
from tests.gesture_hands import made_hand

SEEDS = 40_000_000
"""Drawn hands that nothing was fitted to and nothing else is measured on."""


def test_the_table_fits_the_measures() -> None:
    """A table made for other measures would name hands at random."""
    assert len(TABLE) == MEASURES + 1
    assert {len(row) for row in TABLE} == {len(SHAPES)}


@pytest.mark.parametrize("shape", ["open_palm", "fist", "rock", "pinch", "thumbs_up"])
def test_neither_size_nor_turn_nor_side_changes_what_a_hand_looks_like(shape: str) -> None:
    """Children, left hands and hands held aslant show the same shapes."""
    world = made_hand(shape).world_landmarks
    usual = shape_probabilities(world)
    mirrored = shape_probabilities(made_hand(shape, side=Handedness.LEFT).world_landmarks)
    angle = np.radians(70.0)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    turned = world.copy()
    turned[:, :2] = world[:, :2] @ turn
    for other in (shape_probabilities(2.5 * world), shape_probabilities(turned), mirrored):
        assert other == pytest.approx(usual, abs=0.02)


def test_probabilities_stay_probabilities_for_any_points() -> None:
    """Whatever a landmark model invents, the shares stay shares."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        found = shape_probabilities(rng.normal(0, 0.05, (21, 3)).astype(np.float32))
        assert all(0.0 <= v <= 1.0 for v in found)
        assert sum(found) <= 1.0 + 1e-9


def test_a_palm_without_area_looks_like_nothing() -> None:
    """Points in a line have no inside and outside; no gesture may come of them."""
    line = np.zeros((21, 3), np.float32)
    line[:, 1] = np.linspace(0.0, 0.2, 21)
    assert measures_of(line) is None
    assert shape_probabilities(line) == (0.0,) * len(SHAPES)


def test_hands_are_read_from_behind() -> None:
    """From the back only half of a hand is visible; the gesture is the same."""
    right = []
    with HandTracker(TrackingConfig(static_image=True, max_hands=1)) as tracker:
        for number, shape in enumerate(("three", "rock", "i_love_you", "call", "fist", "point")):
            for i in range(4):
                scene = random_scene(SEEDS + 100 * number + i, gesture=shape, view="back")
                right += [
                    recognise(hand).name.removesuffix("_up") == shape
                    for hand in tracker.process(render_scene(scene).image)
                ]
    assert len(right) >= 22
    assert np.mean(right) >= 0.85


@pytest.mark.slow("draws 96 hands and reads them; a share needs so many")
def test_a_relaxed_hand_means_nothing_even_where_it_is_read_badly() -> None:
    """A lamp must not go on because somebody's hand hangs in the picture."""
    names = []
    with HandTracker(TrackingConfig(static_image=True, max_hands=1)) as tracker:
        for i in range(96):
            view = ("palm", "back")[i % 2]
            scene = random_scene(SEEDS + 1000 + i, gesture="relaxed", view=view)  # type: ignore[arg-type]
            names += [recognise(hand).name for hand in tracker.process(render_scene(scene).image)]
    assert len(names) >= 90
    assert names.count("none") >= 0.95 * len(names)
