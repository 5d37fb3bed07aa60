"""Requests over MQTT: received by the network thread, carried out by another, answered once.

The network thread only counts and queues. Requests that come too fast are refused, so that a flood
doesn't slow the frame loop.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from edgehands.errors import EdgehandsError
from edgehands.mqtt.broker.quiet_log import QuietLog
from edgehands.mqtt.broker.token_bucket import TokenBucket
from edgehands.mqtt.contract.messages import encode
from edgehands.mqtt.contract.request_messages import (
    REQUESTS,
    AnyRequest,
    GesturesRequest,
    PlainRequest,
    ResponseMessage,
    SetRequest,
    Verb,
)
from edgehands.mqtt.contract.topics import OFF, ON

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from edgehands.mqtt.contract.topics import Topics
    from edgehands.mqtt.outbox import Outgoing

log = logging.getLogger(__name__)

MAX_BYTES = 4096
"""A larger request is refused unread."""

RATE = 10.0
"""Requests a second accepted in the long run."""

BURST = 20
"""Requests accepted at once."""

MAX_CORRELATION = 256
"""Bytes of correlation data sent back."""

MAX_TOPIC = 256
MAX_LEVELS = 8
"""Longest response topic, in characters and levels. mosquitto disconnects at 200 levels."""

_LONGEST_VERB = 32


class Peers(Protocol):
    """Which services share the node's request topics."""

    @property
    def primary(self) -> bool:
        """Whether we answer requests that name no camera."""

    @property
    def siblings(self) -> tuple[str, ...]:
        """The other services' cameras."""


class Controls(Protocol):
    """Carries out requests. Called in their own thread; may raise EdgehandsError."""

    def answer(self, verb: Verb, request: PlainRequest) -> Any:
        """Carry out a request and return the data of its answer."""


@dataclass(frozen=True, slots=True)
class Received:
    """An incoming message.

    Attributes:
        topic, payload: as received.
        response_topic: where to answer (MQTT 5); empty = the usual topic.
        correlation: sent back with the answer (MQTT 5).
        retained: the message may be old.
    """

    topic: str
    payload: bytes
    response_topic: str = ""
    correlation: bytes = b""
    retained: bool = False


class Requests:
    """Receives requests and answers them. A context manager that owns a thread.

    Args:
        topics: of this node.
        controls: carries requests out.
        out: where answers go.
        clock: monotonic seconds; tests pass their own.
        peers: other services on the same topics; None = none.
    """

    def __init__(
        self,
        topics: Topics,
        controls: Controls,
        out: Outgoing,
        clock: Callable[[], float] = time.monotonic,
        *,
        peers: Peers | None = None,
    ) -> None:
        self._topics = topics
        self._controls = controls
        self._out = out
        self._peers = peers
        self._clock = clock
        self._quiet = QuietLog(log, clock)
        self._accepted = TokenBucket(RATE, BURST, clock())
        self._refusals = TokenBucket(RATE, BURST, clock())
        self._waiting: queue.Queue[Received | None] = queue.Queue(BURST)
        self._flooded = False
        self._thread = threading.Thread(target=self._run, name="edgehands-requests", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._waiting.put(None, timeout=1.0)
        except queue.Full:
            log.debug("the request thread is busy and is left behind")
        self._thread.join(2.0)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Topics to subscribe to."""
        return (self._topics.requests, self._topics.enabled_set)

    def receive(self, message: Received) -> None:
        """Accept a message; returns at once. Called by the network thread."""
        if self._accepted.take(self._clock()):
            try:
                self._waiting.put_nowait(message)
            except queue.Full:
                pass
            else:
                # Some requests of a flood are always accepted: it is over when there was room for a
                # burst.
                self._flooded &= not self._accepted.rested
                return
        # Even refusing takes time: most of a flood is ignored.
        if not self._flooded:
            self._flooded = True
            self._quiet.warning(
                "flood", f"more than {RATE:g} requests a second: the rest is refused"
            )
        if self._refusals.take(self._clock()) and (self._peers is None or self._peers.primary):
            self._reply(message, _error(f"busy: at most {RATE:g} requests a second: ask later"))

    def _run(self) -> None:
        while (message := self._waiting.get()) is not None:
            try:
                response = self.handle(message)
                if response is not None:
                    self._reply(message, response)
            except Exception as error:
                self._quiet.warning("failed", f"a request failed: {error!r}"[:500])
                log.debug("a request failed", exc_info=True)
                self._reply(message, _error("internal error: see the device's log"))

    def handle(self, message: Received) -> ResponseMessage | None:
        """Carry out a request and return its answer; None if it is for another service.

        Never raises because of a request's content.
        """
        asked = _any_request(message.payload)
        try:
            if message.topic == self._topics.enabled_set:
                return self._set_enabled(message.payload)
            if not self._is_ours(asked.camera):
                return None
            verb = message.topic.rpartition("/")[2]
            request = read_request(verb, message.payload)
            self._check_camera(request.camera)
        except _Refused as refusal:
            return _error(str(refusal), asked.transaction)
        try:
            data = self._controls.answer(verb, request)  # type: ignore[arg-type]  # a known verb
        except EdgehandsError as error:
            return _error(str(error), request.transaction)
        return ResponseMessage(status="ok", data=data, transaction=request.transaction)

    def _is_ours(self, camera: object) -> bool:
        """Whether we must answer: of several services of a node, one does."""
        if camera == self._topics.camera_name or self._peers is None:
            return True
        return self._peers.primary and camera not in self._peers.siblings

    def _check_camera(self, camera: str) -> None:
        if camera and camera != self._topics.camera_name:
            others = self._peers.siblings if self._peers is not None else ()
            known = ", ".join((self._topics.camera_name, *others))
            raise _Refused(f"no camera {camera!r} on this node: there is {known}")

    def _set_enabled(self, payload: bytes) -> ResponseMessage:
        if payload not in {ON, OFF}:
            raise _Refused(f"{payload[:20]!r} is neither ON nor OFF: send one of them")
        self._controls.answer("set", SetRequest(enabled=payload == ON))
        return ResponseMessage(status="ok")

    def _reply(self, message: Received, response: ResponseMessage) -> None:
        if message.topic == self._topics.enabled_set:
            # The state that follows is the answer; only a refusal is logged.
            if response.status == "error":
                self._quiet.warning("switch", f"{message.topic}: {response.error}")
            return
        verb = message.topic.rpartition("/")[2]
        topic = message.response_topic or self._topics.response(verb)
        if not self._may_answer_on(topic):
            self._quiet.warning(
                "topic", f"a request asks for an answer on {topic[:80]!r}: not sent"
            )
            return
        correlation = message.correlation
        if len(correlation) > MAX_CORRELATION:
            # Some brokers close the connection if it is too large for them.
            size, correlation = len(correlation), b""
            response = _error(
                f"{size} bytes of correlation data are too many: at most {MAX_CORRELATION}",
                response.transaction,
            )
        self._out.event(topic, encode(response), correlation)

    def _may_answer_on(self, topic: str) -> bool:
        """Whether a client may choose this topic for its answer.

        Whoever may only send requests must not make us publish false data: as our status or states,
        to other nodes or to Home Assistant. Nor anything that makes a broker close the connection.
        """
        if (
            len(topic) > MAX_TOPIC
            or topic.count("/") >= MAX_LEVELS
            or not topic.isprintable()
            or "+" in topic
            or "#" in topic
            or topic.startswith("$")
        ):
            return False
        if topic.endswith("/config") and "/device/" in topic:
            return False
        if topic.startswith(own := self._topics.response("")):
            return topic.removeprefix(own).count("/") <= 1
        return not topic.startswith(f"{self._topics.prefix}/")


def _error(text: str, transaction: Any = msgspec.UNSET) -> ResponseMessage:
    return ResponseMessage(status="error", error=text[:1000], transaction=transaction)


class _Refused(ValueError):
    """A request that is refused, and why."""


def read_request(verb: str, payload: bytes) -> PlainRequest:
    """Parse a request; raise ValueError with one line if it is invalid."""
    kind = REQUESTS.get(verb)
    if kind is None:
        known = ", ".join(REQUESTS)
        raise _Refused(f"unknown request '{verb[:_LONGEST_VERB]}': known are {known}")
    if len(payload) > MAX_BYTES:
        raise _Refused(f"{len(payload)} bytes are too many: at most {MAX_BYTES}")
    try:
        request = msgspec.json.decode(payload or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _Refused(f"{verb}: {error}") from None
    if isinstance(request, GesturesRequest) and request.action != "list" and not request.name:
        raise _Refused(f'{verb}: "{request.action}" needs a name')
    return request


def _any_request(payload: bytes) -> AnyRequest:
    """What can be parsed of an otherwise invalid request, so that its sender gets the answer."""
    if len(payload) > MAX_BYTES:
        return AnyRequest()
    try:
        return msgspec.json.decode(payload or b"{}", type=AnyRequest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return AnyRequest()
