"""The synthetic hand's body: skeleton, shapes, surface."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgehands.errors import UsageError
from edgehands.synthetic.anatomy import (
    LIMITS,
    PHALANGES,
    THUMB_LENGTHS,
    HandPose,
    clamp,
    pose_skeleton,
)
from edgehands.synthetic.body import load_mesh, skin, spheres
from edgehands.synthetic.mediapipe_joints import OFFSETS, mediapipe_joints
from edgehands.synthetic.poses import (
    NAMES,
    POSES,
    TOUCH,
    blend,
    depth_of_contact,
    is_free,
    named_pose,
    random_pose,
    vary,
)
from edgehands.synthetic.sculpt import sculpt

FLESH_OVER_TIP_MM = 4.0
"""A finger tip's joint lies on the surface within this."""
PASSING_MM = TOUCH + 3.0
"""While a hand changes its shape, balls may reach this deep into each other for a moment."""


@given(st.lists(st.floats(0, 1), min_size=24, max_size=24))
@settings(max_examples=60, deadline=None)
def test_bones_keep_their_length(shares: list[float]) -> None:
    """A pose that stretched a bone would give tests a truth no hand can have."""
    angles = LIMITS[:, 0] + np.array(shares) * (LIMITS[:, 1] - LIMITS[:, 0])
    joints = pose_skeleton(HandPose.from_vector(angles)).joints
    for i in range(4):
        steps = np.linalg.norm(np.diff(joints[5 + 4 * i : 9 + 4 * i], axis=0), axis=1)
        np.testing.assert_allclose(steps, PHALANGES[i], atol=1e-6)
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(joints[1:5], axis=0), axis=1), THUMB_LENGTHS, atol=1e-6
    )


def test_flexion_goes_to_the_palm_and_spread_to_the_thumb() -> None:
    """With a sign wrong, every fist would bend backwards."""
    fist, flat = pose_skeleton(POSES["fist"]), pose_skeleton(POSES["open_palm"])
    assert (fist.joints[[8, 12, 16, 20], 2] > 15).all()
    assert flat.joints[8, 0] > flat.joints[12, 0] > flat.joints[16, 0] > flat.joints[20, 0]
    assert flat.joints[4, 0] > flat.joints[8, 0]


@pytest.mark.parametrize("name", sorted(POSES))
def test_named_shapes_stay_inside_the_joints_limits_and_apart(name: str) -> None:
    """A shape with fingers inside each other teaches and tests nonsense."""
    pose = POSES[name]
    assert clamp(pose) == pose
    assert is_free(pose)
    rng = np.random.default_rng(3)
    people = [vary(pose, rng) for _ in range(8)]
    assert all(is_free(p) for p in people)
    assert len({p.to_vector().tobytes() for p in people}) >= 6, "everybody has the same hand"


def test_random_shapes_are_free_and_differ() -> None:
    """Random shapes are the only ones that show the models something unforeseen."""
    rng = np.random.default_rng(4)
    made = [random_pose(rng) for _ in range(30)]
    assert all(is_free(p) for p in made)
    assert np.std([p.to_vector() for p in made], axis=0)[:21].min() > 2.0


def test_a_finger_through_a_finger_is_noticed() -> None:
    """The check of contact must be able to fail."""
    crossed = POSES["open_palm"].to_vector()
    crossed[5], crossed[9] = -28.0, 25.0  # index and middle finger swap sides
    assert depth_of_contact(spheres(pose_skeleton(HandPose.from_vector(crossed)))) > 8.0


def test_changing_shape_does_not_pass_through_fingers() -> None:
    """In the demo a thumb that cuts through fingers looks broken, and its truth is impossible."""
    names = ("open_palm", "fist", "point", "victory", "ok", "rock", "call", "pinch")
    for first, second in zip(names, (*names[1:], names[0]), strict=True):
        for t in (0.25, 0.5, 0.75):
            pose = blend(POSES[first], POSES[second], t)
            depth = depth_of_contact(spheres(pose_skeleton(pose)))
            assert depth <= PASSING_MM, f"{first} to {second} at {t}: {depth:.1f} mm"


def test_unknown_shape_is_one_line_with_the_choices() -> None:
    """A typo in a gesture's name should tell which names there are."""
    with pytest.raises(UsageError, match="open_palm"):
        named_pose("palm_open")
    assert set(POSES) | {"random"} == set(NAMES)


def test_the_surface_is_closed_and_fits_the_skeleton() -> None:
    """Holes would show the background through a hand; a skin off its bones makes truth wrong."""
    mesh = load_mesh()
    edges = np.sort(
        np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]),
        axis=1,
    )
    _, uses = np.unique(edges, axis=0, return_counts=True)
    assert (uses == 2).all()
    np.testing.assert_allclose(mesh.weights.sum(1), 1.0, atol=1e-9)
    for name in ("open_palm", "fist", "ok"):
        vertices, normals, skeleton = skin(POSES[name])
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-5)
        for tip in (4, 8, 12, 16, 20):
            gap = np.linalg.norm(vertices - skeleton.joints[tip], axis=1).min()
            assert gap < FLESH_OVER_TIP_MM, f"{name}: tip {tip} is {gap:.1f} mm off the skin"


def test_a_bent_finger_keeps_its_volume() -> None:
    """Skinning that collapses knuckles gives fists that no detector has seen."""
    vertices, _, skeleton = skin(POSES["fist"])
    for joint in (6, 10, 14, 18):
        near = np.linalg.norm(vertices - skeleton.joints[joint], axis=1)
        assert np.sort(near)[:12].mean() > 4.5, "the knuckle's flesh has shrunk to the bone"


def test_the_baked_surface_is_what_the_code_sculpts() -> None:
    """After a change of the shape somebody must bake again, else the code lies."""
    made, baked = sculpt(), load_mesh()
    assert made.faces.shape == baked.faces.shape
    np.testing.assert_allclose(made.vertices, baked.vertices, atol=0.02)


def test_mediapipes_joints_differ_from_anatomy_as_measured() -> None:
    """Errors against the wrong definition of a joint would look like the tracker's own."""
    skeleton, pose = pose_skeleton(POSES["open_palm"]), POSES["open_palm"]
    shift = mediapipe_joints(skeleton, pose, 1.0) - skeleton.joints
    length = np.linalg.norm(shift, axis=1)
    assert OFFSETS.shape == (21, 4, 3)
    assert 5 < length[0] < 15, "the wrist lies about 1 cm into the hand"
    assert 8 < length[1] < 18, "the thumb's first landmark lies about 13 mm along it"
    assert length.max() < 20
