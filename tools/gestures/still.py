"""Whether the published name of a still hand changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgehands import HandTracker, TrackingConfig
from edgehands.gestures import NONE, GesturesConfig, HandInterpreter
from edgehands.hand import Frame, FrameHands
from edgehands.synthetic import random_scene, render_scene
from tools.gestures.drawn_hands import EVALUATED


def say_still(model: str, seconds: float = 10.0) -> None:
    """Still gestures with sensor noise: does the published name change?"""
    print(f"\n## still: {seconds:.0f} s at 30 fps, sensor noise sigma 4 of 255, every gesture")
    changes, slow = 0, []
    for number, shape in enumerate(EVALUATED):
        scene = random_scene(7_000_003 + 13 * number, gesture=shape, view="palm", variation=0.5)
        clean = render_scene(replace(scene, sensor=replace(scene.sensor, noise=0.0))).image
        rng = np.random.default_rng(number)
        interpreter = HandInterpreter(GesturesConfig(taught=False))
        names: list[str] = []
        first = None
        config = TrackingConfig(max_hands=1, model=model, num_threads=2)  # type: ignore[arg-type]
        with HandTracker(config) as tracker:
            for i in range(int(seconds * 30)):
                noisy = clean + rng.normal(0.0, 4.0, clean.shape).astype(np.float32)
                image = np.clip(noisy, 0, 255).astype(np.uint8)
                hands = tuple(tracker.process(image, timestamp=i / 30))
                told = interpreter.interpret(
                    FrameHands(Frame(image, i, i / 30, 0.0), hands)
                ).frame_hands.hands
                if told and told[0].gesture is not None:
                    first = i if first is None else first
                    names.append(told[0].gesture.name)
                    if names[-1] != NONE and len(set(names)) == 2 and names.count(names[-1]) == 1:
                        slow.append((i - first) / 30)
        runs = [n for i, n in enumerate(names) if i == 0 or names[i - 1] != n]
        extra = max(0, len(runs) - 2) if runs[:1] == [NONE] else max(0, len(runs) - 1)
        changes += extra
        if extra or runs[-1:] == [NONE]:
            print(f"  {shape}: {' -> '.join(runs)}")
    print(f"  changes after the first name: {changes}   (asked: 0)")
    print(f"  from first sight to publication: {1000 * max(slow):.0f} ms at most   (asked: 150 ms)")
