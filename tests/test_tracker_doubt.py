"""What is no hand isn't followed, and what is one hand isn't followed twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgehands import HandTracker, TrackingConfig
from edgehands.geometry.duplicates import same_hand
from edgehands.tracking.association import one_hand, own_palms
from edgehands.tracking.track import Track
from tests.hands import frame
from tests.readings import Seen, follow, palm, reading


def test_a_face_is_not_followed_as_a_hand() -> None:
    """A face in which a palm flickers must neither be published nor take a hand's place."""
    rng = np.random.default_rng(3)
    scores = rng.uniform(0.4, 0.65, 120)
    presences = rng.uniform(0.55, 0.88, 120)

    def face(i: int) -> list[Seen]:
        return [Seen(300, scores[i], presences[i], apart=0.4)]

    told = follow(face, 120)
    assert sum(len(hands) for hands in told) <= 2


def test_a_face_that_got_through_is_given_up_and_not_taken_again() -> None:
    """One sure reading among doubtful ones must not make a hand of a face for good."""

    def face(i: int) -> list[Seen]:
        return [Seen(300, 0.9 if i == 0 else 0.55, 0.8, apart=0.4)]

    told = [len(hands) for hands in follow(face, 60)]
    assert told[0] == 1
    assert sum(told) <= 12
    assert not any(told[12:])


def test_a_face_in_profile_that_palm_detection_is_sure_of_is_given_up() -> None:
    """What both models take for a palm, but not with the same wrist and knuckles, is none."""

    def face(i: int) -> list[Seen]:
        return [Seen(300, 0.75, 0.94 if i % 4 == 3 else 0.82, apart=0.4)]

    told = [len(hands) for hands in follow(face, 120)]
    assert sum(told) <= 15


def test_a_fist_that_touches_another_stays_where_its_palm_is_certain() -> None:
    """The models disagree about such a fist as about a face, but no face has so sure a palm."""
    told = follow(lambda _: [Seen(300, 0.96, 0.86, apart=0.5)], 60)
    assert [len(hands) for hands in told] == [1] * 60
    assert (
        sum(len(hands) for hands in follow(lambda _: [Seen(300, 0.9, 0.86, apart=0.5)], 60)) <= 12
    )


def test_a_new_blurred_hand_is_told_at_once_where_both_models_agree() -> None:
    """Waiting for a second look would lose the first frame of each hand that comes in fast."""
    assert len(follow(lambda _: [Seen(300, 0.6, 0.75, apart=0.2)], 1)[0]) == 1
    assert not follow(lambda _: [Seen(300, 0.6, 0.75, apart=0.4)], 1)[0]


@pytest.mark.parametrize("empty", range(1, 18))
def test_no_other_look_costs_a_hand_its_first_frame(empty: int) -> None:
    """Looking for hands that fill the picture must not be instead of looking for others."""
    told = follow(lambda i: [Seen(300, 0.9, 0.98)] if i >= empty else [], empty + 1)
    assert len(told[empty]) == 1


def test_a_hand_lost_to_blur_is_back_when_it_can_be_read_again() -> None:
    """A palm that was read in vain isn't read again at once, unless a hand was lost there."""

    def hand(i: int) -> list[Seen]:
        return [Seen(300, 0.9, 0.4 if 10 <= i < 13 else 0.98)]

    told = [len(hands) for hands in follow(hand, 20)]
    assert told == [1] * 10 + [0] * 3 + [1] * 7


def test_a_hand_that_comes_out_of_a_cross_fade_is_seen_as_soon_as_it_can_be_read() -> None:
    """A palm that was read in vain is left alone for four frames, but not when it gets surer."""

    def hand(i: int) -> list[Seen]:
        return [Seen(300, (0.55, 0.65, 0.9)[min(i, 2)], (0.2, 0.3, 0.98)[min(i, 2)])]

    assert [len(hands) for hands in follow(hand, 6)] == [0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("first", [Seen(300, 0.85, 0.2), Seen(300, 0.55, 0.8, apart=0.4)])
def test_a_still_picture_is_read_as_if_there_had_been_none_before(first: Seen) -> None:
    """In a set of photographs each hand lies where one was refused in the picture before."""
    alone = follow(lambda _: [Seen(300, 0.8, 0.8)], 1, static=True)
    after = follow(lambda i: [first if i < 3 else Seen(300, 0.8, 0.8)], 4, static=True)
    assert len(alone[0]) == len(after[3]) == 1


@pytest.mark.parametrize("first", range(40, 43))
def test_a_sure_palm_that_cannot_be_read_yet_is_looked_at_in_the_next_frame(first: int) -> None:
    """A second hand that rises fast is blurred first: it must not wait for the usual look."""

    def hands(i: int) -> list[Seen]:
        second = Seen(350 + 15 * (i - first), 0.88, 0.3 if i < first + 3 else 0.98)
        return [Seen(150, 0.9, 0.98), *([second] if i >= first else [])]

    told = [len(seen) for seen in follow(hands, first + 6)]
    assert told == [1] * (first + 3) + [2] * 3


def test_a_side_that_the_model_is_unsure_of_does_not_change_to_and_fro() -> None:
    """Hands that touch look like left ones as often as like right ones."""
    readings = [reading(300, 0.99, looks_right=0.5 + side) for side in (0.3, -0.38, 0.3) * 12]
    track = Track(1, readings[0], 0.0, mirrored=False, smoothing=False)
    sides = [track.next_hand().handedness]
    for i, seen in enumerate(readings[1:], 1):
        track.see(seen, i / 30)
        sides.append(track.next_hand().handedness)
    assert len(set(sides)) == 1
    for i in range(40):  # a hand that was read wrong at first gets its side
        track.see(reading(300, 0.99, looks_right=0.05), 2 + i / 30)
    assert track.next_hand().handedness is not sides[-1]


def test_a_hand_that_only_the_landmark_model_sees_stays() -> None:
    """Seen from the wearer's eyes a hand shows no palm: a high presence is enough."""

    def hand(i: int) -> list[Seen]:
        return [Seen(300 + i, 0.9 if i == 0 else 0.0, 0.97)]

    assert [len(hands) for hands in follow(hand, 60)] == [1] * 60


def test_a_blurred_hand_is_told_when_a_second_look_confirms_it() -> None:
    """Doubt must cost a real hand a frame, not its place."""

    def hand(i: int) -> list[Seen]:
        return [Seen(300 + i, 0.75, 0.6)]

    told = [len(hands) for hands in follow(hand, 30)]
    assert told[1:] == [1] * 29


def test_a_second_hand_is_seen_at_once() -> None:
    """Who raises the other hand must not wait a quarter of a second for it."""

    def hands(i: int) -> list[Seen]:
        return [Seen(150 + i, 0.9, 0.98)] + ([Seen(450, 0.9, 0.98)] if i >= 60 else [])

    told = [len(seen) for seen in follow(hands, 80)]
    assert told[:60] == [1] * 60
    assert told.index(2) <= 62
    soon_after = [len(seen) for seen in follow(lambda i: hands(i + (59 if i else 58)), 10)]
    assert soon_after.index(2) <= 2


def test_a_hand_that_comes_out_from_behind_is_read_where_it_was_lost() -> None:
    """Half hidden, a hand shows no palm for a while, but its landmarks can be read."""

    def hand(i: int) -> list[Seen]:
        return [Seen(300, 0.9 if i < 10 else 0.0, 0.0 if 10 <= i < 14 else 0.98)]

    assert [len(hands) for hands in follow(hand, 30)] == [1] * 10 + [0] * 5 + [1] * 15


def test_a_lost_hand_costs_a_few_looks() -> None:
    """While one hand is away the other's frames must not cost three times as much."""
    hands = HandTracker(TrackingConfig(backend="fake", max_hands=2))
    both, one = frame((150, 200), (450, 250)), frame((150, 200))
    for i in range(20):
        hands.process(both, i / 30)
    before = hands.workload
    for i in range(9):
        hands.process(one, (20 + i) / 30)
    after = hands.workload
    assert after.palm_runs - before.palm_runs <= 7
    # The still hand isn't read again; the lost one is, three times between looks.
    assert after.landmark_runs - before.landmark_runs <= 3 + 3


@pytest.mark.parametrize(("side", "one"), [(0.9, True), (0.48, True), (0.1, False)])
def test_two_tracks_on_a_hand_seen_edge_on_are_one(side: float, *, one: bool) -> None:
    """One flat hand must not be two; two clasped ones must not be one."""
    first = reading(300, 0.99)
    flat = first.landmarks.copy()
    flat[:, 0] = 300 + 0.15 * (flat[:, 0] - 300)  # edge-on: all in a narrow strip
    slid = flat + np.array([0, 16, 0], np.float32)
    assert not same_hand(flat, slid)
    a = replace(first, landmarks=flat)
    b = replace(reading(300, 0.99, looks_right=side), landmarks=slid)
    assert one_hand(a, b) is one


def test_an_unchanged_crop_is_not_read_again() -> None:
    """A still hand must stand still, and cost nothing."""
    rng = np.random.default_rng(5)
    hands = HandTracker(TrackingConfig(backend="fake", max_hands=1, smoothing=False))
    still = frame((300.3, 240.6))
    seen = []
    for i in range(40):
        noisy = np.clip(still + rng.normal(0, 3, still.shape), 0, 255).astype(np.uint8)
        seen.append(hands.process(noisy, i / 30)[0].landmarks)
    assert hands.workload.landmark_runs <= 4
    assert np.abs(np.diff(seen[4:], axis=0)).max() == 0
    moved = [hands.process(frame((300.3 + i, 240.6)), (40 + i) / 30)[0] for i in range(1, 12)]
    assert hands.workload.landmark_runs >= 4 + 8
    assert moved[-1].landmarks[:, 0].mean() - seen[-1][:, 0].mean() == pytest.approx(11, abs=2)


def test_one_palm_that_is_turned_round_is_no_second_hand() -> None:
    """Where palm detection sees one palm beside one hand, that is the hand's, read as another."""
    seen = reading(300, 0.99)
    short = seen.landmarks.copy()
    short[0] = short[9] + (0, 20, 0)  # it points at the camera: its palm is short
    track = Track(1, replace(seen, landmarks=short), 0.0, mirrored=False, smoothing=False)
    exact = replace(palm(Seen(300, 0.9, 0.98)), keypoints=short[[0, 5, 9, 13, 17, 1, 2], :2])
    width = float(exact.box[2] - exact.box[0])
    turned, other = (
        replace(exact, keypoints=exact.keypoints + np.array([away * width, 0], np.float32))
        for away in (0.5, 2.0)
    )
    assert own_palms((turned,), [track]) == {0}
    assert own_palms((turned, exact), [track]) == {1}
    assert own_palms((other,), [track]) == set()
