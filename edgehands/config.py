"""The configuration as types: every setting, its default, its range, its meaning."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgehands.errors import ConfigError


def check_range(where: str, value: float, low: float, high: float) -> None:
    """Raise :class:`ConfigError` naming the setting, its value and its limits."""
    if not low <= value <= high:
        raise ConfigError(f"{where} = {value} is outside {low} to {high}: set one in that range")


class TrackingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How hands are found and followed (the ``[tracking]`` table of the configuration file).

    Attributes:
        max_hands: hands followed at once, 1 to 8.
        model: ``lite`` (faster) or ``full`` (more accurate): palm and landmark model alike.
        precision: ``auto`` takes the manifest's default; ``float`` or ``int8`` force one.
        backend: ``auto``, ``cpu``, ``edgetpu`` or ``fake``.
        num_threads: threads of the CPU backend; 0 chooses by core count.
        static_image: treat every frame alone: detection on each, no ids kept, no smoothing.
        smoothing: One Euro smoothing of the published landmarks.
        async_detection: run palm detection in its own thread beside the landmark loop.
        mirrored: the picture is a mirror image (a selfie view); swaps left and right.
        palm_score: least score of a palm detection, 0..1.
        presence: least presence that keeps a track, 0..1.
    """

    max_hands: int = 2
    model: Literal["lite", "full"] = "full"
    precision: Literal["auto", "float", "int8"] = "auto"
    backend: Literal["auto", "cpu", "edgetpu", "fake"] = "auto"
    num_threads: int = 0
    static_image: bool = False
    smoothing: bool = True
    async_detection: bool = False
    mirrored: bool = False
    palm_score: float = 0.5
    presence: float = 0.5

    def __post_init__(self) -> None:
        check_range("tracking.max_hands", self.max_hands, 1, 8)
        check_range("tracking.num_threads", self.num_threads, 0, 64)
        check_range("tracking.palm_score", self.palm_score, 0.05, 0.99)
        check_range("tracking.presence", self.presence, 0.05, 0.99)
