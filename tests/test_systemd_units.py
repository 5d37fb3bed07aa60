"""The unit files: good to systemd, closed to an intruder, open to camera and Coral."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SYSTEMD = ROOT / "systemd"
UNITS = ("edgehands.service", "edgehands@.service", "edgehands-settings.service")
MOST_EXPOSED = 2.0

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze isn't here"
)


def source(unit: str) -> Path:
    """The file that is installed under this name: the template is the same as the service."""
    return SYSTEMD / unit.replace("@", "")


def directives(unit: str) -> dict[str, list[str]]:
    """What a unit sets: every value of every key."""
    found: dict[str, list[str]] = {}
    for line in (SYSTEMD / unit).read_text().splitlines():
        if "=" in line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@needs_analyze
@pytest.mark.parametrize("unit", UNITS)
def test_verify_says_nothing(unit: str, tmp_path: Path) -> None:
    """A key that systemd doesn't know is ignored, and a protection or limit would be missing."""
    # What the package installs stands in for itself: only its absence here would be complained of.
    text = source(unit).read_text()
    place = tmp_path / unit.replace("@", "@side")
    place.write_text(re.sub(r"(?m)^(Exec\w+=)\S+", r"\1/bin/true", text))
    shutil.copy(SYSTEMD / "edgehands-settings.service", tmp_path / "other.service")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(place)], capture_output=True, text=True, check=False
    )
    assert done.stdout + done.stderr == ""


@needs_analyze
@pytest.mark.parametrize("unit", UNITS)
def test_exposure_is_small(unit: str) -> None:
    """Somebody who takes the service over would get at more of the device than its camera."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(source(unit))],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert level, done.stderr
    assert float(level[1]) <= MOST_EXPOSED


def test_devices_and_their_modules() -> None:
    """A camera or Coral would be forbidden for good, silently."""
    unit = directives("edgehands.service")
    allowed = {value.split()[0] for value in unit["DeviceAllow"]}
    assert allowed == {
        "char-video4linux",
        "char-media",
        "char-dma_heap",
        "char-usb_device",
        "char-apex",
    }
    wanted = " ".join(unit["Wants"]).split()
    after = " ".join(unit["After"]).split()
    for module in ("videodev", "mc", "apex"):
        assert f"modprobe@{module}.service" in wanted
        assert f"modprobe@{module}.service" in after


def test_cpu_features_can_be_read() -> None:
    """XNNPACK reads /proc/cpuinfo; without it every model runs at a fraction of its speed."""
    assert directives("edgehands.service").get("ProcSubset", ["all"]) == ["all"]


def test_services_of_several_cameras_have_folders_of_their_own() -> None:
    """Without it: one camera's end would take the other's counts away, or its kept settings."""
    unit = directives("edgehands.service")
    assert unit["StateDirectory"] == unit["RuntimeDirectory"] == ["%N"]
    assert unit["ExecStart"][0].endswith("-m edgehands.service %i")


def test_it_never_gives_up() -> None:
    """After some failures in a row the device would stay dead until somebody comes."""
    unit = directives("edgehands.service")
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["Restart"] == ["always"]


def backoff(folder: Path, word: str, result: str = "exit-code") -> str:
    """Run the script as systemd would, without the pauses; give what it said."""
    (folder / "bin").mkdir(exist_ok=True)
    sleep = folder / "bin" / "sleep"
    sleep.write_text('#!/bin/sh\necho "slept $1"\n')
    sleep.chmod(0o755)
    done = subprocess.run(
        [str(SYSTEMD / "edgehands-backoff"), word],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "RUNTIME_DIRECTORY": str(folder),
            "SERVICE_RESULT": result,
        },
    )
    return done.stdout.strip()


def test_pauses_grow_and_end(tmp_path: Path) -> None:
    """A service that can't work would use up a small Pi, or come back after an hour only."""
    pauses = []
    for _ in range(9):
        pauses.append(backoff(tmp_path, "wait"))
        backoff(tmp_path, "note")
    assert pauses == [
        "",
        "",
        *(f"slept {seconds}" for seconds in (2, 4, 8, 16, 32, 60, 60)),
    ]


def test_stop_by_hand_begins_anew(tmp_path: Path) -> None:
    """Who corrects a mistake and restarts the service would wait for a minute."""
    for _ in range(5):
        backoff(tmp_path, "note")
    backoff(tmp_path, "note", "success")
    assert backoff(tmp_path, "wait") == ""
    assert (tmp_path / "restarts").read_text() == "5\n"  # these only grow: stats report them


def test_long_run_begins_anew(tmp_path: Path) -> None:
    """One crash a day would make the pauses as long as those of a service that never works."""
    for _ in range(5):
        backoff(tmp_path, "note")
    backoff(tmp_path, "wait")
    os.utime(tmp_path / "started", (1_000_000_000, 1_000_000_000))
    backoff(tmp_path, "note", "watchdog")
    assert backoff(tmp_path, "wait") == ""


def test_damaged_count_is_no_obstacle(tmp_path: Path) -> None:
    """A damaged file in /run would keep the service from starting."""
    (tmp_path / "failures").write_text("3; reboot\n")
    assert backoff(tmp_path, "wait") == ""


def test_coral_rules_name_both_ids() -> None:
    """A USB Coral changes its id when its firmware is loaded: the second one would be forbidden."""
    rules = (SYSTEMD / "edgehands.rules").read_text()
    for vendor, product in (("1a6e", "089a"), ("18d1", "9302")):
        assert f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"' in rules
    assert 'SUBSYSTEM=="apex", GROUP="apex"' in rules


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers here")
def test_user_is_in_the_devices_groups(tmp_path: Path) -> None:
    """The service's user could not open the camera or the Coral."""
    (tmp_path / "etc").mkdir()
    subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "edgehands.sysusers")],
        check=True,
        capture_output=True,
    )
    groups = {
        line.split(":")[0]: line.split(":")[3].split(",")
        for line in (tmp_path / "etc" / "group").read_text().splitlines()
    }
    for group in ("video", "render", "apex", "plugdev"):
        assert "edgehands" in groups[group]
