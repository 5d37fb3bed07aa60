"""Where the models fail, as a picture: the worst of many synthetic hands; no photo is shown.

White is the truth, green the float parent, orange the int8 model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.geometry.roi import crop_to_frame, landmarks_roi, letterbox_to_frame, palm_roi
from edgehands.hand import PalmDetection
from edgehands.synthetic import random_scene, render_scene

from . import cut_off, evaluate, palms
from .engine import Runner
from .observe import real
from .samples import crop, letterbox, stray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgehands.hand import Roi

    from .graph import Array

    Pixels = NDArray[np.uint8]

WHITE, GREEN, ORANGE = (255, 255, 255), (60, 220, 60), (255, 140, 0)
PANEL = 480
SEED = 300_000
CHAINS = ((0, 1, 2, 3, 4), (0, 5, 6, 7, 8), (5, 9, 10, 11, 12), (9, 13, 14, 15, 16),
          (13, 17, 18, 19, 20), (0, 17))  # fmt: skip


def picture(
    palm: tuple[bytes, bytes],
    landmark: tuple[evaluate.LandmarkReader, evaluate.LandmarkReader],
    count: int,
) -> Pixels:
    """Four panels: the worst landmarks, presence, ROI and palm score among ``count`` hands.

    Args:
        palm: the float and the int8 file of the palm model.
        landmark: readers of the float and the int8 landmark model.
        count: synthetic hands that are looked through.

    Returns:
        (2 PANEL, 2 PANEL, 3) uint8 RGB.
    """
    runners = Runner(palm[0]), Runner(palm[1])
    rows = [
        np.concatenate(panels, axis=1)
        for panels in (_landmarks(*landmark, count), _palms(*runners, count))
    ]
    return np.concatenate(rows)


def _landmarks(
    parent: evaluate.LandmarkReader, model: evaluate.LandmarkReader, count: int
) -> list[Pixels]:
    rng = np.random.default_rng(SEED)
    worst: dict[str, tuple[float, Pixels]] = {}
    for i in range(count):
        hand = render_scene(random_scene(SEED + i, hands=1, difficulty=("fair", "hard")[i % 2]))
        truth = np.asarray(hand.truth.hands[0].mediapipe.image, np.float32)
        roi = stray(landmarks_roi(truth), rng)
        pixels = crop(hand.image, roi)
        want, got = parent(pixels), model(pixels)
        at = _into(crop_to_frame(roi, 224), truth[:, :2])
        size = evaluate.palm_size(at)
        off = float(np.linalg.norm(want.landmarks[:, :2] - at, axis=1).mean()) / size
        apart = abs(want.presence - got.presence)
        drawn = [(at, WHITE), (want.landmarks[:, :2], GREEN), (got.landmarks[:, :2], ORANGE)]
        if want.presence > evaluate.SCORE and off > worst.get("a", (0.0,))[0]:
            said = f"float and int8 both off by {off:.0%} of palm size"
            worst["a"] = off, _hands_panel(pixels, drawn, said)
        if apart > worst.get("b", (0.0,))[0]:
            said = f"presence {want.presence:.2f}, int8 {got.presence:.2f}"
            worst["b"] = apart, _hands_panel(pixels, drawn, said)
    return [worst["a"][1], worst["b"][1]]


def _palms(parent: Runner, model: Runner, count: int) -> list[Pixels]:
    turned = changed = (-1.0, np.zeros((PANEL, PANEL, 3), np.uint8))
    for frame in cut_off.draw(SEED, count):
        answers = [_decoded(run, frame) for run in (parent, model)]
        if not all(len(scores) for _, scores in answers):
            continue
        best = [int(scores.argmax()) for _, scores in answers]
        scores = [float(s[k]) for (_, s), k in zip(answers, best, strict=True)]
        rois = [
            _roi(boxes[k], frame, run.size)
            for (boxes, _), k, run in zip(answers, best, (parent, model), strict=True)
        ]
        turn = abs((rois[0].rotation - rois[1].rotation + np.pi) % (2 * np.pi) - np.pi)
        if min(scores) > evaluate.SCORE and turn > turned[0]:
            said = f"ROI turned by {np.degrees(turn):.0f} degrees"
            turned = turn, _rois_panel(frame, rois, said)
        apart = abs(scores[0] - scores[1])
        if (scores[0] > evaluate.SCORE) != (scores[1] > evaluate.SCORE) and apart > changed[0]:
            said = f"palm score {scores[0]:.2f}, int8 {scores[1]:.2f}"
            changed = apart, _rois_panel(frame, rois, said)
    return [turned[1], changed[1]]


def _decoded(run: Runner, frame: Pixels) -> tuple[Array, Array]:
    boxes, scores = run(real(letterbox(frame, run.size)[None]))
    return palms.decode(boxes, scores, 0.3, run.size)


def _roi(detection: NDArray[np.float32], frame: Pixels, size: int) -> Roi:
    to_frame = letterbox_to_frame(frame.shape[1], frame.shape[0], size)
    points = (detection.reshape(-1, 2) @ to_frame[:, :2].T + to_frame[:, 2]).astype(np.float32)
    return palm_roi(PalmDetection(points[:2].ravel(), points[2:], 1.0))


def _into(to_frame: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Frame pixels as crop pixels."""
    return np.asarray((points - to_frame[:, 2]) @ np.linalg.inv(to_frame[:, :2]).T)


def _hands_panel(
    pixels: Pixels, drawn: Sequence[tuple[object, tuple[int, ...]]], said: str
) -> Pixels:
    scale = PANEL / pixels.shape[0]
    panel = cv2.resize(pixels, (PANEL, PANEL), interpolation=cv2.INTER_CUBIC)
    for points, colour in drawn:
        for chain in CHAINS:
            line = np.rint(np.asarray(points)[list(chain)] * scale).astype(np.int32)
            cv2.polylines(panel, [line], isClosed=False, color=colour, thickness=2, lineType=16)
    return _titled(np.asarray(panel, np.uint8), said)


def _rois_panel(frame: Pixels, rois: list[Roi], said: str) -> Pixels:
    panel = np.ascontiguousarray(frame)
    for roi, colour in zip(rois, (GREEN, ORANGE), strict=True):
        to_frame = crop_to_frame(roi, 1)
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        square = np.rint(corners @ to_frame[:, :2].T + to_frame[:, 2]).astype(np.int32)
        cv2.polylines(panel, [square], isClosed=True, color=colour, thickness=2, lineType=16)
    scale = PANEL / max(panel.shape[:2])
    small = cv2.resize(panel, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    whole = np.zeros((PANEL, PANEL, 3), np.uint8)
    whole[: small.shape[0], : small.shape[1]] = small
    return _titled(whole, said)


def _titled(panel: Pixels, said: str) -> Pixels:
    cv2.rectangle(panel, (0, PANEL - 34), (PANEL, PANEL), (0, 0, 0), -1)
    cv2.putText(panel, said, (10, PANEL - 11), 0, 0.6, WHITE, 1, 16)
    return panel
