"""A broker on the Pi itself: what the card carries, what is set up from it, and who may log in."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edgehands.config import load
from edgehands.errors import BrokerError, ConfigError
from edgehands.mqtt.broker.oneshot import retained
from edgehands.service.own_broker import Places, broker_text, read_users, set_up
from tests.boot_card import card, prepare
from tests.conftest import MakeBroker  # noqa: TC001 - the type of a fixture
from tools.common.mosquitto import free_port, listens
from tools.common.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

choose: Any = importlib.import_module("sd.choose")
mosquitto: Any = importlib.import_module("sd.mosquitto")

needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto_passwd") is None, reason="mosquitto isn't here"
)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A device with a card in it, whose node is called kitchen, and mosquitto just installed."""
    made = Places(tmp_path / "etc", tmp_path / "card", ROOT / "docs" / "mosquitto")
    (made.etc / "mosquitto" / "conf.d").mkdir(parents=True)
    made.card.mkdir()
    made.settings.write_text('[node]\nname = "kitchen"  # mine\n')
    return made


def test_the_card_carries_the_broker(tmp_path: Path, package: Path) -> None:
    """Without a broker, the Pi would have nothing to publish to."""
    boot, debs = card(tmp_path, "trixie"), tmp_path / "debs"
    debs.mkdir()
    (debs / "mosquitto_2.0.21-1_arm64.deb").write_bytes(b"broker")
    done = prepare(boot, package, "--broker", "pi", "--broker-packages", str(debs))
    assert done.returncode == 0, done.stderr
    assert "needs no network" in done.stdout
    assert "edgehands-info.txt" in done.stdout
    script = boot / "edgehands" / "broker.sh"
    subprocess.run(["sh", "-n", str(script)], check=True)
    carried = boot / "edgehands" / "mosquitto" / "mosquitto_2.0.21-1_arm64.deb"
    assert carried.read_bytes() == b"broker"
    empty = prepare(boot, package, "--broker", "pi", "--broker-packages", str(tmp_path))
    assert empty.returncode == 1
    assert "no mosquitto_" in empty.stderr


def test_the_address_of_ones_own_broker_gets_into_the_settings(
    tmp_path: Path,
    package: Path,
) -> None:
    """A person would have to find the line in a file of 250."""
    boot = card(tmp_path, "bookworm")
    done = prepare(boot, package, "--broker", "192.168.1.10")
    assert done.returncode == 0, done.stderr
    written = tomllib.loads((boot / "edgehands.toml").read_text())
    assert written == {
        "mqtt": {"url": "mqtt://192.168.1.10"},
        **{k: {} for k in written if k != "mqtt"},
    }
    assert not (boot / "edgehands" / "broker.sh").exists()
    again = prepare(boot, package, "--broker", "mqtt://other")
    assert 'url = "mqtt://other" under [mqtt]' in again.stdout
    wrong = prepare(boot, package, "--broker", "http://hub")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (1, 1)
    assert "http://hub" in wrong.stderr


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('[mqtt]\nurl = "mqtt://a"\nprefix = "x"\n', {"url": "mqtt://b", "prefix": "x"}),
        ("[mqtt]  # broker\n[camera]\n#url = 1\n", {"url": "mqtt://b"}),
        ("[camera]\r\nfps = 15.0\r\n", {"url": "mqtt://b"}),
    ],
)
def test_forms_of_settings(settings: str, expected: dict[str, str]) -> None:
    """Another table's line would be changed, or the file be damaged."""
    made = tomllib.loads(choose.with_broker(settings.encode(), "mqtt://b").decode())
    assert made["mqtt"] == expected


@needs_mosquitto
def test_each_has_a_password_and_only_root_may_read_it(places: Places) -> None:
    """Everybody in the network could see and control the device, or nobody could."""
    assert set_up(places)
    users = read_users(places.users)
    assert set(users) == {"kitchen", "controller", "viewer"}
    assert len(set(users.values())) == 3
    assert all(len(word) == 12 for word in users.values())
    credential = places.etc / "credstore" / "edgehands.mqtt-password"
    assert credential.read_text() == f"{users['kitchen']}\n"
    for file in (places.users, credential):
        assert file.stat().st_mode & 0o777 == 0o600
    hashed = places.etc / "mosquitto" / "edgehands.passwords"
    assert not hashed.stat().st_mode & 0o007
    assert not any(word in hashed.read_text() for word in users.values())
    for name in ("edgehands.acl", "conf.d/edgehands.conf"):
        text = (places.etc / "mosquitto" / name).read_text()
        assert not any(word in text for word in users.values())
    assert load([places.settings], env={}).mqtt.username == "kitchen"
    assert "# mine" in places.settings.read_text()
    told = broker_text(users, "kitchen")
    assert users["controller"] in told
    assert users["viewer"] in told
    assert users["kitchen"] not in told


@needs_mosquitto
def test_nothing_is_written_twice_and_a_new_name_is_followed(places: Places) -> None:
    """Each boot would wear the card; a renamed node would be refused by its own broker."""
    set_up(places)
    before = read_users(places.users)
    assert not set_up(places)
    places.settings.write_text(places.settings.read_text().replace('"kitchen"  #', '"garage"  #'))
    assert set_up(places)
    after = read_users(places.users)
    assert set(after) == {"garage", "controller", "viewer"}
    assert after["controller"] == before["controller"]
    assert load([places.settings], env={}).mqtt.username == "garage"


def test_what_somebody_set_up_otherwise_is_left_alone(places: Places) -> None:
    """Their broker would stop, or the device leave theirs."""
    other = places.etc / "mosquitto" / "conf.d" / "mine.conf"
    other.write_text("listener 1883\n")
    with pytest.raises(ConfigError, match=r"mine\.conf has a listener"):
        set_up(places)
    other.unlink()
    places.settings.write_text('[mqtt]\nurl = "mqtt://hub"\n')
    with pytest.raises(ConfigError, match="names another broker"):
        set_up(places)
    assert not places.users.exists()


@needs_mosquitto
@pytest.mark.broker
def test_a_real_mosquitto_takes_it(places: Places, make_broker: MakeBroker) -> None:
    """The files would look right but admit nobody, or everybody."""
    set_up(places)
    port = free_port()
    lines = []
    for line in (places.etc / "mosquitto" / "conf.d" / "edgehands.conf").read_text().splitlines():
        changed = line.replace("/etc/mosquitto", str(places.etc / "mosquitto"))
        if not line.startswith(("#", "listener 1883")):
            lines.append(changed.replace("listener 9001", f"listener {port} 127.0.0.1"))
    broker = make_broker(*lines)
    assert wait_for(lambda: listens(port)), broker.log.read_text()
    users = read_users(places.users)
    for name, word in users.items():
        options = {"mqtt.url": broker.url, "mqtt.username": name, "mqtt.password": word}
        visitor = load([places.settings], env={}, options=options).mqtt
        assert retained(visitor, ["edgehands/kitchen/status"]) == {}
        options["mqtt.password"] = "wrong"
        stranger = load([places.settings], env={}, options=options).mqtt
        with pytest.raises(BrokerError):
            retained(stranger, ["edgehands/kitchen/status"])


FAKES = {
    "mosquitto": "exit 0",
    "apt-get": 'echo "apt-get $*" >>"$CALLS"; exit "${APT:-0}"',
    "dpkg": 'echo "dpkg $*" >>"$CALLS"; ln -s "$FAKES/mosquitto" "$BIN/mosquitto"',
    "systemctl": 'echo "systemctl $*" >>"$CALLS"',
    "python": 'echo "python $*" >>"$CALLS"; echo changed',
}


def first_boot(folder: Path, *installed: str, apt: int = 0) -> tuple[int, str, list[str]]:
    """Run broker.sh among programs that only note their call; give its code, words and calls."""
    fakes, tools, calls = folder / "fakes", folder / "bin", folder / "calls"
    python = folder / "root" / "usr" / "lib" / "edgehands" / "venv" / "bin" / "python"
    for place in (fakes, tools, python.parent):
        place.mkdir(parents=True, exist_ok=True)
    for name, body in FAKES.items():
        place = python if name == "python" else fakes / name
        place.write_text(f"#!/bin/sh\n{body}\n")
        place.chmod(0o755)
    for name in ("apt-get", "dpkg", "systemctl", *installed):
        (tools / name).symlink_to(fakes / name)
    for name in ("sh", "dirname", "mktemp", "rm", "tail", "ls", "ln"):
        (tools / name).symlink_to(shutil.which(name) or name)
    calls.touch()
    script = (folder / "card" / "broker.sh").read_text()
    # Of the machine that this runs on nothing may be found.
    (folder / "card" / "here.sh").write_text(script.replace('PATH="$PATH:/usr/sbin:/sbin"', ""))
    done = subprocess.run(
        [str(tools / "sh"), str(folder / "card" / "here.sh")],
        env={
            "PATH": str(tools), "FAKES": str(fakes), "BIN": str(tools), "CALLS": str(calls),
            "APT": str(apt), "EDGEHANDS_ROOT": str(folder / "root"),
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr, calls.read_text().splitlines()


@pytest.fixture
def on_pi(tmp_path: Path) -> Path:
    """A folder with the card's folder of ours in it."""
    (tmp_path / "card" / "mosquitto").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "sd" / "broker.sh", tmp_path / "card")
    return tmp_path


def test_the_first_boot_takes_the_broker_from_the_card(on_pi: Path) -> None:
    """A Pi without a network would have no broker."""
    (on_pi / "card" / "mosquitto" / "mosquitto_2_arm64.deb").write_bytes(b"")
    code, said, calls = first_boot(on_pi)
    assert code == 0, said
    assert calls[0].startswith("dpkg --force-confold -i ")
    assert not [call for call in calls if call.startswith("apt-get")]
    assert "systemctl restart mosquitto.service" in calls
    assert "passwords are in edgehands-info.txt" in said


def test_without_a_network_the_first_boot_says_so_and_tries_again(on_pi: Path) -> None:
    """A person would wait forever without knowing for what."""
    code, said, calls = first_boot(on_pi, apt=100)
    assert code == 1  # its unit starts it again
    assert "no broker yet: the Pi has no internet" in said
    assert calls == ["apt-get -q update"]
    unit = (ROOT / "scripts" / "sd" / "install.sh").read_text()
    assert "Restart=on-failure\nRestartSec=300\n" in unit


def test_a_broker_that_is_there_is_not_installed_again(on_pi: Path) -> None:
    """Each boot would need the network."""
    code, _, calls = first_boot(on_pi, "mosquitto")
    assert code == 0
    assert calls[0] == "python -I -m edgehands.service.own_broker"


def test_packages_are_fetched_where_apt_is_and_nothing_is_said_where_not(tmp_path: Path) -> None:
    """On a Mac the card is made all the same; on Debian it needs no network later."""
    assert mosquitto.fetch_packages("trixie", tmp_path / "none", "/usr/bin/false") == ()
    apt = tmp_path / "apt-get"
    apt.write_text(
        '#!/bin/sh\ncase "$*" in\n'
        "*--print-uris*) printf \"'u' %s 1 SHA256:0\\n\" mosquitto_2_a.deb libc6_2_a.deb ;;\n"
        '*download*) echo "$*" >../../asked; touch mosquitto_2_arm64.deb ;;\nesac\n'
    )
    apt.chmod(0o755)
    (found,) = mosquitto.fetch_packages("trixie", tmp_path / "cache", str(apt))
    assert found.name == "mosquitto_2_arm64.deb"
    asked = (tmp_path / "cache" / "trixie" / "asked").read_text()
    assert asked.rstrip().endswith("download mosquitto")
    assert "APT::Architecture=arm64" in asked


@needs_mosquitto
def test_the_settings_program_tells_the_owner_the_passwords(tmp_path: Path) -> None:
    """They would stand on the device only, where the owner can't look."""
    place = Places(tmp_path, tmp_path / "card", ROOT / "docs" / "mosquitto")
    (place.etc / "mosquitto" / "conf.d").mkdir(parents=True)
    (place.etc / "edgehands").mkdir()
    place.card.mkdir()
    place.settings.write_text('[node]\nname = "kitchen"\n')
    set_up(place)
    done = subprocess.run(
        [sys.executable, str(ROOT / "systemd" / "edgehands-settings"), str(place.card),
         str(place.etc / "edgehands")],
        capture_output=True, text=True, check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("EDGEHANDS_")},
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    told = (place.card / "edgehands-info.txt").read_text()
    assert read_users(place.users)["controller"] in told
