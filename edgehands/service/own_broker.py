"""The device's own mosquitto: who may log in, with which password, and where these are stored.

Run as root by ``edgehands/broker.sh`` on the card, at each boot: ``python -m
edgehands.service.own_broker``. Prints ``changed`` if something was written. Exit codes: 0 good, 1
nothing was set up, with one line that says why.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgehands.atomic import replace_file
from edgehands.config import load
from edgehands.config.broker_url import parse_broker_url
from edgehands.config.edit import set_in_file
from edgehands.errors import ConfigError, EdgehandsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgehands.config import Config

USERS_FILE = "edgehands/broker-users"
"""Below /etc: one line per user, name and password; for root only."""

PROGRAMS = ("controller", "viewer")
"""Users in the supplied ACL that aren't nodes."""

_SOURCES = Path("/usr/lib/edgehands/mosquitto")
_OWN = {"localhost", "127.0.0.1", "::1"}
_PORT = 1883
_BYTES = 9


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is stored; tests use their own folders.

    Attributes:
        etc: the system's configuration.
        card: the boot partition, with edgehands.toml on it.
        sources: the package's configuration and ACL.
    """

    etc: Path = Path("/etc")
    card: Path = Path("/boot/firmware")
    sources: Path = _SOURCES

    @property
    def settings(self) -> Path:
        """The settings file that the card's owner edits."""
        return self.card / "edgehands.toml"

    @property
    def users(self) -> Path:
        """The file with the plain-text passwords."""
        return self.etc / USERS_FILE


def set_up(places: Places, hashed: Path | None = None) -> bool:
    """Write mosquitto's files, the node's password and its user name; return whether any is new.

    Args:
        places: where.
        hashed: the program ``mosquitto_passwd``; None = searched for.

    Raises:
        EdgehandsError: the settings name another broker, or can't be written.
        OSError: something can't be written.
    """
    files = (places.etc / "edgehands" / "edgehands.toml", places.settings)
    config = load([file for file in files if file.exists()], env={})
    _check(places, config)
    node = config.node.name
    users = read_users(places.users)
    wanted = {name: users.get(name) or secrets.token_urlsafe(_BYTES) for name in (node, *PROGRAMS)}
    if config.mqtt.password:
        wanted[node] = config.mqtt.password.reveal()
    mosquitto = places.etc / "mosquitto"
    passwords = mosquitto / "edgehands.passwords"
    changed = False
    if users != wanted or not passwords.exists():
        _write_passwords(passwords, wanted, hashed)
        _write(places.users, "".join(f"{n}:{p}\n" for n, p in wanted.items()).encode(), 0o600)
        changed = True
    credential = places.etc / "credstore" / "edgehands.mqtt-password"
    credential.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    changed |= _write(credential, f"{wanted[node]}\n".encode(), 0o600)
    for source, target in (
        ("edgehands.acl", mosquitto / "edgehands.acl"),
        ("edgehands-on-pi.conf", mosquitto / "conf.d" / "edgehands.conf"),
    ):
        changed |= _write(target, (places.sources / source).read_bytes(), 0o644)
    if config.mqtt.username != node:
        set_in_file(places.settings, "mqtt", {"username": node})
        changed = True
    return changed


def read_users(file: Path) -> dict[str, str]:
    """Names and passwords; empty if there is no such file.

    Raises:
        OSError: it may not be read.
    """
    with contextlib.suppress(FileNotFoundError):
        lines = file.read_text(encoding="utf-8").splitlines()
        return {name: word for name, mark, word in (line.partition(":") for line in lines) if mark}
    return {}


def broker_text(users: Mapping[str, str], host: str) -> str:
    """The broker's part of ``edgehands-info.txt`` on the card.

    Args:
        users: names and passwords.
        host: the device's name in the network.
    """
    return (
        "The broker on this device:\n\n"
        f"    mqtt://{host}.local:1883     pages in a browser: ws://{host}.local:9001\n\n"
        f"    Home Assistant, Node-RED     user controller   password {users['controller']}\n"
        f"    programs that only look      user viewer       password {users['viewer']}\n\n"
        "For new passwords, delete /etc/edgehands/broker-users on the device and restart it.\n"
    )


def _check(places: Places, config: Config) -> None:
    """Refuse to change a broker that was set up in another way."""
    address = parse_broker_url(config.mqtt.url)
    if address.host not in _OWN or address.port != _PORT or address.tls or address.websocket:
        raise ConfigError(
            f'{places.settings} names another broker than the one on this device: remove "url"'
            " under [mqtt] there, or edgehands/broker.sh from the card"
        )
    for file in sorted((places.etc / "mosquitto" / "conf.d").glob("*.conf")):
        text = file.read_text(encoding="utf-8", errors="replace")
        if file.name != "edgehands.conf" and "listener" in text:
            raise ConfigError(
                f"{file} has a listener of its own, mosquitto is set up already: remove that file,"
                " or edgehands/broker.sh from the card"
            )


def _write(file: Path, data: bytes, mode: int) -> bool:
    """Write a file in one step if it is new; return whether it was."""
    with contextlib.suppress(FileNotFoundError):
        if file.read_bytes() == data:
            return False
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, data, mode)
    return True


def _write_passwords(file: Path, users: Mapping[str, str], program: Path | None) -> None:
    """Write them hashed by mosquitto's own program, which changes a file in place."""
    hasher = program or shutil.which("mosquitto_passwd")
    if hasher is None:
        raise ConfigError("mosquitto_passwd isn't here: apt install mosquitto")
    part = file.with_name(f".{file.name}.new")
    _write(part, "".join(f"{name}:{word}\n" for name, word in users.items()).encode(), 0o600)
    try:
        # Not by an option: a command line is visible to everybody.
        done = subprocess.run(  # noqa: S603 - mosquitto's own program
            [hasher, "-U", str(part)], check=False, capture_output=True
        )
        if done.returncode:
            raise ConfigError(f"mosquitto_passwd failed, exit code {done.returncode}: {file} stays")
        _give_to_mosquitto(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _give_to_mosquitto(file: Path) -> None:
    """Make a file readable for root and for the broker, if that has its own user."""
    if os.geteuid() == 0:
        with contextlib.suppress(LookupError):
            shutil.chown(file, "root", "mosquitto")
            file.chmod(0o640)
            return
    file.chmod(0o600)


def main() -> int:
    """Set the broker up; return the exit code."""
    try:
        changed = set_up(Places())
    except (EdgehandsError, OSError) as error:
        sys.stderr.write(f"edgehands: no broker on this device: {error}\n")
        return 1
    if changed:
        sys.stdout.write("changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
