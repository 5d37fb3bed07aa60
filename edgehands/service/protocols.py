"""What the loop needs of a tracker, a source and an interpreter, so that each can be another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from edgehands.cameras.base import SourceInfo
    from edgehands.config import TrackingConfig
    from edgehands.gestures.events import Interpretation
    from edgehands.hand import Frame, FrameHands, Hand


class Tracker(Protocol):
    """Finds hands in frames: :class:`edgehands.HandTracker`.

    Attributes:
        config: may be replaced between two frames.
    """

    config: TrackingConfig

    def reset(self) -> None:
        """Forget all tracks; ids go on."""

    def process(self, image: NDArray[np.uint8], timestamp: float | None = None) -> tuple[Hand, ...]:
        """Give the hands in a frame, (H, W, 3) uint8 RGB; ``timestamp`` in monotonic seconds."""


class LiveSource(Protocol):
    """The part of :class:`edgehands.cameras.Source` that the loop uses."""

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""

    @property
    def online(self) -> bool:
        """Whether frames are coming."""

    @property
    def reconnects(self) -> int:
        """How often it came back."""

    @property
    def dropped(self) -> int:
        """Frames that gave way to a newer one."""

    def read(self, timeout: float) -> Frame | None:
        """Give the newest frame that wasn't given yet; None when none came in time."""

    def describe(self) -> SourceInfo:
        """Say what it is; size and rate may become known later."""

    def close(self) -> None:
        """Let go of the device; doing it twice does no harm."""


if TYPE_CHECKING:
    Interpreter = Callable[[FrameHands], Interpretation]
    """Fills in what hands mean, and says what began or ended. Called in the frame loop."""
