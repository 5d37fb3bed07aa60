"""Synthetic pictures and their truth."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edgehands.errors import SourceError, SourceNotFound, UsageError
from edgehands.hand import Handedness
from edgehands.synthetic import (
    Background,
    Camera,
    Lighting,
    Occluder,
    Scene,
    SceneHand,
    Sensor,
    Skin,
    background,
    random_scene,
    render_scene,
    write_clip,
    write_random_stills,
)
from edgehands.synthetic.anatomy import pose_skeleton
from edgehands.synthetic.background import KINDS
from edgehands.synthetic.motion import Place, put_palm
from edgehands.synthetic.poses import POSES
from edgehands.synthetic.truth import to_camera

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CAMERA = Camera.of(320, 240)
QUIET = Sensor(noise=0.0, blur=0.0)
FRONT = Lighting(direction=(0.0, -0.5, -0.87))


def one_hand(
    gesture: str = "open_palm",
    side: Handedness = Handedness.RIGHT,
    place: Place | None = None,
    tone: float = 3.0,
) -> Scene:
    """A quiet picture of one hand before a plain wall."""
    hand = SceneHand(
        side, gesture, POSES[gesture], np.eye(3), (0.0, 0.0, 1.0), skin=Skin(tone=tone, identity=1)
    )
    hand = put_palm(hand, CAMERA, place or Place(0.5, 0.6, 0.22))
    return Scene(1, CAMERA, (hand,), Background("plain", 5), FRONT, (), QUIET)


def covered(scene: Scene) -> NDArray[np.bool_]:
    """(H, W) where the picture differs from the same scene without hands."""
    with_hand = render_scene(scene).image.astype(int)
    without = render_scene(replace(scene, hands=())).image.astype(int)
    return np.asarray(np.abs(with_hand - without).max(2) > 6)


def test_the_same_seed_gives_the_same_bytes() -> None:
    """A failure on somebody's machine must be repeatable from its seed."""
    first, again = render_scene(random_scene(11)), render_scene(random_scene(11))
    assert first.image.tobytes() == again.image.tobytes()
    assert (
        first.truth.hands[0].mediapipe.image.tobytes()
        == again.truth.hands[0].mediapipe.image.tobytes()
    )
    assert first.image.tobytes() != render_scene(random_scene(12)).image.tobytes()


def test_a_scene_is_a_picture_of_the_size_asked_for() -> None:
    """Who asks for 320x240 RGB bytes must not get something else."""
    picture = render_scene(random_scene(3, size=(320, 240)))
    assert picture.image.shape == (240, 320, 3)
    assert picture.image.dtype == np.uint8
    assert picture.truth.camera.width == 320


@pytest.mark.parametrize("side", list(Handedness))
def test_every_keypoint_lies_on_the_drawn_hand(side: Handedness) -> None:
    """Truth that is off the picture makes every error figure worthless."""
    scene = one_hand("open_palm", side, Place(0.5, 0.6, 0.25, 10, 5, 12))
    truth = render_scene(scene).truth.hands[0]
    mask = cv2.dilate(covered(scene).astype(np.uint8), np.ones((3, 3), np.uint8))
    for points in (truth.anatomical, truth.mediapipe):
        x, y = np.floor(points.image).astype(int).T
        assert mask[y, x].all()
    np.testing.assert_allclose(CAMERA.project(truth.mediapipe.camera), truth.mediapipe.image)
    assert truth.in_image.all()
    assert truth.visible.all()
    assert truth.shown == 1.0


def test_a_left_hand_is_the_mirror_of_a_right_one() -> None:
    """Handedness is half of the product's promise; a mirrored thumb would hide its errors."""
    right = one_hand("three", Handedness.RIGHT, Place(0.4, 0.6, 0.25, 8, 0, 10))
    left = one_hand("three", Handedness.LEFT, Place(0.6, 0.6, 0.25, -8, 0, -10))
    a, b = (render_scene(s).truth.hands[0].mediapipe.image for s in (right, left))
    np.testing.assert_allclose(a[:, 0], 320 - b[:, 0], atol=1e-6)
    np.testing.assert_allclose(a[:, 1], b[:, 1], atol=1e-6)
    mask_a, mask_b = covered(right), covered(left)[:, ::-1]
    assert (mask_a & mask_b).sum() / (mask_a | mask_b).sum() > 0.97
    # The palm shows, fingers up: a right hand's thumb is on the picture's right.
    assert a[4, 0] > a[20, 0]


def test_palm_and_back_are_told_by_the_orientation() -> None:
    """Palm orientation is part of the truth that gestures are tested with."""
    for yaw, sign in ((0.0, -1.0), (180.0, 1.0)):
        truth = render_scene(one_hand(place=Place(0.5, 0.6, 0.22, yaw))).truth.hands[0]
        assert truth.rotation[2, 2] == pytest.approx(sign)
    with_back = random_scene(5, view="back").hands[0].rotation
    assert with_back[2, 2] > 0.5


def test_world_points_are_metres_about_the_middle_knuckle() -> None:
    """World landmarks must be comparable to MediaPipe's, in metres, whatever the distance."""
    near = render_scene(one_hand(place=Place(0.5, 0.6, 0.25))).truth.hands[0]
    far = render_scene(one_hand(place=Place(0.5, 0.6, 0.12))).truth.hands[0]
    np.testing.assert_allclose(near.anatomical.world, far.anatomical.world, atol=1e-9)
    assert np.linalg.norm(near.anatomical.world[9]) == 0
    assert 0.085 < np.linalg.norm(near.anatomical.world[0]) < 0.095


def test_darker_tones_are_darker() -> None:
    """Results by skin tone mean nothing if tones don't differ as named."""
    backs = [one_hand(tone=t, place=Place(0.5, 0.6, 0.22, 180)) for t in (0.0, 4.0, 9.0)]
    light = [render_scene(scene).image[covered(scene)].mean() for scene in backs]
    assert light[0] > light[1] + 20
    assert light[1] > light[2] + 20


def test_a_thing_in_front_hides_what_is_behind_it() -> None:
    """A hand behind a board counted as visible would be held against the tracker."""
    scene = one_hand()
    tips = render_scene(scene).truth.hands[0].mediapipe.image[[8, 12]]
    middle = tips.mean(0)
    board = Occluder("card", (float(middle[0]), float(middle[1])), (60, 30), 0, 0.1)
    hidden = render_scene(replace(scene, occluders=(board,))).truth.hands[0]
    assert not hidden.visible[[8, 12]].any()
    assert hidden.visible[0]
    assert hidden.shown < 1.0
    behind = render_scene(replace(scene, occluders=(replace(board, depth=9.0),))).truth.hands[0]
    assert behind.shown == 1.0


def test_a_hand_hides_its_own_fingers() -> None:
    """Figures about hidden points need to know which points a fist hides from behind."""
    fist = render_scene(one_hand("fist", place=Place(0.5, 0.6, 0.25, 180))).truth.hands[0]
    assert not fist.visible[[8, 12, 16, 20]].any()
    assert fist.shown == 1.0, "its own fingers are no object in front"


def test_of_two_hands_the_nearer_one_covers() -> None:
    """Crossing hands drawn in the wrong order would teach ids to jump."""
    scene = one_hand(place=Place(0.5, 0.6, 0.25), tone=0.0)
    other = one_hand(side=Handedness.LEFT, place=Place(0.52, 0.6, 0.18), tone=9.0).hands[0]
    both = replace(scene, hands=(scene.hands[0], other))
    near, far = render_scene(both).truth.hands
    assert near.shown == 1.0
    assert far.shown < 0.6
    swapped = render_scene(replace(both, hands=both.hands[::-1])).image.astype(int)
    assert np.abs(swapped - render_scene(both).image).mean() < 0.5


def test_out_of_the_picture_is_no_visible_point() -> None:
    """A hand that has left must not count as missed."""
    gone = render_scene(one_hand(place=Place(1.6, 0.6, 0.2))).truth.hands[0]
    assert not gone.in_image.any()
    assert gone.shown == 0.0


def test_motion_smears_and_noise_is_as_strong_as_said() -> None:
    """The clips for blur and jitter rest on these two."""
    still = one_hand()
    moving = replace(
        still,
        hands=(replace(still.hands[0], velocity=(1.5, 0.0, 0.0)),),
        sensor=replace(QUIET, shutter=1 / 30),
    )
    edges = [
        np.abs(np.diff(render_scene(s).image.astype(int), axis=1)).max() for s in (still, moving)
    ]
    assert edges[1] < 0.6 * edges[0]
    noisy = [render_scene(replace(still, seed=s, sensor=Sensor(noise=4.0, blur=0))) for s in (1, 2)]
    change = noisy[0].image.astype(float) - noisy[1].image.astype(float)
    assert 3.7 < change.std() / 2**0.5 < 4.3


def test_fair_scenes_hold_the_whole_hand() -> None:
    """'Fair' promises a whole hand of a usual size; half a hand would be no fair test."""
    for seed in range(40):
        scene = random_scene(seed)
        hand = scene.hands[0]
        xy = scene.camera.project(to_camera(hand, pose_skeleton(hand.pose).joints))
        assert (xy >= 0).all()
        assert (xy <= (640, 480)).all()


def test_what_is_asked_for_is_drawn() -> None:
    """A table by gesture, tone and hand is only as good as the labels."""
    scene = random_scene(
        9,
        hands=2,
        gesture="ok",
        handedness=Handedness.LEFT,
        tone=7.0,
        view="palm",
        difficulty="hard",
    )
    first, second = scene.hands
    assert (first.gesture, first.handedness, first.skin.tone) == ("ok", Handedness.LEFT, 7.0)
    assert second.handedness is Handedness.RIGHT
    assert random_scene(9, hands=0).hands == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"hands": 3},
        {"gesture": "okay"},
        {"tone": 11},
        {"difficulty": "easy"},
        {"view": "top"},
        {"size": (10, 10)},
    ],
)
def test_wrong_arguments_are_one_line(wrong: dict[str, object]) -> None:
    """A wrong argument should say what is allowed, not fail deep in numpy."""
    with pytest.raises(UsageError, match="give") as caught:
        random_scene(1, **wrong)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_backgrounds_repeat_and_differ(kind: str) -> None:
    """False alarms are counted on these; one picture 500 times would count nothing."""
    pictures = [background(s, kind, (160, 120)) for s in range(4)]
    assert all(p.shape == (120, 160, 3) and p.dtype == np.uint8 for p in pictures)
    assert len({p.tobytes() for p in pictures}) == 4
    background.cache_clear()
    assert background(2, kind, (160, 120)).tobytes() == pictures[2].tobytes()


def test_photographs_can_be_backgrounds(tmp_path: Path) -> None:
    """Users test with their own room; a wrong path must say so in a line."""
    path = tmp_path / "room.png"
    cv2.imwrite(str(path), np.full((50, 80, 3), (10, 120, 200), np.uint8))
    picture = background(0, "photo", (64, 64), path)
    assert picture.shape == (64, 64, 3)
    assert tuple(picture[5, 5]) == (200, 120, 10)
    with pytest.raises(SourceNotFound, match="no such photograph"):
        background(0, "photo", (64, 64), tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(SourceError, match="not a picture"):
        background(0, "photo", (64, 64), tmp_path / "text.png")
    with pytest.raises(UsageError, match="no file"):
        background(0, "photo", (64, 64))
    with pytest.raises(UsageError, match="unknown"):
        background(0, "beach", (64, 64))


def test_stills_are_written_with_their_truth(tmp_path: Path) -> None:
    """Whoever trains or tests with the files needs picture and truth to belong together."""
    done = write_random_stills(tmp_path, 2, seed=4, size=(160, 120), gesture="fist")
    lines = [json.loads(line) for line in done.truth.read_text().splitlines()]
    assert done.count == len(lines) == 2
    picture = cv2.imread(str(tmp_path / lines[1]["file"]))
    assert picture is not None
    expected = render_scene(random_scene(5, size=(160, 120), gesture="fist"))
    assert (picture[..., ::-1] == expected.image).all()
    hand = lines[1]["hands"][0]
    np.testing.assert_allclose(
        hand["mediapipe"]["image"], expected.truth.hands[0].mediapipe.image, atol=0.006
    )
    assert hand["gesture"] == "fist"


def test_a_clip_is_a_video_with_a_line_a_frame(tmp_path: Path) -> None:
    """A video whose frames and truth don't pair is useless."""
    scenes = [random_scene(s, size=(160, 120)) for s in range(3)]
    done = write_clip(tmp_path / "c.avi", (render_scene(s) for s in scenes), 10)
    video = cv2.VideoCapture(str(done.pictures))
    count = 0
    while video.read()[0]:
        count += 1
    assert count == done.count == len(done.truth.read_text().splitlines()) == 3
    with pytest.raises(UsageError, match=r"\.avi"):
        write_clip(tmp_path / "c.gif", iter(()), 10)
    with pytest.raises(UsageError, match="no pictures"):
        write_clip(tmp_path / "d.avi", iter(()), 10)
