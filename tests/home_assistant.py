"""A real Home Assistant for a test: set up, connected to a broker, and queried by its API."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tools.common.mosquitto import free_port
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from websockets.sync.client import ClientConnection

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "home-assistant"
PROGRAM = CACHE / "venv" / "bin" / "hass"
"""Put there by ``scripts/test --home-assistant``."""

START_S = 90.0
"""A first start writes its database and imports some hundred modules."""

_CONFIGURATION = """
homeassistant:
  name: Home
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
frontend:
history:
logbook:
automation: !include automations.yaml
logger:
  default: warning
"""


_ONBOARDING = {
    "version": 4,
    "minor_version": 1,
    "key": "onboarding",
    "data": {"done": ["core_config", "analytics", "integration"]},
}
"""The first dialogue's answers but for the owner: it would set up services of the Internet."""


def _as_item(document: str) -> str:
    """A YAML mapping as an item of a list."""
    lines = document.strip("\n").splitlines()
    return "".join(f"{'- ' if n == 0 else '  '}{line}\n" for n, line in enumerate(lines))


class HomeAssistant:
    """Home Assistant with an owner who is logged in. A context manager.

    Args:
        folder: for its configuration, its database and its log.
        automations: as YAML; a text may hold several, with --- between.
        blueprints: folder of blueprints, known to it as edgehands/….
    """

    def __init__(self, folder: Path, *automations: str, blueprints: Path | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "home-assistant.log"
        self.tokens: dict[str, Any] = {}
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        documents = [part for text in automations for part in text.split("---\n")]
        (folder / "automations.yaml").write_text("".join(map(_as_item, documents)))
        if blueprints is not None:
            shutil.copytree(blueprints, folder / "blueprints" / "automation" / "edgehands")
        storage = folder / ".storage"
        storage.mkdir()
        (storage / "onboarding").write_text(json.dumps(_ONBOARDING))
        (folder / "configuration.yaml").write_text(_CONFIGURATION.format(port=self.port))

    def start(self) -> None:
        """Start it and wait until it answers; the second time it knows what it knew before."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(PROGRAM), "-c", str(self._folder), "--skip-pip", "--log-no-color"],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        assert wait_for(self._answers, START_S), self.log.read_text()

    def stop(self) -> None:
        """Stop it as its own restart does: states are saved, the broker connection is closed."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(60)

    def __enter__(self) -> Self:
        try:
            self.start()
            self._onboard()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kill()

    def add_broker(self, port: int) -> None:
        """Set its MQTT integration up, as a person does in its dialogue."""
        flow = self.post("/api/config/config_entries/flow", {"handler": "mqtt"})
        done = self.post(
            f"/api/config/config_entries/flow/{flow['flow_id']}",
            {"broker": "127.0.0.1", "port": port},
        )
        assert done["type"] == "create_entry", done

    def states(self) -> dict[str, dict[str, Any]]:
        """The state object of every entity, by entity id."""
        return {state["entity_id"]: state for state in self._ask("GET", "/api/states")}

    def state(self, entity: str) -> str:
        """The state of one entity; empty when there is no such entity."""
        found = self.states().get(entity)
        return found["state"] if found else ""

    def call(self, domain: str, service: str, entity: str, **data: object) -> None:
        """Call a service, as a button of the page does."""
        self.post(f"/api/services/{domain}/{service}", {"entity_id": entity, **data})

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Post JSON and give the answer."""
        return self._ask("POST", path, json.dumps(body).encode())

    def listen(self) -> Talk:
        """Give a connection to its WebSocket API; a context manager."""
        return Talk(self.port, self.tokens["access_token"])

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            if not self.tokens:
                return bool(self._ask("GET", "/api/onboarding"))
            running: bool = self._ask("GET", "/api/config")["state"] == "RUNNING"
        except (OSError, AssertionError):
            return False
        return running

    def _onboard(self) -> None:
        client = f"{self.url}/"
        owner = {"name": "Owner", "username": "owner", "password": "not a secret", "language": "en"}
        code = self.post("/api/onboarding/users", {**owner, "client_id": client})["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, "client_id": client}
        self.tokens = self._ask(
            "POST",
            "/auth/token",
            urllib.parse.urlencode(form).encode(),
            kind="application/x-www-form-urlencoded",
        )

    def _ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> Any:
        headers = {"Content-Type": kind}
        if self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens['access_token']}"
        request = urllib.request.Request(  # noqa: S310 - our own loopback
            self.url + path, data=body, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from None

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@dataclass
class Change:
    """A new state of an entity, as reported by Home Assistant."""

    entity: str
    state: str
    attributes: dict[str, Any]


@dataclass
class Talk:
    """A conversation over Home Assistant's WebSocket API that notes all changes of states."""

    port: int
    token: str
    changes: list[Change] = field(default_factory=list)
    _answers: dict[int, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        # Its greeting, our token, its welcome: then messages may come at any time.
        self._connection: ClientConnection = connect(
            f"ws://127.0.0.1:{self.port}/api/websocket", max_size=None
        )
        self._numbers = itertools.count(1)
        assert json.loads(self._connection.recv(10))["type"] == "auth_required"
        self._connection.send(json.dumps({"type": "auth", "access_token": self.token}))
        assert json.loads(self._connection.recv(10))["type"] == "auth_ok"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.ask("subscribe_events", event_type="state_changed")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._reader.join(5)

    def ask(self, what: str, **more: object) -> Any:
        """Send a command and give its result."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "type": what, **more}))
        assert wait_for(lambda: number in self._answers, 20), what
        answer = self._answers.pop(number)
        assert answer["success"], answer
        return answer["result"]

    def seen(self, entity: str) -> list[str]:
        """The states that an entity has had since the conversation began, in order."""
        return [change.state for change in list(self.changes) if change.entity == entity]

    def _read(self) -> None:
        try:
            for text in self._connection:
                message = json.loads(text)
                if message["type"] == "event":
                    self._note(message["event"]["data"])
                else:
                    self._answers[message["id"]] = message
        except ConnectionClosed:
            return

    def _note(self, data: dict[str, Any]) -> None:
        new = data.get("new_state")
        if new is not None:
            self.changes.append(Change(new["entity_id"], new["state"], new["attributes"]))
