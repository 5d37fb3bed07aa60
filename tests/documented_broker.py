"""The mosquitto configuration of docs/, set up for a test."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from edgehands.config import MqttConfig, Secret

if TYPE_CHECKING:
    from tools.common.mosquitto import Mosquitto

DOCS = Path(__file__).resolve().parents[1] / "docs" / "mosquitto"
NAMES = ("kitchen", "garage", "viewer", "controller")


def documented_lines(folder: Path, web_port: int) -> list[str]:
    """The documented configuration, its paths set to the test's folder.

    Args:
        folder: with the certificates; the passwords, ``NAME-pw``, are written there.
        web_port: where pages reach the broker.
    """
    passwords = folder / "passwords"
    passwords.touch()
    for name in NAMES:
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), name, f"{name}-pw"], check=True)
    lines = []
    for line in (DOCS / "edgehands.conf").read_text().splitlines():
        changed = line.replace("/etc/mosquitto/certs", str(folder))
        changed = changed.replace("/etc/mosquitto/edgehands.passwords", str(passwords))
        changed = changed.replace("/etc/mosquitto/edgehands.acl", str(DOCS / "edgehands.acl"))
        changed = changed.replace("listener 8884", f"listener {web_port} 127.0.0.1")
        if not line.startswith(("#", "listener 8883")):
            lines.append(changed)
    return lines


def login(broker: Mosquitto, name: str, password: str = "") -> MqttConfig:
    """The settings of one who logs in there."""
    return MqttConfig(
        url=broker.url,
        username=name,
        password=Secret(password or f"{name}-pw"),
        tls_ca=str(broker.log.parent / "ca.crt"),
    )
