"""What a hand's interpretation costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from edgehands import HandTracker, TrackingConfig
from edgehands.gestures import GesturesConfig, HandInterpreter, TaughtGestures, shape_of
from edgehands.gestures.debounce import GestureDebouncer
from edgehands.gestures.dynamic import MotionTracker
from edgehands.gestures.static import score_gestures
from edgehands.hand import Frame, FrameHands
from edgehands.pose import PoseConfig, PoseEstimator
from edgehands.synthetic import random_scene, render_scene

if TYPE_CHECKING:
    from collections.abc import Callable


def say_cost() -> None:
    """CPU time a hand of each part and of all."""
    print("\n## cost: CPU time a hand, microseconds, best of 60 short runs")
    with HandTracker(TrackingConfig(static_image=True, max_hands=1)) as tracker:
        for seed in range(9_000_000, 9_000_020):
            picture = render_scene(random_scene(seed, gesture="victory", view="palm"))
            hands = tracker.process(picture.image)
            if hands:
                break
    hand = hands[0]
    shape = shape_of(hand.world_landmarks)
    scores = score_gestures(shape)
    height, width = picture.image.shape[:2]
    steady = GestureDebouncer(GesturesConfig())
    motion = MotionTracker(width, height, 560.0)
    poses = PoseEstimator(PoseConfig())
    rng = np.random.default_rng(0)
    examples = [rng.normal(0, 1, (5, 60)).astype(np.float32) for _ in range(26)]
    taught = TaughtGestures([f"letter{i}" for i in range(26)], examples)
    whole = HandInterpreter(GesturesConfig(taught=False))
    clock = iter(np.arange(0.0, 1e6, 1 / 30))

    def frame() -> None:
        t = float(next(clock))
        whole.interpret(FrameHands(Frame(picture.image, 0, t, 0.0), (hand,)))

    parts: dict[str, Callable[[], object]] = {
        "shape and static gestures": lambda: score_gestures(shape_of(hand.world_landmarks)),
        "steadying": lambda: steady.update(float(next(clock)), scores),
        "movements": lambda: motion.update(float(next(clock)), hand, shape),
        "pose": lambda: poses.estimate(hand, width, height, float(next(clock))),
        "taught, 26 gestures of 5": lambda: taught.match_hand(hand),
        "all but taught, one frame": frame,
    }
    for name, part in parts.items():
        print(f"  {name:28} {cost_of(part):6.0f}")
    print("  (asked: 300 in all)")


def cost_of(part: Callable[[], object], runs: int = 60, calls: int = 40) -> float:
    """Microseconds of CPU time a call, the best of some short runs: other programs cost cache."""
    best = float("inf")
    for _ in range(runs):
        begin = time.thread_time()
        for _ in range(calls):
            part()
        best = min(best, (time.thread_time() - begin) / calls)
    return 1e6 * best
