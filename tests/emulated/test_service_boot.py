"""The package installed without a network, and the real unit under the real systemd: its faults."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.emulated.container import Container
from tests.emulated.debian import Chroot, build_package, needs, own_architecture
from tests.emulated.page import THERE, neighbour
from tools import ROOT
from tools.emulated.debian import STOCK, bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulated.conftest import Note

pytestmark = needs("mmdebstrap", "systemd-nspawn", "unshare", "nsenter", "ip")

TOPIC = "edgehands/box"
DISK = "1600m"
"""Of the whole system, so that it can be filled up; it lies in memory."""

SETTINGS = """\
[node]
name = "box"
[camera]
source = "{source}"
[mqtt]
url = "mqtt://127.0.0.1:1883"
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, note: Note) -> Iterator[Container]:
    """Bookworm on a small disk with the package installed, booted."""
    disk = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)], check=True)
    try:
        more = "mosquitto,mosquitto-clients,avahi-daemon"
        base = bootstrap("bookworm-avahi", "bookworm", packages=f"{STOCK},{more}")
        here = Chroot(base, disk)
        package = build_package(tmp_path_factory.mktemp("package"), own_architecture())
        shutil.move(package, here.root / "root" / package.name)
        installing = here.must(f"dpkg -i /root/{package.name}")
        note("Bookworm, no network", "`dpkg -i` of the package", installing.seconds)
        (here.root / "boot" / "firmware").mkdir(parents=True)
        container = Container(here)
        configure(container, "demo:")
        with container:
            yield container
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def configure(container: Container, source: str, more: str = "") -> None:
    """Write the settings onto the card."""
    card = container.root / "boot" / "firmware"
    (card / "edgehands.toml").write_text(SETTINGS.format(source=source) + more)


def active(container: Container, other_than: str = "0") -> bool:
    """Whether the service is ready, in a new process."""
    return container.show("ActiveState") == "active" and container.show("MainPID") not in (
        "0",
        other_than,
    )


def heard(container: Container, topic: str, seconds: int = 20) -> str:
    """Give the next message of a topic, empty if none comes."""
    return container.run(
        f"mosquitto_sub -h 127.0.0.1 -t {TOPIC}/{topic} -C 1 -W {seconds} 2>/dev/null"
    )


def publishes(container: Container) -> bool:
    """Whether landmarks come out now: a message with a hand in it; the demo shows one mostly."""
    messages = container.run(
        f"mosquitto_sub -h 127.0.0.1 -t {TOPIC}/camera/main/hands -C 1 -W 40 2>/dev/null"
    )
    return '"hands":' in messages


def recovered(container: Container, before: str, seconds: float, since: float) -> float:
    """Wait for a new process that is ready and publishes; give the time since the fault."""
    assert container.wait(lambda: active(container, before), seconds), container.run(
        "journalctl -u edgehands -n 20"
    )
    assert publishes(container)
    return time.monotonic() - since


def test_apt_numpy_stays_in_use(system: Container) -> None:
    """picamera2 would break."""
    where = system.run(
        "/usr/lib/edgehands/venv/bin/python -c 'import numpy, cv2; print(numpy.__file__)'"
    )
    assert where.startswith("/usr/lib/python3/dist-packages/")


def test_becomes_active_and_publishes(system: Container, note: Note) -> None:
    """The unit forbids something that edgehands needs."""
    assert system.wait(lambda: active(system), 60), system.run("journalctl -u edgehands -n 20")
    assert publishes(system)
    assert system.wait(lambda: "broker connected" in system.show("StatusText"), 30)
    names = ("InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    start, ready = (int(system.show(name)) / 1e6 for name in names)
    note("boot, from the unit's start to READY", system.show("StatusText"), ready - start)


def test_the_page_shows_a_hand_with_the_token_of_the_card(system: Container, note: Note) -> None:
    """Somebody with a new Pi would open the address on the card, at a desk, and see nothing."""
    card = system.root / "boot" / "firmware"
    assert system.wait((card / "edgehands-info.txt").exists, 30)
    told = (card / "edgehands-info.txt").read_text()
    (address,) = re.findall(r"http://\S+", told)
    host = system.run("hostname")
    assert re.fullmatch(rf"http://{host}\.local:8765/#token=[\w-]{{12}}", address)
    assert system.wait(lambda: system.run("systemctl is-active edgehands-page") == "active", 60)
    token = address.partition("#token=")[2]
    with neighbour(system) as there:
        started = time.monotonic()
        (machine,) = there("resolve", f"{host}.local")
        note(
            "the page's name, asked by multicast from another machine",
            machine,
            time.monotonic() - started,
        )
        assert machine == THERE
        assert there("look", address, machine, "not the token at all") == ["locked", "locked"]
        started = time.monotonic()
        assert there("look", address, machine, token) == ["locked", "hands"]
        note("the page, with the card's token", "a hand of the film", time.monotonic() - started)


def test_survives_being_killed(system: Container, note: Note) -> None:
    """One crash would end it."""
    assert system.wait(lambda: active(system), 60)
    before, since = system.show("MainPID"), time.monotonic()
    system.run(f"kill -9 {before}")
    note("SIGKILL", "new process publishes", recovered(system, before, 90, since))


def test_survives_a_hang(system: Container, note: Note) -> None:
    """A hang would last until somebody pulls the plug."""
    assert system.wait(lambda: active(system), 60)
    before, since = system.show("MainPID"), time.monotonic()
    system.run(f"kill -STOP {before}")
    took = recovered(system, before, 120, since)
    assert "Failed with result 'watchdog'" in system.run("journalctl -u edgehands --since -5min")
    note("hang (SIGSTOP; watchdog 30 s)", "ended by the watchdog, new process publishes", took)


def test_full_disk_stops_nothing(system: Container, note: Note) -> None:
    """A log that filled the card would end it, or keep it from starting again."""
    assert system.wait(lambda: active(system), 60)
    before = system.show("MainPID")
    system.run("cat /dev/zero >/var/fill 2>/dev/null")
    assert int(system.run("df --output=avail / | tail -n 1")) < 16
    assert "No space left" in system.run("dd if=/dev/zero of=/var/lib/x bs=64k count=1 2>&1")
    time.sleep(5)
    assert publishes(system)
    assert system.show("MainPID") == before

    # What it is asked to keep it can't keep: it says so and goes on.
    answer = json.loads(
        system.run(
            f"mosquitto_rr -V 5 -h 127.0.0.1 -t {TOPIC}/request/set -e {TOPIC}/response/set/me"
            """ -W 20 -m '{"max_hands": 1, "persist": true}'"""
        )
    )
    assert answer["status"] == "error", answer
    assert "space" in answer["error"], answer

    since = time.monotonic()
    system.run("systemctl restart edgehands")
    took = recovered(system, before, 60, since)
    note("full disk", "same process goes on; after `systemctl restart` it publishes", took)
    before, since = system.show("MainPID"), time.monotonic()
    system.run(f"kill -9 {before}")
    note("full disk, SIGKILL", "new process publishes", recovered(system, before, 90, since))
    system.run("rm /var/fill /var/lib/x")


def test_broker_away_is_waited_for(system: Container, note: Note) -> None:
    """A restart of the broker would restart the service, or lose it."""
    assert system.wait(lambda: active(system), 60)
    before = system.show("MainPID")
    system.run("systemctl stop mosquitto")
    assert system.wait(lambda: "broker away" in system.show("StatusText"), 30)
    time.sleep(10)
    since = time.monotonic()
    system.run("systemctl start mosquitto")
    assert system.wait(lambda: heard(system, "status", 2) == "online", 60)
    note("broker away for 10 s and back", "same process, `online`", time.monotonic() - since)
    assert system.show("MainPID") == before


def test_starts_without_a_broker(system: Container, note: Note) -> None:
    """A Pi that is up before its broker would stay silent."""
    assert system.wait(lambda: active(system), 60)
    before = system.show("MainPID")
    system.run("systemctl stop mosquitto")
    since = time.monotonic()
    system.run("systemctl restart edgehands")
    assert system.wait(lambda: active(system, before), 60)
    note("start without a broker", "active", time.monotonic() - since)
    since = time.monotonic()
    system.run("systemctl start mosquitto")
    assert system.wait(lambda: heard(system, "status", 2) == "online", 90)
    assert publishes(system)
    note("the broker comes", "landmarks arrive", time.monotonic() - since)


def test_mistake_in_the_settings_is_told(system: Container, note: Note) -> None:
    """Somebody who edited the card at a desk would see nothing but silence."""
    assert system.wait(lambda: active(system), 60)
    configure(system, "demo:", more="[tracking]\nmodell = 'lite'\n")
    system.run("systemctl restart edgehands-settings")
    told = system.root / "boot" / "firmware" / "edgehands-errors.txt"
    assert "tracking.model" in told.read_text()
    assert "tracking.model" in heard(system, "problem")
    before, since = system.show("MainPID"), time.monotonic()
    configure(system, "demo:")
    system.run("systemctl restart edgehands-settings edgehands")
    note("mistake in edgehands.toml, corrected", "publishes", recovered(system, before, 90, since))
    assert not told.exists()
    assert heard(system, "problem", 2) == ""


def test_missing_camera_is_waited_for_past_the_start_limit(system: Container, note: Note) -> None:
    """Without a camera the service would be killed and started again every 90 seconds."""
    configure(system, "v4l2:/dev/video0")
    system.run("systemctl restart --no-block edgehands")
    assert system.wait(lambda: system.show("SubState") == "start", 30)
    before = system.show("MainPID")
    assert not system.wait(lambda: system.show("MainPID") != before, 110)
    assert heard(system, "status") == "online"
    assert heard(system, "camera/main/status") == "offline"
    note("no camera", "not restarted in 110 s (start limit 90 s), `online`, camera `offline`")
    configure(system, "demo:")
    since = time.monotonic()
    system.run("systemctl restart edgehands")
    note("a camera again", "publishes", recovered(system, before, 60, since))


def test_password_reaches_the_service_alone(system: Container) -> None:
    """The broker's password would lie on the card, or nobody could connect."""
    # The commands of docs/raspberry-pi.md; what is typed there comes from a pipe here.
    system.must(
        "echo secret | install -m 600 /dev/stdin /etc/credstore/edgehands.mqtt-password"
        " && systemctl restart edgehands"
    )
    assert system.wait(lambda: active(system), 60)
    kept = "/run/credentials/edgehands.service/mqtt-password"
    assert system.run(f"cat {kept}") == "secret"
    assert system.run(f"stat -c '%a' {kept}") == "400"
    system.must("rm /etc/credstore/edgehands.mqtt-password && systemctl restart edgehands")


def test_watchdog_can_be_switched_on(system: Container) -> None:
    """A Pi whose kernel hangs would hang until somebody pulls the plug."""
    # As docs/raspberry-pi.md says; there is no hardware here that could count.
    system.must(
        "mkdir -p /etc/systemd/system.conf.d && printf '[Manager]\\nRuntimeWatchdogSec=14\\n'"
        " | tee /etc/systemd/system.conf.d/watchdog.conf && systemctl daemon-reexec"
    )
    shown = "systemctl show -p RuntimeWatchdogUSec"
    assert system.wait(lambda: system.run(shown) == "RuntimeWatchdogUSec=14s", 20)


def test_a_broker_on_the_device_itself(system: Container) -> None:
    """A user without a broker would get one that admits everybody, or nobody."""
    card, etc = system.root / "boot" / "firmware", system.root / "etc"
    (card / "edgehands").mkdir(exist_ok=True)
    shutil.copy(ROOT / "scripts" / "sd" / "broker.sh", card / "edgehands")
    said = system.run("sh /boot/firmware/edgehands/broker.sh 2>&1; echo code $?")
    try:
        assert "code 0" in said, said
        assert "passwords are in edgehands-info.txt" in said
        told = (card / "edgehands-info.txt").read_text()
        words = dict(re.findall(r"user (\w+) +password (\S+)", told))
        assert set(words) == {"controller", "viewer"}
        topic = f"mosquitto_sub -h 127.0.0.1 -t '{TOPIC}/camera/main/hands' -C 1 -W 40"
        assert '"hands"' in system.run(f"{topic} -u viewer -P {words['viewer']} 2>&1")
        assert "not authorised" in system.run(f"{topic} -W 5 2>&1")
        journal = system.run("journalctl --no-pager")
        for word in (*words.values(), (etc / "credstore/edgehands.mqtt-password").read_text()):
            assert word.strip() not in journal
    finally:
        (card / "edgehands" / "broker.sh").unlink()
        for name in ("conf.d/edgehands.conf", "edgehands.acl", "edgehands.passwords"):
            (etc / "mosquitto" / name).unlink(missing_ok=True)
        configure(system, "demo:")
        system.run("systemctl restart mosquitto")


@pytest.mark.parametrize(
    "command",
    [
        "systemctl status edgehands",
        "journalctl -u edgehands -e --no-pager",
        "edgehands check",
        "edgehands cameras",
        "systemctl restart edgehands",
        "systemd-analyze security --no-pager edgehands",
        "dpkg -i /root/edgehands_*.deb",
        "systemctl disable --now edgehands",
        "systemctl enable --now edgehands",
        "apt remove -y edgehands",
    ],
)
def test_command_of_the_page_works(system: Container, command: str) -> None:
    """The commands in docs/raspberry-pi.md would fail for the owner of a Pi."""
    assert "Traceback" not in system.must(command)


def test_purge_leaves_nothing(system: Container) -> None:
    """Files, a user and a service would stay behind on somebody's device."""
    system.must("apt purge -y edgehands")
    left = system.run(
        "find /usr /etc /var /run -xdev -path /var/lib/dpkg -prune -o -iname '*edgehands*' -print"
    )
    assert [line for line in left.splitlines() if "/log/" not in line] == []
    assert system.run("getent passwd edgehands") == ""
