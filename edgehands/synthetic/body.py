"""The baked hand: load the mesh, pose it, and place it in front of the camera."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from edgehands.synthetic.anatomy import BONES, REST, Bone, HandPose, Skeleton, pose_skeleton
from edgehands.synthetic.field import FINGER_RADII, THUMB_RADII
from edgehands.synthetic.sculpt import Mesh

if TYPE_CHECKING:
    from numpy.typing import NDArray


@functools.cache
def load_mesh() -> Mesh:
    """The sculpted hand in its rest pose (right hand, hand millimetres)."""
    with (files("edgehands") / "data" / "hand.npz").open("rb") as stream, np.load(stream) as data:
        weights = data["weights"].astype(np.float64)
        normals = data["normals"].astype(np.float64)
        return Mesh(
            vertices=data["vertices"].astype(np.float64) / 50.0,
            normals=normals / np.linalg.norm(normals, axis=1, keepdims=True),
            faces=data["faces"].astype(np.int32),
            bones=data["bones"].astype(np.int32),
            weights=weights / weights.sum(1, keepdims=True),
        )


@functools.cache
def rest_skeleton() -> Skeleton:
    """The skeleton that the mesh was sculpted around."""
    return pose_skeleton(REST)


def _quaternions(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, 4) w x y z of (B, 3, 3) rotations."""
    r = rotations
    w = np.sqrt(np.maximum(1 + r[:, 0, 0] + r[:, 1, 1] + r[:, 2, 2], 0)) / 2
    x = np.sqrt(np.maximum(1 + r[:, 0, 0] - r[:, 1, 1] - r[:, 2, 2], 0)) / 2
    y = np.sqrt(np.maximum(1 - r[:, 0, 0] + r[:, 1, 1] - r[:, 2, 2], 0)) / 2
    z = np.sqrt(np.maximum(1 - r[:, 0, 0] - r[:, 1, 1] + r[:, 2, 2], 0)) / 2
    x = np.copysign(x, r[:, 2, 1] - r[:, 1, 2])
    y = np.copysign(y, r[:, 0, 2] - r[:, 2, 0])
    z = np.copysign(z, r[:, 1, 0] - r[:, 0, 1])
    q = np.stack([w, x, y, z], axis=1)
    return np.asarray(q / np.linalg.norm(q, axis=1, keepdims=True))


def _multiply(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Products of quaternions, row by row."""
    w = a[:, 0] * b[:, 0] - (a[:, 1:] * b[:, 1:]).sum(1)
    v = a[:, :1] * b[:, 1:] + b[:, :1] * a[:, 1:] + np.cross(a[:, 1:], b[:, 1:])
    return np.concatenate([w[:, None], v], axis=1)


def skin(pose: HandPose) -> tuple[NDArray[np.float64], NDArray[np.float64], Skeleton]:
    """Pose the mesh: vertices and normals (N, 3) in hand millimetres, and the skeleton.

    Dual quaternion skinning (Kavan et al. 2007): a vertex between two bones rotates about their
    joint, so knuckles keep the volume that linear blending would lose.
    """
    mesh, rest, posed = load_mesh(), rest_skeleton(), pose_skeleton(pose)
    turn = posed.rotations @ rest.rotations.transpose(0, 2, 1)
    shift = posed.origins - np.einsum("bij,bj->bi", turn, rest.origins)
    real = _quaternions(turn)
    # Keep each chain in one hemisphere, or blending takes the long way round.
    for b in range(1, BONES):
        parent = _PARENT[b]
        if real[b] @ real[parent] < 0:
            real[b] = -real[b]
    zero = np.zeros((BONES, 1))
    dual = 0.5 * _multiply(np.concatenate([zero, shift], axis=1), real)
    q = np.concatenate([real, dual], axis=1)
    blend = np.einsum("nk,nkc->nc", mesh.weights, q[mesh.bones])
    blend /= np.linalg.norm(blend[:, :4], axis=1, keepdims=True)
    qw, qv, dw, dv = blend[:, :1], blend[:, 1:4], blend[:, 4:5], blend[:, 5:]

    def turned(p: NDArray[np.float64]) -> NDArray[np.float64]:
        t = 2.0 * _cross(qv, p)
        return np.asarray(p + qw * t + _cross(qv, t))

    move = 2.0 * (qw * dv - dw * qv + _cross(qv, dv))
    return turned(mesh.vertices) + move, turned(mesh.normals), posed


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numpy's cross product, three times faster for long arrays of rows."""
    out = np.empty_like(b)
    out[:, 0] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    out[:, 1] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    out[:, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return out


_PARENT = [1, 1, 1, 1, 1, 4, 5, 1, 7, 8, 1, 10, 11, 2, 13, 14, 3, 16, 17]


@dataclass(frozen=True, slots=True)
class Spheres:
    """Balls that approximate the flesh for contact, soft shadows and ambient occlusion.

    Attributes:
        centres: (S, 3) hand millimetres.
        radii: (S,) millimetres.
        part: (S,) 0 = thumb, 1-4 = index-pinky, 5 = palm, 6 = forearm.
    """

    centres: NDArray[np.float64]
    radii: NDArray[np.float64]
    part: NDArray[np.int64]


def spheres(skeleton: Skeleton) -> Spheres:
    """The balls of a posed hand."""
    centres, radii, part = [], [], []
    for digit in range(5):
        profile = THUMB_RADII if digit == 0 else FINGER_RADII[digit - 1]
        for k in range(1 if digit == 0 else 0, 3):
            bone = (Bone.THUMB_MC if digit == 0 else Bone.INDEX_PP + 3 * (digit - 1)) + k
            a = skeleton.joints[1 + 4 * digit + k]
            b = skeleton.joints[2 + 4 * digit + k]
            pulp = skeleton.rotations[bone][:, 2]
            along = skeleton.rotations[bone][:, 1]
            end = b - along * profile[6] if k == 2 else b
            for t in (0.0, 0.33, 0.67) if k < 2 else (0.0, 0.5, 1.0):
                r = np.interp(2 * k + 2 * t, np.arange(7), profile) * 0.95
                centres.append(a + (end - a) * t + pulp * 0.7)
                radii.append(r)
                part.append(digit)
    rest = rest_skeleton()
    for bone, points in _BODY_BALLS:
        turn = skeleton.rotations[bone] @ rest.rotations[bone].T
        for x, y, z, r in points:
            centres.append(
                skeleton.origins[bone] + turn @ (np.array([x, y, z]) - rest.origins[bone])
            )
            radii.append(r)
            part.append(6 if bone == Bone.FOREARM else 5)
    return Spheres(np.array(centres), np.array(radii), np.array(part))


_BODY_BALLS: tuple[tuple[Bone, tuple[tuple[float, float, float, float], ...]], ...] = (
    (
        Bone.PALM,
        (
            (23.0, 80.0, 2.5, 11.0),
            (20.0, 62.0, 2.5, 12.0),
            (16.0, 44.0, 3.0, 13.0),
            (3.5, 84.0, 2.5, 11.5),
            (3.0, 66.0, 2.5, 12.5),
            (2.5, 47.0, 3.0, 13.5),
            (3.0, 28.0, 3.0, 15.0),
            (13.0, 16.0, 3.0, 15.5),
            (-8.0, 13.0, 3.0, 16.5),
            (0.0, 0.0, 2.0, 18.0),
        ),
    ),
    (Bone.RING_MC, ((-15.5, 78.0, 2.5, 11.0), (-13.0, 60.0, 2.5, 12.5), (-10.0, 40.0, 3.0, 13.5))),
    (
        Bone.PINKY_MC,
        ((-32.0, 68.0, 5.0, 10.0), (-28.0, 52.0, 6.0, 12.0), (-23.0, 35.0, 7.0, 13.5)),
    ),
    (Bone.THUMB_MC, ((22.0, 27.0, 11.0, 13.0), (29.0, 40.0, 15.0, 13.0), (38.0, 51.0, 18.0, 12.0))),
    (
        Bone.FOREARM,
        (
            (11.0, -18.0, 2.0, 17.0),
            (-11.0, -18.0, 2.0, 17.0),
            (0.0, -50.0, 2.0, 24.0),
            (0.0, -100.0, 2.0, 28.0),
            (0.0, -150.0, 2.0, 32.0),
            (0.0, -200.0, 2.0, 36.0),
        ),
    ),
)
