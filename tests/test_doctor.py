"""The doctor: each check on machines made of files, and the whole of it on this one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from edgehands.backends.crash_marker import NAME
from edgehands.config import CameraConfig, Config, MqttConfig, Secret, TrackingConfig
from edgehands.doctor import CHECKS, System, examine
from edgehands.doctor.coral import check_coral
from edgehands.doctor.devices import check_camera, check_permissions
from edgehands.doctor.finding import Finding, good, worst, wrong_line
from edgehands.doctor.machine import (
    check_clock,
    check_memory,
    check_power,
    check_storage,
    check_temperature,
)
from edgehands.doctor.software import (
    check_models,
    check_numpy,
    check_packages,
    check_python,
    check_runtime,
)
from edgehands.doctor.system import run_program
from edgehands.doctor.unit import check_last_crash, check_service
from edgehands.errors import ConfigError
from edgehands.model_store import ModelStore
from tests.doctor_machine import ACTIVE, Machine

if TYPE_CHECKING:
    from pathlib import Path

    from edgehands.doctor import Check

CONFIG = Config(camera=CameraConfig(source="demo:"))
CSI = Config(camera=CameraConfig(source="picamera2:0"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """An empty machine."""
    return Machine(tmp_path / "root")


def one(check: Check, machine: Machine, config: Config = CONFIG) -> Finding:
    """The only finding of a check."""
    (finding,) = check(machine.system(), config)
    assert bool(finding.remedy) == (finding.level != "PASS"), finding
    assert "\n" not in finding.message + finding.remedy
    return finding


def levels(check: Check, machine: Machine, config: Config = CONFIG) -> list[str]:
    """The levels of a check's findings."""
    return [finding.level for finding in check(machine.system(), config)]


def test_an_old_or_32_bit_python_is_named(machine: Machine) -> None:
    """Without it: who wrote the 32-bit system to the card would look for the fault for days."""
    assert one(check_python, machine).level == "PASS"
    machine.bits = 32
    assert "64-bit Raspberry Pi OS" in one(check_python, machine).remedy
    machine.bits, machine.python_version = 64, (3, 9, 2)
    assert "Python 3.9.2" in one(check_python, machine).message


def test_missing_and_old_packages_are_named(machine: Machine) -> None:
    """Without it: a half-installed environment would fail later with a traceback."""
    assert one(check_packages, machine).level == "PASS"
    machine.packages.pop("msgspec")
    machine.packages["numpy"] = "1.9.5"
    finding = one(check_packages, machine)
    assert finding.level == "FAIL"
    assert "msgspec is missing" in finding.message
    assert "numpy 1.9.5 is older than 1.24" in finding.message
    machine.packages = {"tflite-runtime": "2.14.0", "numpy": "1.24.2", "msgspec": "0.19"}
    assert one(check_packages, machine).level == "PASS"


def test_a_runtime_that_crashes_is_told_from_one_that_is_missing(machine: Machine) -> None:
    """Without it: LiteRT's segfault on an unknown processor would kill the doctor, too."""
    machine.says("python3 -c import ai_edge_litert", "")
    assert one(check_runtime, machine).level == "PASS"
    machine.says("python3 -c import ai_edge_litert", "", code=-11)
    assert "signal 11" in one(check_runtime, machine).message
    machine.says("python3 -c import ai_edge_litert", "Traceback\nImportError: libc too old\n", 1)
    assert "ImportError: libc too old" in one(check_runtime, machine).message
    machine.packages = {"tflite-runtime": "2.14.0"}
    assert one(check_runtime, machine).level == "WARN"
    machine.packages = {}
    assert "pip install ai-edge-litert" in one(check_runtime, machine).remedy


def test_pip_s_numpy_that_breaks_picamera2_is_found(machine: Machine) -> None:
    """Without it: "numpy.dtype size changed" would be all that a Pi's owner gets to read."""
    assert one(check_numpy, machine).level == "PASS"
    assert "apt install python3-picamera2" in one(check_numpy, machine, CSI).remedy
    machine.file("/usr/lib/python3/dist-packages/simplejpeg/__init__.py")
    machine.file("/usr/lib/python3/dist-packages/numpy-1.24.2.egg-info/PKG-INFO")
    machine.packages["numpy"] = "2.1.0"
    machine.says("python3 -c import simplejpeg", "")
    assert one(check_numpy, machine, CSI).level == "PASS"
    machine.says(
        "python3 -c import simplejpeg",
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96",
        code=1,
    )
    finding = one(check_numpy, machine, CSI)
    assert finding.level == "FAIL"
    assert "numpy==1.24.2" in finding.remedy
    assert one(check_numpy, machine).level == "WARN"  # another camera works all the same
    machine.says("python3 -c import simplejpeg", "No module named 'simplejpeg'", code=1)
    assert "--system-site-packages" in one(check_numpy, machine, CSI).remedy


def test_a_damaged_model_is_named(machine: Machine, tmp_path: Path) -> None:
    """Without it: a dying card would give wrong landmarks, and nobody would know why."""
    machine.models = tmp_path / "models"
    shutil.copytree(ModelStore().folder, machine.models)
    assert one(check_models, machine).level == "PASS"
    spec = next(iter(ModelStore(machine.models)))
    data = bytearray((machine.models / spec.file).read_bytes())
    data[1000] ^= 1
    (machine.models / spec.file).write_bytes(data)
    finding = one(check_models, machine)
    assert finding.level == "FAIL"
    assert spec.file in finding.message
    (machine.models / "manifest.json").unlink()
    assert "no model manifest" in one(check_models, machine).message


def test_the_clock_of_a_pi_without_a_network_is_found(machine: Machine) -> None:
    """Without it: every TLS certificate would be "not yet valid" and nobody would say why."""
    assert one(check_clock, machine).level == "PASS"
    machine.says("timedatectl show", "NTPSynchronized=no\n")
    assert one(check_clock, machine).level == "WARN"
    machine.says("timedatectl show", "NTPSynchronized=yes\n")
    assert "synchronised" in one(check_clock, machine).message
    machine.now = 0.0
    finding = one(check_clock, machine)
    assert (finding.level, "1970-01-01" in finding.message) == ("FAIL", True)


@pytest.mark.parametrize(
    ("milli", "level"), [("45000", "PASS"), ("79900", "PASS"), ("80000", "WARN"), ("85000", "FAIL")]
)
def test_a_hot_board_is_told(machine: Machine, milli: str, level: str) -> None:
    """Without it: a board in a closed box would be slow for no visible reason."""
    machine.file("/sys/class/thermal/thermal_zone0/temp", f"{milli}\n")
    assert one(check_temperature, machine).level == level


@pytest.mark.parametrize(
    ("flags", "level", "words"),
    [
        ("0x0", "PASS", "no throttling"),
        ("0x50000", "WARN", "since boot: under-voltage, throttling"),
        ("0x80008", "WARN", "now: the soft temperature limit"),
        ("0x50005", "FAIL", "now: under-voltage, throttling"),
    ],
)
def test_a_weak_supply_is_told(machine: Machine, flags: str, level: str, words: str) -> None:
    """Without it: the most frequent fault of Pis would look like a fault of edgehands."""
    machine.says("vcgencmd get_throttled", f"throttled={flags}\n")
    finding = one(check_power, machine)
    assert (finding.level, words in finding.message) == (level, True)
    machine.answers.clear()
    machine.file("/sys/devices/platform/soc/soc:firmware/get_throttled", flags.removeprefix("0x"))
    assert one(check_power, machine) == finding


def test_the_voltage_sensor_stands_in_for_vcgencmd(machine: Machine) -> None:
    """Without it: on plain Debian under-voltage would go unseen."""
    assert one(check_power, machine).level == "PASS"
    machine.file("/sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    machine.file("/sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    alarm = machine.file("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    assert one(check_power, machine).level == "PASS"
    alarm.write_text("1\n")
    assert one(check_power, machine).level == "FAIL"
    machine.says("vcgencmd", "Can't open device file: /dev/vcio\n", code=255)
    assert one(check_power, machine).level == "FAIL"


def test_a_memory_that_is_too_small_is_told(machine: Machine) -> None:
    """In a container of 64 MB the kernel ends the service, and it can't say why."""
    assert one(check_memory, machine).level == "PASS"
    machine.file("/proc/meminfo", "MemTotal: 400000 kB\nMemAvailable:   300000 kB\n")
    assert one(check_memory, machine).message == "300 MB free"
    machine.file("/proc/meminfo", "MemAvailable:   30000 kB\n")
    assert one(check_memory, machine).level == "WARN"
    machine.file("/proc/self/cgroup", "0::/box\n")
    machine.file("/sys/fs/cgroup/box/memory.max", "64000000\n")
    found = one(check_memory, machine)
    assert found.level == "FAIL"
    assert "limited to 64 MB" in found.message


def test_a_dying_card_is_told(machine: Machine) -> None:
    """Without it: a card's last week would pass unnoticed."""
    mounts = machine.file("/proc/mounts", "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n")
    assert one(check_storage, machine).level == "PASS"
    mounts.write_text("/dev/mmcblk0p2 / ext4 ro,noatime 0 0\n")
    assert one(check_storage, machine).level == "FAIL"
    machine.file("/etc/fstab", "# a comment\nPARTUUID=1 / ext4 defaults,ro 0 1\n")
    assert one(check_storage, machine).level == "PASS"  # wanted so
    machine.file("/sys/fs/ext4/mmcblk0p2/errors_count", "3\n")
    assert "3 errors" in one(check_storage, machine).message
    machine.says("journalctl -k", "usb 1-1: reset\nmmc0: timeout waiting for hardware interrupt.\n")
    machine.file("/sys/block/mmcblk0/device/life_time", "0x01 0x0a\n")
    machine.free = 50_000_000
    found = check_storage(machine.system(), CONFIG)
    assert [finding.level for finding in found] == ["WARN"] * 4
    assert "mmc0: timeout" in found[1].message
    assert "100 %" in found[2].message
    assert "50 MB free; at least 200 MB are needed" in found[3].message


def test_closed_devices_and_missing_groups_are_told(machine: Machine) -> None:
    """Without it: "permission denied" would look like a broken camera."""
    assert one(check_permissions, machine).level == "PASS"
    machine.file("/dev/video0")
    machine.file("/dev/media0")
    machine.closed = {"/dev/video0"}
    assert "/dev/video0" in one(check_permissions, machine).message
    machine.closed = set()
    machine.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nedgehands:x:990:990::/:/bin/false\n")
    groups = machine.file("/etc/group", "video:x:44:pi\nedgehands:x:990:\n")
    assert "usermod -aG video edgehands" in one(check_permissions, machine).remedy
    groups.write_text("video:x:44:pi,edgehands\n")
    assert one(check_permissions, machine).level == "PASS"
    groups.write_text("video:x:44:\n")
    machine.says("systemctl show", "SupplementaryGroups=video render\n")
    assert one(check_permissions, machine).level == "PASS"


def test_readable_secrets_are_told(machine: Machine) -> None:
    """Without it: everybody with a login on the Pi could read the broker's password."""
    settings = machine.file("/etc/edgehands/edgehands.toml", '[mqtt]\npassword = "geheim"\n')
    settings.chmod(0o644)
    finding = one(check_permissions, machine)
    assert (finding.level, "chmod o-r" in finding.remedy) == ("WARN", True)
    assert "geheim" not in finding.message + finding.remedy
    settings.chmod(0o640)
    assert one(check_permissions, machine).level == "PASS"
    settings.write_text('#password = ""\nurl = "mqtt://hub"\n')
    settings.chmod(0o644)
    assert one(check_permissions, machine).level == "PASS"


def test_the_camera_is_opened_and_looked_through(machine: Machine, tmp_path: Path) -> None:
    """Without it: the doctor would call a camera good that gives nothing."""
    assert "gives 640x480" in one(check_camera, machine).message
    away = Config(camera=CameraConfig(source=f"v4l2:{tmp_path}/video9"))
    finding = one(check_camera, machine, away)
    assert finding.level == "FAIL"
    assert "video9" in finding.message
    assert "edgehands cameras" in finding.remedy


def test_the_running_service_is_asked_not_disturbed(machine: Machine) -> None:
    """Without it: the doctor would fight with the service for the camera."""
    nowhere = Config(camera=CameraConfig(source="v4l2:/dev/video99"))
    machine.says("systemctl show", ACTIVE)
    assert "29.8 frames a second" in one(check_camera, machine, nowhere).message
    machine.says("systemctl show", ACTIVE.replace("29.8 frames a second", "camera away, retrying"))
    assert one(check_camera, machine, nowhere).level == "FAIL"
    machine.says("systemctl show", ACTIVE.replace("29.8 frames a second", ""))
    assert one(check_camera, machine, nowhere).level == "WARN"


def usb(machine: Machine, vendor: str, product: str, speed: str) -> None:
    """Plug a USB device in."""
    for name, text in {
        "idVendor": vendor,
        "idProduct": product,
        "speed": speed,
        "busnum": "2",
        "devnum": "7",
    }.items():
        machine.file(f"/sys/bus/usb/devices/2-1/{name}", f"{text}\n")
    machine.file("/dev/bus/usb/002/007")


def test_without_a_coral_nothing_is_wrong_unless_it_is_asked_for(machine: Machine) -> None:
    """Most people have none: doctor doesn't mention it to them."""
    usb(machine, "046d", "0825", "480")
    assert check_coral(machine.system(), CONFIG) == ()
    asked = Config(tracking=TrackingConfig(backend="edgetpu"))
    assert one(check_coral, machine, asked).level == "FAIL"


def test_a_coral_before_and_after_its_firmware_is_known(machine: Machine) -> None:
    """Without it: a new Coral, which shows another name until it is used, would not be seen."""
    machine.file("/usr/lib/aarch64-linux-gnu/libedgetpu.so.1")
    machine.says("dpkg-query -W -f ${Version} libedgetpu1-std", "16.0tf2.17.1-1")
    usb(machine, "1a6e", "089a", "480")
    first, library, models = check_coral(machine.system(), CONFIG)
    assert (first.level, "not loaded yet" in first.message) == ("PASS", True)
    assert (library.level, models.level) == ("PASS", "WARN")
    usb(machine, "18d1", "9302", "480")
    slow = check_coral(machine.system(), CONFIG)[0]
    assert (slow.level, "USB 3 port" in slow.remedy) == ("WARN", True)
    usb(machine, "18d1", "9302", "5000")
    assert check_coral(machine.system(), CONFIG)[0].level == "PASS"
    machine.closed = {"/dev/bus/usb/002/007"}
    assert check_coral(machine.system(), CONFIG)[0].level == "WARN"


def test_a_library_that_crashes_with_the_runtime_is_told(machine: Machine) -> None:
    """Without it: Google's own library of 2021 would crash the service again and again."""
    machine.file("/sys/class/apex/apex_0/dev")
    machine.file("/dev/apex_0")
    assert levels(check_coral, machine) == ["PASS", "FAIL", "WARN"]  # no library, no models
    machine.file("/usr/lib/aarch64-linux-gnu/libedgetpu.so.1")
    assert levels(check_coral, machine) == ["PASS", "WARN", "WARN"]  # of unknown version
    machine.says("dpkg-query -W -f ${Version} libedgetpu1-max", "16.0")
    found = check_coral(machine.system(), CONFIG)
    assert (found[1].level, "crashes" in found[1].message) == ("FAIL", True)


def test_the_last_crash_of_a_coral_is_told(machine: Machine) -> None:
    """Without it: nobody would know why the CPU is used although a Coral is plugged in."""
    machine.file("/sys/class/apex/apex_0/dev")
    machine.file("/dev/apex_0")
    note = {"pid": 2**22 + 7, "started": 1, "crashes": 1}
    machine.file(f"/run/edgehands/{NAME}", json.dumps(note))
    finding = check_coral(machine.system(), CONFIG)[-1]
    assert finding.check == "coral crash"
    assert "2 times in a row" in finding.message


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (ACTIVE, "PASS"),
        ("LoadState=not-found\nActiveState=inactive\n", "PASS"),
        (ACTIVE.replace("=enabled", "=disabled"), "WARN"),
        (ACTIVE.replace("=active", "=activating"), "WARN"),
        (ACTIVE.replace("=active", "=failed"), "FAIL"),
        (ACTIVE.replace("=active", "=inactive"), "FAIL"),
    ],
)
def test_the_service_s_state_is_told(machine: Machine, state: str, level: str) -> None:
    """Without it: a service that isn't started at boot would be found out after a power cut."""
    machine.says("systemctl show", state)
    assert one(check_service, machine).level == level


JOURNAL = """\
2026-05-01T10:00:00+0200 pi edgehands[400]: connected to mqtt://hub:1883 (MQTT 5)
2026-05-01T11:00:00+0200 pi edgehands[400]: edgehands: /models/x.tflite is damaged: restore it
2026-05-01T11:00:01+0200 pi systemd[1]: edgehands.service: Main process exited, code=exited, \
status=1/FAILURE
2026-05-01T11:00:09+0200 pi edgehands[444]: connected to mqtt://hub:1883 (MQTT 5)
"""


def test_the_last_crash_is_told_with_the_service_s_last_words(machine: Machine) -> None:
    """Without it: what happened at night would have to be dug out of the journal."""
    assert check_last_crash(machine.system(), CONFIG) == ()
    machine.says("systemctl show", ACTIVE)
    machine.says("journalctl -u edgehands.service", JOURNAL)
    finding = one(check_last_crash, machine)
    assert finding.level == "WARN"
    for part in ("2026-05-01T11:00:01", "status=1/FAILURE", "x.tflite is damaged", "2 automatic"):
        assert part in finding.message
    machine.says("journalctl -u edgehands.service", JOURNAL.splitlines()[0])
    assert one(check_last_crash, machine).level == "PASS"
    machine.says("journalctl -u edgehands.service", "No journal files were opened", code=1)
    assert "sudo edgehands doctor" in one(check_last_crash, machine).remedy


def test_one_broken_check_does_not_hide_the_others(machine: Machine) -> None:
    """Without it: a surprise in one corner of /sys would leave its owner without any answer."""

    def check_of_doom(_system: System, _config: Config) -> tuple[Finding, ...]:
        raise ZeroDivisionError("oh")

    def check_fine(_system: System, _config: Config) -> tuple[Finding, ...]:
        return (good("fine", "yes"),)

    found = tuple(examine(CONFIG, machine.system(), (check_of_doom, check_fine)))
    assert [finding.level for finding in found] == ["PASS", "WARN", "PASS"]
    assert "ZeroDivisionError" in found[1].message
    assert worst(found) == "WARN"


def test_no_secret_leaves_it(machine: Machine, tmp_path: Path) -> None:
    """Without it: a report pasted into a forum would hold the password."""
    config = Config(
        camera=CameraConfig(source="rtsp://me:Kamera55@127.0.0.1:1/x"),
        mqtt=MqttConfig(url="mqtt://127.0.0.1:1", username="me", password=Secret("Broker77")),
    )

    def check_loose(_system: System, config: Config) -> tuple[Finding, ...]:
        password = config.mqtt.password
        assert password is not None
        text = f"{config.camera.source} {password.reveal()}"
        return (wrong_line("loose", f"{text}: {text}", "none"),)

    machine.says("systemctl show", ACTIVE.replace("broker", "rtsp://me:Kamera55@h Broker77"))
    machine.says("journalctl", f"x: Failed with result 'rtsp://me:Kamera55@h Broker77' {tmp_path}")
    found = tuple(examine(config, machine.system(), (*CHECKS, check_loose)))
    text = msgspec.json.encode(found).decode()
    assert "loose" in text
    assert "***" in text
    assert "Kamera55" not in text
    assert "Broker77" not in text


def test_a_wrong_configuration_is_a_finding_and_the_rest_goes_on(machine: Machine) -> None:
    """Without it: a typing error in the file would hide that the supply is too weak."""
    error = ConfigError('x.toml: unknown key mqtt.ulr: did you mean "url"?')
    found = tuple(examine(error, machine.system(), (check_python,)))
    assert [finding.level for finding in found] == ["FAIL", "PASS"]
    assert (found[0].message, found[0].remedy) == (
        "x.toml: unknown key mqtt.ulr",
        'did you mean "url"?',
    )


def test_nothing_is_changed(machine: Machine) -> None:
    """Without it: a look at a machine could be what breaks it."""
    machine.file("/sys/class/apex/apex_0/dev")
    machine.file("/etc/edgehands/edgehands.toml", "[mqtt]\n")
    machine.file(f"/run/edgehands/{NAME}", "{}")
    before = {path: path.stat().st_mtime_ns for path in machine.root.rglob("*")}
    for check in CHECKS:
        if check.__name__ not in {"check_broker", "check_camera"}:
            check(machine.system(), CONFIG)
    assert {path: path.stat().st_mtime_ns for path in machine.root.rglob("*")} == before
    verbs = {line.split(" ")[0] for line in machine.asked}
    assert verbs <= {"systemctl", "journalctl", "python3", "timedatectl", "vcgencmd", "dpkg-query"}
    assert all(line.split(" ")[1] == "show" for line in machine.asked if "systemctl" in line)


def test_programs_are_run_with_a_limit() -> None:
    """Without it: a hanging vcgencmd would hang the doctor."""
    done = run_program((sys.executable, "-c", "print('a'); exit(3)"), 30.0)
    assert done is not None
    assert (done.code, done.text) == (3, "a\n")
    assert run_program(("no-such-program-here",), 1.0) is None
    hung = run_program(("sleep", "30"), 0.2)
    assert hung is not None
    assert hung.code == 124


def doctor(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``edgehands doctor WORDS…`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from edgehands.cli import main; main()", "doctor", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "80", **(env or {})},
    )


def test_the_verb_prints_lines_or_json_and_fails_where_something_does(tmp_path: Path) -> None:
    """Without it: a script could not ask whether a node is well."""
    path = tmp_path / "edgehands.toml"
    path.write_text('[camera]\nsource = "demo:"\n[mqtt]\nurl = "mqtt://me:Broker77@127.0.0.1:1"\n')
    people = doctor("--config", str(path))
    assert people.returncode == 1, people.stderr
    assert "FAIL broker connection: " in people.stdout
    assert "\n     -> start the broker" in people.stdout
    assert "Broker77" not in people.stdout + people.stderr
    programs = doctor("--config", str(path), "--json")
    assert programs.returncode == 1
    report = json.loads(programs.stdout)
    assert report["result"] == "FAIL"
    wrong = [finding for finding in report["findings"] if finding["level"] == "FAIL"]
    assert [finding["check"] for finding in wrong] == ["broker connection"]
