"""What the loop needs of a tracker and an interpreter, so that each can be another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from edgehands.config import TrackingConfig
    from edgehands.gestures.events import Interpretation
    from edgehands.hand import FrameHands, Hand


class Tracker(Protocol):
    """Finds hands in frames: :class:`edgehands.HandTracker`."""

    @property
    def config(self) -> TrackingConfig:
        """The settings in force."""

    def reconfigure(self, config: TrackingConfig) -> None:
        """Go on with other settings; all tracks are forgotten, ids go on."""

    def continue_ids(self, other: Self) -> None:
        """Number new hands on from another tracker's, whose place this one takes."""

    def close(self) -> None:
        """Let go of the models."""

    def process(self, image: NDArray[np.uint8], timestamp: float | None = None) -> tuple[Hand, ...]:
        """Give the hands in a frame, (H, W, 3) uint8 RGB; ``timestamp`` in monotonic seconds."""


if TYPE_CHECKING:
    Interpreter = Callable[[FrameHands], Interpretation]
    """Fills in what hands mean, and says what began or ended. Called in the frame loop."""
