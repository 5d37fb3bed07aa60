"""Finds nodes announced in this network when no broker is named."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgehands.config import DEFAULT_PATHS, load
from edgehands.config.broker_url import parse_broker_url
from edgehands.config.load import load_with_origins
from edgehands.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edgehands.config import MqttConfig
    from edgehands.config.broker_url import BrokerUrl

SERVICE = "_edgehands._tcp"
"""The service that nodes announce: the live page's port, with ``node`` and ``broker`` as text."""

_BROWSE = ("avahi-browse", "--resolve", "--terminate", "--parsable", SERVICE)
_LONGEST_S = 10.0
_FIELDS = 10
"""Fields of a resolved line: =, interface, protocol, name, type, domain, host, address, port,
texts."""


@dataclass(frozen=True, slots=True)
class Announced:
    """An announced node.

    Attributes:
        node: its name; empty = not announced.
        broker: its broker's address; empty = not announced.
    """

    node: str
    broker: str


def choose_broker(
    url: str | None,
    config: Path | None,
    node: str,
    tell: Callable[[str], None],
    browse: Callable[[], Sequence[Announced]] | None = None,
) -> MqttConfig:
    """The named or configured broker; else this machine's, else that of an announced node.

    Args:
        url: from the command line.
        config: a configuration file from the command line.
        node: only this one; empty = any.
        tell: called with a message about the broker found.
        browse: looks for nodes; None = by mDNS.

    Raises:
        BrokerError: none was named, none runs on this machine, and none or more than one was found.
        ConfigError: the named broker is invalid.
    """
    loaded = load_with_origins([config] if config else DEFAULT_PATHS, options={"mqtt.url": url})
    settings = loaded.config.mqtt
    configured = any(path.exists() for path in DEFAULT_PATHS)
    # A configured password is for the user's broker, not for one that was found.
    said = any(key.startswith("mqtt.") for key in loaded.origins)
    if config or configured or said or _listens(settings.address):
        return settings
    found = [n for n in (browse or announced)() if n.broker and node in ("", n.node)]
    brokers = sorted({n.broker for n in found})
    if len(brokers) > 1:
        names = ", ".join(f"{n.broker} ({n.node})" for n in found)
        raise BrokerError(f"several brokers were found: {names}: name one with --mqtt URL")
    if not brokers:
        who = f'node "{node}"' if node else "node"
        raise BrokerError(
            f"{settings.address} doesn't answer, and no {who} announces itself in this network:"
            " name the broker with --mqtt URL"
        )
    tell(f"found by mDNS: {brokers[0]}")
    return load(DEFAULT_PATHS, options={"mqtt.url": brokers[0]}).mqtt


def announced() -> tuple[Announced, ...]:
    """Ask avahi for announced nodes, for about a second.

    Raises:
        BrokerError: avahi's program isn't installed, or avahi isn't running.
    """
    program = shutil.which(_BROWSE[0])
    if program is None:
        raise BrokerError(
            "no broker is on this machine, and nodes can't be looked for: name the broker with"
            " --mqtt URL, or apt install avahi-utils"
        )
    try:
        done = subprocess.run(  # noqa: S603 - a program of Debian's
            [program, *_BROWSE[1:]],
            check=False, capture_output=True, text=True, errors="replace", timeout=_LONGEST_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ()
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise BrokerError(
            f"no broker is on this machine, and avahi can't look for nodes ({said[0]}): name the"
            " broker with --mqtt URL"
        )
    return parsed(done.stdout)


def parsed(text: str) -> tuple[Announced, ...]:
    """Parse ``avahi-browse --parsable``; invalid lines are skipped.

    Anyone in the network may announce anything: an address with credentials, or an invalid one, is
    ignored.
    """
    found = []
    for line in text.splitlines():
        fields = line.split(";", _FIELDS - 1)
        if len(fields) != _FIELDS or fields[0] != "=":
            continue
        texts = dict(
            part.partition("=")[::2] for part in re.findall(r'"((?:[^"\\]|\\.)*)"', fields[-1])
        )
        try:
            address = parse_broker_url(texts.get("broker", ""))
        except ConfigError:
            continue
        if address.username or address.password or address.loopback:
            continue
        entry = Announced(_plain(texts.get("node", "")), str(address))
        if entry not in found:
            found.append(entry)
    return tuple(found)


def _plain(name: str) -> str:
    """A node's name if it is valid; otherwise empty."""
    return name if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name) else ""


def _listens(address: BrokerUrl) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((address.host, address.port), timeout=1.0):
            return True
    except OSError:
        return False
