"""Real-time 3-D hand landmarks for small computers, over MQTT."""

from __future__ import annotations

__version__ = "0.1.0"
