"""The surface of the synthetic hand, generated once from smooth implicit shapes.

A surface net turns the zero level of a distance field (:mod:`edgehands.synthetic.field`) into a
mesh, and each vertex gets weights for the bones it follows. That takes seconds, so the result is
baked:

    python -m edgehands.synthetic.sculpt        # rewrites edgehands/data/hand.npz

Everything is in hand millimetres (see :mod:`edgehands.synthetic.anatomy`). Only numpy is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgehands.synthetic.anatomy import BONES, MCP, REST, Bone, pose_skeleton
from edgehands.synthetic.field import FOREARM_LENGTH, distance, to_segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELL = 3.1  # mm, the net's grid around the hand
FOREARM_CELL = 13.0  # mm along the forearm, where there is no detail


@dataclass(frozen=True, slots=True)
class Mesh:
    """A skinned surface.

    Attributes:
        vertices: (N, 3) float64, hand millimetres, rest pose.
        normals: (N, 3) float64, outward.
        faces: (M, 3) int32, counter-clockwise seen from outside.
        bones: (N, 4) int32, the bones a vertex follows.
        weights: (N, 4) float64, sum 1.
    """

    vertices: NDArray[np.float64]
    normals: NDArray[np.float64]
    faces: NDArray[np.int32]
    bones: NDArray[np.int32]
    weights: NDArray[np.float64]


def surface_net(
    field: NDArray[np.float64],
    xs: NDArray[np.float64],
    ys: NDArray[np.float64],
    zs: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The zero level of a field on a grid as quads split into triangles (naive surface nets)."""
    inside = field < 0
    shape = np.array(field.shape) - 1
    corner = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    cut = [field[i : i + shape[0], j : j + shape[1], k : k + shape[2]] for i, j, k in corner]
    count = sum((c < 0).astype(int) for c in cut)
    cells = np.argwhere((count > 0) & (count < 8))
    index = np.full(shape, -1, np.int32)
    index[tuple(cells.T)] = np.arange(len(cells), dtype=np.int32)
    total, hits = np.zeros((len(cells), 3)), np.zeros(len(cells))
    for a, ca in enumerate(corner):
        for b, cb in enumerate(corner):
            if b <= a or sum(abs(u - v) for u, v in zip(ca, cb, strict=True)) != 1:
                continue
            va, vb = cut[a][tuple(cells.T)], cut[b][tuple(cells.T)]
            crossing = (va < 0) != (vb < 0)
            t = np.where(crossing, va / np.where(crossing, va - vb, 1.0), 0.0)
            point = np.array(ca) + t[:, None] * (np.array(cb) - np.array(ca))
            total += point * crossing[:, None]
            hits += crossing
    local = cells + total / hits[:, None]
    verts = np.stack(
        [np.interp(local[:, i], np.arange(len(axis)), axis) for i, axis in enumerate((xs, ys, zs))],
        axis=1,
    )
    faces = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        lo = [slice(1, -1)] * 3
        lo[axis] = slice(0, -1)
        hi = list(lo)
        hi[axis] = slice(1, None)
        first, second = inside[tuple(lo)], inside[tuple(hi)]
        for here, there, flip in ((first, second, False), (second, first, True)):
            at = np.argwhere(here & ~there)
            at[:, [i for i in range(3) if i != axis]] += 1
            du, dv = np.eye(3, dtype=int)[u], np.eye(3, dtype=int)[v]
            quad = [
                index[tuple((at - s * du - t * dv).T)] for s, t in ((1, 1), (0, 1), (0, 0), (1, 0))
            ]
            if flip:
                quad.reverse()
            faces += [
                np.stack([quad[0], quad[1], quad[2]], 1),
                np.stack([quad[0], quad[2], quad[3]], 1),
            ]
    return verts, np.concatenate(faces).astype(np.int32)


def _gradient(p: NDArray[np.float64]) -> NDArray[np.float64]:
    e = 0.25
    out = np.zeros_like(p)
    for i in range(3):
        step = np.eye(3)[i] * e
        out[:, i] = (distance(p + step) - distance(p - step)) / (2 * e)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9))


def _neighbours(
    faces: NDArray[np.int32], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """All edges in both directions, and the number of neighbours of each vertex."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    src = np.concatenate([edges[:, 0], edges[:, 1]])
    dst = np.concatenate([edges[:, 1], edges[:, 0]])
    return src, dst, np.bincount(src, minlength=n).astype(np.float64)


def _smoothed(
    values: NDArray[np.float64], faces: NDArray[np.int32], rounds: int
) -> NDArray[np.float64]:
    n = len(values)
    src, dst, degree = _neighbours(faces, n)
    for _ in range(rounds):
        mean = np.stack(
            [np.bincount(src, values[dst, c], minlength=n) for c in range(values.shape[1])], 1
        )
        values = 0.5 * values + 0.5 * mean / degree[:, None]
    return values


def _step(t: NDArray[np.float64], half: float) -> NDArray[np.float64]:
    u = np.clip((t + half) / (2 * half), 0.0, 1.0)
    return u * u * (3 - 2 * u)


def skin_weights(verts: NDArray[np.float64], faces: NDArray[np.int32]) -> NDArray[np.float64]:
    """(N, BONES) weight of each bone for each vertex, from its position along the chain."""
    s = pose_skeleton(REST)
    n = len(verts)
    w = np.zeros((n, BONES))
    # Which digit does a vertex belong to? The nearest one, measured to its bones.
    reach = np.stack(
        [
            np.min(
                [to_segment(verts, s.joints[c + k], s.joints[c + k + 1]) for k in range(3)],
                axis=0,
            )
            for c in (1, 5, 9, 13, 17)
        ],
        axis=1,
    )
    metacarpal = np.stack(
        [
            to_segment(verts, s.joints[1], s.joints[2]),
            *(to_segment(verts, np.array([12.0 - 9 * i, 16.0, 2.0]), MCP[i]) for i in range(4)),
        ],
        axis=1,
    )
    # Along the hand: forearm to palm over the wrist.
    hand = _step(verts[:, 1] - 0.0, 17.0)
    # The palm's own mobility: ring and pinky metacarpals, thumb metacarpal.
    near = 1.0 / np.maximum(metacarpal, 3.0) ** 4
    share = near / near.sum(1, keepdims=True)
    up = _step(verts[:, 1] - 26.0, 14.0)
    ring_mc, pinky_mc = share[:, 3] * up, share[:, 4] * up
    along = (verts - s.joints[1]) @ s.rotations[Bone.THUMB_MC][:, 1]
    thumb_mc = share[:, 0] * _step(along - 2.0, 16.0)
    finger = reach[:, 1:].argmin(1)
    thumb_zone = (reach[:, 0] < reach[:, 1:].min(1) - 2.0) & (along > 20.0)
    w[:, Bone.FOREARM] = 1 - hand
    w[:, Bone.RING_MC], w[:, Bone.PINKY_MC] = hand * ring_mc, hand * pinky_mc
    w[:, Bone.THUMB_MC] = hand * thumb_mc
    w[:, Bone.PALM] = hand * np.maximum(1 - ring_mc - pinky_mc - thumb_mc, 0.0)
    for i in range(4):
        mine = (finger == i) & ~thumb_zone
        base = s.rotations[Bone.INDEX_PP + 3 * i]
        for k, half in enumerate((7.0, 5.5, 4.5)):
            t = (verts - s.joints[5 + 4 * i + k]) @ base[:, 1]
            # The back of a knuckle stretches more than the crease below it.
            t = t + (2.0 if k == 0 else 0.0)
            on = _step(t, half) * mine
            bone = Bone.INDEX_PP + 3 * i + k
            w *= (1 - on)[:, None]
            w[:, bone] += on
    for k, half in enumerate((8.0, 6.0)):
        bone = Bone.THUMB_PP + k
        t = (verts - s.joints[2 + k]) @ s.rotations[bone][:, 1]
        on = _step(t, half) * (thumb_zone | ((reach[:, 0] < reach[:, 1:].min(1)) & (along > 34)))
        w *= (1 - on)[:, None]
        w[:, bone] += on
    w /= w.sum(1, keepdims=True)
    # Blend the thumb's muscle softly; keep the fingers' joints sharp.
    soft = _smoothed(w, faces, 14)
    crisp = _smoothed(w, faces, 2)
    blend = np.clip((verts[:, 1] - 60.0) / 25.0, 0.0, 1.0)[:, None]
    blend = np.where(thumb_zone[:, None] & (along[:, None] > 34), 1.0, blend)
    blend = _smoothed(blend.astype(np.float64), faces, 6)
    w = soft * (1 - blend) + crisp * blend
    return np.asarray(w / w.sum(1, keepdims=True))


def sculpt() -> Mesh:
    """Build the whole hand (about ten seconds)."""
    xs = np.arange(-76.0, 108.0, CELL)
    zs = np.arange(-44.0, 62.0, CELL)
    ys = np.concatenate(
        [np.arange(-FOREARM_LENGTH - 12, -40.0, FOREARM_CELL), np.arange(-38.0, 200.0, CELL)]
    )
    grid = np.stack(np.meshgrid(xs, ys, zs, indexing="ij"), -1)
    flat = grid.reshape(-1, 3)
    field = np.concatenate([distance(part) for part in np.array_split(flat, 24)])
    verts, faces = surface_net(field.reshape(grid.shape[:3]), xs, ys, zs)
    square = verts[:, 1] > -FOREARM_LENGTH + 10
    for _ in range(3):  # smooth along the surface, then project back onto it
        moved = _smoothed(verts, faces, 1)
        normal = _gradient(verts)
        moved = moved - (((moved - verts) * normal).sum(1))[:, None] * normal
        keep = square & (verts[:, 1] > -36)
        verts = np.where(keep[:, None], moved, verts)
        verts = np.where(
            square[:, None], verts - distance(verts)[:, None] * _gradient(verts), verts
        )
    normals = _gradient(verts)
    weights = skin_weights(verts, faces)
    order = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    top = np.take_along_axis(weights, order, 1)
    return Mesh(verts, normals, faces, order.astype(np.int32), top / top.sum(1, keepdims=True))


def bake(path: str) -> int:
    """Write the mesh as integers; returns the number of vertices."""
    m = sculpt()
    weights = np.round(m.weights * 255).astype(np.uint8)
    np.savez_compressed(
        path,
        vertices=np.round(m.vertices * 50).astype(np.int16),  # 0.02 mm; an arm of 430 mm fits
        normals=np.round(m.normals * 127).astype(np.int8),
        faces=m.faces.astype(np.uint16),
        bones=m.bones.astype(np.uint8),
        weights=weights,
    )
    return len(m.vertices)


if __name__ == "__main__":
    from importlib.resources import files

    target = str(files("edgehands") / "data" / "hand.npz")
    print(target, bake(target), "vertices")  # noqa: T201
