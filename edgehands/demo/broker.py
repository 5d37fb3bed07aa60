"""The demo's broker: amqtt on two loopback ports, TCP and WebSocket. Run by the demo as a process.

Any client on this machine may connect, no other can. It supports MQTT 3.1.1.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING

from amqtt.broker import Broker

from edgehands.demo.processes import HOST

if TYPE_CHECKING:
    from amqtt.session import Session

MAX_CONNECTIONS = 64


class DemoBroker(Broker):  # type: ignore[misc]  # amqtt's types aren't checked
    """amqtt, without sending new clients the retained messages of other clients' topics.

    amqtt 0.12 sends to each new connection the retained messages that match *any* client's
    subscription: a subscriber to ``hands`` would first receive ``online`` and ``ON``.
    """

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        listeners = self._subscriptions.get(subscription[0], [])
        if any(listener is session for listener, _ in listeners):
            await super()._publish_retained_messages_for_subscription(subscription, session)


async def serve(port: int, websocket_port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    broker = DemoBroker(
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
    # It logs each message that a client reads too slowly; show only failures.
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s")
    logging.getLogger("transitions").setLevel(logging.ERROR)
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
