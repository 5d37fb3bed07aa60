"""Checks the broker, step by step: name, connection, TLS, login, rights, retained messages."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import paho.mqtt.client as paho

from edgehands.config import Secret
from edgehands.doctor.finding import doubtful, good, wrong, wrong_line
from edgehands.errors import BrokerError
from edgehands.mqtt.broker import reasons
from edgehands.mqtt.broker.credentials import tls_context
from edgehands.mqtt.broker.session import Session
from edgehands.mqtt.broker.versions import refused_for_good, version_name, versions
from edgehands.mqtt.contract.messages import MAX_TEXT
from edgehands.mqtt.contract.topics import topics_of
from edgehands.safe_text import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.config import BrokerUrl, Config, MqttConfig
    from edgehands.doctor.finding import Finding
    from edgehands.doctor.system import System

STORE = "/etc/credstore/edgehands.mqtt-password"
"""The password file named in the unit's LoadCredential=."""

CONNECT_S = 5.0
RIGHTS_S = 3.0
"""Timeouts: for a connection, and for the response to a message."""


def stored_password(system: System) -> Secret | None:
    """The password that systemd passes to the service but not to us; None if there is none.

    Raises:
        PermissionError: There may be one, but we may not read it.
    """
    try:
        text = system.path(STORE).read_text(encoding="utf-8", errors="replace").split("\n", 1)[0]
    except PermissionError:
        raise
    except OSError:
        return None
    return Secret(text) if text else None


def check_broker(system: System, config: Config) -> tuple[Finding, ...]:
    """Each step needs the previous one: the first failure is the last finding."""
    address = config.mqtt.address
    found: list[Finding] = []
    for step in (_resolve, _connect, _encrypt):
        finding = step(config.mqtt, address)
        if finding is not None:
            found.append(finding)
            if finding.level == "FAIL":
                return tuple(found)
    if config.mqtt.username and _password_is_hidden(system, config):
        found.append(
            doubtful(
                "broker login",
                f"not tried: only root may read the password in {STORE}",
                "sudo edgehands doctor",
            )
        )
        return tuple(found)
    return (*found, *_login(config))


def _password_is_hidden(system: System, config: Config) -> bool:
    if config.mqtt.password is not None or config.mqtt.password_file:
        return False
    try:
        stored_password(system)
    except PermissionError:
        return True
    return False


def _resolve(_config: MqttConfig, address: BrokerUrl) -> Finding:
    try:
        answers = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        return _unreachable("broker name", address, error)
    numbers = sorted({str(answer[4][0]) for answer in answers})
    return good("broker name", f"{address.host} resolves to {', '.join(numbers)}")


def _connect(_config: MqttConfig, address: BrokerUrl) -> Finding:
    try:
        socket.create_connection((address.host, address.port), CONNECT_S).close()
    except OSError as error:
        return _unreachable("broker connection", address, error)
    return good("broker connection", f"port {address.port} answers")


def _encrypt(config: MqttConfig, address: BrokerUrl) -> Finding | None:
    if not address.tls:
        if address.loopback or not config.username:
            return None
        return doubtful(
            "broker tls",
            f"{address}: user name and password are sent in clear text over the network",
            "use mqtts://",
        )
    try:
        context = tls_context(config)
        with (
            socket.create_connection((address.host, address.port), CONNECT_S) as raw,
            context.wrap_socket(raw, server_hostname=address.host) as secure,
        ):
            version = secure.version()
    except (OSError, ValueError) as error:
        if isinstance(error, BrokerError):
            return _split("broker tls", str(error))
        return _unreachable("broker tls", address, error)
    if not config.tls_verify:
        return doubtful(
            "broker tls",
            f"{version}, but mqtt.tls_verify = false: anyone can impersonate the broker",
            "set mqtt.tls_ca to the certificate of the authority that signed the broker's",
        )
    return good("broker tls", f"{version}, certificate trusted")


def _login(config: Config) -> tuple[Finding, ...]:
    """Log in under another client id, or the broker would disconnect the service."""
    finding = None
    for version in versions(config.mqtt.protocol):
        visit = _Visit(config, version)
        try:
            finding = visit.login()
            if finding.level == "PASS":
                return (finding, visit.rights(), visit.name())
        finally:
            visit.leave()
        if refused_for_good(visit.session):
            break
    assert finding is not None  # noqa: S101 - there is at least one version
    return (finding,)


class _Visit:
    """One short session with the broker."""

    def __init__(self, config: Config, protocol: int) -> None:
        self._config = config
        self._protocol = protocol
        self._topics = topics_of(config)
        self._answers: list[str] = []
        self._idle, self._wake = os.pipe()
        self.session = Session(
            config.mqtt,
            client_id=f"{'-'.join(self._topics.node.split('/'))}-doctor-{os.getpid()}",
            will=None,
            protocol=protocol,
            acknowledged=lambda _mid, refusal: self._answers.append(refusal),
            received=self._take,
        )
        self._received: Callable[[paho.MQTTMessage], object] = lambda _message: None

    def login(self) -> Finding:
        address = self._config.mqtt.address
        try:
            self.session.open()
            self._work_until(CONNECT_S, lambda: self.session.ready)
        except BrokerError as error:
            return _split("broker login", str(error))
        except (OSError, ValueError) as error:
            return _unreachable("broker login", address, error)
        if self.session.refusal:
            return _split("broker login", reasons.refused(address, self.session.refusal))
        if not self.session.ready:
            why = self.session.end_reason or "no answer"
            return _split("broker login", reasons.ended(address, why, accepted=False))
        name = self._config.mqtt.username
        who = f"as user {name}" if name else "without a user name"
        return good("broker login", f"accepted {who}, MQTT {version_name(self._protocol)}")

    def rights(self) -> Finding:
        """Send one empty, unretained message where nobody listens, to see if that is allowed."""
        topic = self._topics.response("doctor")
        self.session.publish(topic, b"", qos=1, retain=False)
        self._work_until(RIGHTS_S, lambda: bool(self._answers))
        if not self._answers:
            return doubtful(
                "broker rights",
                f"the broker didn't acknowledge a message on {topic}",
                "see the broker's log",
            )
        if self._answers[0]:
            return wrong(
                "broker rights",
                f"not allowed to publish to {topic} ({self._answers[0]})",
                f"allow this user to write {self._topics.node}/# in the broker's ACL",
            )
        if self._protocol != paho.MQTTv5:
            return good("broker rights", "message accepted (MQTT 3.1.1 doesn't report refusals)")
        return good("broker rights", f"allowed to publish below {self._topics.node}")

    def name(self) -> Finding:
        """See whether a service has reported a second device with this node's name."""
        problem = self._topics.problem
        found: list[bytes] = []
        self._received = lambda message: found.append(bytes(message.payload))
        self._answers.clear()
        self.session.subscribe((problem,))
        self._work_until(RIGHTS_S, lambda: bool(self._answers))
        answers = self.session.link.answers
        self.session.ping()  # retained messages come before its response
        self._work_until(RIGHTS_S, lambda: self.session.link.answers > answers)
        text = found[-1][:MAX_TEXT].decode(errors="replace") if found else ""
        if not text:
            return good("node name", f"no problem of {self._topics.node_name} is known there")
        what, _, remedy = redact(text).rpartition(": ")
        return doubtful("node name", what, remedy)

    def _take(self, message: paho.MQTTMessage) -> None:
        self._received(message)

    def leave(self) -> None:
        if not self.session.ended:
            self.session.disconnect()
        self.session.abandon()
        os.close(self._idle)
        os.close(self._wake)

    def _work_until(self, seconds: float, done: object) -> None:
        until = time.monotonic() + seconds
        while not (done() or self.session.ended) and (left := until - time.monotonic()) > 0:  # type: ignore[operator]
            self.session.work(min(left, 0.2), lambda: None, self._idle)


def _unreachable(check: str, address: BrokerUrl, error: BaseException) -> Finding:
    return _split(check, reasons.unreachable(address, error))


def _split(check: str, text: str) -> Finding:
    """A line of :mod:`edgehands.mqtt.broker.reasons`, whose last part is the remedy."""
    return wrong_line(check, text, "see the broker's log")
