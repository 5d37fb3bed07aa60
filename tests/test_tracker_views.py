"""Hands that fill the picture, are far away, or stand still, with the real models."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgehands import Handedness, HandTracker, TrackingConfig
from edgehands.synthetic import random_scene, render_scene
from edgehands.synthetic.film import Film, film, stage_of
from edgehands.synthetic.motion import Actor, Key, Place, keep_apart


def follow(images: list[np.ndarray], model: str = "full") -> list[int]:
    """Number of hands in each frame."""
    config = TrackingConfig(model=model, num_threads=1)  # type: ignore[arg-type]
    with HandTracker(config) as tracker:
        return [len(tracker.process(image, i / 30)) for i, image in enumerate(images)]


def filling_hand(seed: int) -> np.ndarray:
    """A drawn hand whose finger tips and wrist lie outside the picture, three times as large."""
    picture = render_scene(random_scene(seed, gesture="open_palm", view="back"))
    points = picture.truth.hands[0].mediapipe.image[:, :2]
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    cut_x, cut_y = 0.06 * (x1 - x0), 0.06 * (y1 - y0)
    part = picture.image[int(y0 + cut_y) : int(y1 - cut_y), int(x0 + cut_x) : int(x1 - cut_x)]
    return cv2.resize(part, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)


def far_hand(seed: int) -> np.ndarray:
    """A drawn hand, small in the middle of a large picture."""
    image = render_scene(random_scene(seed, gesture="open_palm", view="palm")).image
    small = cv2.resize(image, None, fx=0.22, fy=0.22, interpolation=cv2.INTER_AREA)
    large = np.full((960, 1280, 3), 90, np.uint8)
    height, width = small.shape[:2]
    large[480 - height // 2 :, 640 - width // 2 :][:height, :width] = small
    return large


@pytest.mark.parametrize("seed", [75, 79])
def test_a_hand_that_fills_the_picture_is_found(seed: int) -> None:
    """Who holds a hand right before the camera must be seen within a second."""
    told = follow([filling_hand(seed)] * 24)
    assert told[-1] == 1
    assert told[0] == 0


@pytest.mark.parametrize("seed", [78, 82])
def test_a_far_hand_in_the_middle_is_found(seed: int) -> None:
    """Across the room a hand is too small for the palm model until the middle is enlarged."""
    told = follow([far_hand(seed)] * 24)
    assert told[0] == 0
    assert told[-1] == 1


def touching_fists(seed: int, apart: float, turn: float) -> Film:
    """Two drawn fists that come together within 0.6 seconds and then stay in contact.

    Args:
        seed: of skin and background.
        apart: of the picture's width, from the middle of the picture to each fist.
        turn: degrees outwards.
    """
    stage = stage_of("fists", "two fists touch", seed, (640, 480))

    def fist(side: Handedness, place: int) -> Actor:
        far = Place(0.5 + place * 0.2, 0.55, 0.2, 0, 0, place * (turn + 5))
        near = Place(0.5 + place * apart, 0.55, 0.2, 0, 0, place * turn)
        return Actor(side, (Key(0, far, "fist"), Key(0.6, near), Key(1.2, near)), stage.skin)

    one, two = fist(Handedness.RIGHT, -1), fist(Handedness.LEFT, 1)
    cam = stage.camera
    return film(stage, (30, 1.2), lambda t: keep_apart(one.hand_at(t, cam), two.hand_at(t, cam)))


def test_fists_that_touch_stay_two_hands() -> None:
    """A sign of two fists must not lose one of them, nor swap their ids."""
    seen, fists = [], touching_fists(1, 0.07, 3)
    with HandTracker(TrackingConfig(num_threads=1)) as tracker:
        for i in range(0, fists.frames, 3):
            hands = tracker.process(render_scene(fists.scene_at(i)).image, i / 30)
            seen.append({hand.id: hand.landmarks[:, 0].mean() for hand in hands})
    assert {frozenset(places) for places in seen} == {frozenset({1, 2})}
    assert len({places[1] < places[2] for places in seen}) == 1


def test_fists_turned_to_each_other_stay_two_hands() -> None:
    """The landmark model is unsure of a fist that touches another one; its palm is certain."""
    fists = touching_fists(8, 0.06, 60)
    with HandTracker(TrackingConfig(num_threads=1)) as tracker:
        told = [
            len(tracker.process(render_scene(fists.scene_at(i)).image, i / 30))
            for i in range(0, fists.frames, 2)
        ]
    assert told == [2] * len(told)


def test_a_still_hand_stands_still_although_int8_is_coarse() -> None:
    """A slide of a hand, as a film shows it, must not tremble by int8's steps."""
    still = render_scene(random_scene(72, gesture="open_palm", view="palm")).image
    rng = np.random.default_rng(4)
    config = TrackingConfig(num_threads=1, smoothing=False)
    seen = []
    with HandTracker(config) as tracker:
        for i in range(20):
            shown = np.clip(still + rng.integers(-2, 3, still.shape), 0, 255).astype(np.uint8)
            seen.append(tracker.process(shown, i / 30)[0].landmarks)
        assert tracker.workload.landmark_runs < 8
    assert np.abs(np.diff(seen[8:], axis=0)).max() == 0
