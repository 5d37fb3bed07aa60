"""What a student is punished for, in units that mean the same for every hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch.nn import functional as F  # noqa: N812 - torch's own convention

WORLD_WEIGHT: Final = 0.5
PRESENCE_WEIGHT: Final = 0.3
HANDEDNESS_WEIGHT: Final = 0.1
DEPTH_WEIGHT: Final = 0.5
"""Of z against x and y: the teacher's own z is its least certain answer."""

HUBER: Final = 0.05
"""Palm sizes; beyond it an error counts linearly, so that hands that are hard for the teacher too
don't rule the rest."""


@dataclass(frozen=True)
class Answers:
    """A landmark model's outputs.

    Attributes:
        landmarks: (N, 63), x, y, z in pixels of a 224-pixel crop.
        presence: (N, 1), 0..1.
        handedness: (N, 1), 0..1.
        world: (N, 63), metres.
    """

    landmarks: torch.Tensor
    presence: torch.Tensor
    handedness: torch.Tensor
    world: torch.Tensor

    def at(self, rows: torch.Tensor | slice) -> Answers:
        """The same of some hands."""
        return Answers(
            self.landmarks[rows], self.presence[rows], self.handedness[rows], self.world[rows]
        )


def palm_sizes(landmarks: torch.Tensor) -> torch.Tensor:
    """Wrist to middle MCP of (N, 63) landmarks, (N,), in their unit; at least 1/8 of a crop."""
    points = landmarks.reshape(-1, 21, 3)
    sizes: torch.Tensor = (points[:, 0, :2] - points[:, 9, :2]).norm(dim=1).clamp(min=28)
    return sizes


def nme(given: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean 2-D landmark error over the 21 points, of palm size, (N,)."""
    error = (given - wanted).reshape(-1, 21, 3)[..., :2].norm(dim=2).mean(1)
    shares: torch.Tensor = error / palm_sizes(wanted)
    return shares


def landmark_loss(given: Answers, wanted: Answers) -> torch.Tensor:
    """One number for landmarks, world, presence and handedness against what they should be."""
    there = (wanted.presence > 0.5).float()
    scale = palm_sizes(wanted.landmarks)[:, None, None]
    error = (given.landmarks - wanted.landmarks).reshape(-1, 21, 3) / scale
    error = error * error.new_tensor([1, 1, DEPTH_WEIGHT])
    world = (given.world - wanted.world).reshape(-1, 21, 3) / 0.09  # metres of a palm
    places = _huber(error).mean((1, 2)) + WORLD_WEIGHT * _huber(world).mean((1, 2))
    loss = (places * there[:, 0]).sum() / there.sum().clamp(min=1)
    loss = loss + PRESENCE_WEIGHT * HUBER * _entropy(given.presence, wanted.presence).mean()
    sides = _entropy(given.handedness, wanted.handedness) * there
    return loss + HANDEDNESS_WEIGHT * HUBER * sides.sum() / there.sum().clamp(min=1)


def _huber(error: torch.Tensor) -> torch.Tensor:
    return F.huber_loss(error, torch.zeros_like(error), reduction="none", delta=HUBER) / HUBER


def _entropy(given: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return F.binary_cross_entropy(given.clamp(1e-5, 1 - 1e-5), wanted, reduction="none")
