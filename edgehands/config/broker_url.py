"""The broker's address: ``mqtt://``, ``mqtts://``, ``ws://`` and ``wss://`` addresses."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from edgehands.config.secret import Secret
from edgehands.errors import ConfigError
from edgehands.safe_text import redact

_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


class BrokerUrl(msgspec.Struct, frozen=True, kw_only=True):
    """A broker's address, parsed.

    Attributes:
        scheme: ``mqtt`` or ``ws`` unencrypted, ``mqtts`` or ``wss`` over TLS.
        host: name or address.
        port: the scheme's default if the URL gives none.
        path: path of a WebSocket, ``/mqtt`` if the URL gives none.
        username, password: credentials given in the URL itself.
    """

    scheme: Literal["mqtt", "mqtts", "ws", "wss"]
    host: str
    port: int
    path: str
    username: str
    password: Secret | None

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme in {"mqtts", "wss"}

    @property
    def websocket(self) -> bool:
        """Whether MQTT travels inside a WebSocket."""
        return self.scheme in {"ws", "wss"}

    @property
    def loopback(self) -> bool:
        """Whether the broker is on this machine, so that nothing crosses a network."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host.replace('%', '%25')}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path if self.websocket else ''}"


def parse_broker_url(url: str, where: str = "mqtt.url") -> BrokerUrl:
    """Parse a broker's URL; raise a :class:`ConfigError` that shows no password."""
    full = url if "://" in url else f"mqtt://{url}"
    shown = f'{where} = "{redact(full)}"'
    user, at, _ = full.partition("://")[2].rpartition("@")
    if at and any(sign in user for sign in "/#?"):
        raise ConfigError(
            f"{shown} has #, / or ? in its user name or password: write %23, %2F or %3F for them,"
            " or set mqtt.username and mqtt.password instead"
        )
    try:
        parts = urlsplit(full)
        port = parts.port
    except ValueError:
        raise ConfigError(f"{shown} is not a URL: write mqtt://host:1883") from None
    if parts.scheme not in _PORTS:
        raise ConfigError(f"{shown} has an unknown scheme: use mqtt, mqtts (TLS), ws or wss")
    host = unquote(parts.hostname or "")  # an IPv6 address with a zone: fe80::1%25eth0
    if not host or not host.isprintable() or " " in host:
        raise ConfigError(f"{shown} names no host: write mqtt://host:1883")
    if port == 0 or parts.query or parts.fragment:
        raise ConfigError(f"{shown} is not a broker: write mqtt://host:1883")
    websocket = parts.scheme in {"ws", "wss"}
    if not websocket and parts.path not in {"", "/"}:
        raise ConfigError(
            f"{shown} has a path, {parts.scheme} knows none: remove it, or write ws:// or wss://"
        )
    return BrokerUrl(
        scheme=parts.scheme,  # type: ignore[arg-type]  # one of _PORTS' keys, checked above
        host=host,
        port=port or _PORTS[parts.scheme],
        path=(parts.path if parts.path not in {"", "/"} else "/mqtt") if websocket else "",
        username=unquote(parts.username or ""),
        password=Secret(unquote(parts.password)) if parts.password else None,
    )
