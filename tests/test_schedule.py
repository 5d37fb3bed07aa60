"""When palm detection runs, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest

from edgehands.tracking.schedule import (
    IDLE_AFTER,
    INTERVAL_DOUBT,
    LOST_LOOKS,
    SPARING,
    DetectionSchedule,
    Look,
    MotionGate,
    pace_of,
)


def looks(
    schedule: DetectionSchedule,
    frames: int,
    *,
    tracked: int = 1,
    moving: bool = False,
    room: bool = True,
    doubt: bool = False,
) -> list[int]:
    """The frames, counted from 1, in which detection is due; it finds nothing."""
    seen = []
    for number in range(1, frames + 1):
        if schedule.due(
            tracked=tracked,
            room=room,
            lost=0,
            doubt=doubt,
            fresh=False,
            moving=lambda share: moving and share > 0,
        ):
            schedule.looked(found=False)
            seen.append(number)
    return seen


def begun(*, found: bool) -> DetectionSchedule:
    """A schedule whose first look is behind it."""
    schedule = DetectionSchedule()
    schedule.due(tracked=0, room=True, lost=0, doubt=False, fresh=False, moving=lambda _: False)
    schedule.looked(found=found)
    return schedule


def test_beside_a_still_hand_detection_runs_ever_more_rarely() -> None:
    """A hand that rests alone would otherwise cost a detection a frame."""
    assert looks(begun(found=True), 40) == [1, 3, 7, 15, 23, 31, 39]


def test_beside_a_hand_something_that_moves_is_looked_at_within_three_frames() -> None:
    """The second hand is what moves there."""
    assert looks(begun(found=True), 20, moving=True) == [1, 3, 5, 8, 11, 14, 17, 20]


def test_with_all_hands_seen_detection_runs_only_for_a_doubtful_track() -> None:
    """Nothing more is allowed; but a face must not keep a hand's place."""
    assert looks(begun(found=True), 30, room=False) == []
    every = looks(begun(found=True), 30, room=False, doubt=True)
    assert set(np.diff(every)) == {INTERVAL_DOUBT}


@pytest.mark.parametrize("lost", range(1, 12))
def test_a_lost_hand_is_looked_for_at_once_and_then_more_rarely(lost: int) -> None:
    """It comes back within a few frames or not at all."""
    schedule = begun(found=True)
    for _ in range(5):
        schedule.looked(found=False)  # by itself, the next look is eight frames away
    due = schedule.due(
        tracked=1, room=True, lost=lost, doubt=False, fresh=False, moving=lambda _: False
    )
    assert due == (lost in LOST_LOOKS)
    assert LOST_LOOKS[:3] == (1, 2, 3)


def test_an_empty_still_picture_is_looked_at_every_second_frame_then_every_tenth() -> None:
    """Power and heat of a device that waits."""
    seen = np.array(looks(begun(found=False), IDLE_AFTER + 60, tracked=0))
    early = np.diff(seen[seen < IDLE_AFTER])
    late = np.diff(seen[seen > IDLE_AFTER + 10])
    assert set(early) == {2}
    assert set(late) == {10}


def test_whatever_moves_in_an_empty_picture_is_looked_at_in_the_same_frame() -> None:
    """A hand that comes in is what everybody waits for, after an hour too."""
    schedule = begun(found=False)
    assert looks(schedule, 20, tracked=0, moving=True) == list(range(1, 21))
    looks(schedule, IDLE_AFTER + 20, tracked=0)
    assert looks(schedule, 5, tracked=0, moving=True) == [1, 2, 3, 4, 5]


def test_where_nothing_is_found_every_fourth_look_is_followed_by_another() -> None:
    """Hands that fill the picture, and far ones, show no palm in the whole picture."""
    schedule = DetectionSchedule()
    others = []
    for _ in range(17):
        others.append(schedule.other_look())
        schedule.looked(found=False)
    assert [i for i, look in enumerate(others) if look is Look.FILLED] == [4, 12]
    assert [i for i, look in enumerate(others) if look is Look.MIDDLE] == [8, 16]
    found = DetectionSchedule()
    for success in (False, False, False, True):
        found.looked(found=success)
    assert found.other_look() is None  # counted again since a hand was found


def test_the_only_hand_is_looked_for_in_the_frame_in_which_it_is_lost() -> None:
    """Where nothing else is tracked and little moves, it would be missing for one frame more."""
    schedule = begun(found=True)
    due = schedule.due(
        tracked=0, room=True, lost=1, doubt=False, fresh=False, moving=lambda _: False
    )
    assert due


def test_a_cheap_palm_model_looks_more_often() -> None:
    """What it saves is spent on the second hand, and on pictures in which nothing seems to move."""
    assert pace_of(192) is SPARING
    schedule = DetectionSchedule(pace_of(112))
    schedule.looked(found=True)
    assert looks(schedule, 20) == [1, 3, 7, 11, 15, 19]
    assert looks(schedule, 8, moving=True) == [1, 3, 5, 7]
    empty = DetectionSchedule(pace_of(112))
    assert looks(empty, 10, tracked=0) == list(range(1, 11))


def picture(*, level: int = 100) -> np.ndarray:
    """A grey frame."""
    return np.full((480, 640, 3), level, np.uint8)


def test_sensor_noise_does_not_count_as_motion_but_a_small_hand_does() -> None:
    """Noise would keep detection running; a distant hand has to start it."""
    gate, rng = MotionGate(), np.random.default_rng(0)
    gate.keep(picture())
    noisy = np.clip(picture() + rng.normal(0, 5, (480, 640, 3)), 0, 255).astype(np.uint8)
    assert not gate.moved(noisy, [])
    small = picture()
    small[200:250, 300:350] = 140
    assert gate.moved(small, [])
    assert not gate.moved(small, [(290, 190, 360, 260)])  # a tracked hand's own motion


def test_a_change_of_light_is_not_taken_for_a_hand_beside_another() -> None:
    """A lamp that is switched on changes everything at once."""
    gate = MotionGate()
    gate.keep(picture())
    assert not gate.moved(picture(level=160), [], 0.25)
    assert gate.moved(picture(level=160), [], 1.0)
