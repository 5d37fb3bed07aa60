"""Nodes that announce themselves: what they say, and who finds a broker by it."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from edgehands.cli.actions import find_nodes
from edgehands.cli.actions.find_nodes import Announced, choose_broker, parsed
from edgehands.config import Config, MqttConfig, NodeConfig
from edgehands.errors import BrokerError
from edgehands.service.announce import announcement
from tools.common.mosquitto import free_port

ROOT = Path(__file__).resolve().parents[1]
AVAHI = (ROOT / "systemd" / "edgehands.avahi").read_text()

BROWSED = """\
+;eth0;IPv4;edgehands\\032on\\032kitchen;_edgehands._tcp;local
=;eth0;IPv6;edgehands\\032on\\032kitchen;_edgehands._tcp;local;kitchen.local;fe80::1;8765;"broker=mqtt://hub.local:1883" "node=kitchen" "path=/"
=;eth0;IPv4;edgehands\\032on\\032kitchen;_edgehands._tcp;local;kitchen.local;192.168.1.5;8765;"broker=mqtt://hub.local:1883" "node=kitchen" "path=/"
=;eth0;IPv4;old;_edgehands._tcp;local;old.local;192.168.1.6;8765;"path=/"
=;eth0;IPv4;rogue;_edgehands._tcp;local;x.local;192.168.1.7;8765;"broker=mqtt://me:secret@evil" "node=a"
=;eth0;IPv4;rogue;_edgehands._tcp;local;x.local;192.168.1.7;8765;"broker=file:///etc/passwd" "node=a"
=;eth0;IPv4;rogue;_edgehands._tcp;local;x.local;192.168.1.7;8765;"broker=mqtt://ok" "node=\\027[2J"
=;broken
"""  # noqa: E501 - as avahi writes them


def test_what_avahi_says_is_read_and_nonsense_is_left_out() -> None:
    """Anybody in the network may announce anything."""
    assert parsed(BROWSED) == (
        Announced("kitchen", "mqtt://hub.local:1883"),
        Announced("", "mqtt://ok:1883"),
    )


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a configuration and without a broker."""
    monkeypatch.setattr(find_nodes, "DEFAULT_PATHS", ())
    monkeypatch.setattr(find_nodes, "_listens", lambda _address: False)
    monkeypatch.delenv("EDGEHANDS_MQTT__URL", raising=False)


KITCHEN = Announced("kitchen", "mqtt://hub:1883")
GARAGE = Announced("garage", "mqtt://garage.local:1883")


@pytest.mark.usefixtures("nowhere")
def test_a_broker_is_found_where_none_is_named() -> None:
    """A laptop's owner would have to know an address before seeing anything."""
    told: list[str] = []
    settings = choose_broker(None, None, "", told.append, lambda: [KITCHEN, KITCHEN])
    assert settings.url == "mqtt://hub:1883"
    assert told == ["found by mDNS: mqtt://hub:1883"]
    both = [KITCHEN, GARAGE]
    chosen = choose_broker(None, None, "garage", told.append, lambda: both)
    assert chosen.url == GARAGE.broker
    with pytest.raises(BrokerError, match=r"several .*\(kitchen\), .*\(garage\).*--mqtt URL"):
        choose_broker(None, None, "", told.append, lambda: both)


@pytest.mark.usefixtures("nowhere")
def test_where_none_is_found_it_is_said() -> None:
    """The user would wait at an empty screen."""
    with pytest.raises(BrokerError, match=r"doesn't answer, and no node announces .*--mqtt URL"):
        choose_broker(None, None, "", print, list)
    with pytest.raises(BrokerError, match='no node "shed" announces'):
        choose_broker(None, None, "shed", print, lambda: [KITCHEN])


def looked() -> list[Announced]:
    """Nobody may look."""
    raise AssertionError


@pytest.mark.usefixtures("nowhere")
def test_what_somebody_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another's broker would be shown, or be given one's own password."""
    named = choose_broker("mqtt://mine", None, "", print, looked)
    assert str(named.address) == "mqtt://mine:1883"
    file = tmp_path / "edgehands.toml"
    file.write_text("[node]\n")
    assert choose_broker(None, file, "", print, looked).url == "mqtt://localhost:1883"
    monkeypatch.setenv("EDGEHANDS_MQTT__PASSWORD", "geheim")
    monkeypatch.setenv("EDGEHANDS_MQTT__USERNAME", "me")
    assert choose_broker(None, None, "", print, looked).url == "mqtt://localhost:1883"


def test_avahis_program_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way, with a stand-in for it; without it one line says what to install."""
    program = tmp_path / "avahi-browse"
    (tmp_path / "said").write_text(BROWSED)
    program.write_text(f'#!/bin/sh\n[ "$4" = _edgehands._tcp ] && cat {tmp_path}/said\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert len(find_nodes.announced()) == 2
    program.write_text("#!/bin/sh\necho 'Failed: Daemon not running' >&2\nexit 1\n")
    with pytest.raises(BrokerError, match=r"Daemon not running.*--mqtt URL"):
        find_nodes.announced()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(BrokerError, match="apt install avahi-utils"):
        find_nodes.announced()


@pytest.mark.parametrize(
    ("url", "own", "broker"),
    [
        ("mqtt://me:geheim@hub:1884", False, "mqtt://hub:1884"),
        ("mqtt://localhost:1883", True, "mqtt://kitchen.local:1883"),
        ("mqtt://localhost:1883", False, None),
    ],
)
def test_a_node_announces_itself_without_secrets(
    url: str, *, own: bool, broker: str | None
) -> None:
    """Everybody in the network reads it."""
    config = Config(node=NodeConfig(name="kitchen"), mqtt=MqttConfig(url=url))
    made = announcement(AVAHI, config, "kitchen", own_broker=own)
    assert "geheim" not in made
    texts = [record.text for record in ET.fromstring(made).iter("txt-record")]  # noqa: S314 - ours
    expected = ["path=/", "node=kitchen", *([f"broker={broker}"] if broker else [])]
    assert texts == expected
    assert announcement(made, config, "kitchen", own_broker=own) == made


def test_the_settings_program_keeps_it_up_to_date(tmp_path: Path) -> None:
    """A renamed node would be announced by its old name."""
    card, etc = tmp_path / "card", tmp_path / "etc"
    (etc / "avahi" / "services").mkdir(parents=True)
    (etc / "edgehands").mkdir()
    card.mkdir()
    file = etc / "avahi" / "services" / "edgehands.service"
    file.write_text(AVAHI)
    (card / "edgehands.toml").write_text('[node]\nname = "shed"\n[mqtt]\nurl = "mqtt://hub"\n')
    words = [str(ROOT / "systemd" / "edgehands-settings"), str(card), str(etc / "edgehands")]
    subprocess.run([sys.executable, *words], check=True)
    assert "<txt-record>node=shed</txt-record>" in file.read_text()
    assert "<txt-record>broker=mqtt://hub:1883</txt-record>" in file.read_text()


def test_watch_says_in_one_line_that_nothing_is_there(tmp_path: Path) -> None:
    """The command itself: exit code 1, no traceback."""
    code = (
        "from edgehands.cli.actions import find_nodes\n"
        "find_nodes.DEFAULT_PATHS = ()\n"
        "find_nodes._listens = lambda address: False\n"
        "find_nodes.announced = lambda: ()\n"
        "from edgehands.cli import main\nmain()\n"
    )
    for verb in (["watch"], ["preview", "--port", str(free_port())]):
        done = subprocess.run(
            [sys.executable, "-c", code, *verb], cwd=tmp_path, check=False, capture_output=True,
            text=True, timeout=60, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "no node announces itself" in done.stderr
