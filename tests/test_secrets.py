"""No password and no token of the configuration is ever shown, wherever it stands by mistake."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from paho.mqtt import publish

from edgehands import cli
from edgehands.cameras import open_source
from edgehands.config import SECTIONS, digest, explain, load, redacted
from edgehands.config.values import field_types
from edgehands.doctor import System, examine
from edgehands.errors import ConfigError, EdgehandsError
from edgehands.safe_text import REDACTED, redact
from edgehands.service.__main__ import main as run_service
from edgehands.service.logs import start_logging
from edgehands.service.options import RunOptions
from tools.common.command import BOOT_S, Command
from tools.common.mosquitto import Listener
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from edgehands.config import Config
    from tools.common.mosquitto import Mosquitto

ROOT = Path(__file__).resolve().parents[1]

MARK = "hunter2SECRET"
"""Whatever holds it must not be shown."""

ADDRESS = f"mqtt://pi:{MARK}@broker.local:1883"
STREAM = f"rtsp://admin:{MARK}@10.0.0.9/live?token={MARK}&channel=1"

# TOML as somebody might write it behind a key.
WRONG = {
    "address": f'"{ADDRESS}"',
    "stream": f'"{STREAM}"',
    "hash": f'"mqtt://pi:{MARK}#{MARK}@broker.local"',
    "slash": f'"mqtt://pi:{MARK}/{MARK}@broker.local:1883"',
    "question": f'"mqtt://pi:{MARK}?{MARK}@broker.local:1883"',
    "at": f'"rtsp://pi:{MARK}@{MARK}@10.0.0.9/live"',
    "space": f'"mqtt://pi:{MARK} {MARK}@broker.local"',
    "no host": f'"mqtt://pi:{MARK}"',
    "no scheme": f'"pi:{MARK}@broker.local"',
    "one colon too few": f'"rtsp//pi:{MARK}@10.0.0.9/live"',
    "token alone": f'"rtsp://{MARK}@10.0.0.9/live"',
    "query": f'"rtsp://10.0.0.9/live?{MARK}"',
    "odd query": f'"https://10.0.0.9/live?a=1&b={MARK}&c"',
    "list": f'["{ADDRESS}", "{STREAM}"]',
    "list of lists": f'[["{MARK}"]]',
    "table": f'{{url = "{ADDRESS}", password = "{MARK}"}}',
    "no quotes": ADDRESS,
    "bare": MARK,
    "open quote": f'"{ADDRESS}',
    "two values": f'"{ADDRESS}" "{MARK}"',
    "key file": f'"""-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----"""',
    "bad escape": f'"{MARK}\\q"',
}
TYPES = ("address", "stream", "list", "table", "no quotes", "open quote", "key file")
"""For the tables that hold no address: one of each type."""

KEYS = [(name, key) for name, section in SECTIONS.items() for key in field_types(section)]


def mistakes() -> Iterator[str]:
    """Every key with every wrong value, and every table in place of which a value stands."""
    for name, value in WRONG.items():
        for table, key in KEYS:
            if table in {"mqtt", "camera"} or name in TYPES:
                yield f"[{table}]\n{key} = {value}\n"
        for table in SECTIONS:
            yield f"{table} = {value}\n"
        yield f"[mqtt]\npasword = {value}\n"
        yield f"[mqtt]\nurl = 1\nurl = {value}\n"
        if ":" in value:  # a plain word in a key's place is shown: else nobody found the slip
            yield f"[mqtt]\n{value} = 1\n"
            yield f"{value}\n"
    for key in ("password", "password_file"):  # what stands there is a secret, whatever it is
        for value in (f'"{MARK}"', f'["{MARK}"]', f'{{a = "{MARK}"}}'):
            yield f'[mqtt]\nurl = "mqtt://broker.local"\n{key} = {value}\n'


@pytest.fixture
def settings_script() -> ModuleType:
    """systemd/edgehands-settings, which tells a mistake on the card's partition and by MQTT."""
    path = str(ROOT / "systemd" / "edgehands-settings")
    loader = importlib.machinery.SourceFileLoader("edgehands_settings", path)
    spec = importlib.util.spec_from_loader("edgehands_settings", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what the test says is the configuration."""
    for name in [name for name in os.environ if name.startswith("EDGEHANDS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:])


def shown_of(config: Config) -> list[str]:
    """Every text that a good configuration becomes."""
    return [
        repr(config),
        explain(config, {"camera.source": "x"}),
        msgspec.json.encode(redacted(config)).decode(),
        digest(config),
        config.mqtt.url,
        str(config.mqtt.address),
    ]


def test_every_key_as_every_wrong_type_shows_no_secret(
    settings_script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Whoever mistypes a setting asks for help in public, with what was printed."""
    card = tmp_path / "card"
    card.mkdir()
    file, errors = card / "edgehands.toml", card / "edgehands-errors.txt"
    written: list[str] = []

    def tell(_config: Config, problem: str) -> bool:
        written.append(problem)
        return True

    monkeypatch.setattr(settings_script, "_tell", tell)
    # The programs that tell a mistake, in turn: each costs far more than the reading.
    programs: list[Callable[[ConfigError], object]] = [
        lambda _: settings_script.main([str(card), str(tmp_path)]),
        lambda _: run_service(RunOptions(config=str(file)).to_environment()),
        lambda _: check(monkeypatch, str(file)),
        lambda error: print(*examine(error, checks=())),  # noqa: T201
    ]
    wrong = good = 0
    for text in mistakes():
        file.write_text(text)
        try:
            config = load([file])
        except ConfigError as error:
            written.append(str(error))
            programs[wrong % len(programs)](error)
            wrong += 1
        else:
            written += shown_of(config)
            good += 1
        if errors.exists():
            written.append(errors.read_text())
            errors.unlink()
        shown = "\n".join([*written, *capfd.readouterr()])
        assert MARK not in shown, text
        written.clear()
    assert wrong > 900
    assert good > 20


def check(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """``edgehands check``."""
    monkeypatch.setattr(sys, "argv", ["edgehands", "check", "--config", file])
    with pytest.raises(SystemExit):
        cli.main()


@pytest.mark.parametrize("sign", ["#", "/", "?"])
def test_a_sign_that_ends_an_address_is_named(sign: str) -> None:
    """Of 'port could not be cast' nobody guesses that the password holds a #."""
    with pytest.raises(ConfigError, match="write %23, %2F or %3F") as caught:
        load([], env={}, options={"mqtt.url": f"mqtt://pi:{MARK}{sign}battery@broker.local:1883"})
    assert MARK not in str(caught.value)
    assert "battery" not in str(caught.value)
    assert "mqtt.password" in str(caught.value)


def test_secrets_change_no_digest() -> None:
    """A digest of a short password can be guessed back, and it is published."""
    one, other = (
        load([], env={}, options={"camera.source": f"rtsp://u:{word}@h/x?token={word}"})
        for word in ("first", "second")
    )
    assert digest(one) == digest(other)
    elsewhere = load([], env={}, options={"camera.source": "rtsp://u:x@other/x?token=x"})
    assert digest(elsewhere) != digest(one)


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http", "https", "RTSP", "v4l2", "fake", "x"])
def test_no_source_shows_its_secret(scheme: str) -> None:
    """A camera that can't be reached is what people ask about, with the line that they got."""
    for rest in (
        f"//u:{MARK}@127.0.0.1:1/live?token={MARK}",
        f"//127.0.0.1:1/live?a=b&{MARK}",
        f"u:{MARK}@127.0.0.1/live",
        f"//{MARK}@127.0.0.1:1/live.m3u8",
    ):
        with pytest.raises(EdgehandsError) as caught:
            open_source(f"{scheme}:{rest}", realtime=False)
        assert MARK not in str(caught.value)


@pytest.mark.broker
def test_a_running_node_shows_no_secret_anywhere(broker: Mosquitto, tmp_path: Path) -> None:
    """Everybody who may read the node's topics, its log or the process list would have them."""
    stream = f"rtsp://admin:{MARK}@127.0.0.1:1/live?token={MARK}"
    file = tmp_path / "edgehands.toml"
    file.write_text(f'[node]\nname = "pi"\n[mqtt]\npassword = "{MARK}"\nusername = "pi"\n')
    log = tmp_path / "log"
    url = broker.url.replace("//", f"//pi:{MARK}@")
    arguments = ["run", "--verbose", "--config", str(file), "--mqtt", url, "--source", stream]
    with (
        Listener(broker.port) as listener,
        Command(arguments, log, EDGEHANDS_TRACKING__BACKEND="fake") as command,
    ):
        assert wait_for(lambda: listener.on("pi/info"), BOOT_S), log.read_text()
        asked = {"info", "health", "stats", "config", "restart_camera", "nonsense", "set"}
        publish.multiple(
            [
                {"topic": f"edgehands/pi/request/{verb}", "payload": payload, "qos": 1}
                for verb in asked
                for payload in ("{}", '{"camera": 1}')
            ],
            port=broker.port,
            hostname="127.0.0.1",
        )
        wanted = {f"edgehands/pi/response/{verb}" for verb in asked}
        assert wait_for(lambda: wanted <= {m.topic for m in listener.heard}, BOOT_S)
        assert wait_for(lambda: "trying again" in log.read_text(), BOOT_S), log.read_text()
        assert command.process is not None
        listed = Path(f"/proc/{command.process.pid}/cmdline").read_bytes()
        config = load([file], env={}, options={"camera.source": stream})
        system = System(root=tmp_path, env={"EDGEHANDS_MODELS": ""})
        found = [repr(finding) for finding in examine(config, system)]
    said = [message.payload for message in listener.heard]
    told = b"\n".join([*said, log.read_bytes(), listed, *map(str.encode, found)])
    assert MARK.encode() not in told
    assert b"rtsp://admin:***@127.0.0.1:1/live?token=***" in listener.on("pi/info")[-1]
    answers = [json.loads(answer) for answer in listener.on("response/config")]
    (data,) = [answer["data"] for answer in answers if answer["status"] == "ok"]
    assert data["mqtt"]["password"] == REDACTED
    assert data["camera"]["source"] == "rtsp://admin:***@127.0.0.1:1/live?token=***"


def test_the_process_list_shows_no_secret(tmp_path: Path) -> None:
    """Every user of a machine can list its processes and what stands behind their names."""
    script = (
        "from edgehands.process_list import hide_arguments; import sys; hide_arguments();"
        "print(open('/proc/self/cmdline').read().split(chr(0))[3:], sys.argv[1:])"
    )
    given = ["--token", MARK, f"--token={MARK}", "--mqtt", ADDRESS, STREAM, "", "plain", "--token"]
    done = subprocess.run(
        [sys.executable, "-c", script, *given], capture_output=True, text=True, check=True
    )
    listed, _, own = done.stdout.partition("] [")
    assert MARK not in listed
    assert own.strip() == str(given)[1:]
    assert "'--mqtt', 'mqtt://pi:***@broker.local:1883" in listed
    assert "'plain', '--token'" in listed


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("rtsp://10.0.0.9:554/live?channel=1&x=12", None),
        ("mqtt://127.0.0.1:1883: nothing listens there, ask me@home", None),
        ("mqtt://[::1]:1883 is gone", None),
        ("/home/pi/a:b@c?d=e.jpg: no such file", None),
        ("file:clips/16:9@2x.mp4", None),
        ("a @ b: c?", None),
        ("mqtt://hub:hunter2", "mqtt://hub:***"),
        ("mqtt://hub:123456", "mqtt://hub:***"),
        ('url = "u:p w@h"', 'url = "u:p w@h"'),
        ("rtsp:/h?access_token=x", "rtsp:/h?access_token=***"),
        ("rtsp://h/#12345678", "rtsp://h/#***"),
    ],
)
def test_only_what_may_be_secret_is_hidden(line: str, shown: str | None) -> None:
    """A message that is half redacted would help nobody."""
    assert redact(line) == (line if shown is None else shown)


@pytest.mark.parametrize("piece", ["//", "//a:", "a:", "?token=", "//x?a=b&", "//#", "-----BEGIN "])
def test_hiding_takes_no_time_for_any_text(piece: str) -> None:
    """A long line made for it could hold up the log, and all who wait for it."""
    text = piece * 100_000
    assert len(redact(text)) < 10_000


def test_what_a_library_logs_is_redacted_too(capfd: pytest.CaptureFixture[str]) -> None:
    """Decoders and clients quote the address that they were given."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        for env in ({}, {"JOURNAL_STREAM": "1:2"}):
            start_logging(env=env)
            trouble = OSError(5, f"can't open {STREAM}")
            logging.getLogger("library").error("no picture from %s", STREAM, exc_info=trouble)
    finally:
        root.handlers[:], root.level = before, level
    shown = capfd.readouterr().err
    assert "10.0.0.9" in shown
    assert MARK not in shown
