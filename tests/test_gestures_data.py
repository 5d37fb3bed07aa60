"""Finger counts and gestures of real hands, where their pictures are there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgehands import HandTracker, TrackingConfig
from edgehands.gestures import count_fingers, recognise

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ASKED = 0.95
"""Share of the finger counts that must be right, of the hands that are found."""

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="no pictures of real hands beside the checkout"),
]


def test_signers_fingers_are_counted() -> None:
    """Real fingers are what people hold up; drawn ones alone prove little."""
    right = found = 0
    with HandTracker(TrackingConfig(static_image=True, max_hands=1)) as tracker:
        for digit in range(6):
            for path in sorted((DATA / "digits" / str(digit)).iterdir())[::12]:
                image = cv2.imread(str(path))
                assert image is not None
                large = cv2.resize(image, (240, 240), interpolation=cv2.INTER_CUBIC)
                framed = cv2.copyMakeBorder(large, 120, 120, 120, 120, cv2.BORDER_REPLICATE)
                for hand in tracker.process(np.ascontiguousarray(framed[..., ::-1])):
                    found += 1
                    right += count_fingers(hand) == digit
    assert found >= 60
    assert right / found >= ASKED


@pytest.mark.parametrize("name", ["call", "four", "rock"])
def test_people_s_gestures_are_read(name: str) -> None:
    """Whole people in rooms, not hands on white paper."""
    seen = []
    with HandTracker(TrackingConfig(static_image=True)) as tracker:
        for path in sorted((DATA / "photos" / name).glob("*.jpg")):
            image = cv2.imread(str(path))
            assert image is not None
            hands = tracker.process(np.ascontiguousarray(image[..., ::-1]))
            if hands:
                seen.append(name in {recognise(hand).name for hand in hands})
    assert len(seen) >= 3
    assert np.mean(seen) >= 0.8
