"""Other services that use our node's name: for another camera of this device, or by mistake.

Each service announces itself on ``<node>/instance``, and answers when another one asks. So it knows

* its *siblings*, which publish another camera under the same node: the node is online as long as
  any of them runs, and one of them, the *primary*, publishes for the node as a whole;
* its *twins*, which publish the same camera: a second device with the same name (a cloned card, the
  default host name), or the same service started twice. The one that has published longer goes on;
  the other yields, and asks from time to time whether the first is gone.

Nothing here depends on the broker's reason for closing a connection: mosquitto 2 gives none when
another client connects with the same client identifier.
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING

import msgspec

from edgehands.mqtt.contract.messages import InstanceMessage, encode
from edgehands.mqtt.contract.topics import OFFLINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.mqtt.contract.topics import Topics
    from edgehands.mqtt.outbox import Outbox
    from edgehands.mqtt.requests import Received

log = logging.getLogger(__name__)

TOLERANCE_S = 5.0
"""Services that began within this time of each other began together: the greater name wins."""

ANSWER_S = 2.0
"""By then others have answered, if there are any."""

ANSWERS_APART_S = 0.2
"""Least time between two answers, however often others ask."""

GONE_S = 120.0
"""A twin not heard from for this long is gone: it asks every half minute."""

SIBLINGS_AGAIN_S = 60.0
"""How often siblings are asked whether they are still running."""

MAX_SIBLINGS = 16
_MAX_BYTES = 512
_NEVER = float("inf")


class Peers:
    """Who else is there. All calls but :attr:`primary` come from the network thread.

    Args:
        topics: of this service.
        outbox: takes our own messages.
        clock: monotonic seconds; tests pass their own.
        changed: called with whether we are the primary, when that changes.

    Attributes:
        instance: the name of this process, new at each start.
        primary: whether this service publishes for the node: of several, the one with the camera
            ``main``, else the first by name.
        yielded: a twin that was there first publishes; we don't.
        address: of this device in its network; sent so that a twin can be found.
        owes_answer: another service asked who is there.
    """

    def __init__(
        self,
        topics: Topics,
        outbox: Outbox,
        *,
        clock: Callable[[], float] = time.monotonic,
        changed: Callable[[bool], None] | None = None,
    ) -> None:
        self.instance = secrets.token_hex(4)
        self.primary = True
        self.yielded = False
        self.address = ""
        self.changed = changed
        self._topics, self._outbox, self._clock = topics, outbox, clock
        self._held_since = clock()
        self._siblings: dict[str, float] = {}  # by camera: when it was last heard
        self._shown: dict[str, bytes] = {}  # cameras of this node, and their retained status
        self._twin_heard = float("-inf")
        self._told_of_twin = False
        self._asked = self._said = float("-inf")
        self.owes_answer = False
        self._called_offline = False
        self._leaving = False
        self._settle_at = _NEVER

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Topics to subscribe to, including their retained messages."""
        topics = self._topics
        return (topics.instance, topics.status, topics.any_camera_status)

    @property
    def siblings(self) -> tuple[str, ...]:
        """Other cameras of this node whose services are running."""
        return tuple(sorted(self._siblings))

    @property
    def twin(self) -> bool:
        """Whether a twin was heard recently."""
        return self._clock() - self._twin_heard < GONE_S

    def connected(self) -> None:
        """Announce this service, and ask who else is there."""
        self._shown.clear()
        self._ask()

    def tick(self) -> None:
        """Do what is due; call at least about once a second."""
        now = self._clock()
        if self._leaving:
            return
        if self.owes_answer and now - self._said >= ANSWERS_APART_S:
            self._announce()
        if self._called_offline and now - self._asked >= 1.0 and not self.yielded:
            self._called_offline = False
            self._outbox.repeat(self._topics.status)
            self._ask()
        if now >= self._settle_at:
            self._settle()
        elif self._siblings and now - self._asked > SIBLINGS_AGAIN_S:
            self._ask()
        if self._told_of_twin and not self.twin:
            self._told_of_twin = False
            log.info("the other device that called itself %s is gone", self._topics.node_name)
            self._outbox.state(self._topics.problem, b"")

    def leave(self) -> None:
        """Tell siblings that we end, and ask which of them stay; answers appear in ``siblings``."""
        self._leaving = True
        if self._siblings:
            self._siblings.clear()
            self._announce(ask=True, leaving=True)

    def resume(self) -> None:
        """Publish again after yielding: the twin is gone."""
        self.yielded = False
        self._held_since = self._clock()
        self._twin_heard = float("-inf")
        self._told_of_twin = False
        self._outbox.forget_events()

    def claim(self) -> bytes:
        """What a service that has yielded sends to find out whether the other is still there."""
        return self._message(ask=True)

    def receive(self, message: Received) -> None:
        """Process what others publish about this node, or what is retained."""
        topics = self._topics
        if message.topic == topics.instance:
            other = read_instance(message)
            if other is not None:
                self._hear(other)
        elif message.topic == topics.status:
            if message.payload == OFFLINE and not message.retained:
                # By a sibling's last will, or by that of an old connection of ours.
                self._called_offline = True
                self.tick()
        elif len(self._shown) < MAX_SIBLINGS:
            self._shown[message.topic.split("/")[-2]] = message.payload

    def _hear(self, other: InstanceMessage) -> None:
        now = self._clock()
        if other.instance == self.instance:
            return
        if other.camera != self._topics.camera_name:
            newcomer = other.camera not in self._siblings
            if other.leaving:
                self._siblings.pop(other.camera, None)
            elif not newcomer or len(self._siblings) < MAX_SIBLINGS:
                self._siblings[other.camera] = now
            self.owes_answer |= other.ask
            self._choose_primary(again=newcomer)
        elif not other.leaving and not self.yielded:
            self._meet_twin(other, now)
        self.tick()

    def _meet_twin(self, other: InstanceMessage, now: float) -> None:
        ahead = (now - self._held_since) - other.held_s
        if abs(ahead) <= TOLERANCE_S:
            ahead = 1.0 if self.instance > other.instance else -1.0
        where = f" ({other.address})" if other.address else ""
        name = self._topics.node_name
        if ahead < 0:
            self.yielded = True
            log.warning(
                'another device%s calls itself "%s" already: nothing is published from here until '
                "it is gone: set node.name to a name of its own and restart",
                *(where, name),
            )
            self._announce()  # so that the other one knows about us
            return
        first = not self.twin
        self._twin_heard = now
        self._told_of_twin = True
        self.owes_answer = True
        if first:
            log.warning(
                'another device%s calls itself "%s" too: it is asked to be silent: set node.name '
                "on one of them",
                *(where, name),
            )
        text = (
            f'another device{where} calls itself "{name}" and is held back: set node.name to '
            "another name on one of them"
        )
        self._outbox.state(self._topics.problem, text.encode())
        if not other.ask:
            # It has yielded: what it published about our camera until then is wrong.
            self._outbox.repeat_all()
        else:
            self._outbox.repeat(self._topics.problem)  # a starting sibling has cleared it

    def _ask(self) -> None:
        self._asked = self._clock()
        self._settle_at = self._asked + ANSWER_S
        self._announce(ask=True)

    def _announce(self, *, ask: bool = False, leaving: bool = False) -> None:
        self._said = self._clock()
        self.owes_answer = False
        self._outbox.note(self._topics.instance, self._message(ask=ask, leaving=leaving))

    def _message(self, *, ask: bool = False, leaving: bool = False) -> bytes:
        held = 0.0 if self.yielded else max(self._clock() - self._held_since, 0.001)
        return encode(
            InstanceMessage(
                instance=self.instance,
                camera=self._topics.camera_name,
                held_s=round(held, 3),
                ask=ask,
                leaving=leaving,
                address=self.address,
            )
        )

    def _settle(self) -> None:
        """Siblings that didn't answer are gone; the broker still shows their cameras as online."""
        self._settle_at = _NEVER
        for camera in [name for name, heard in self._siblings.items() if heard < self._asked]:
            del self._siblings[camera]
        for camera, status in self._shown.items():
            if camera == self._topics.camera_name or camera in self._siblings:
                continue
            if status not in {OFFLINE, b""}:
                for topic, payload in self._topics.of_camera(camera).when_gone():
                    self._outbox.once(topic, payload)
                self._shown[camera] = OFFLINE
        self._choose_primary()

    def _choose_primary(self, *, again: bool = False) -> None:
        """Choose who publishes for the node, and report it.

        Args:
            again: also if we still are: a newcomer has published in our place.
        """
        names = [self._topics.camera_name, *self._siblings]
        first = min(names, key=lambda name: (name != "main", name))
        primary = first == self._topics.camera_name
        changed, self.primary = primary != self.primary, primary
        if self.changed is not None and (changed or (again and primary)):
            self.changed(primary)


def read_instance(message: Received) -> InstanceMessage | None:
    """Parse a service's announcement; None if it isn't one, or is retained."""
    if message.retained or len(message.payload) > _MAX_BYTES:
        return None
    try:
        return msgspec.json.decode(message.payload, type=InstanceMessage)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return None
