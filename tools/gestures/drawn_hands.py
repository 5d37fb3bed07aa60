"""Drawn hands and what the tracker sees of them, kept in files: for the scripts beside this one.

Drawing a hand and running the models on it takes a tenth of a second; what came out is kept under
``.cache/gestures``, so that a change of the rules is measured in seconds. A file belongs to the
models that made it and is left alone when they change.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgehands import HandTracker, TrackingConfig
from edgehands.geometry.roi import landmarks_roi
from edgehands.gestures import GESTURES, NONE, shape_of
from edgehands.gestures.static import ENTER_SCORE, rule_scores
from edgehands.hand import Hand, Handedness, Roi
from edgehands.pose import Intrinsics
from edgehands.synthetic import random_scene, render_scene
from edgehands.synthetic.anatomy import Finger, HandPose, Thumb
from edgehands.synthetic.poses import POSES, vary
from tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CACHE = ROOT / ".cache" / "gestures"

# Every seed belongs to one purpose: nothing is measured on hands that anything was fitted to.
EVALUATION = 5_000_000
EVALUATION_RANDOM = 6_000_000
EVALUATION_POSE = 8_000_000
FITTING = 20_000_000
FITTING_POSE = 1_000_000

VIEWS = ("palm", "back")
EVALUATED = (
    *("open_palm", "fist", "point", "victory", "three", "four", "thumbs_up", "thumbs_down"),
    *("ok", "pinch", "rock", "call", "i_love_you"),
)
"""The shapes that are measured, in the order that their seeds have."""

RAISED = {
    "open_palm": ("IMRP",),
    "fist": ("",),
    "point": ("I",),
    "victory": ("IM",),
    "three": ("IM", "IMR"),
    "four": ("IMRP",),
    "thumb": ("",),
    "rock": ("IP",),
    "call": ("P",),
    "i_love_you": ("IP",),
}
"""Fingers (index to pinky) that a shape raises; three has two forms."""

ANY = "any"
"""Instead of a shape: one of all, by chance."""

_SAME_SHAPE = {"thumbs_up": "thumb", "thumbs_down": "thumb", "point_up": "point"}
_CURLED = POSES["fist"]
_OUT = POSES["three"].thumb


def _all(mcp: float, pip: float, dip: float, thumb: Thumb) -> HandPose:
    """All four fingers bent alike."""
    index, middle, ring, pinky = (Finger(s, mcp, pip, dip) for s in (4.0, 0.0, -3.0, -6.0))
    return HandPose(thumb, index, middle, ring, pinky)


def _straight(spread: float) -> Finger:
    return Finger(spread, 3, 5, 3)


# Shapes that aren't among the synthetic hands' own, for fitting only: what people do with their
# hands that means none of our gestures, and the three that is made without the thumb.
OTHER_SHAPES: dict[str, HandPose] = {
    "three_without_thumb": replace(
        _CURLED, index=_straight(6), middle=_straight(0), ring=_straight(-6)
    ),
    "thumb_to_pinky": HandPose(
        Thumb(15, 52, -12, 38, 30),
        *(_straight(6), _straight(0), _straight(-6), Finger(-8, 62, 50, 30)),
    ),
    "thumb_to_ring": HandPose(
        Thumb(15, 50, -10, 30, 25),
        *(_straight(6), _straight(1), Finger(-3, 60, 50, 30), _straight(-13)),
    ),
    "thumb_to_middle": HandPose(
        Thumb(18, 46, -6, 22, 20),
        *(_straight(7), Finger(0, 58, 50, 28), _straight(-5), _straight(-13)),
    ),
    "letter_o": _all(48, 44, 26, Thumb(22, 40, 0, 14, 18)),
    "letter_c": _all(30, 40, 26, Thumb(34, 34, 12, 10, 14)),
    "letter_l": replace(_CURLED, thumb=_OUT, index=_straight(4)),
    "claw": _all(22, 66, 38, Thumb(44, 24, 30, 22, 26)),
    "hook": _all(4, 98, 56, Thumb(30, 30, 14, 16, 20)),
    "roof": _all(76, 8, 5, Thumb(30, 34, 14, 12, 12)),
    "loose": _all(34, 34, 18, Thumb(36, 28, 24, 14, 16)),
    "middle_finger": replace(_CURLED, middle=_straight(0)),
    "pinky_finger": replace(_CURLED, pinky=_straight(-12)),
}
SHAPE_MEANING = {"three_without_thumb": "three", "thumb_to_pinky": "three"}
"""What those of them that mean something mean."""


@dataclass(frozen=True)
class DrawnHands:
    """Hands of one shape and view: the truth, and what was seen.

    Attributes:
        found: (n,) a hand was found in the picture.
        seen: (n, 21, 3) its world landmarks; 0 where there is none.
        pixels: (n, 21, 3) its landmarks, frame pixels.
        seen_right: (n,) what it was taken for.
        presence: (n,) of it.
        near: (n, 21, 3) world landmarks with the ROI set by the true landmarks; 0 = no hand there.
        near_pixels: (n, 21, 3) the landmarks, frame pixels.
        right: (n,) it is a right hand.
        angles: (n, 24) the joints that it was drawn with (``HandPose.to_vector``), degrees.
        joints: (n, 21, 3) anatomical joints, camera frame, metres.
        marks: (n, 21, 3) the points as MediaPipe defines them, camera frame, metres.
        mark_pixels: (n, 21, 2) the same in the picture.
        rotation: (n, 3, 3) the palm's axes in the camera frame.
        scale: (n,) 1 = a hand of 190 mm.
        camera: (n, 6) width, height, fx, fy, cx, cy.
    """

    found: Bools
    seen: Floats
    pixels: Floats
    seen_right: Bools
    presence: Floats
    near: Floats
    near_pixels: Floats
    right: Bools
    angles: Floats
    joints: Floats
    marks: Floats
    mark_pixels: Floats
    rotation: Floats
    scale: Floats
    camera: Floats

    def __len__(self) -> int:
        return len(self.found)

    def pose(self, i: int) -> HandPose:
        """The joint angles that hand i was drawn with."""
        return HandPose.from_vector(self.angles[i])

    def intrinsics(self, i: int) -> Intrinsics:
        """The camera that hand i was drawn for."""
        c = [float(v) for v in self.camera[i]]
        return Intrinsics(int(c[0]), int(c[1]), c[2], c[3], c[4], c[5])

    def hand(self, i: int, source: str = "seen") -> Hand | None:
        """Hand i, None where there is none.

        Args:
            i: which one.
            source: ``seen`` by the tracker; ``near``, by the landmark model with the true ROI; or
                ``true``, a perfect reading.
        """
        if source == "seen":
            world, pixels, right = self.seen[i], self.pixels[i], self.seen_right[i]
        elif source == "near":
            world, pixels, right = self.near[i], self.near_pixels[i], self.right[i]
        else:
            world = self.marks[i] - self.marks[i, 9]
            depth = self.marks[i, :, 2:] - self.marks[i, :1, 2:]
            pixels = np.hstack(
                [self.mark_pixels[i], depth * self.camera[i, 2] / self.marks[i, 0, 2]]
            )
            right = self.right[i]
        if not world.any():
            return None
        return Hand(
            id=i + 1,
            handedness=Handedness.RIGHT if right else Handedness.LEFT,
            handedness_score=1.0,
            presence=float(self.presence[i]),
            landmarks=pixels.astype(np.float32),
            world_landmarks=world.astype(np.float32),
            roi=Roi(0.0, 0.0, 1.0, 0.0),
        )


def draw(  # noqa: PLR0913 - each says what to draw
    shape: str,
    view: str,
    seed: int,
    count: int,
    *,
    difficulty: str = "fair",
    model: str = "full",
) -> DrawnHands:
    """``count`` hands from seed ``seed`` on, from the cache where they are in it."""
    config = TrackingConfig(static_image=True, max_hands=2, model=model, num_threads=1)  # type: ignore[arg-type]
    with HandTracker(config) as tracker:
        made = "-".join(spec.sha256[:6] for spec in tracker.models)
        path = CACHE / made / f"{shape}-{view}-{difficulty}-{seed}.npz"
        kept = _load(path)
        if kept is not None and len(kept) >= count:
            return _first(kept, count)
        begin = 0 if kept is None else len(kept)
        rows = [_draw_one(tracker, shape, view, seed + i, difficulty) for i in range(begin, count)]
    names = [f.name for f in fields(DrawnHands)]
    new = {n: np.array([row[k] for row in rows]) for k, n in enumerate(names)}
    if kept is not None:
        new = {n: np.concatenate([getattr(kept, n), new[n]]) for n in names}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".part").open("wb") as file:
        np.savez_compressed(file, **new)  # type: ignore[arg-type]
    path.with_suffix(".part").replace(path)
    return DrawnHands(**new)


def draw_shapes(
    shapes: Sequence[str], views: Iterable[str], seed: int, count: int, **how: str
) -> dict[tuple[str, str], DrawnHands]:
    """Hands of every shape and view; each shape has a thousand seeds of its own."""
    return {
        (shape, view): draw(shape, view, seed + 1000 * number, count, **how)
        for view in views
        for number, shape in enumerate(shapes)
    }


def shape_name(gesture: str) -> str:
    """The shape of a gesture: where up is makes another gesture of it, but no other shape."""
    return _SAME_SHAPE.get(gesture, gesture)


def meant_by(hands: DrawnHands, i: int) -> set[str]:
    """The shapes that the joints which hand i was drawn with don't contradict.

    They contradict a shape if a finger that it raises is bent by more than 120 degrees in all, if
    one that it lowers is bent by less than 100, or if the tips of a pinch or OK are more than 45 mm
    apart. The thumb isn't looked at.
    """
    pose = hands.pose(i)
    bent = [f.mcp + f.pip + f.dip for f in (pose.index, pose.middle, pose.ring, pose.pinky)]
    possible = {
        name
        for name, forms in RAISED.items()
        if any(
            all((b <= 120) if f in up else (b >= 100) for f, b in zip("IMRP", bent, strict=True))
            for up in forms
        )
    }
    if float(np.linalg.norm(hands.joints[i, 4] - hands.joints[i, 8])) <= 0.045:
        possible.add("pinch")
        if max(bent[1:]) <= 120:
            possible.add("ok")
    return possible


def true_rules(hands: DrawnHands, i: int) -> str:
    """The shape that the rules see in hand i's true joints, held to the camera; or ``none``."""
    marks = (hands.marks[i] - hands.marks[i, 0]) @ hands.rotation[i] * (1.0, -1.0, -1.0)
    best, name = ENTER_SCORE, NONE
    for angle in np.radians(range(0, 360, 45)):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        world = np.hstack([marks[:, :2] @ turn, marks[:, 2:]]).astype(np.float32)
        scores = rule_scores(shape_of(world))
        if max(scores) >= best:
            best, name = max(scores), shape_name(GESTURES[scores.index(max(scores))])
    return name


def _load(path: Path) -> DrawnHands | None:
    if not path.exists():
        return None
    with np.load(path) as kept:
        return DrawnHands(**kept)


def _first(hands: DrawnHands, count: int) -> DrawnHands:
    return DrawnHands(**{f.name: getattr(hands, f.name)[:count] for f in fields(DrawnHands)})


def _draw_one(
    tracker: HandTracker, shape: str, view: str, seed: int, difficulty: str
) -> tuple[object, ...]:
    other = OTHER_SHAPES.get(shape)
    drawn_as = "open_palm" if other is not None else None if shape == ANY else shape
    scene = random_scene(seed, gesture=drawn_as, view=view, difficulty=difficulty)  # type: ignore[arg-type]
    if other is not None:
        pose = vary(other, np.random.default_rng(seed))
        scene = replace(scene, hands=(replace(scene.hands[0], pose=pose),))
    # In difficult scenes the light, the noise and the turn are, but nothing hides the hand.
    still = tuple(replace(hand, velocity=(0.0, 0.0, 0.0)) for hand in scene.hands)
    picture = render_scene(replace(scene, hands=still, occluders=()))
    truth = picture.truth.hands[0]
    hands = sorted(tracker.process(picture.image), key=lambda hand: -hand.palm_size)
    hand = hands[0] if hands else None
    marks = np.hstack([truth.mediapipe.image, np.zeros((21, 1))]).astype(np.float32)
    near = tracker._landmarks.read(picture.image, landmarks_roi(marks))  # noqa: SLF001
    none = np.zeros((21, 3), np.float32)
    c = scene.camera
    return (
        hand is not None,
        none if hand is None else hand.world_landmarks,
        none if hand is None else hand.landmarks,
        hand is not None and hand.handedness is Handedness.RIGHT,
        0.0 if hand is None else hand.presence,
        none if near is None else near.world_landmarks,
        none if near is None else near.landmarks,
        truth.handedness is Handedness.RIGHT,
        truth.pose.to_vector(),
        truth.anatomical.camera,
        truth.mediapipe.camera,
        truth.mediapipe.image,
        truth.rotation,
        scene.hands[0].scale,
        (c.width, c.height, c.fx, c.fy, c.cx, c.cy),
    )
