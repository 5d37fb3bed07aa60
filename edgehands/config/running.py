"""The settings that can be changed while the service runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from edgehands.config.sections import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSettings:
    """Settings that take effect from one frame to the next.

    Attributes:
        max_hands: hands tracked at once.
        smoothing: smooth the published landmarks.
        rate_limit: most ``hands`` messages a second; 0 = all.
        enabled: whether frames are tracked.
        gestures: whether gestures are recognised.
        model: ``lite`` or ``full``.
        precision: ``auto``, ``float`` or ``int8``.
    """

    max_hands: int = 2
    smoothing: bool = True
    rate_limit: float = 0.0
    enabled: bool = True
    gestures: bool = True
    model: Literal["lite", "full"] = "full"
    precision: Literal["auto", "float", "int8"] = "auto"

    @classmethod
    def of(cls, config: Config) -> Self:
        """The settings in a configuration."""
        return cls(
            max_hands=config.tracking.max_hands,
            smoothing=config.tracking.smoothing,
            rate_limit=config.publish.rate_limit,
            enabled=True,
            gestures=config.gestures.enabled,
            model=config.tracking.model,
            precision=config.tracking.precision,
        )
