"""Make a boot partition of Raspberry Pi OS install edgehands at its first boot.

Trixie (from October 2025) has cloud-init: a line in ``user-data``, and the same as a script in
``vendor-data``, because Raspberry Pi Imager writes its own ``user-data`` over ours when a person
chooses settings there. Bookworm has ``systemd.run=`` on the kernel's command line; systemd carries
out each that is given, so Imager's own first-run script stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sd.boot_files import BootFiles, SdError
from sd.choose import Broker, with_broker

HERE = Path(__file__).resolve().parent

FOLDER = "edgehands"
_INSTALL = f"/boot/firmware/{FOLDER}/install.sh"
_RUNCMD = f"[ sh, {_INSTALL} ]"
_FIRSTRUN = f"systemd.run=/boot/firmware/{FOLDER}/firstrun.sh"
_KERNEL_UNIT = ("systemd.run_success_action=reboot", "systemd.unit=kernel-command-line.target")
_VENDOR = f"""\
#!/bin/sh
# Written by edgehands: installs it at the first boot, also where user-data was replaced.
exec sh {_INSTALL}
"""


_NO_BROKER = Broker()


@dataclass(frozen=True)
class Treated:
    """What was done: ``system`` is ``trixie`` or ``bookworm``, ``kept`` whether settings stayed."""

    system: str
    kept: bool


def treat(
    boot: BootFiles,
    package: Path,
    settings: bytes,
    *,
    system: str = "auto",
    broker: Broker = _NO_BROKER,
) -> Treated:
    """Put everything on the boot partition that the first boot needs.

    Args:
        boot: the boot partition.
        package: the ``.deb``.
        settings: ``edgehands.toml``; one that is on the card already stays.
        system: ``trixie``, ``bookworm``, or ``auto`` to look.
        broker: where it is; settings that are on the card already aren't changed.

    Raises:
        SdError: it is no boot partition of Raspberry Pi OS, or a file there can't be completed.
    """
    if package.suffix != ".deb" or not package.name.startswith("edgehands_"):
        raise SdError(f'"{package}" is no edgehands package: scripts/build_deb makes one')
    found = system_of(boot, system)
    if found == "trixie":
        _cloud_init(boot)
    else:
        _first_run(boot)
    kept = boot.read("edgehands.toml") is not None
    if not kept:
        settings = with_broker(settings, broker.url) if broker.url else settings
        boot.write("edgehands.toml", settings)
    if broker.here:
        boot.write(f"{FOLDER}/broker.sh", _unix((HERE / "broker.sh").read_bytes()))
        for path in broker.packages:
            boot.copy_in(path, f"{FOLDER}/mosquitto/{path.name}")
    boot.write(f"{FOLDER}/install.sh", _unix((HERE / "install.sh").read_bytes()))
    boot.copy_in(package, f"{FOLDER}/{package.name}")
    return Treated(found, kept)


def system_of(boot: BootFiles, asked: str) -> str:
    """``trixie`` or ``bookworm``: what was asked for, or with ``auto`` what can be seen."""
    if boot.read("cmdline.txt") is None or boot.read("config.txt") is None:
        raise SdError(
            "cmdline.txt and config.txt aren't there: give the boot partition (bootfs) of a"
            " card with Raspberry Pi OS"
        )
    return which_system(boot) if asked == "auto" else asked


def which_system(boot: BootFiles) -> str:
    """``trixie`` or ``bookworm``: who will read what we write."""
    # Imager writes meta-data and user-data for cloud-init only; Trixie's images have them anyway.
    if boot.read("meta-data") is not None or boot.read("user-data") is not None:
        return "trixie"
    issue = (boot.read("issue.txt") or b"").decode("utf-8", "replace")
    date = re.search(r"reference (\d{4}-\d{2})-\d{2}", issue)
    if date is None:
        raise SdError("which Raspberry Pi OS it is can't be seen: say --os trixie or --os bookworm")
    if date[1] >= "2025-10":
        return "trixie"
    if date[1] >= "2023-10":
        return "bookworm"
    raise SdError(f"Raspberry Pi OS of {date[1]} is older than Bookworm: write a newer one")


def with_runcmd(user_data: str) -> str:
    """``user-data`` that also installs edgehands; everything else in it stays.

    Raises:
        SdError: it isn't cloud-config, or has its commands in a form that isn't understood.
    """
    if _INSTALL in user_data:
        return user_data
    text = user_data.replace("\r\n", "\n")
    if not text.strip():
        text = "#cloud-config\n"
    if not text.startswith("#cloud-config"):
        raise SdError(
            "user-data on the card is no cloud-config: write the card again, then try again"
        )
    lines = text.rstrip("\n").split("\n")
    for number, line in enumerate(lines):
        if not line.startswith("runcmd:"):
            continue
        rest = line.removeprefix("runcmd:").split("#")[0].strip()
        if rest not in ("", "[]"):
            raise SdError("runcmd in user-data is written in one line: give each command its own")
        indent = "  "
        for following in lines[number + 1 :]:
            if following.strip() and not following.lstrip().startswith("#"):
                item = re.match(r"( *)- ", following)
                indent = item[1] if item else indent
                break
        lines[number] = "runcmd:"
        lines.insert(number + 1, f"{indent}- {_RUNCMD}")
        break
    else:
        lines += ["runcmd:", f"  - {_RUNCMD}"]
    return "\n".join(lines) + "\n"


def with_first_run(cmdline: str) -> str:
    """The kernel's command line, ours before a first-run script that Imager put there."""
    words = cmdline.split()
    if _FIRSTRUN in words:
        return " ".join(words) + "\n"
    places = [number for number, word in enumerate(words) if word.startswith("systemd.run=")]
    if places:
        words.insert(places[0], _FIRSTRUN)
    else:
        words.append(_FIRSTRUN)
    words += [word for word in _KERNEL_UNIT if word not in words]
    return " ".join(words) + "\n"


def _cloud_init(boot: BootFiles) -> None:
    vendor = boot.read("vendor-data")
    if vendor not in (None, b"", _VENDOR.encode()):
        raise SdError("vendor-data on the card is somebody else's: write the card again")
    said = (boot.read("user-data") or b"").decode("utf-8-sig")
    boot.write("user-data", with_runcmd(said).encode())
    boot.write("vendor-data", _VENDOR.encode())
    if boot.read("meta-data") is None:
        # cloud-init reads no user-data without it.
        boot.write("meta-data", b"instance-id: edgehands\n")


def _first_run(boot: BootFiles) -> None:
    cmdline = (boot.read("cmdline.txt") or b"").decode()
    boot.write(f"{FOLDER}/firstrun.sh", _unix((HERE / "firstrun.sh").read_bytes()))
    boot.write("cmdline.txt", with_first_run(cmdline).encode())


def _unix(script: bytes) -> bytes:
    """Line ends as a shell wants them, also from a checkout on Windows."""
    return script.replace(b"\r\n", b"\n")
