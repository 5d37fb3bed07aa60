"""The benchmark's clips and the demo's film."""

from __future__ import annotations

import itertools
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edgehands.errors import UsageError
from edgehands.hand import Handedness
from edgehands.synthetic import CLIPS, clip, plan, render_scene
from edgehands.synthetic.anatomy import pose_skeleton
from edgehands.synthetic.body import spheres
from edgehands.synthetic.motion import smooth_between
from edgehands.synthetic.poses import depth_of_contact
from edgehands.synthetic.story import demo_film
from edgehands.synthetic.truth import to_camera

if TYPE_CHECKING:
    from edgehands.synthetic.film import Film
    from edgehands.synthetic.scene import SceneHand

DEMO_BYTES = 1_500_000
"""What the demo's clip may take in the repository."""
STEP_PALMS = 0.35
"""No hand jumps further than this between two frames, in palm sizes, unless the clip says so."""


def joints_of(film: Film, frame: int) -> list[np.ndarray]:
    """(21, 2) image points of each hand, without drawing anything."""
    scene = film.scene_at(frame)
    return [scene.camera.project(placed(hand)) for hand in scene.hands]


def placed(hand: SceneHand) -> np.ndarray:
    """(21, 3) joints before the camera."""
    return np.asarray(to_camera(hand, pose_skeleton(hand.pose).joints))


def palm(xy: np.ndarray) -> float:
    """Wrist to middle MCP in pixels."""
    return float(np.linalg.norm(xy[9] - xy[0]))


def steps(film: Film, first: int = 0) -> np.ndarray:
    """How far the first hand's middle knuckle moves a frame, in palm sizes."""
    points = [joints_of(film, i)[0] for i in range(first, film.frames)]
    size = np.median([palm(p) for p in points])
    return np.asarray(np.linalg.norm(np.diff([p[9] for p in points], axis=0), axis=1) / size)


def test_the_suite_covers_what_the_benchmark_promises() -> None:
    """A benchmark that lost a clip would look better than it is."""
    assert len(CLIPS) >= 12
    for name in CLIPS:
        film = plan(name)
        assert 3.0 <= film.frames / film.fps <= 6.0
        assert film.about
    assert {plan(n).fps for n in CLIPS} == {15, 30}


def test_a_clip_repeats_and_its_times_are_its_frames() -> None:
    """Lag is measured against truth.t: it must be the frame's own time."""
    first, again = clip(3, "slow"), clip(3, "slow")
    a, b, c, d = next(first), next(again), next(first), next(again)
    assert a.image.tobytes() == b.image.tobytes()
    assert c.image.tobytes() == d.image.tobytes()
    assert a.truth.t == 0.0
    assert c.truth.t == pytest.approx(1 / 30)
    assert next(clip(4, "slow")).image.tobytes() != a.image.tobytes()
    with pytest.raises(UsageError, match="crossing"):
        plan("crosing")


@pytest.mark.parametrize(("name", "speed"), [("fast_0.5", 0.5), ("fast_0.8", 0.8)])
def test_fast_clips_are_as_fast_as_their_name(name: str, speed: float) -> None:
    """'0.8 palm sizes a frame' is the claim people compare; it must be that, not more or less."""
    moving = steps(plan(name), first=45)
    assert moving.mean() == pytest.approx(speed, rel=0.06)
    assert steps(plan(name))[:20].max() < 0.02, "a tracker may find the hand before it runs"


@pytest.mark.parametrize("name", ["slow", "rotation", "turning", "two_apart", "crossing", "near"])
def test_slow_clips_never_jump(name: str) -> None:
    """A jump in the film would be counted as the tracker's fault."""
    assert steps(plan(name)).max() < STEP_PALMS


def test_far_is_five_per_cent_of_the_width() -> None:
    """The range figure rests on this size."""
    sizes = [palm(joints_of(plan("far"), i)[0]) / 640 for i in range(0, 120, 10)]
    assert 0.04 < np.mean(sizes) < 0.055


def test_hands_come_and_go() -> None:
    """Frames to acquire can only be counted if the hand is really away before."""
    film = plan("in_and_out")
    inside = [
        bool(((xy >= 0) & (xy < (640, 480))).all())
        for xy in (joints_of(film, i)[0] for i in range(film.frames))
    ]
    entries = sum(b and not a for a, b in itertools.pairwise(inside))
    assert not inside[0]
    assert entries == 3


def test_the_board_hides_the_whole_hand_for_a_moment() -> None:
    """Otherwise 'lost and found again' is never tested."""
    film = plan("occlusion")
    shown = [render_scene(film.scene_at(i)).truth.hands[0].shown for i in (0, 45, 53, 60, 90)]
    assert shown[0] == 1.0
    assert min(shown) == 0.0
    assert shown[-1] == 1.0


def test_crossing_hands_swap_sides_and_cover() -> None:
    """Ids are only put to the test if the hands really pass each other."""
    film = plan("crossing")
    order = [np.sign(a[9, 0] - b[9, 0]) for a, b in (joints_of(film, i) for i in (0, 75, 149))]
    assert order == [-1.0, 1.0, -1.0]
    frame = min(
        range(30, 75), key=lambda i: abs(np.subtract(*(p[9, 0] for p in joints_of(film, i))))
    )
    near, far = render_scene(film.scene_at(frame)).truth.hands
    assert near.shown > 0.95
    assert far.shown < 0.7
    sides = [h.handedness for h in film.scene_at(0).hands]
    assert sides == [Handedness.RIGHT, Handedness.LEFT]


def test_touching_hands_touch_and_never_pass() -> None:
    """Contact is where two tracks merge by mistake; passing through would be no contact."""
    film, gaps = plan("touching"), []
    for i in range(0, film.frames, 9):
        balls = []
        for hand in film.scene_at(i).hands:
            made = spheres(pose_skeleton(hand.pose))
            balls.append(
                type(made)(to_camera(hand, made.centres) * 1000, made.radii * hand.scale, made.part)
            )
        gaps.append(depth_of_contact(*balls))
    assert max(gaps) == pytest.approx(1.0, abs=0.3), "in contact, pressed in by a millimetre"
    assert min(gaps) < -50, "and apart before"


def test_dark_is_dark() -> None:
    """A dark clip in full light would flatter everybody."""
    dark = render_scene(plan("dark").scene_at(10)).image.mean()
    assert dark < 0.5 * render_scene(plan("slow").scene_at(10)).image.mean()


def test_smooth_between_passes_its_keys_and_never_overshoots() -> None:
    """A hand that overshoots its key leaves the picture or hits the other hand."""
    times, values = np.array([0.0, 1.0, 2.0, 3.0]), np.array([[0.0], [1.0], [1.0], [0.5]])
    got = np.array([smooth_between(t, times, values)[0] for t in np.linspace(-1, 4, 101)])
    assert got.min() >= 0.0
    assert got.max() <= 1.0
    assert [smooth_between(t, times, values)[0] for t in times] == [0.0, 1.0, 1.0, 0.5]


def test_the_demos_story_has_two_hands_that_come_and_go() -> None:
    """The demo shows the product: one hand, none, one again, then two, and it loops."""
    film = demo_film((320, 240))

    def count(frame: int) -> int:
        return sum(
            bool(((xy >= 0) & (xy < (320, 240))).mean() > 0.9) for xy in joints_of(film, frame)
        )

    seconds = (0.0, 3.0, 8.0, 14.1, 16.0, 19.0, 23.5, 25.9)
    assert [count(round(s * film.fps)) for s in seconds] == [0, 1, 1, 0, 1, 2, 2, 0]


def test_the_baked_demo_clip_is_small_readable_and_loops() -> None:
    """Without it `edgehands demo` has no camera; too large, and the repository suffers."""
    with as_file(files("edgehands") / "data" / "demo.mp4") as path:
        assert path.stat().st_size <= DEMO_BYTES
        video = cv2.VideoCapture(str(path))
        frames = []
        while True:
            good, frame = video.read()
            if not good:
                break
            frames.append(cv2.resize(frame, (64, 48), interpolation=cv2.INTER_AREA).astype(int))
    film = demo_film()
    assert len(frames) == film.frames
    assert np.abs(frames[0] - frames[-1]).mean() < 2.0, "the loop would flash"
    drawn = render_scene(film.scene_at(240)).image[..., ::-1]
    small = cv2.resize(drawn, (64, 48), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(frames[240] - small).mean() < 4.0, "the clip was baked from another film"
