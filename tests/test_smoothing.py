"""The smoother against the One Euro filter as its paper has it, point by point."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgehands.tracking.smoothing import (
    BETA,
    LONGEST_GAP,
    MIN_CUTOFF,
    SPEED_CUTOFF,
    HandSmoother,
)

PALM = 80.0  # pixels


class OneEuro:
    """Casiez, Roussel, Vogel (CHI 2012), for one point; its speed is that of x and y."""

    def __init__(self) -> None:
        self.raw: np.ndarray | None = None
        self.value = np.zeros(3)
        self.speed = np.zeros(2)

    @staticmethod
    def _alpha(cutoff: float, gap: float) -> float:
        tau = 1.0 / (2.0 * math.pi * cutoff)
        return 1.0 / (1.0 + tau / gap)

    def step(self, raw: np.ndarray, gap: float) -> tuple[np.ndarray, float]:
        """The filtered point, and how much of the way to the raw one was gone."""
        if self.raw is None:
            self.raw, self.value = raw.copy(), raw.copy()
            return self.value, 1.0
        speed = (raw[:2] - self.raw[:2]) / gap / PALM
        self.speed += self._alpha(SPEED_CUTOFF, gap) * (speed - self.speed)
        share = self._alpha(MIN_CUTOFF + BETA * float(np.hypot(*self.speed)), gap)
        self.value = self.value + share * (raw - self.value)
        self.raw = raw.copy()
        return self.value, share


def walk(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks, pixels, and world landmarks, metres, of a hand on an irregular way."""
    rng = np.random.default_rng(seed)
    pixels = 300 + np.cumsum(rng.normal(0, 4, (count, 21, 3)), axis=0)
    metres = np.cumsum(rng.normal(0, 0.002, (count, 21, 3)), axis=0)
    return pixels.astype(np.float32), metres.astype(np.float32)


@pytest.mark.parametrize("fps", [12.0, 30.0, 60.0])
def test_it_is_the_one_euro_filter_in_palm_sizes(fps: float) -> None:
    """Another filter would lag, or let the tremble through, by amounts that nobody has measured."""
    pixels, metres = walk(40, 3)
    smoother = HandSmoother()
    filters = [OneEuro() for _ in range(21)]
    world = metres[0].astype(float)
    for i in range(40):
        told, told_world = smoother.smooth(pixels[i], metres[i], PALM, 1.0 + i / fps)
        steps = [f.step(p.astype(float), 1 / fps) for f, p in zip(filters, pixels[i], strict=True)]
        np.testing.assert_allclose(told, [value for value, _ in steps], atol=2e-3)
        # World landmarks go the same share of their own way.
        world += np.array([share for _, share in steps])[:, None] * (metres[i] - world)
        np.testing.assert_allclose(told_world, world, atol=1e-5)


def test_after_a_long_gap_it_begins_anew() -> None:
    """A hand that comes back elsewhere would slide there from where it was lost."""
    pixels, metres = walk(3, 4)
    smoother = HandSmoother()
    for i, t in enumerate((0.0, LONGEST_GAP, 2 * LONGEST_GAP + 0.01)):
        told, told_world = smoother.smooth(pixels[i], metres[i], PALM, t)
        again = i != 1  # the first, and the one after the gap
        assert np.array_equal(told, pixels[i]) == again
        assert np.array_equal(told_world, metres[i]) == again


def test_a_second_frame_of_one_moment_begins_anew_too() -> None:
    """Divided by no time, a speed would be infinite, and the hand would jump about."""
    pixels, metres = walk(2, 5)
    smoother = HandSmoother()
    smoother.smooth(pixels[0], metres[0], PALM, 1.0)
    told, _ = smoother.smooth(pixels[1], metres[1], PALM, 1.0)
    np.testing.assert_array_equal(told, pixels[1])
