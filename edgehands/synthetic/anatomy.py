"""The skeleton of the synthetic hand: bones, joints, limits, forward kinematics.

Everything here describes a *right* hand in **hand millimetres**: origin at the centre of the wrist,
x towards the thumb side, y towards the fingers, z out of the palm (palmar). A left hand is the
mirror image (x negated), made last, when the hand is placed in the camera frame.

The lengths are our own rounded figures for an adult hand of about 190 mm, within the
published ranges for adults (phalanx and metacarpal lengths, hand breadth 84 mm, wrist 58 mm).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


class Bone(enum.IntEnum):
    """The parts that move independently. ``PALM`` is the root."""

    FOREARM = 0
    PALM = 1
    RING_MC = 2
    PINKY_MC = 3
    THUMB_MC = 4
    THUMB_PP = 5
    THUMB_DP = 6
    INDEX_PP = 7
    INDEX_MP = 8
    INDEX_DP = 9
    MIDDLE_PP = 10
    MIDDLE_MP = 11
    MIDDLE_DP = 12
    RING_PP = 13
    RING_MP = 14
    RING_DP = 15
    PINKY_PP = 16
    PINKY_MP = 17
    PINKY_DP = 18


BONES = len(Bone)

MCP = np.array([[25.0, 88.0, 0.0], [3.5, 91.0, -1.5], [-16.5, 84.5, -0.5], [-33.5, 74.0, 4.0]])
"""(4, 3) centres of the knuckle joints of index, middle, ring, pinky."""

PHALANGES = np.array(
    [[43.0, 25.0, 21.5], [48.0, 29.5, 22.5], [44.5, 28.0, 22.5], [35.5, 20.5, 20.0]]
)
"""(4, 3) joint to joint lengths of the phalanges; the last runs from the DIP joint to the tip."""

THUMB_BASE = np.array([20.0, 21.0, 9.0])
THUMB_LENGTHS = np.array([46.0, 33.0, 27.0])
"""Metacarpal, proximal phalanx, distal phalanx to the tip."""

CARPAL = np.array([[0.0, 0.0, 0.0], [2.0, 22.0, -1.0], [-9.0, 22.0, 0.0], [-17.0, 20.0, 2.0]])
"""Where the metacarpals of index (unused), middle, ring and pinky begin."""

REST_SPREAD = np.array([9.0, 0.0, -9.0, -19.0])
"""Angle of each finger from +y in the sculpted (rest) hand, degrees, + = thumb side."""


@dataclass(frozen=True, slots=True)
class Finger:
    """The joint angles of one finger in degrees; positive flexion closes the hand.

    Attributes:
        spread: direction of the straight finger in the palm plane, + = towards the thumb.
        mcp, pip, dip: flexion of the knuckle, middle and end joint.
    """

    spread: float = 0.0
    mcp: float = 0.0
    pip: float = 0.0
    dip: float = 0.0


@dataclass(frozen=True, slots=True)
class Thumb:
    """The joint angles of the thumb in degrees.

    Attributes:
        radial: direction of the metacarpal in the palm's plane, away from +y to the thumb side.
        palmar: elevation of the metacarpal out of the palm's plane.
        roll: direction the pulp faces: 0 = across the palm, 90 = out of the palm.
        mcp, ip: flexion of the two joints.
    """

    radial: float = 40.0
    palmar: float = 18.0
    roll: float = 45.0
    mcp: float = 5.0
    ip: float = 5.0


@dataclass(frozen=True, slots=True)
class HandPose:
    """The shape of a hand: all its joint angles, in degrees.

    Attributes:
        thumb, index, middle, ring, pinky: the fingers.
        wrist_flex: flexion of the hand on the forearm, to the palm (+) or back (-).
        wrist_turn: deviation of the hand towards the thumb (+) or the little finger (-).
        cup: how far the little finger's metacarpal folds towards the palm.
    """

    thumb: Thumb = Thumb()
    index: Finger = Finger()
    middle: Finger = Finger()
    ring: Finger = Finger()
    pinky: Finger = Finger()
    wrist_flex: float = 0.0
    wrist_turn: float = 0.0
    cup: float = 0.0

    def to_vector(self) -> Floats:
        """(24,) all angles in the order of :data:`LIMITS`."""
        t = self.thumb
        values = [t.radial, t.palmar, t.roll, t.mcp, t.ip]
        for f in (self.index, self.middle, self.ring, self.pinky):
            values += [f.spread, f.mcp, f.pip, f.dip]
        return np.array([*values, self.wrist_flex, self.wrist_turn, self.cup])

    @staticmethod
    def from_vector(angles: Floats) -> HandPose:
        """The inverse of :meth:`to_vector`."""
        a = [float(v) for v in angles]
        index, middle, ring, pinky = (Finger(*a[5 + 4 * i : 9 + 4 * i]) for i in range(4))
        return HandPose(Thumb(*a[:5]), index, middle, ring, pinky, *a[21:24])


LIMITS = np.array(
    [
        *((5, 62), (-5, 62), (-45, 95), (-20, 62), (-22, 85)),  # thumb
        *((-12, 25), (-28, 92), (-4, 108), (-8, 75)),  # index
        *((-16, 16), (-28, 92), (-4, 108), (-8, 75)),  # middle
        *((-25, 12), (-28, 92), (-4, 110), (-8, 75)),  # ring
        *((-38, 12), (-28, 94), (-4, 104), (-8, 75)),  # pinky
        *((-60, 65), (-28, 20), (0, 18)),  # wrist flexion, wrist turn, cup
    ],
    dtype=np.float64,
)
"""(24, 2) smallest and largest angle of each joint, degrees: healthy adults' active range."""

REST = HandPose(
    thumb=Thumb(),
    index=Finger(float(REST_SPREAD[0])),
    middle=Finger(float(REST_SPREAD[1])),
    ring=Finger(float(REST_SPREAD[2])),
    pinky=Finger(float(REST_SPREAD[3])),
)
"""The pose in which the surface is sculpted."""


def clamp(pose: HandPose) -> HandPose:
    """The nearest pose inside the joint limits."""
    return HandPose.from_vector(np.clip(pose.to_vector(), LIMITS[:, 0], LIMITS[:, 1]))


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """A posed skeleton in hand millimetres.

    Attributes:
        rotations: (BONES, 3, 3) columns are the bone's own axes: y along the bone, z towards the
            side it flexes to.
        origins: (BONES, 3) the joint that each bone rotates about.
        joints: (21, 3) anatomical joint centres and finger tips, MediaPipe's order.
    """

    rotations: NDArray[np.float64]
    origins: NDArray[np.float64]
    joints: NDArray[np.float64]


def rot_x(degrees: float) -> Floats:
    """(3, 3) rotation about x: +y goes to +z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def rot_y(degrees: float) -> Floats:
    """(3, 3) rotation about y: +z goes to +x."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def rot_z(degrees: float) -> Floats:
    """(3, 3) rotation about z: +x goes to +y."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _thumb_frame(thumb: Thumb) -> Floats:
    """(3, 3) axes of the thumb's metacarpal: y along it, z where the pulp faces."""
    b, a, r = np.radians([thumb.radial, thumb.palmar, thumb.roll])
    along = np.array([np.sin(b) * np.cos(a), np.cos(b) * np.cos(a), np.sin(a)])
    across = np.array([-np.cos(b), np.sin(b), 0.0])  # in the palm's plane, to the fingers
    out = np.cross(across, along)
    out = out if out[2] > 0 else -out
    pulp = np.cos(r) * across + np.sin(r) * out
    return np.stack([np.cross(along, pulp), along, pulp], axis=1)


def pose_skeleton(pose: HandPose) -> Skeleton:
    """Forward kinematics: positions of all bones and joints in hand millimetres."""
    rot = np.zeros((BONES, 3, 3))
    org = np.zeros((BONES, 3))
    joints = np.zeros((21, 3))
    rot[Bone.PALM] = np.eye(3)
    # The palm stays fixed and the forearm moves the opposite way.
    rot[Bone.FOREARM] = rot_z(pose.wrist_turn) @ rot_x(-pose.wrist_flex)
    rot[Bone.RING_MC] = rot_x(pose.cup * 0.45)
    rot[Bone.PINKY_MC] = rot_x(pose.cup)
    org[Bone.RING_MC], org[Bone.PINKY_MC] = CARPAL[2], CARPAL[3]

    frame = _thumb_frame(pose.thumb)
    at = THUMB_BASE
    for k, flex in enumerate((0.0, pose.thumb.mcp, pose.thumb.ip)):
        frame = frame @ rot_x(flex)
        rot[Bone.THUMB_MC + k], org[Bone.THUMB_MC + k] = frame, at
        joints[1 + k] = at
        at = at + frame[:, 1] * THUMB_LENGTHS[k]
    joints[4] = at

    for i, finger in enumerate((pose.index, pose.middle, pose.ring, pose.pinky)):
        parent = (Bone.PALM, Bone.PALM, Bone.RING_MC, Bone.PINKY_MC)[i]
        frame = rot[parent] @ rot_z(-finger.spread)
        at = org[parent] + rot[parent] @ (MCP[i] - org[parent])
        for k, flex in enumerate((finger.mcp, finger.pip, finger.dip)):
            frame = frame @ rot_x(flex)
            bone = Bone.INDEX_PP + 3 * i + k
            rot[bone], org[bone] = frame, at
            joints[5 + 4 * i + k] = at
            at = at + frame[:, 1] * PHALANGES[i, k]
        joints[8 + 4 * i] = at
    return Skeleton(rot, org, joints)
