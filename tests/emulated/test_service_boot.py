"""The package installed without a network, and the real unit under the real systemd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.emulated.container import NEEDED, ROOT, Container, bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.emulated,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
    pytest.mark.skipif(
        not all(map(shutil.which, NEEDED)),
        reason="apt install mmdebstrap systemd-container util-linux",
    ),
]

SETTINGS = """\
[node]
name = "box"
[camera]
source = "{source}"
[mqtt]
url = "mqtt://127.0.0.1:1883"
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """Bookworm with the package installed, booted."""
    folder = tmp_path_factory.mktemp("system")
    container = Container(bootstrap("bookworm"), folder)
    package = build(folder)
    shutil.copy(package, container.root / "root")
    container.chroot(f"dpkg -i /root/{package.name}")
    (container.root / "boot" / "firmware").mkdir(parents=True)
    configure(container, "demo:")
    with container:
        yield container


def build(folder: Path) -> Path:
    """Build the package for this machine."""
    done = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    )
    subprocess.run(
        [
            sys.executable,
            str(ROOT / "scripts" / "build_deb"),
            "--arch",
            done.stdout.strip(),
            "--out",
            str(folder),
        ],
        check=True,
    )
    (package,) = folder.glob("*.deb")
    return package


def configure(container: Container, source: str) -> None:
    """Write the settings onto the card."""
    card = container.root / "boot" / "firmware"
    (card / "edgehands.toml").write_text(SETTINGS.format(source=source))


def active(container: Container, other_than: str = "0") -> bool:
    """Whether the service is ready, in a new process."""
    return container.show("ActiveState") == "active" and container.show("MainPID") not in (
        "0",
        other_than,
    )


def test_apt_numpy_stays_in_use(system: Container) -> None:
    """picamera2 would break."""
    where = system.run(
        "/usr/lib/edgehands/venv/bin/python -c 'import numpy, cv2; print(numpy.__file__)'"
    )
    assert where.startswith("/usr/lib/python3/dist-packages/")


def test_becomes_active_and_publishes(system: Container) -> None:
    """The unit forbids something that edgehands needs."""
    assert system.wait(lambda: active(system), 60), system.run("journalctl -u edgehands -n 20")
    topic = "edgehands/box/camera/main/hands"
    assert '"hands":' in system.run(f"mosquitto_sub -h 127.0.0.1 -t {topic} -C 1 -W 20")
    assert system.wait(lambda: "broker connected" in system.show("StatusText"), 30)


def test_survives_being_killed(system: Container) -> None:
    """One crash would end it."""
    assert system.wait(lambda: active(system), 60)
    before = system.show("MainPID")
    system.run(f"kill -9 {before}")
    assert system.wait(lambda: active(system, before), 90)


def test_survives_a_hang(system: Container) -> None:
    """A hang would last until somebody pulls the plug."""
    assert system.wait(lambda: active(system), 60)
    before = system.show("MainPID")
    system.run(f"kill -STOP {before}")
    assert system.wait(lambda: active(system, before), 120)


def test_broker_away_is_waited_for(system: Container) -> None:
    """A restart of the broker would restart the service, or lose it."""
    assert system.wait(lambda: active(system), 60)
    before = system.show("MainPID")
    system.run("systemctl stop mosquitto")
    assert system.wait(lambda: "broker away" in system.show("StatusText"), 30)
    system.run("systemctl start mosquitto")
    status = "mosquitto_sub -h 127.0.0.1 -t edgehands/box/status -C 1 -W 2"
    assert system.wait(lambda: system.run(status) == "online", 60)
    assert system.show("MainPID") == before


def test_missing_camera_is_waited_for_past_the_start_limit(system: Container) -> None:
    """Without a camera the service would be killed and started again every 90 seconds."""
    configure(system, "v4l2:/dev/video0")
    system.run("systemctl restart --no-block edgehands")
    assert system.wait(lambda: system.show("SubState") == "start", 30)
    before = system.show("MainPID")
    assert not system.wait(lambda: system.show("MainPID") != before, 110)
    configure(system, "demo:")
    system.run("systemctl restart edgehands")
    assert active(system)


def test_purge_leaves_nothing(system: Container) -> None:
    """Files, a user and a service would stay behind on somebody's device."""
    system.run("dpkg --purge edgehands")
    left = system.run(
        "find /usr /etc /var /run -xdev -path /var/lib/dpkg -prune -o -iname '*edgehands*' -print"
    )
    assert [line for line in left.splitlines() if "/log/" not in line] == []
    assert system.run("getent passwd edgehands") == ""
