"""What the loop needs of a tracker and an interpreter, so that either can be replaced."""

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
        """The current settings."""

    def reconfigure(self, config: TrackingConfig) -> None:
        """Continue with other settings; all tracks are forgotten, ids continue."""

    def continue_ids(self, other: Self) -> None:
        """Continue the numbering of the tracker that this one replaces."""

    def close(self) -> None:
        """Release the models."""

    def process(self, image: NDArray[np.uint8], timestamp: float | None = None) -> tuple[Hand, ...]:
        """The hands in a frame, (H, W, 3) uint8 RGB; ``timestamp`` in monotonic seconds."""


if TYPE_CHECKING:
    Interpreter = Callable[[FrameHands], Interpretation]
    """Fills in what hands mean, and reports what began or ended. Called in the frame loop."""
