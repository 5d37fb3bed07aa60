"""A ``hands`` message that is encoded when sent, so that an unsent one costs nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgehands.mqtt.contract.compact import encode_compact
from edgehands.mqtt.contract.messages import encode, hands_message

if TYPE_CHECKING:
    from edgehands.hand import FrameHands


@dataclass(frozen=True, slots=True)
class LiveHands:
    """The ``hands`` message of a frame, encoded when it is sent."""

    topic: str
    tracked: FrameHands
    ready: float
    compact: bool = False

    @property
    def lasting(self) -> bool:
        """An empty list stays true until a hand appears: it is sent however late."""
        return not self.tracked.hands

    def encode(self) -> bytes:
        """The payload; its latency is measured now."""
        latency = max(time.monotonic() - self.tracked.frame.t_mono, 0.0)
        if self.compact:
            return encode_compact(self.tracked, latency * 1000.0)
        return encode(hands_message(self.tracked, latency * 1000.0))
