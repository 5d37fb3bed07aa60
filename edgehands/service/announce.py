"""The content of avahi's static file: the node's name and its broker's address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from edgehands.config import Config

AVAHI_FILE = "avahi/services/edgehands.service"
"""Below /etc; installed by the package, avahi notices each change."""


def announcement(file: str, config: Config, host: str, *, own_broker: bool) -> str:
    """The file with the texts ``node`` and ``broker``, without secrets.

    Args:
        file: its current content.
        config: of the node.
        host: the device's name in the network.
        own_broker: whether the device has a broker open to others; otherwise one on loopback isn't
            announced.
    """
    address = config.mqtt.address
    texts = ["path=/", f"node={config.node.name}"]
    if not address.loopback:
        texts.append(f"broker={address}")
    elif own_broker:
        texts.append(f"broker=mqtt://{host}.local:{address.port}")
    lines = "".join(f"    <txt-record>{escape(text)}</txt-record>\n" for text in texts)
    without = re.sub(r" *<txt-record>[^<]*</txt-record>\n", "", file)
    return without.replace("  </service>\n", f"{lines}  </service>\n")
