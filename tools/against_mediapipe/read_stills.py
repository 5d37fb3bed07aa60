"""The MediaPipe worker of compare_mediapipe; runs in MediaPipe's environment, without edgehands.

Usage: read_stills.py COMPLEXITY IMAGE... ; writes one JSON line per image to stdout.
"""

import json
import sys

import cv2
import mediapipe

complexity, paths = int(sys.argv[1]), sys.argv[2:]
with mediapipe.solutions.hands.Hands(
    static_image_mode=True, max_num_hands=2, model_complexity=complexity
) as hands:
    for path in paths:
        read = cv2.imread(path)
        assert read is not None, path
        image = cv2.cvtColor(read, cv2.COLOR_BGR2RGB)
        height, width = image.shape[:2]
        found = hands.process(image)
        out = []
        for points, world, sides in zip(
            found.multi_hand_landmarks or [],
            found.multi_hand_world_landmarks or [],
            found.multi_handedness or [],
            strict=False,
        ):
            side = sides.classification[0]
            out.append(
                {
                    "landmarks": [
                        [p.x * width, p.y * height, p.z * width] for p in points.landmark
                    ],
                    "world": [[p.x, p.y, p.z] for p in world.landmark],
                    # MediaPipe assumes mirrored images when it names a side; these aren't mirrored.
                    "handedness": {"Left": "right", "Right": "left"}[side.label],
                    "handedness_score": side.score,
                }
            )
        print(json.dumps(out), flush=True)
