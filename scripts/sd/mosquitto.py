"""mosquitto's packages for a Pi without a network: fetched by apt, which checks signatures."""

from __future__ import annotations

import dataclasses
import fnmatch
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from sd.boot_files import SdError

if TYPE_CHECKING:
    import argparse

    from sd.choose import Broker

MIRROR = "http://deb.debian.org/debian"
"""Where 64-bit Raspberry Pi OS takes mosquitto from too."""

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_CARRIED = ("mosquitto", "libmosquitto1", "libcjson1", "libdlt2", "libwebsockets*", "libwrap0",
            "libnsl2", "libtirpc*", "libev4*", "libuv1*")  # fmt: skip
"""What of its dependencies Raspberry Pi OS Lite may not have; what it has is left alone."""


def add_broker_options(parser: argparse.ArgumentParser) -> None:
    """The options of both scripts about the broker."""
    parser.add_argument(
        "--broker",
        metavar="ADDRESS|pi",
        help="your MQTT broker's address, or pi to put mosquitto on the Pi itself",
    )
    parser.add_argument(
        "--broker-packages",
        type=Path,
        metavar="FOLDER",
        help="mosquitto's .deb files, for a Pi without a network; default: fetched by apt",
    )


def broker_with_packages(broker: Broker, folder: Path | None, system: str, root: Path) -> Broker:
    """The broker that was chosen, with the packages that it needs on the Pi.

    Args:
        broker: what was said.
        folder: where the packages lie; None = they are fetched where that is possible.
        system: ``trixie`` or ``bookworm``.
        root: the checkout.
    """
    if not broker.here:
        return broker
    if folder is not None:
        packages = given_packages(folder)
    else:
        packages = fetch_packages(system, root / ".cache" / "mosquitto")
    return dataclasses.replace(broker, packages=packages)


def what_the_broker_needs(broker: Broker) -> str:
    """What is said to the person who wants a broker on the Pi."""
    if broker.packages:
        start = "mosquitto is on the card too and needs no network."
    else:
        start = "mosquitto is installed at the first boot: the Pi needs internet for that."
    return f"{start}\nIts passwords will stand in edgehands-info.txt on the card."


def given_packages(folder: Path) -> tuple[Path, ...]:
    """The packages that lie in a folder.

    Raises:
        SdError: mosquitto isn't among them.
    """
    found = tuple(sorted(folder.glob("*.deb")))
    if not any(path.name.startswith("mosquitto_") for path in found):
        raise SdError(f'"{folder}" holds no mosquitto_….deb: name another folder')
    return found


def fetch_packages(system: str, cache: Path, apt: str | None = None) -> tuple[Path, ...]:
    """Fetch them with this machine's apt; empty where it has none, or no network.

    Args:
        system: ``trixie`` or ``bookworm``.
        cache: a folder that is kept; everything that apt writes lies there.
        apt: the program; None = looked for.
    """
    program = apt or shutil.which("apt-get")
    if program is None or not (apt or _KEYRING.exists()):
        return ()
    home = cache / system
    archives = home / "cache" / "archives"
    for folder in (home / "state" / "lists" / "partial", archives / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    # As if nothing were installed: all that mosquitto needs, for another kind of machine.
    (home / "status").write_text("")
    sources = home / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {MIRROR} {system} main\n")
    options = {
        "Dir::State": home / "state",
        "Dir::State::status": home / "status",
        "Dir::Cache": home / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": "arm64",
        "APT::Architectures::": "arm64",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "true",
    }
    words = [program, "-qq"]
    for key, value in options.items():
        words += ["-o", f"{key}={value}"]
    for old in archives.glob("*.deb"):
        old.unlink()
    wanted = _names(words)
    if not wanted:
        return ()
    # By name, so that only these are fetched and not all of a system below them.
    done = subprocess.run(
        [*words, "download", *wanted], check=False, capture_output=True, cwd=archives
    )
    found = tuple(sorted(archives.glob("*.deb")))
    if done.returncode or not any(path.name.startswith("mosquitto_") for path in found):
        return ()
    return found


def _names(words: list[str]) -> list[str]:
    """Names of the packages to carry; empty where apt can't say."""
    updated = subprocess.run([*words, "update"], check=False, capture_output=True)
    if updated.returncode:
        return []
    done = subprocess.run(
        [*words, "install", "--no-install-recommends", "--print-uris", "mosquitto"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    # 'http://…/mosquitto_2.0.21-1_arm64.deb' mosquitto_2.0.21-1_arm64.deb 260560 SHA256:…
    rows = [line.split() for line in done.stdout.splitlines()]
    names = [row[1].split("_")[0] for row in rows if len(row) > 1]
    return [name for name in names if any(fnmatch.fnmatch(name, like) for like in _CARRIED)]
