"""The messages between the page's server and the page, as types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    from edgehands.mqtt.contract.messages import EventMessage, InfoMessage, StatsMessage
    from edgehands.picture_socket import PictureOrigin
    from edgehands.preview.live import CameraState, Flow, LiveState, NodeState, Sample


class Choice(msgspec.Struct, frozen=True):
    """The camera that a page shows; empty names leave the choice to the server."""

    node: str = ""
    camera: str = ""


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page's request to a node; pictures aren't requested this way.

    Attributes:
        id: returned in the response. node: the recipient.
        verb: the request.
        data: its keys.
    """

    id: int
    node: str
    verb: Literal["set", "gestures", "health", "restart_camera"]
    data: dict[str, str | int | float | bool] = {}


class AnswerNews(msgspec.Struct, frozen=True, tag_field="type", tag="answer", omit_defaults=True):
    """The response to this page's request: ``data``, or ``error`` in one line."""

    id: int
    data: Any = None
    error: str = ""


class QrNews(msgspec.Struct, frozen=True, tag_field="type", tag="qr"):
    """A text as a QR code: rows of ``1`` (dark) and ``0``."""

    rows: list[str]


class FromPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message from a page: first its token, where required; then requests.

    Attributes:
        token: the viewer's token.
        show: the camera to show. ask: a request to a node. source: the ``uri`` of the camera or
            film to play, where there is a choice. qr: a text to be returned as a QR code.
    """

    token: str = ""
    show: Choice | None = None
    ask: Ask | None = None
    source: str = ""
    qr: Annotated[str, msgspec.Meta(max_length=300)] = ""


class Locked(msgspec.Struct, frozen=True, tag_field="type", tag="locked"):
    """A token is required; ``refused`` after a wrong one."""

    refused: bool = False


class HandsNews(msgspec.Struct, frozen=True, tag_field="type", tag="hands"):
    """A ``hands`` message of the shown camera, as published."""

    node: str
    camera: str
    message: msgspec.Raw


class BrokerView(msgspec.Struct, frozen=True):
    """The state of the broker connection; fields as in ``BrokerState``."""

    address: str
    connected: bool
    protocol: str
    trouble: str


class CameraView(msgspec.Struct, frozen=True):
    """A camera: states as published, and figures measured on arrival."""

    name: str
    status: str
    problem: str
    enabled: str
    presence: str
    count: int | None
    left: str
    right: str
    rate: float
    latency_ms: float | None
    latency_p95_ms: float | None
    arrival_ms: float | None
    hands_now: bool


class NodeView(msgspec.Struct, frozen=True):
    """A node and its cameras."""

    name: str
    status: str
    problem: str
    rate: float
    heard: float
    cameras: list[CameraView]


class FlowView(msgspec.Struct, frozen=True):
    """The traffic on a topic: messages per second, their number, size and age of the last."""

    topic: str
    rate: float
    count: int
    size: int
    age_s: float
    broken: int


class SourceChoice(msgspec.Struct, frozen=True):
    """A source that the demo may play: a camera of this machine, or its film."""

    uri: str
    label: str


class StateNews(msgspec.Struct, frozen=True, tag_field="type", tag="state"):
    """Everything but landmarks. ``info``, ``stats``, flows and events are the shown node's.

    ``pictures`` says whose pictures this server can show; None = nobody's. ``sources`` can be
    chosen as the demo's camera. ``read_only``: this page may not send requests to nodes. ``events``
    are those not yet sent to the page.
    """

    t: float
    broker: BrokerView
    shown: Choice
    nodes: list[NodeView]
    info: InfoMessage | None
    stats: StatsMessage | None
    flows: list[FlowView]
    events: list[EventMessage]
    prefix: str
    history: list[Sample]
    pictures: PictureOrigin | None = None
    sources: tuple[SourceChoice, ...] = ()
    read_only: bool = False


def choose(state: LiveState, wanted: Choice) -> Choice:
    """Return the camera to show: the requested one, else the first online."""
    if wanted.node:
        return wanted
    for node, camera in state.cameras():
        return Choice(node.name, camera.name)
    return wanted


def state_news(  # noqa: PLR0913 - all that a page is told
    state: LiveState,
    wanted: Choice,
    now: float,
    *,
    pictures: PictureOrigin | None = None,
    sources: tuple[SourceChoice, ...] = (),
    read_only: bool = False,
    events_told: int = 0,
) -> StateNews:
    """Return the whole state; ``state.lock`` must be held."""
    shown = choose(state, wanted)
    node = state.nodes.get(shown.node)
    camera = node.cameras.get(shown.camera) if node else None
    broker = state.broker
    return StateNews(
        t=now,
        broker=BrokerView(broker.address, broker.connected, broker.protocol, broker.trouble),
        shown=shown,
        nodes=[_node_view(each) for _, each in sorted(state.nodes.items())],
        info=(camera and camera.info) or (node.info if node else None),
        stats=(camera and camera.stats) or (node.stats if node else None),
        flows=[_flow_view(flow, now) for _, flow in sorted(node.flows.items())] if node else [],
        events=_newer(node, events_told) if node else [],
        prefix=state.prefix,
        history=list(node.history) if node else [],
        pictures=pictures,
        sources=sources,
        read_only=read_only,
    )


def _newer(node: NodeState, told: int) -> list[EventMessage]:
    """The events not yet sent to a page that was sent ``told`` events."""
    count = min(node.events_ever - told, len(node.events))
    return [event for _, event in list(node.events)[len(node.events) - count :]]


def _node_view(node: NodeState) -> NodeView:
    return NodeView(
        name=node.name,
        status=node.status,
        problem=node.problem,
        rate=round(node.rate(), 2),
        heard=node.heard,
        cameras=[_camera_view(node.cameras[name], node) for name in sorted(node.cameras)],
    )


def _camera_view(camera: CameraState, node: NodeState) -> CameraView:
    return CameraView(
        name=camera.name,
        # A node without power can't report that its camera is gone too.
        status=camera.status if node.status != "offline" else "offline",
        problem=camera.problem,
        enabled=camera.enabled,
        presence=camera.presence,
        count=camera.count,
        left=camera.gestures.get("left", ""),
        right=camera.gestures.get("right", ""),
        rate=round(camera.latency.per_second(), 2),
        latency_ms=_rounded(camera.latency.median()),
        latency_p95_ms=_rounded(camera.latency.p95()),
        arrival_ms=_rounded(camera.arrival_ms()),
        hands_now=bool((message := camera.visible()) and message.hands),
    )


def _flow_view(flow: Flow, now: float) -> FlowView:
    return FlowView(
        topic=flow.topic,
        rate=round(flow.rate.per_second(), 2),
        count=flow.count,
        size=flow.size,
        age_s=round(max(now - flow.last, 0.0), 1),
        broken=flow.broken,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
