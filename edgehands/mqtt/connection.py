"""Everything done on one connection, from CONNACK to DISCONNECT."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edgehands.mqtt.broker.pauses import LASTING_S
from edgehands.mqtt.contract.topics import OFFLINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgehands.mqtt.broker.session import Session
    from edgehands.mqtt.contract.topics import Topics
    from edgehands.mqtt.delivery import Delivery
    from edgehands.mqtt.outbox import Outbox
    from edgehands.mqtt.peers import Peers

SIBLING_ANSWER_S = 0.7
"""At shutdown, siblings have this long to answer that the node stays online."""


class Connection:
    """One accepted connection.

    Args:
        session: just accepted.
        outbox, delivery, peers, topics: those of the client.
        subscriptions: groups of topic filters.
        lasted: called once the connection has lasted long enough to count as good.
    """

    def __init__(  # noqa: PLR0913 - each is used here
        self,
        session: Session,
        outbox: Outbox,
        delivery: Delivery,
        peers: Peers,
        topics: Topics,
        *,
        subscriptions: Sequence[tuple[str, ...]],
        lasted: Callable[[], None],
    ) -> None:
        self._session, self._outbox, self._delivery = session, outbox, delivery
        self._peers, self._topics, self._lasted = peers, topics, lasted
        self._lasted_at = time.monotonic() + LASTING_S
        self._leave_at = 0.0
        self._left = False
        peers.address = session.local_address
        delivery.begin([peers.subscriptions, *subscriptions])
        peers.connected()

    @property
    def busy(self) -> bool:
        """Whether something is due before the next message comes or goes."""
        return bool(self._leave_at or self._peers.owes_answer)

    def step(self, *, stop_by: float | None) -> bool:
        """Do and send what is due; True when it is time to disconnect.

        Args:
            stop_by: monotonic seconds by which we must be disconnected; None = not shutting down.
        """
        now = time.monotonic()
        self._peers.tick()
        if self._peers.yielded:
            self._delivery.send_notes(self._session)
            return True
        if now > self._lasted_at:
            self._lasted_at = float("inf")
            self._lasted()
        if stop_by is not None:
            self._leave(now)
        self._delivery.send(self._session)
        return stop_by is not None and (now > stop_by or (self._left and self._outbox.drained()))

    def _leave(self, now: float) -> None:
        """Publish ``offline``, unless a sibling stays: ``status`` is the node's."""
        if self._left:
            return
        if not self._leave_at:
            self._leave_at = now
            if self._peers.siblings:
                self._leave_at += SIBLING_ANSWER_S
            self._peers.leave()
        if self._peers.siblings:
            self._outbox.forget(self._topics.status)
        elif now < self._leave_at:
            return
        else:
            self._outbox.state(self._topics.status, OFFLINE)
        self._left = True
