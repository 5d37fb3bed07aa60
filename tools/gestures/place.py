"""How well the hand's place and turn are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands import HandTracker, TrackingConfig
from edgehands.pose import PoseConfig, PoseEstimator, estimate_pose
from edgehands.synthetic import plan, render_scene
from tools.gestures.drawn_hands import EVALUATION_POSE, VIEWS, DrawnHands, draw_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import Hand


def say_pose(model: str, count: int) -> None:
    """Place and turn against the truth: single pictures, then clips with smoothing."""
    print("\n## pose: errors against the truth, medians")
    rows: dict[str, list[tuple[float, float, float]]] = {}
    stills = draw_shapes(
        ("open_palm", "point", "fist", "relaxed"), VIEWS, EVALUATION_POSE, count, model=model
    )
    for (_, view), hands in stills.items():
        rows.setdefault(f"stills, {view}", []).extend(
            pose_errors(hands, i, hand)
            for i in range(len(hands))
            if (hand := hands.hand(i)) is not None
        )
    for name in ("slow", "turning", "gestures"):
        film = plan(name, seed=3)
        config = TrackingConfig(max_hands=2, model=model, num_threads=2)  # type: ignore[arg-type]
        first = film.scene_at(0)
        k = first.camera
        settings = PoseConfig(
            focal_x=k.fx,
            center_x=k.cx,
            center_y=k.cy,
            calibrated_width=k.width,
            calibrated_height=k.height,
            hand_length=0.19 * first.hands[0].scale if first.hands else 0.0,
        )
        given, average = PoseEstimator(settings), PoseEstimator(replace_length(settings))
        with HandTracker(config) as tracker:
            for i in range(film.frames):
                scene = film.scene_at(i)
                picture = render_scene(scene)
                t = i / film.fps
                for hand in tracker.process(picture.image, timestamp=t):
                    truths = [h for h in picture.truth.hands if h.handedness is hand.handedness]
                    a = given.estimate(hand, k.width, k.height, t)
                    b = average.estimate(hand, k.width, k.height, t)
                    if truths and a is not None and b is not None:
                        wrist = truths[0].anatomical.camera[0]
                        off = np.linalg.norm(hand.landmarks[0, :2] - truths[0].mediapipe.image[0])
                        if off < truths[0].palm_size:
                            rows.setdefault(f"clip {name}", []).append(
                                (
                                    place_error(a.wrist, wrist),
                                    place_error(b.wrist, wrist),
                                    turn_error(a.pointing, a.palm_normal, truths[0].rotation),
                                )
                            )
    for name, errors in rows.items():
        known, average_size, turn = np.median(np.array(errors), axis=0)
        print(
            f"  {name:14} {len(errors):5} hands: place off by {100 * known:.1f} % of the distance "
            f"with the hand's length given, {100 * average_size:.1f} % with the average length; "
            f"turn off by {turn:.1f} degrees"
        )
    print("  (asked: 5 %, 12 %, 10 degrees)")


def replace_length(settings: PoseConfig) -> PoseConfig:
    """The same camera, the hand's length unknown."""
    return PoseConfig(
        focal_x=settings.focal_x,
        center_x=settings.center_x,
        center_y=settings.center_y,
        calibrated_width=settings.calibrated_width,
        calibrated_height=settings.calibrated_height,
    )


def pose_errors(hands: DrawnHands, i: int, hand: Hand) -> tuple[float, float, float]:
    """Place with given and average length, parts of the distance; turn, degrees."""
    k = hands.intrinsics(i)
    wrist = hands.joints[i, 0]
    given = estimate_pose(hand, k, 0.19 * float(hands.scale[i]))
    average = estimate_pose(hand, k)
    if given is None or average is None:
        return 1.0, 1.0, 180.0
    return (
        place_error(given.wrist, wrist),
        place_error(average.wrist, wrist),
        turn_error(given.pointing, given.palm_normal, hands.rotation[i]),
    )


def place_error(found: tuple[float, float, float], true: NDArray[np.float64]) -> float:
    """Distance between two places as part of the distance from the camera."""
    return float(np.linalg.norm(np.array(found) - true) / np.linalg.norm(true))


def turn_error(
    pointing: tuple[float, float, float],
    normal: tuple[float, float, float],
    rotation: NDArray[np.float64],
) -> float:
    """Degrees between the found and the true turn."""
    x, z = np.array(pointing), np.array(normal)
    tx, tz = rotation[:, 1], rotation[:, 2]
    found = np.stack([x, np.cross(z, x), z], axis=1)
    true = np.stack([tx, np.cross(tz, tx), tz], axis=1)
    return float(np.degrees(np.arccos(np.clip((np.trace(found.T @ true) - 1) / 2, -1, 1))))
