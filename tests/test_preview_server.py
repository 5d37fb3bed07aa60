"""Who may see the page, and who may not."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from edgehands.cli import preview
from edgehands.errors import UsageError
from edgehands.mqtt.publisher import MqttPublisher
from edgehands.preview.guard import check_token, is_loopback, same_token
from tests.mqtt_hands import config_for, make_frame, make_hand
from tools.common.command import BOOT_S, Command
from tools.common.mosquitto import free_port
from tools.common.waiting import wait_for

pytest.importorskip("starlette", reason="the page's server isn't installed: edgehands[preview]")
pytest.importorskip("uvicorn", reason="the page's server isn't installed: edgehands[preview]")
pytest.importorskip("websockets", reason="the page's server isn't installed: edgehands[preview]")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync import client
from websockets.typing import Origin

from edgehands.preview import server, serving, sockets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection

    from edgehands.preview.guard import Receive, Send
    from tools.common.mosquitto import Mosquitto

TOKEN = "correct horse battery"  # noqa: S105 - of these tests only


class Page:
    """A page's server on a free port."""

    def __init__(self, broker: Mosquitto, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.command = Command(
            ["preview", "--mqtt", broker.url, "--port", str(self.port), *options],
            folder / "page.log",
        )

    def get(self, path: str = "/", host: str = "") -> http.client.HTTPResponse:
        """Ask for a file, by a name of the server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOOT_S)
        connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{self.port}"})
        return connection.getresponse()

    def live(self, origin: str | None = None) -> ClientConnection:
        """Open the WebSocket as a script of ``origin`` would."""
        return client.connect(
            f"ws://127.0.0.1:{self.port}/live",
            origin=Origin(origin) if origin is not None else None,
            open_timeout=BOOT_S,
            proxy=None,
        )


@pytest.fixture
def page(broker: Mosquitto, tmp_path: Path) -> Iterator[Page]:
    """A page without a token, on loopback."""
    page = Page(broker, tmp_path)
    with page.command:
        page.command.wait_for("http://")
        yield page


@pytest.fixture
def locked_page(broker: Mosquitto, tmp_path: Path) -> Iterator[Page]:
    """A page on all addresses, with a token."""
    page = Page(broker, tmp_path, "--host", "0.0.0.0", "--token", TOKEN)  # noqa: S104
    with page.command:
        page.command.wait_for("http://")
        yield page


def test_the_page_may_load_nothing_from_elsewhere(page: Page) -> None:
    """Without it: a fault in the page could send what it shows to another server."""
    answer = page.get()
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "*" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert page.get("/../server.py").status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_name_that_is_not_ours_is_refused(page: Page, host: str) -> None:
    """Without it: a web page could point its own name at us and read along (DNS rebinding)."""
    answer = page.get(host=host or " ")
    assert answer.status in {400, 403}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "[::1]:80", "192.168.1.7"])
def test_our_own_names_are_answered(page: Page, host: str) -> None:
    """Without it: a forwarded port or a phone on the same network couldn't open the page."""
    assert page.get(host=host).status == 200


def test_another_sites_script_may_not_listen(page: Page) -> None:
    """Without it: any web page that is open in the same browser could watch the hands."""
    for origin in ("https://evil.example", "null", f"http://localhost:{page.port}"):
        with pytest.raises(InvalidStatus, match="403"):
            page.live(origin=origin)
    with page.live(origin=f"http://127.0.0.1:{page.port}") as socket:
        assert json.loads(socket.recv(BOOT_S))["type"] == "state"


def test_the_hands_come_as_they_were_published(page: Page, broker: Mosquitto) -> None:
    """Without it: the page would show something else than what subscribers get."""
    with page.live() as socket, MqttPublisher(config_for(broker.url)) as publisher:
        news = json.loads(socket.recv(BOOT_S))
        while not news["broker"]["connected"]:
            news = json.loads(socket.recv(BOOT_S))
        publisher.camera_status("online")
        publisher.publish(make_frame(make_hand(5, gesture="rock"), seq=41))
        while news["type"] != "hands":
            news = json.loads(socket.recv(BOOT_S))
    assert (news["node"], news["camera"], news["message"]["seq"]) == ("node", "main", 41)
    assert news["message"]["hands"][0]["gesture"] == {"name": "rock", "score": 0.9}


def test_nonsense_from_a_page_ends_only_that_page(page: Page) -> None:
    """Without it: one broken client could take the page from everybody."""
    for nonsense in ("{", "[]", '{"show": 3}', "x" * 100_000, b"\xff\xfe"):
        with page.live() as socket:
            socket.send(nonsense)
            with pytest.raises(ConnectionClosed, match=r"1008|1009|1007"):
                list(iter(socket.recv, None))
    with page.live() as socket:
        assert socket.recv(BOOT_S)


def test_without_the_token_nothing_is_told(locked_page: Page) -> None:
    """Without it: everybody on the network could watch the hands."""
    for said in ("", "wrong wrong wrong", TOKEN[:-1], TOKEN + "x", "é"):
        with locked_page.live() as socket:
            assert json.loads(socket.recv(BOOT_S)) == {"type": "locked", "refused": False}
            socket.send(json.dumps({"token": said}))
            assert json.loads(socket.recv(BOOT_S)) == {"type": "locked", "refused": True}
            with pytest.raises(ConnectionClosed, match="1008"):
                socket.recv(BOOT_S)
    with locked_page.live() as socket:
        socket.recv(BOOT_S)
        socket.send(json.dumps({"token": TOKEN}))
        assert json.loads(socket.recv(BOOT_S))["type"] == "state"
    assert TOKEN not in locked_page.command.output


def test_silent_connections_do_not_lock_the_owner_out(locked_page: Page) -> None:
    """Eight connections that said nothing kept everybody out, for as long as they were renewed."""
    with ExitStack() as stack:
        silent = [stack.enter_context(locked_page.live()) for _ in range(12)]
        for socket in silent:
            assert json.loads(socket.recv(BOOT_S)) == {"type": "locked", "refused": False}
        with locked_page.live() as owner:
            owner.recv(BOOT_S)
            owner.send(json.dumps({"token": TOKEN}))
            assert json.loads(owner.recv(BOOT_S))["type"] == "state"
        with pytest.raises(ConnectionClosed):  # the oldest gave way
            silent[0].recv(BOOT_S)


class Visitor:
    """A page's end of a WebSocket that says one thing, or nothing."""

    def __init__(self, host: str, token: str = "") -> None:
        self.client = type("Address", (), {"host": host})
        self.token = token
        self.code = 0

    async def send_text(self, text: str) -> None:
        """What the server tells is of no interest."""

    async def receive(self) -> dict[str, object]:
        """Say the token; without one, nothing for ever."""
        if not self.token:
            await asyncio.Event().wait()
        return {"type": "websocket.receive", "text": json.dumps({"token": self.token})}

    async def close(self, code: int) -> None:
        """Note why it ends."""
        self.code = code


def test_wrong_tokens_are_tried_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: thousands of connections could try thousands of tokens a second."""
    monkeypatch.setattr(sockets, "WRONG_TOKEN_PAUSE_S", 0.2)
    compared: list[str] = []

    def same(given: str, _right: str) -> bool:
        compared.append(given)
        return False

    monkeypatch.setattr(sockets, "same_token", same)

    async def visit() -> list[int]:
        door = sockets.Door(TOKEN)
        crowd = [Visitor("10.0.0.7", "wrong, all of them") for _ in range(500)]
        crowd += [Visitor("10.0.0.8", "wrong, from elsewhere")]
        await asyncio.gather(*(door.let_in(visitor) for visitor in crowd))  # type: ignore[arg-type]
        assert not door._wrong
        assert not door._waiting
        return [visitor.code for visitor in crowd]

    codes = asyncio.run(visit())
    assert len(compared) == 9
    assert codes.count(1013) == 492
    assert codes[-1] == 1008


def test_silence_is_bounded_for_one_address_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: silent connections would fill the memory, or one address keep out the others."""
    monkeypatch.setattr(sockets, "TOKEN_TIMEOUT_S", 3600.0)

    async def visit() -> None:
        door = sockets.Door(TOKEN)
        tasks = []
        for number in range(200):
            visitor = Visitor(f"10.0.0.{number}" if number % 2 else "10.0.0.1")
            tasks.append(asyncio.create_task(door.let_in(visitor)))  # type: ignore[arg-type]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert len(door._waiting) <= 64
            assert list(door._waiting.values()).count("10.0.0.1") <= 8
            owner = Visitor("10.0.0.1", TOKEN)
            assert await door.let_in(owner)  # type: ignore[arg-type]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(visit())


def test_half_a_request_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that repeatedly sent half a request blocked all connections forever."""
    monkeypatch.setattr(serving, "REQUEST_S", 0.5)
    monkeypatch.setattr(serving, "MAX_CONNECTIONS", 5)
    with small_server() as port:
        half, body, again = (socket.create_connection(("127.0.0.1", port), 10) for _ in range(3))
        half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-")
        body.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        again.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert again.recv(1000).startswith(b"HTTP/1.1 200")
        again.sendall(b"GET /")
        for connection in (half, body, again):
            assert ended(connection)
        # Where there are too many, the one that waited longest goes, and others are served.
        many = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(8)]
        last = socket.create_connection(("127.0.0.1", port), 10)
        last.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert last.recv(1000).startswith(b"HTTP/1.1 200")
        assert ended(many[0])
        for connection in (*many, last, half, body, again):
            connection.close()


def ended(connection: socket.socket) -> bool:
    """Whether the other side lets go of a connection."""
    try:
        while connection.recv(1000):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


@contextmanager
def small_server() -> Iterator[int]:
    """A page's server in a thread, with one answer."""

    async def app(_scope: object, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    class Quiet(serving.PageServer):
        def capture_signals(self) -> contextlib.nullcontext[None]:  # type: ignore[override]
            return contextlib.nullcontext()

    quiet = Quiet(serving.server_config(app))
    listener = serving.listen(serving.PageAddress(port=0))
    thread = threading.Thread(target=lambda: asyncio.run(quiet.serve([listener])))
    thread.start()
    try:
        assert wait_for(lambda: quiet.started)
        yield listener.getsockname()[1]
    finally:
        quiet.should_exit = True
        thread.join(10)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "raspberrypi"])  # noqa: S104
def test_other_addresses_than_loopback_ask_for_a_token(host: str) -> None:
    """Without it: --host 0.0.0.0 would show the hands to the whole network."""
    assert not is_loopback(host)
    with pytest.raises(UsageError, match="give --token"):
        check_token(host, "")
    with pytest.raises(UsageError, match="12 are the least"):
        check_token(host, "short")
    check_token(host, TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_loopback_asks_for_none(host: str) -> None:
    """Without it: the plain case would need a token for nothing."""
    check_token(host, "")


def test_tokens_are_compared_whole() -> None:
    """Without it: a part of the token, or none, would do."""
    assert same_token(TOKEN, TOKEN)
    assert not same_token("", TOKEN)
    assert not same_token("ü", TOKEN)


BROKER = ("--mqtt", "mqtt://127.0.0.1")
"""Named, so that none is looked for on the network."""


def test_a_token_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the command line it would be in the shell's history and in every list of processes."""
    file = tmp_path / "token"
    asked: list[serving.PageAddress] = []
    monkeypatch.setattr(server, "serve_page", lambda _, address, *__, **___: asked.append(address))
    runner = CliRunner()
    for raw, token in ((f"{TOKEN}\nmore", TOKEN), ("é" * 12 + "\r\n", "é" * 12)):
        file.write_bytes(raw.encode())
        for given, words in ((None, ["--token-file", str(file)]), (raw, ["--token-file", "-"])):
            done = runner.invoke(
                preview.app, [*BROKER, *words], input=given, catch_exceptions=False
            )
            assert done.exit_code == 0
            assert asked.pop().token == token
    for raw_bytes in (b"", b"\n", b"\xff" * 20, b"x" * 2000):
        file.write_bytes(raw_bytes)
        with pytest.raises(UsageError, match="--token-file"):
            runner.invoke(preview.app, [*BROKER, "--token-file", str(file)], catch_exceptions=False)
    with pytest.raises(UsageError, match="No such file"):
        runner.invoke(preview.app, [*BROKER, "--token-file", "/nowhere"], catch_exceptions=False)
    assert not asked


def test_a_port_in_use_is_one_line(page: Page, broker: Mosquitto, tmp_path: Path) -> None:
    """Without it: a second page would end in a traceback."""
    arguments = ["preview", "--mqtt", broker.url, "--port", str(page.port)]
    with Command(arguments, tmp_path / "second.log") as second:
        assert second.process is not None
        assert second.process.wait(BOOT_S) == 2
        assert "give another --host or --port" in second.output
        assert second.output.count("\n") == 1


def test_ctrl_c_ends_it_with_pages_open(page: Page) -> None:
    """Without it: the server would hang on an open page, or end with a traceback."""
    with page.live() as socket:
        socket.recv(BOOT_S)
        assert page.command.end() == 0
    assert "Traceback" not in page.command.output


def test_a_closed_page_is_forgotten(page: Page, broker: Mosquitto) -> None:
    """Without it: reloading a page some dozen times would lock everybody out."""
    for _ in range(40):
        with page.live() as socket:
            socket.recv(BOOT_S)

    def let_in() -> bool:
        with page.live() as socket:
            try:
                return bool(socket.recv(BOOT_S))
            except ConnectionClosed:  # with 1013: still too many
                return False

    assert wait_for(let_in)


def test_pictures_are_behind_the_same_door(locked_page: Page) -> None:
    """Without it: whoever is kept from the landmarks could see the camera's picture."""
    address = f"ws://127.0.0.1:{locked_page.port}/pictures"
    with client.connect(address, open_timeout=BOOT_S, proxy=None) as socket:
        assert json.loads(socket.recv(BOOT_S)) == {"type": "locked", "refused": False}
        socket.send(json.dumps({"token": "wrong wrong wrong"}))
        assert json.loads(socket.recv(BOOT_S))["refused"]
        with pytest.raises(ConnectionClosed):
            socket.recv(BOOT_S)
    with pytest.raises(InvalidStatus, match="403"):
        client.connect(address, origin=Origin("https://evil.example"), proxy=None)
