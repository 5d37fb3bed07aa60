"""The live view in a terminal: nodes, cameras, hands and a drawn skeleton."""

from __future__ import annotations

import textwrap
import time
from typing import TYPE_CHECKING

import msgspec
from rich.console import Group
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from edgehands.preview.braille import draw_hands, fit
from edgehands.safe_text import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from edgehands.mqtt.contract.messages import EventMessage, HandMessage
    from edgehands.preview.live import CameraState, LiveState, NodeState

# The terminal's own colours suit its light or dark background.
SIDES = {"left": "cyan", "right": "yellow"}
_STATUS = {"online": "green", "offline": "red", "disabled": "dim"}

_SMALLEST_DRAWING = (20, 6)
_LARGEST_DRAWING = (72, 20)
_EVENTS_SHOWN = 4


class LiveView:
    """Draws a :class:`LiveState` at whatever size the terminal has; a rich renderable.

    Args:
        state: what to draw.
        waiting_for: shown until a node is heard, such as "a node to publish".
        footer: the last line.
        reserve: rows of the terminal used otherwise.
    """

    def __init__(
        self, state: LiveState, *, waiting_for: str, footer: str = "", reserve: int = 0
    ) -> None:
        self._state = state
        self._waiting_for = waiting_for
        self._footer = footer
        self._reserve = reserve

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        height = max((options.height or console.size.height) - self._reserve, 6)
        with self._state.lock:
            parts: list[RenderableType] = [_head(self._state)]
            if not self._state.nodes:
                parts.append(Text())
                parts.append(self._waiting())
            else:
                parts += self._nodes(width, height - 2)
        if self._footer:
            parts.append(Text(self._footer, "dim", no_wrap=True, overflow="ellipsis"))
        yield Group(*parts)

    def _waiting(self) -> Text:
        broker = self._state.broker
        if broker.connected:
            return Text(f"Waiting for {self._waiting_for}.", "bold")
        return Text(f"Waiting for the broker. {broker.trouble}", "bold")

    def _nodes(self, width: int, height: int) -> list[RenderableType]:
        cameras = list(self._state.cameras())
        parts: list[RenderableType] = []
        shown = [entry for entry in cameras if entry[1].visible()]
        for node in sorted(self._state.nodes.values(), key=lambda n: (not n.online, n.name)):
            parts.append(_node_line(node))
            parts += _problem_lines(node.problem, width)
            for camera in node.cameras.values():
                parts.append(_camera_line(camera, node))
                parts += _problem_lines(camera.problem, width)
        used = len(parts) + 1
        hands = [
            (node, camera, hand)
            for node, camera in shown
            if camera.hands is not None
            for hand in camera.hands.hands
        ]
        events = _events(self._state, min(_EVENTS_SHOWN, max(height - used - 12, 0)))
        if cameras:
            parts.append(Rule(style="dim"))
            parts.append(_hands_table(hands, several=len(cameras) > 1, wide=width >= 72))
            used += 2 + max(len(hands), 1)
            room = height - used - len(events) - 2
            drawing = _drawing(shown[:1], width, room) if hands else None
            if drawing is not None:
                parts.append(drawing)
        if events:
            parts.append(Rule(style="dim"))
            parts += events
        return parts[: max(height, 4)]


def _head(state: LiveState) -> Text:
    broker = state.broker
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append("edgehands ", "bold")
    line.append("● " if broker.connected else "○ ", "green" if broker.connected else "red")
    line.append(broker.address)
    if broker.connected:
        line.append(f"  MQTT {broker.protocol}  {_for(broker.since)}", "dim")
        rate = sum(node.rate() for node in state.nodes.values())
        line.append(f"  {rate:.1f} messages/s")
    elif broker.connections:
        line.append(f"  away for {_for(broker.since)}, trying again", "red")
    else:
        line.append("  trying to connect", "dim")
    return line


def _status(word: str) -> tuple[str, str]:
    return (f"● {word}" if word else "○ not heard", _STATUS.get(word, "dim"))


def _node_line(node: NodeState) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{printable(node.name)}  ", "bold")
    line.append(*_status(node.status))
    if node.info is not None:
        variants = {model.variant for model in node.info.models}
        models = ", ".join(sorted(printable(variant) for variant in variants))
        version, backend = printable(node.info.version), printable(node.info.backend)
        line.append(f"  {version}  {backend} {models}".rstrip(), "dim")
    if node.stats is not None and node.online:
        stats = node.stats
        line.append(f"  {stats.fps:.1f} fps  {stats.rss_mb:.0f} MB", "dim")
        if stats.temperature_c is not None:
            line.append(f"  {stats.temperature_c:.0f} °C", "dim")
        if stats.throttled:
            line.append("  throttled", "red")
    return line


def _camera_line(camera: CameraState, node: NodeState) -> Text:
    line = Text("  ", no_wrap=True, overflow="ellipsis")
    line.append(f"{printable(camera.name)}  ")
    line.append(*_status(camera.status if node.status != "offline" else "offline"))
    message = camera.visible()
    if message is not None:
        line.append(f"  {message.width}x{message.height}", "dim")
    median, p95 = camera.latency.median(), camera.latency.p95()
    if median is not None and p95 is not None:
        line.append(f"  {camera.latency.per_second():.1f} messages/s")
        line.append(f"  latency {median:.1f} ms (p95 {p95:.1f})")
        arrival = camera.arrival_ms()
        line.append("  arrives after " if arrival is not None else "  clocks differ", "dim")
        if arrival is not None:
            line.append(f"{arrival:.1f} ms", "dim")
    return line


def _problem_lines(problem: str, width: int) -> list[Text]:
    """The problem in full, since it ends with the remedy."""
    lines = textwrap.wrap(problem, max(width - 4, 20))
    return [Text(f"    {line}", "red", no_wrap=True) for line in lines]


def _hands_table(
    hands: list[tuple[NodeState, CameraState, HandMessage]], *, several: bool, wide: bool
) -> RenderableType:
    if not hands:
        return Text("no hand is seen", "dim")
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in ("id", "side", "gesture", "presence"):
        table.add_column(column, no_wrap=True)
    table.add_column("position", no_wrap=True)
    if wide:
        table.add_column("palm", no_wrap=True)
    if several:
        table.add_column("camera", no_wrap=True)
    for node, camera, hand in hands:
        x = sum(point[0] for point in hand.landmarks) / 21
        y = sum(point[1] for point in hand.landmarks) / 21
        row: list[RenderableType] = [
            str(hand.id),
            Text(_side(hand), SIDES.get(hand.handedness, "")),
            _gesture(hand),
            f"{hand.presence:.2f}",
            f"{x:5.2f}, {y:5.2f}",
        ]
        if wide:
            row.append(f"{_palm_share(camera, hand):.0%} of the width")
        if several:
            row.append(f"{printable(node.name)}/{printable(camera.name)}")
        table.add_row(*row)
    return table


def _side(hand: HandMessage) -> str:
    return f"{printable(hand.handedness)} {hand.handedness_score:.0%}"


def _gesture(hand: HandMessage) -> str:
    if isinstance(hand.gesture, msgspec.UnsetType) or hand.gesture.name == "none":
        return "-"
    return f"{printable(hand.gesture.name)} {hand.gesture.score:.0%}"


def _palm_share(camera: CameraState, hand: HandMessage) -> float:
    """Palm size as a share of the picture's width."""
    message = camera.hands
    shape = message.height / max(message.width, 1) if message else 1.0
    dx = hand.landmarks[9][0] - hand.landmarks[0][0]
    dy = (hand.landmarks[9][1] - hand.landmarks[0][1]) * shape
    share: float = (dx * dx + dy * dy) ** 0.5
    return share


def _drawing(
    shown: list[tuple[NodeState, CameraState]], width: int, room: int
) -> RenderableType | None:
    """Draw the first camera's hands as large as possible; None where there is no room."""
    if not shown:
        return None
    message = shown[0][1].visible()
    if message is None or room < _SMALLEST_DRAWING[1] + 2 or width < _SMALLEST_DRAWING[0] + 2:
        return None
    columns, rows = fit(
        min(width - 4, _LARGEST_DRAWING[0]),
        min(room - 2, _LARGEST_DRAWING[1]),
        message.width,
        message.height,
    )
    canvas = draw_hands(message.hands, columns, rows)
    drawing = Text(no_wrap=True)
    drawing.append("╭" + "─" * columns + "╮\n", "dim")
    for row, owners in zip(canvas.text(), canvas.owners, strict=True):
        drawing.append("│", "dim")
        for character, owner in zip(row, owners, strict=True):
            side = message.hands[owner].handedness if owner >= 0 else ""
            drawing.append(character, SIDES.get(side, ""))
        drawing.append("│\n", "dim")
    drawing.append("╰" + "─" * columns + "╯", "dim")
    return Padding(drawing, (0, 0, 0, 1))


def _events(state: LiveState, most: int) -> list[RenderableType]:
    found: list[tuple[str, EventMessage]] = []
    for node in state.nodes.values():
        found += [(node.name, event) for _, event in node.events]
    found.sort(key=lambda entry: entry[1].t)
    return [event_line(name, event) for name, event in found[-most:]] if most else []


def event_line(node: str, event: EventMessage) -> Text:
    """Describe an event in one line."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{clock(event.t)}  ", "dim")
    line.append(f"{printable(node)}  ", "dim")
    line.append(printable(event.event_type))
    line.append(f"  hand {event.hand_id}")
    if isinstance(event.handedness, str):
        line.append(f" {printable(event.handedness)}", SIDES.get(event.handedness, ""))
    if isinstance(event.gesture, str):
        line.append(f"  {printable(event.gesture)}")
    return line


def clock(t: float) -> str:
    """Local time of day; dashes for an impossible timestamp."""
    try:
        return time.strftime("%H:%M:%S", time.localtime(t))
    except (OverflowError, ValueError, OSError):
        return "--:--:--"


def _for(since: float) -> str:
    seconds = max(int(time.time() - since), 0)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
