"""What a demo shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgehands.cameras import CameraInfo

FILM = "demo:"
"""The source that plays if no camera is requested."""

NODE = "demo"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What a demo shows.

    Attributes:
        source: what plays as the camera.
        port: of the page; 0 takes 8765 or any free one.
        page: whether there is one.
        seconds: time after which it ends by itself; 0 = never.
        model: ``lite`` or ``full``; empty leaves it to the settings.
        cameras: cameras of this machine that the page offers.
    """

    source: str = FILM
    port: int = 0
    page: bool = True
    seconds: float = 0.0
    model: str = ""
    cameras: tuple[CameraInfo, ...] = ()
