"""Which MQTT version is used: 5, or 3.1.1 with a broker that doesn't know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import paho.mqtt.client as paho

from edgehands.mqtt.broker.reasons import UNSUPPORTED_PROTOCOL

if TYPE_CHECKING:
    from edgehands.mqtt.broker.session import Session

_NAMES: Final[dict[int, str]] = {paho.MQTTv5: "5", paho.MQTTv311: "3.1.1"}


def versions(configured: str) -> tuple[int, ...]:
    """What ``mqtt.protocol`` allows, in the order tried; paho's constants."""
    return tuple(version for version, name in _NAMES.items() if configured in {"auto", name})


def version_name(version: int) -> str:
    """``5`` or ``3.1.1``."""
    return _NAMES[version]


def refused_for_good(session: Session) -> bool:
    """Whether the broker refused us for another reason than the version: another won't help."""
    return bool(session.refusal) and session.refusal not in UNSUPPORTED_PROTOCOL


class VersionChoice:
    """Tries the allowed versions in turn until the broker has understood one.

    Args:
        configured: the setting ``mqtt.protocol``.

    Attributes:
        version: for the next attempt; one of paho's constants.
    """

    def __init__(self, configured: str) -> None:
        allowed = versions(configured)
        self.version = allowed[0]
        self._settled = len(allowed) == 1

    @property
    def name(self) -> str:
        """``5`` or ``3.1.1``."""
        return version_name(self.version)

    def settle(self) -> None:
        """Record that the broker understood this version, and keep it."""
        self._settled = True

    def after(self, session: Session) -> bool:
        """Choose the version after a session; True if the next attempt may follow at once.

        A broker that doesn't know a version refuses it, disconnects, or doesn't answer.
        """
        if session.ready or refused_for_good(session):
            self.settle()
        if self._settled:
            return False
        first = self.version == paho.MQTTv5
        self.version = paho.MQTTv311 if first else paho.MQTTv5
        return first
