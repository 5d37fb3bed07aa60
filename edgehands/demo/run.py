"""Runs the demo from its first process to its last."""

from __future__ import annotations

import importlib.util
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from edgehands.config import MqttConfig
from edgehands.demo.options import FILM, NODE
from edgehands.demo.page import CHOSEN
from edgehands.demo.parts import Service, settings_of, start_page
from edgehands.demo.processes import HOST, Child, free_port, listens
from edgehands.errors import EdgehandsError, UsageError
from edgehands.mqtt.broker.subscriber import BrokerState, Subscriber
from edgehands.preview.lines import ChangeLines
from edgehands.preview.live import LiveState
from edgehands.preview.terminal import LiveView
from edgehands.safe_text import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from edgehands.demo.options import DemoOptions
    from edgehands.mqtt.broker.subscriber import Received

FRAMES_PER_SECOND = 12
NOT_INSTALLED = "pip install 'edgehands[demo,preview]'"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is. ``page`` is empty without one."""

    mqtt: str
    port: int
    websocket: str
    page: str


def run_demo(options: DemoOptions) -> None:
    """Run the demo until Ctrl-C, SIGTERM, its time, or the source's end.

    Raises:
        UsageError: An extra isn't installed, or the source is invalid.
        EdgehandsError: One of the processes failed, or no messages came.
    """
    _check_installed(page=options.page)
    with ExitStack() as stack:
        stop = _stop_on_signals(stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgehands-demo-")))
        port, websocket_port = free_port(), free_port()
        url = f"mqtt://{HOST}:{port}"
        ports = [str(port), str(websocket_port)]
        broker = stack.enter_context(
            Child("broker", ["-m", "edgehands.demo.broker", *ports], folder)
        )
        broker.wait_until(lambda: listens(port), "took no connection")
        settings = settings_of(options, url, folder)
        page, page_url = None, ""
        if options.page:
            page, page_url = start_page(options, settings, folder, stack)
        addresses = Addresses(url, port, f"ws://{HOST}:{websocket_port}/mqtt", page_url)
        # It subscribes before the service publishes, so as to see the first hand too.
        show = stack.enter_context(_Show(addresses, options, stop))
        service = stack.enter_context(Service(folder, settings))
        service.play(options.source)
        show.run(service, page, broker)
        problem = show.problem()
    sys.stdout.write(f"The demo has ended. {problem}".rstrip() + "\n")


def subscribe_lines(addresses: Addresses) -> list[str]:
    """Five lines of Python that print where each index finger points, live."""
    where = f'hostname="127.0.0.1", port={addresses.port}'
    return [
        "import json, paho.mqtt.subscribe as mqtt",
        "def show(client, data, message):",
        '    for hand in json.loads(message.payload)["hands"]:',
        '        print(hand["id"], hand["handedness"], hand["landmarks"][8])',
        f'mqtt.callback(show, "edgehands/{NODE}/camera/main/hands", {where})',
    ]


def header(addresses: Addresses, options: DemoOptions) -> list[str]:
    """Print what runs where, and how to subscribe to it."""
    playing = "a film of drawn hands" if options.source == FILM else redact(options.source)
    python = subscribe_lines(addresses)
    camera = ""
    if options.cameras and options.source == FILM:
        names = ", ".join(camera.name for camera in options.cameras)
        where = "choose it on the page, or start with --camera" if addresses.page else "--camera"
        camera = f"  Camera     {names}: to see your own hands, {where}"
    return [
        f"edgehands demo: {playing} plays as the camera. Ctrl-C ends it.",
        "",
        *([f"  Page       {addresses.page}"] if addresses.page else []),
        *([camera] if camera else []),
        f"  Broker     {addresses.mqtt}   {addresses.websocket}",
        f"  Subscribe  mosquitto_sub -p {addresses.port} -v -t 'edgehands/{NODE}/#'",
        f"  Python     {python[0]}",
        *(f"             {line}" for line in python[1:]),
        "",
    ]


def _check_installed(*, page: bool) -> None:
    needed = ["amqtt", *(["segno", "starlette", "uvicorn", "websockets"] if page else [])]
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"the demo needs {', '.join(missing)}: {NOT_INSTALLED}")


def _stop_on_signals(stack: ExitStack) -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = signal.signal(number, lambda _number, _frame: stop.set())
        stack.callback(signal.signal, number, before)
    return stop


class _Show:
    """The terminal while the demo runs. A context manager: it is subscribed from the start."""

    def __init__(self, addresses: Addresses, options: DemoOptions, stop: threading.Event) -> None:
        self._stop = stop
        self._seconds = options.seconds
        self._console = Console(highlight=False)
        self._header = header(addresses, options)
        settings = MqttConfig(url=addresses.mqtt, protocol="3.1.1")
        self._state = LiveState(settings.prefix, BrokerState(addresses.mqtt))
        self._changes = ChangeLines()
        self._subscriber = Subscriber(
            settings,
            node=NODE,
            purpose="demo",
            on_message=self._take,
            on_broker=self._state.set_broker,
        )

    def __enter__(self) -> Self:
        for line in self._header:
            self._console.print(line, markup=False, soft_wrap=True)
        self._subscriber.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._subscriber.__exit__(kind, error, trace)

    def run(self, service: Service, page: Child | None, broker: Child) -> None:
        """Show what is published until the end, and play what is chosen on the page.

        Raises:
            EdgehandsError: A process failed, or the camera never delivered a frame.
        """
        others = [child for child in (page, broker) if child is not None]
        if not self._console.is_terminal:
            self._wait(service, page, others, lambda: None)
            return
        view = LiveView(self._state, waiting_for="the first frame", reserve=len(self._header) + 1)
        with Live(view, console=self._console, auto_refresh=False, transient=True) as live:
            self._wait(service, page, others, live.refresh)

    def _take(self, received: Received) -> None:
        message = self._state.take(received)
        # A terminal gets the live view; a pipe gets changes.
        if message is None or self._console.is_terminal:
            return
        line = self._changes.line(message)
        if line:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    def _wait(
        self,
        service: Service,
        page: Child | None,
        others: Sequence[Child],
        draw: Callable[[], None],
    ) -> None:
        begin, came = time.monotonic(), False
        while not self._stop.wait(1.0 / FRAMES_PER_SECOND):
            draw()
            for child in others:
                if child.code is not None:
                    raise _failure(child)
            wanted = _chosen(page) if page is not None else ""
            if wanted and wanted != service.source:
                service.play(wanted)
            assert service.child is not None  # noqa: S101 - it plays
            if self._ended(service.child, chosen=bool(wanted)):
                return
            with self._state.lock:
                came = came or any(cam.status == "online" for _, cam in self._state.cameras())
            if self._seconds and time.monotonic() - begin > self._seconds:
                if not came:
                    words = self.problem() or "the service is still starting: give it more time"
                    raise EdgehandsError(f"no frame came in {self._seconds:g} s: {words}")
                return

    def _ended(self, child: Child, *, chosen: bool) -> bool:
        """Whether the source has ended; a camera chosen on the page may fail without that."""
        if child.code is None or (chosen and child.code != 0):
            return False
        if child.code:
            raise _failure(child)
        self._console.print("The source has come to its end.")
        return True

    def problem(self) -> str:
        """Return why no frames are coming now; empty while they come."""
        with self._state.lock:
            problems = [camera.problem for _, camera in self._state.cameras() if camera.problem]
        return problems[0] if problems else ""


def _chosen(page: Child) -> str:
    """Return the source last chosen on the page; empty if none was."""
    chosen = [line for line in page.printed() if line.startswith(CHOSEN)]
    return chosen[-1].removeprefix(CHOSEN) if chosen else ""


def _failure(child: Child) -> EdgehandsError:
    kind = UsageError if child.code == 2 else EdgehandsError
    return kind(f"the demo's {child.name} ended: {child.last_words()}")
