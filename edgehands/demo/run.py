"""The demo from its first process to its last."""

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

from edgehands.config import MqttConfig, load
from edgehands.config.load import toml_value
from edgehands.demo.broker import HOST
from edgehands.demo.processes import Child, free_port, listens
from edgehands.errors import EdgehandsError, UsageError
from edgehands.preview.lines import ChangeLines
from edgehands.preview.live import LiveState
from edgehands.preview.subscriber import BrokerState, Subscriber
from edgehands.preview.terminal import LiveView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgehands.preview.subscriber import Received

NODE = "demo"
PAGE_PORT = 8765
FRAMES_PER_SECOND = 12
NOT_INSTALLED = "pip install 'edgehands[demo,preview]'"

_PAGE = "import sys; from edgehands.cli import main; sys.argv[0] = 'edgehands'; main()"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What a demo shows.

    Attributes:
        source: what plays as the camera.
        port: of the page; 0 takes 8765 or any free one.
        page: whether there is one.
        seconds: end by itself after so long; 0 = when asked to.
        model: ``lite`` or ``full``; empty leaves it to the settings.
    """

    source: str = "demo:"
    port: int = 0
    page: bool = True
    seconds: float = 0.0
    model: str = ""


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
        UsageError: An extra isn't installed, or the source makes no sense.
        EdgehandsError: One of the processes failed, or nothing came.
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
        settings = _settings(options, url, folder)
        service = stack.enter_context(
            Child("service", ["-m", "edgehands.service", "--config", str(settings)], folder)
        )
        page_url = ""
        children = [broker, service]
        if options.page:
            page, page_url = _start_page(options.port, settings, folder, stack)
            children.append(page)
        addresses = Addresses(url, port, f"ws://{HOST}:{websocket_port}/mqtt", page_url)
        _Show(addresses, children, stop, options).run()
    sys.stdout.write("The demo has ended.\n")


def subscribe_lines(addresses: Addresses) -> list[str]:
    """Five lines of Python that print where each index finger points to, as they come."""
    return [
        "import json, paho.mqtt.subscribe as mqtt",
        "def show(client, data, message):",
        '    for hand in json.loads(message.payload)["hands"]:',
        '        print(hand["id"], hand["handedness"], hand["landmarks"][8])',
        f'mqtt.callback(show, "edgehands/{NODE}/camera/main/hands", port={addresses.port})',
    ]


def header(addresses: Addresses, source: str) -> list[str]:
    """Say what runs where, and how to subscribe to it."""
    playing = "a clip of drawn hands" if source == "demo:" else source
    python = subscribe_lines(addresses)
    return [
        f"edgehands demo: {playing} plays as the camera. Ctrl-C ends it.",
        "",
        *([f"  Page       {addresses.page}"] if addresses.page else []),
        f"  Broker     {addresses.mqtt}   {addresses.websocket}",
        f"  Subscribe  mosquitto_sub -p {addresses.port} -v -t 'edgehands/{NODE}/#'",
        f"  Python     {python[0]}",
        *(f"             {line}" for line in python[1:]),
        "",
    ]


def _check_installed(*, page: bool) -> None:
    needed = ["amqtt", *(["starlette", "uvicorn", "websockets"] if page else [])]
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"the demo needs {', '.join(missing)}: {NOT_INSTALLED}")


def _settings(options: DemoOptions, url: str, folder: Path) -> Path:
    """Write the service's configuration: the machine's own stays out of the demo."""
    tables: dict[str, dict[str, object]] = {
        "node": {"name": NODE},
        "camera": {"source": options.source, "loop": True},
        # The demo's broker knows no other version: asking for a newer one first takes seconds.
        "mqtt": {"url": url, "protocol": "3.1.1"},
    }
    if options.model:
        tables["tracking"] = {"model": options.model}
    path = folder / "demo.toml"
    path.write_text(
        "".join(
            f"[{table}]\n"
            + "".join(f"{key} = {toml_value(value)}\n" for key, value in keys.items())
            for table, keys in tables.items()
        )
    )
    load([path], env={})  # a wrong option is told here, in one line
    return path


def _start_page(port: int, settings: Path, folder: Path, stack: ExitStack) -> tuple[Child, str]:
    port = port or free_port(PAGE_PORT)
    options = ["--config", str(settings), "--node", NODE, "--port", str(port)]
    page = stack.enter_context(Child("page", ["-c", _PAGE, "preview", *options], folder))
    page.wait_until(lambda: any(line.startswith("http") for line in page.printed()), "didn't come")
    return page, next(line for line in page.printed() if line.startswith("http"))


def _stop_on_signals(stack: ExitStack) -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = signal.signal(number, lambda _number, _frame: stop.set())
        stack.callback(signal.signal, number, before)
    return stop


class _Show:
    """The terminal while the demo runs."""

    def __init__(
        self,
        addresses: Addresses,
        children: list[Child],
        stop: threading.Event,
        options: DemoOptions,
    ) -> None:
        self._children = children
        self._service = next(child for child in children if child.name == "service")
        self._stop = stop
        self._options = options
        self._console = Console(highlight=False)
        self._header = header(addresses, options.source)
        self._settings = MqttConfig(url=addresses.mqtt, protocol="3.1.1")
        self._state = LiveState(self._settings.prefix, BrokerState(addresses.mqtt))
        self._came = False

    def run(self) -> None:
        """Show what is published until the end.

        Raises:
            EdgehandsError: A process ended, or the camera never gave a frame.
        """
        for line in self._header:
            self._console.print(line, markup=False, soft_wrap=True)
        if self._console.is_terminal:
            self._draw()
        else:
            self._print()
        if self._options.seconds and not self._came and self._service.code is None:
            raise EdgehandsError(
                f"no frame in {self._options.seconds:g} s: {self._service.last_words()}"
            )

    def _draw(self) -> None:
        view = LiveView(
            self._state,
            waiting_for="the first frame",
            reserve=len(self._header) + 1,
        )
        with (
            Subscriber(
                self._settings,
                node=NODE,
                purpose="demo",
                on_message=self._state.take,
                on_broker=self._state.set_broker,
            ),
            Live(view, console=self._console, auto_refresh=False, transient=True) as live,
        ):
            for _ in self._ticks():
                live.refresh()

    def _print(self) -> None:
        changes = ChangeLines()

        def take(received: Received) -> None:
            message = self._state.take(received)
            if message is not None and (line := changes.line(message)):
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()

        with Subscriber(
            self._settings,
            node=NODE,
            purpose="demo",
            on_message=take,
            on_broker=self._state.set_broker,
        ):
            for _ in self._ticks():
                pass

    def _ticks(self) -> Iterator[None]:
        """Give a tick for each picture to draw, until the end.

        Raises:
            EdgehandsError: A process failed.
        """
        begin = time.monotonic()
        while not self._stop.wait(1.0 / FRAMES_PER_SECOND):
            if self._options.seconds and time.monotonic() - begin > self._options.seconds:
                return
            self._came = self._came or any(
                camera.status == "online" for _, camera in self._state.cameras()
            )
            for child in self._children:
                if child.code is not None and self._has_ended(child):
                    return
            yield

    def _has_ended(self, child: Child) -> bool:
        """Whether a process's end is the demo's: its source came to an end.

        Raises:
            EdgehandsError: It failed.
        """
        if child is self._service and child.code == 0:
            self._console.print("The source has come to its end.")
            return True
        kind = UsageError if child.code == 2 else EdgehandsError
        raise kind(f"the demo's {child.name} ended: {child.last_words()}")
