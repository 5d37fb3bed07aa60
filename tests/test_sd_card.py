"""A freshly written card, and an image: what stands on the boot partition afterwards."""

from __future__ import annotations

import hashlib
import importlib
import json
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.boot_card import CMDLINE, card, prepare

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

treat: Any = importlib.import_module("sd.treat")
SdError: type[Exception] = treat.SdError

IMAGER_FIRST_RUN = (
    "systemd.run=/boot/firmware/firstrun.sh systemd.run_success_action=reboot"
    " systemd.unit=kernel-command-line.target"
)
OURS = "systemd.run=/boot/firmware/edgehands/firstrun.sh"
INSTALL = ["sh", "/boot/firmware/edgehands/install.sh"]
IMAGER_USER_DATA = """\
#cloud-config
hostname: kitchen
users:
- name: anna
  groups: users,video
runcmd:
- [ rfkill, unblock, wifi ]
- sh -c 'echo hello'
"""
GENERATOR = Path("/usr/lib/systemd/system-generators/systemd-run-generator")


@pytest.mark.parametrize("system", ["trixie", "bookworm"])
def test_card_gets_everything(tmp_path: Path, package: Path, system: str) -> None:
    """The Pi would start without edgehands, and nobody would know why."""
    boot = card(tmp_path, system)
    done = prepare(boot, package)
    assert done.returncode == 0, done.stderr
    assert system.capitalize() in done.stdout
    assert (boot / "edgehands" / package.name).read_bytes() == package.read_bytes()
    settings = (ROOT / "systemd" / "edgehands.toml").read_bytes()
    assert (boot / "edgehands.toml").read_bytes() == settings
    for script in (boot / "edgehands").glob("*.sh"):
        assert b"\r" not in script.read_bytes()
        subprocess.run(["sh", "-n", str(script)], check=True)
    if system == "trixie":
        assert yaml.safe_load((boot / "user-data").read_text())["runcmd"] == [INSTALL]
        assert (boot / "vendor-data").read_text().startswith("#!/bin/sh\n")
        assert (boot / "cmdline.txt").read_text() == CMDLINE
    else:
        assert OURS in (boot / "cmdline.txt").read_text().split()
        assert not (boot / "user-data").exists()


@pytest.mark.parametrize("system", ["trixie", "bookworm"])
def test_twice_is_as_once(tmp_path: Path, package: Path, system: str) -> None:
    """Repeating the step would give a card that installs twice, or not at all."""
    boot = card(tmp_path, system)
    prepare(boot, package)
    before = {path: path.read_bytes() for path in boot.rglob("*") if path.is_file()}
    (boot / "edgehands.toml").write_text("[node]\n")
    assert prepare(boot, package).returncode == 0
    after = {path: path.read_bytes() for path in boot.rglob("*") if path.is_file()}
    assert after.pop(boot / "edgehands.toml") == b"[node]\n"
    before.pop(boot / "edgehands.toml")
    assert after == before


def test_settings_of_imager_stay() -> None:
    """The user, the Wi-Fi and the commands that a person chose in Imager would be lost."""
    made = yaml.safe_load(treat.with_runcmd(IMAGER_USER_DATA))
    expected = yaml.safe_load(IMAGER_USER_DATA)
    expected["runcmd"].insert(0, INSTALL)
    assert made == expected


@pytest.mark.parametrize(
    "said",
    [
        "",
        "#cloud-config\n",
        "#cloud-config\nruncmd:\n",
        "#cloud-config\nruncmd: []\n",
        "#cloud-config\r\nhostname: a\r\n",
        "#cloud-config\nruncmd:\n    # first\n    - [ls]\nlocale: de\n",
    ],
)
def test_forms_of_user_data(said: str) -> None:
    """cloud-init would refuse the whole file, with the person's own settings in it."""
    made = treat.with_runcmd(said)
    assert made.startswith("#cloud-config\n")
    assert yaml.safe_load(made)["runcmd"][0] == INSTALL
    assert treat.with_runcmd(made) == made


@pytest.mark.parametrize("said", ["#!/bin/sh\nls\n", "#cloud-config\nruncmd: [ [ls] ]\n"])
def test_user_data_that_is_not_understood_is_refused(said: str) -> None:
    """A card would be damaged instead of left alone."""
    with pytest.raises(SdError, match="user-data"):
        treat.with_runcmd(said)


def test_first_run_beside_that_of_imager() -> None:
    """Imager's script (user, Wi-Fi) or ours would not be run, or its reboot would come between."""
    line = treat.with_first_run(CMDLINE.strip() + " " + IMAGER_FIRST_RUN)
    assert line.count("\n") == 1
    assert line == CMDLINE.strip() + " " + OURS + " " + IMAGER_FIRST_RUN + "\n"
    assert treat.with_first_run(line) == line


@pytest.mark.skipif(not GENERATOR.exists(), reason="systemd-run-generator isn't here")
def test_systemd_runs_both_scripts(tmp_path: Path) -> None:
    """Of two systemd.run= only one would be carried out."""
    line = treat.with_first_run(CMDLINE.strip() + " " + IMAGER_FIRST_RUN)
    subprocess.run(
        [str(GENERATOR), *[str(tmp_path)] * 3],
        check=True,
        env={"SYSTEMD_PROC_CMDLINE": line.strip(), "SYSTEMD_IN_INITRD": "0"},
    )
    unit = (tmp_path / "kernel-command-line.service").read_text()
    started = [item for item in unit.splitlines() if item.startswith("ExecStart=")]
    assert started == [
        "ExecStart=/boot/firmware/edgehands/firstrun.sh",
        "ExecStart=/boot/firmware/firstrun.sh",
    ]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda boot: (boot / "cmdline.txt").unlink(), "bootfs"),
        (lambda boot: (boot / "issue.txt").write_text("reference 2022-09-22"), "older"),
        (lambda boot: (boot / "issue.txt").unlink(), "--os"),
    ],
)
def test_wrong_folder_is_left_alone(
    tmp_path: Path, package: Path, spoil: object, said: str
) -> None:
    """A wrong folder or an old system would be written to and reported as good."""
    boot = card(tmp_path, "bookworm")
    assert callable(spoil)
    spoil(boot)
    before = sorted(path.name for path in boot.iterdir())
    done = prepare(boot, package)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(path.name for path in boot.iterdir()) == before


@pytest.mark.skipif(
    shutil.which("mcopy") is None or shutil.which("mkfs.fat") is None,
    reason="mtools and dosfstools aren't here",
)
@pytest.mark.parametrize("system", ["trixie", "bookworm"])
def test_image(tmp_path: Path, package: Path, system: str) -> None:
    """An image would start without edgehands, or be damaged beside its FAT partition."""
    boot = card(tmp_path, system)
    fat = tmp_path / "fat"
    with fat.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.fat", str(fat)], check=True, capture_output=True)
    subprocess.run(["mcopy", "-i", str(fat), *map(str, boot.iterdir()), "::"], check=True)
    table = bytearray(1 << 20)
    table[446:462] = struct.pack("<B3sB3sII", 0, b"", 0x0C, b"", 2048, (8 << 20) // 512)
    table[510:512] = b"\x55\xaa"
    root = bytes(range(256)) * 64
    base = tmp_path / "raspios.img.xz"
    base.write_bytes(lzma.compress(bytes(table) + fat.read_bytes() + root, preset=0))

    out = tmp_path / "out"
    done = subprocess.run(
        [
            sys.executable, str(ROOT / "scripts" / "build_image"), str(base),
            "--deb", str(package), "--out", str(out),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = out / "edgehands-raspios.img.xz"
    image = lzma.decompress(made.read_bytes())
    assert image[: 1 << 20] == bytes(table)
    assert image[9 << 20 :] == root
    plain = tmp_path / "made.img"
    plain.write_bytes(image)
    inside = tmp_path / "inside"
    inside.mkdir()
    subprocess.run(["mcopy", "-s", "-i", f"{plain}@@1M", "::", str(inside)], check=True)
    assert (inside / "edgehands" / package.name).read_bytes() == package.read_bytes()
    prepare(boot, package)
    for path in boot.rglob("*"):
        if path.is_file():
            assert (inside / path.relative_to(boot)).read_bytes() == path.read_bytes()

    (entry,) = json.loads((out / "edgehands-imager.json").read_text())["os_list"]
    assert entry["extract_size"] == len(image)
    assert entry["extract_sha256"] == hashlib.sha256(image).hexdigest()
    assert entry["image_download_size"] == made.stat().st_size
    assert entry["image_download_sha256"] == hashlib.sha256(made.read_bytes()).hexdigest()
    assert entry["init_format"] == {"trixie": "cloudinit-rpi", "bookworm": "systemd"}[system]


@pytest.mark.parametrize(
    ("settings", "host", "expected"),
    [
        ('[node]  # us\n#name = ""\n[camera]\nname = "front"\n', "raspberrypi", "pi-ab12"),
        ('[camera]\nname = "front"\n', "raspberrypi", "pi-ab12"),
        ("", "raspberrypi", "pi-ab12"),
        ('[node]\n  name = "kitchen"\n', "raspberrypi", "kitchen"),
        ("[node]\n", "kitchen", None),
    ],
)
def test_a_device_that_nobody_named_gets_a_name_of_its_own(
    tmp_path: Path, settings: str, host: str, expected: str | None
) -> None:
    """Two cards from one image would have one name, and one device would be silent."""
    file, serial, tools = tmp_path / "edgehands.toml", tmp_path / "serial", tmp_path / "bin"
    file.write_text(settings)
    serial.write_bytes(b"100000003d1fab12\0")
    tools.mkdir()
    (tools / "hostname").write_text(f"#!/bin/sh\necho {host}\n")
    (tools / "hostname").chmod(0o755)
    script = (ROOT / "scripts" / "sd" / "install.sh").read_text()
    # Only what names the device: the rest installs a package.
    part = script[script.index("name_the_node() {") : script.index("\ncp ")]
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "EDGEHANDS_SETTINGS": str(file),
        "EDGEHANDS_SERIAL": str(serial),
    }
    for _ in range(2):  # the script may run again
        subprocess.run(
            ["sh", "-euc", f"say() {{ :; }}\nlog={tmp_path}/log\nhere=.\n{part}"],
            env=environment,
            check=True,
        )
    read = tomllib.loads(file.read_text())
    assert read.get("node", {}).get("name") == expected
    assert read.get("camera", {}) == tomllib.loads(settings).get("camera", {})
