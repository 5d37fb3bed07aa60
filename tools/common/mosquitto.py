"""A real mosquitto for a test, on a free loopback port, with a temporary folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edgehands.mqtt.contract.reading import check_message
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

PROGRAM = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """Return an unused TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether something accepts connections on a port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """A broker that can be stopped, killed, frozen and started again on the same port.

    Args:
        folder: for its configuration and log.
        lines: of the configuration, for its only listener; none = no access control.
        scheme: of the URL it is reached by.
        verbose: log every message; costs more than the messages themselves.
    """

    def __init__(
        self,
        folder: Path,
        lines: tuple[str, ...] = ("allow_anonymous true",),
        *,
        scheme: str = "mqtt",
        verbose: bool = True,
    ) -> None:
        self._options = ("-v",) if verbose else ()
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.log = folder / f"mosquitto-{self.port}.log"
        self._file = folder / f"mosquitto-{self.port}.conf"
        self._process: subprocess.Popen[bytes] | None = None
        # As root it would switch to a user who can't read the test's folder.
        own = ("user root",) if os.geteuid() == 0 else ()
        self._file.write_text("\n".join((*own, f"listener {self.port} 127.0.0.1", *lines, "")))

    def start(self) -> Self:
        """Start it and wait until it accepts connections."""
        assert PROGRAM is not None
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, *self._options, "-c", str(self._file)], stdout=log, stderr=log
            )
        assert wait_for(lambda: listens(self.port)), self.log.read_text()
        return self

    @property
    def cpu_seconds(self) -> float:
        """CPU time that it has used so far."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Stop it and wait until it has ended; it loses all retained messages."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume it."""
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that arrived, and when (seconds since 1970)."""

    topic: str
    payload: bytes
    retain: bool
    t: float


@dataclass(slots=True)
class Listener:
    """A subscriber to everything of a plain broker. A context manager."""

    port: int
    topics: str = "#"
    heard: list[Heard] = field(default_factory=list)
    _client: paho.Client | None = None

    def __enter__(self) -> Self:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        subscribed: list[object] = []

        def on_connect(*_: object) -> None:
            client.subscribe(self.topics, qos=1)

        def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
            self.heard.append(
                Heard(message.topic, bytes(message.payload), message.retain, time.time())
            )

        client.on_connect = on_connect
        client.on_subscribe = lambda *_: subscribed.append(True)
        client.on_message = on_message
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        self._client = client
        assert wait_for(lambda: subscribed)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._client is not None
        self._client.loop_stop()
        if kind is None:
            # # Whatever a node publishes must follow the contract. Messages to a node may be wrong
            # # on purpose.
            for message in self.heard:
                to_node = "/request/" in message.topic or message.topic.endswith("/set")
                if message.topic.startswith("edgehands/") and message.payload and not to_node:
                    check_message(message.topic, message.payload)

    def on(self, end: str) -> list[bytes]:
        """The payloads of all topics that end so, in order."""
        return [message.payload for message in list(self.heard) if message.topic.endswith(end)]

    def last(self, end: str) -> bytes | None:
        """The newest payload of the topics that end so."""
        found = self.on(end)
        return found[-1] if found else None


def retained(port: int, seconds: float = 0.3) -> dict[str, bytes]:
    """What a new subscriber receives at once: the retained payloads by topic."""
    with Listener(port) as listener:
        time.sleep(seconds)
        return {message.topic: message.payload for message in listener.heard if message.retain}
