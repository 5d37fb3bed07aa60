"""What the Debian package's scripts do when something goes wrong half-way.

With stand-ins for systemd and Python, in a folder of the test's own.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts" / "deb"

# The venv's Python stands in for pip; with a full disk it leaves half of what it should.
_PYTHON = """#!/bin/sh
case "$*" in
    *numpy.__version__*) exit 1 ;;
    *version_info*) echo 3.11 ;;
    --version) echo Python 3.11.2 ;;
    *"-m venv"*)
        for folder; do :; done
        mkdir -p "$folder/bin"
        cp "$0" "$folder/bin/python"
        ;;
    *pip*install*)
        echo half >"$(dirname "$0")/half"
        if [ -e @ROOT@/full ]; then echo "No space left on device" >/dev/full || exit 1; fi
        cp @ROOT@/version "$(dirname "$0")/edgehands"
        ;;
esac
"""


class Machine:
    """A file system in a folder, and the log of what systemd was told."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "usr-lib"
        self.log = folder / "log"
        self.boot = folder / "boot"
        self._folder = folder
        (self.root / "wheels").mkdir(parents=True)
        (self.root / "wheels" / "3.11.txt").write_text("edgehands\n")
        (self.root / "wheels" / "pip-1-py3-none-any.whl").write_text("")
        (folder / "run").mkdir()
        self.boot.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        self._stub("python3", _PYTHON.replace("@ROOT@", str(folder)))
        for name in ("systemctl", "systemd-sysusers", "systemd-tmpfiles", "deb-systemd-helper"):
            self._stub(name, f'#!/bin/sh\necho {name} "$@" >>{self.log}\n')
        for name in ("udevadm", "getent"):
            self._stub(name, "#!/bin/sh\nexit 1\n")

    def _stub(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def disk_is_full(self, *, full: bool) -> None:
        """Whether pip finds no room."""
        if full:
            (self._folder / "full").touch()
        else:
            (self._folder / "full").unlink()

    def run(self, script: str, *words: str, version: str = "1") -> subprocess.CompletedProcess[str]:
        """Run a maintainer script as dpkg does, of a version of the package."""
        (self._folder / "version").write_text(version)
        text = (SCRIPTS / script).read_text()
        for real, ours in (
            ("/usr/lib/edgehands", self.root),
            ("/usr/bin/python3", self.bin / "python3"),
            ("/run/systemd/system", self._folder / "run"),
            ("/boot/firmware", self.boot),
            ("/usr/bin/deb-systemd-helper", self.bin / "deb-systemd-helper"),
            ("/etc/", f"{self._folder}/etc/"),
            ("/var/", f"{self._folder}/var/"),
            ("/run/edgehands", self._folder / "run-edgehands"),
            ("@VERSION@", version),
        ):
            text = text.replace(str(real), str(ours))
        self.log.write_text("")
        return subprocess.run(
            ["sh", "-c", text, script, *words],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": f"{self.bin}:/usr/bin:/bin"},
        )

    @property
    def installed(self) -> str:
        """The version that would run."""
        program = self.root / "venv" / "bin" / "edgehands"
        return program.read_text() if program.exists() else ""

    @property
    def told(self) -> list[str]:
        """What systemd was asked to do with the service."""
        lines = self.log.read_text().splitlines()
        words = [line.split() for line in lines if line.startswith("systemctl ")]
        return [
            next(word for word in line[1:] if not word.startswith("-"))
            for line in words
            if "edgehands.service" in line
        ]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine on which version 1 is installed."""
    machine = Machine(tmp_path)
    done = machine.run("postinst", "configure")
    assert done.returncode == 0, done.stderr
    assert machine.installed == "1"
    return machine


def environments(machine: Machine) -> list[str]:
    """Those that take room on the disk."""
    return [path.name for path in (machine.root / "environments").iterdir()]


def test_an_upgrade_takes_the_place_of_the_version_before(machine: Machine) -> None:
    """Without it: the old version would go on, or two would fill the card."""
    assert machine.run("prerm", "upgrade", "2").returncode == 0
    assert "stop" not in machine.told  # it runs until the new one is ready
    done = machine.run("postinst", "configure", "1", version="2")
    assert done.returncode == 0, done.stderr
    assert machine.installed == "2"
    assert machine.told.index("stop") < machine.told.index("start")
    assert len(environments(machine)) == 1


def test_a_full_disk_leaves_the_version_before_in_use(machine: Machine) -> None:
    """The old environment was removed first: a full disk left a device without its service."""
    machine.disk_is_full(full=True)
    done = machine.run("postinst", "configure", "1", version="2")
    assert done.returncode != 0
    assert machine.installed == "1"
    assert "stop" not in machine.told
    assert len(environments(machine)) == 1  # what was half made is gone
    assert "the version before stays in use" in done.stderr
    assert "sudo dpkg --configure -a" in done.stderr
    machine.disk_is_full(full=False)
    assert machine.run("postinst", "configure", "1", version="2").returncode == 0
    assert machine.installed == "2"


def test_a_full_disk_at_the_first_installation_leaves_nothing(tmp_path: Path) -> None:
    """What was half made would keep the disk full, and a service would start that can't run."""
    machine = Machine(tmp_path)
    machine.disk_is_full(full=True)
    done = machine.run("postinst", "configure")
    assert done.returncode != 0
    assert machine.installed == ""
    assert environments(machine) == []
    assert machine.told == []
    assert "stays in use" not in done.stderr


def test_an_environment_of_the_old_form_is_replaced(machine: Machine) -> None:
    """Until version 0.1 it was a folder: a link can't take its place in one step."""
    (machine.root / "venv").rename(machine.root / "link")
    (machine.root / "venv" / "bin").mkdir(parents=True)
    (machine.root / "venv" / "bin" / "edgehands").write_text("0")
    done = machine.run("postinst", "configure", "0.1", version="2")
    assert done.returncode == 0, done.stderr
    assert machine.installed == "2"
    assert len(environments(machine)) == 1


def test_what_a_power_cut_left_half_made_is_removed(machine: Machine) -> None:
    """Each attempt would leave 300 MB behind."""
    (machine.root / "environments" / "1-1" / "bin").mkdir(parents=True)
    (machine.root / "venv.next").symlink_to(machine.root / "environments" / "1-1")
    assert machine.run("postinst", "configure", "1", version="2").returncode == 0
    assert machine.installed == "2"
    assert len(environments(machine)) == 1


def test_an_upgrade_that_could_not_be_unpacked_goes_on_as_before(machine: Machine) -> None:
    """With no room for the package's files, the service stayed stopped."""
    for word in ("abort-upgrade", "abort-remove", "abort-deconfigure"):
        assert machine.run("postinst", word, "2").returncode == 0
        assert machine.told[-1] == "start"
        assert machine.installed == "1"


def test_a_removal_takes_both_with_it(machine: Machine) -> None:
    """Without it: hundreds of MB would stay on a card whose owner removed them."""
    assert machine.run("prerm", "remove").returncode == 0
    assert "stop" in machine.log.read_text()
    assert not (machine.root / "venv").exists()
    assert not (machine.root / "environments").exists()


def test_purge_names_the_file_that_stays_with_its_password(machine: Machine) -> None:
    """A card that is given away held the broker's password, and nobody had been told."""
    assert "stays" not in machine.run("postrm", "purge").stdout
    (machine.boot / "edgehands.toml").write_text('[mqtt]\npassword = "x"\n')
    done = machine.run("postrm", "purge")
    assert done.returncode == 0, done.stderr
    assert f"{machine.boot}/edgehands.toml stays, with any password in it" in done.stdout
    assert (machine.boot / "edgehands.toml").exists()
