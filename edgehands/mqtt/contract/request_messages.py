"""The requests to a node and its answers, as types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    from edgehands.config import RunningSettings

Transaction = Annotated[str, msgspec.Meta(max_length=128)] | int
"""Any value that the client wants back in the answer."""

Model = Literal["lite", "full"]
Precision = Literal["auto", "float", "int8"]

Verb = Literal["info", "health", "stats", "config", "set", "gestures", "snapshot", "restart_camera"]
VERBS: tuple[Verb, ...] = Verb.__args__  # type: ignore[attr-defined]


class AnyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that every request may have; others are ignored.

    Attributes:
        transaction: returned in the answer.
        camera: which of the node's cameras is asked.
    """

    transaction: Transaction | msgspec.UnsetType = msgspec.UNSET
    camera: Any = ""


class PlainRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request without parameters: ``info``, ``health``, ``stats``, ``config`` and others.

    Attributes:
        transaction: returned in the answer.
        camera: which of the node's cameras is asked; empty = the one that answers for the node.
    """

    transaction: Transaction | msgspec.UnsetType = msgspec.UNSET
    camera: Annotated[str, msgspec.Meta(max_length=64)] = ""


class SetRequest(PlainRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Change settings of the running service; absent ones stay.

    Attributes:
        max_hands: hands tracked at once.
        smoothing: smooth the published landmarks.
        rate_limit: most ``hands`` messages a second; 0 = all.
        enabled: whether to track; if not, the camera is closed.
        gestures: recognise gestures and movements.
        model: ``lite`` (faster) or ``full`` (more accurate).
        precision: ``auto``, ``float`` or ``int8``: the variant of the models.
        persist: keep these settings over a restart.
    """

    max_hands: Annotated[int, msgspec.Meta(ge=1, le=8)] | msgspec.UnsetType = msgspec.UNSET
    smoothing: bool | msgspec.UnsetType = msgspec.UNSET
    rate_limit: Annotated[float, msgspec.Meta(ge=0, le=240)] | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET
    gestures: bool | msgspec.UnsetType = msgspec.UNSET
    model: Model | msgspec.UnsetType = msgspec.UNSET
    precision: Precision | msgspec.UnsetType = msgspec.UNSET
    persist: bool = False


class GesturesRequest(PlainRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """List, teach or remove taught gestures.

    Attributes:
        action: ``list``, ``teach`` or ``remove``.
        name: of the gesture to teach or remove.
        examples: how many frames to learn from, while the hand is shown.
        more: add to the examples of a gesture that was taught already.
    """

    action: Literal["list", "teach", "remove"]
    name: Annotated[str, msgspec.Meta(max_length=32)] = ""
    examples: Annotated[int, msgspec.Meta(ge=3, le=20)] = 5
    more: bool = False


class SettingsMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that ``set`` can change, with their current values.

    Attributes:
        max_hands: hands tracked at once.
        smoothing: smooth the published landmarks.
        rate_limit: most ``hands`` messages a second; 0 = all.
        enabled: whether frames are tracked.
        gestures: whether gestures are recognised.
        model: ``lite`` or ``full``.
        precision: ``auto``, ``float`` or ``int8``.
    """

    max_hands: int
    smoothing: bool
    rate_limit: float
    enabled: bool
    gestures: bool
    model: Model = "full"
    precision: Precision = "auto"


def settings_message(settings: RunningSettings) -> SettingsMessage:
    """The current settings."""
    return SettingsMessage(
        max_hands=settings.max_hands,
        smoothing=settings.smoothing,
        rate_limit=settings.rate_limit,
        enabled=settings.enabled,
        gestures=settings.gestures,
        model=settings.model,
        precision=settings.precision,
    )


class SnapshotMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A picture, for clients that may ask, if ``preview.images`` is on.

    Attributes:
        seq: number of the frame in its source.
        t: capture time, seconds since 1970 (UTC).
        width, height: of the picture, pixels; at most 640 wide.
        jpeg: the picture, base64.
    """

    seq: int
    t: float
    width: int
    height: int
    jpeg: bytes


class HealthMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Whether all is well, and if not, why.

    Attributes:
        health: ``good`` or ``degraded``.
        reasons: what isn't well, in words.
        camera: ``online``, ``offline`` or ``disabled``.
        frames: frames processed since the start.
        last_frame_s: seconds since the last frame; null before the first.
        uptime_s: seconds since the start.
    """

    health: Literal["good", "degraded"]
    reasons: list[str]
    camera: Literal["online", "offline", "disabled"]
    frames: int
    last_frame_s: float | None
    uptime_s: float


class ResponseMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request.

    Attributes:
        status: ``ok`` or ``error``.
        data: the requested data; only with ``ok``.
        error: what is wrong, in one line; only with ``error``.
        transaction: that of the request, if it had one.
    """

    status: Literal["ok", "error"]
    data: Any = msgspec.UNSET
    error: str | msgspec.UnsetType = msgspec.UNSET
    transaction: Transaction | msgspec.UnsetType = msgspec.UNSET


REQUESTS: dict[str, type[PlainRequest]] = {
    **dict.fromkeys(VERBS, PlainRequest),
    "set": SetRequest,
    "gestures": GesturesRequest,
}
"""The request type of each verb."""
