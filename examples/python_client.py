# ruff: noqa: INP001, T201 - a program of its own that talks on stdout
"""Print where each index finger points, from all nodes of a broker. Ctrl-C ends it.

pip install edgehands
python python_client.py mqtt://hub
"""

from __future__ import annotations

import asyncio
import sys

from edgehands.client import EventMessage, HandsMessage, subscribe


async def main(url: str) -> None:
    """Follow everything that is published."""
    async for message in subscribe(url, on_broker=lambda line: print(line, file=sys.stderr)):
        if isinstance(message.content, HandsMessage):
            for hand in message.content.hands:
                x, y, _ = hand.landmarks[8]
                print(f"{message.node}: {hand.handedness} hand {hand.id} at {x:.3f} {y:.3f}")
        elif isinstance(message.content, EventMessage):
            print(f"{message.node}: {message.content.event_type} {message.content.hand_id}")


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "mqtt://localhost"))
    except KeyboardInterrupt:
        sys.exit(0)
