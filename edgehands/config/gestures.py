"""The ``[gestures]`` table of the configuration file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from edgehands.config.values import Section
from edgehands.errors import ConfigError


class GesturesConfig(Section, frozen=True, kw_only=True):
    """How hands are interpreted.

    Attributes:
        enabled: recognise the gesture of each hand.
        static: the built-in hand shapes (fist, victory ...).
        dynamic: movements (swipes, push, pull, wave, rotate, pinch-and-drag) as events.
        movements: ``sure`` reports movements that look intended: from rest to rest, with the hand
            upright; ``eager`` reports every one, including those of people who talk or sign.
        taught: the shapes taught by the owner, from ``taught_file``.
        taught_file: where taught gestures are stored; empty = ``taught_gestures.json`` in
            ``$STATE_DIRECTORY`` (set by systemd) or in ``~/.local/state/edgehands``.
        hold: seconds that a shape must be seen before its gesture is published.
        release: seconds that a shape must be gone before ``none`` is published.
        enter_score: least score, 0..1, at which a gesture begins.
        exit_score: score, 0..1, below which a gesture ends; smaller than ``enter_score``.
    """

    table: ClassVar[str] = "gestures"
    enabled: bool = True
    static: bool = True
    dynamic: bool = True
    movements: Literal["sure", "eager"] = "sure"
    taught: bool = True
    taught_file: str = ""
    hold: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.06
    release: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.12
    enter_score: Annotated[float, msgspec.Meta(ge=0.5, le=0.95)] = 0.55
    exit_score: Annotated[float, msgspec.Meta(ge=0.05, le=0.95)] = 0.35

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.exit_score >= self.enter_score:
            raise ConfigError(
                f"gestures.exit_score = {self.exit_score} isn't below gestures.enter_score = "
                f"{self.enter_score}: set a smaller one"
            )
