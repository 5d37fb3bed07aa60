"""The demo's broker: amqtt on two loopback ports, TCP and WebSocket. Run by the demo as a process.

Anybody on this machine may connect, nobody else can. It speaks MQTT 3.1.1.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

HOST = "127.0.0.1"
MAX_CONNECTIONS = 64


async def serve(port: int, websocket_port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    from amqtt.broker import Broker  # noqa: PLC0415 - an extra: named in words where it is missing

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    broker = Broker(
        {
            "listeners": {
                "default": {
                    "type": "tcp",
                    "bind": f"{HOST}:{port}",
                    "max_connections": MAX_CONNECTIONS,
                },
                "websocket": {"type": "ws", "bind": f"{HOST}:{websocket_port}"},
            },
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    await broker.start()
    await stop.wait()
    await broker.shutdown()


def main() -> int:
    """Read the two ports from the command line and serve."""
    # It logs each message that a client takes too slowly; only what breaks is worth a line.
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s")
    logging.getLogger("transitions").setLevel(logging.ERROR)
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
