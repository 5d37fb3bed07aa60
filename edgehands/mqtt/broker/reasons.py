"""Why there is no connection, in one line that says what to do."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from edgehands.mqtt.broker.pauses import Ending

if TYPE_CHECKING:
    from edgehands.config import BrokerUrl
    from edgehands.mqtt.broker.session import Session

UNSUPPORTED_PROTOCOL = frozenset({"Unsupported protocol version"})

_REFUSALS = {
    "Bad user name or password": "correct mqtt.username and mqtt.password",
    "Not authorized": "correct mqtt.username and mqtt.password, or the broker's ACL",
    "Client identifier not valid": "set another node.name",
    "Banned": "ask whoever runs the broker",
    "Server unavailable": "it says to try later",
    "Server busy": "it says to try later",
    "Session taken over": "another program uses this node.name: give each its own",
}

_NO_WEBSOCKET = "WebSocket handshake"
"""paho's message about a server that doesn't speak WebSockets."""

_NO_CONNECTION: dict[type[OSError], str] = {
    socket.gaierror: "the host name isn't known: correct mqtt.url or the name service",
    ConnectionRefusedError: "nothing listens there: start the broker or correct mqtt.url",
    TimeoutError: "no answer: is the broker's machine on, and the network up?",
}


def refused(address: BrokerUrl, reason: str) -> str:
    """The broker answered and refused us."""
    remedy = _REFUSALS.get(reason, "see the broker's own log")
    return f"{address} refuses us ({reason}): {remedy}"


def ended(address: BrokerUrl, reason: str, *, accepted: bool) -> str:
    """A connection was lost: an established one, or one not yet accepted."""
    if reason == "Unspecified error":  # paho's text for a closed socket
        reason = "connection lost"
    if accepted:
        remedy = _REFUSALS.get(reason)
        return f"{address} is gone ({reason})" + (f": {remedy}" if remedy else "")
    if "CERTIFICATE" in reason.upper():
        remedy = _tls_remedy(reason)
    elif address.tls:
        # With TLS 1.3 a broker that requires our certificate often just disconnects.
        remedy = "does it ask for a client certificate (mqtt.tls_cert)?"
    else:
        remedy = "is it an MQTT broker's port, and does it want TLS (mqtts://)?"
    return f"{address} hung up before it accepted us ({reason}): {remedy}"


def of_session(address: BrokerUrl, session: Session) -> str:
    """Why a session ended."""
    if session.refusal:
        return refused(address, session.refusal)
    return ended(address, session.end_reason, accepted=session.ready)


def message_refused(address: BrokerUrl, client_id: str, topic: str, reason: str) -> str:
    """The broker refused a message."""
    remedy = "allow it in the broker's ACL"
    if reason == "Packet too large":
        remedy = "raise the broker's limit (mosquitto: message_size_limit)"
    return f"{address} refuses to let {client_id} write {topic[:200]} ({reason}): {remedy}"


def ending(error: BaseException) -> Ending:
    """The kind of failure that prevented a connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Ending.REFUSED
    answered = isinstance(error, ConnectionResetError | EOFError | ssl.SSLError)
    return Ending.CLOSED if answered or _NO_WEBSOCKET in str(error) else Ending.AWAY


def unreachable(address: BrokerUrl, error: BaseException) -> str:
    """Why there is no connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or str(error)
        return f"{address}: its certificate is not trusted ({why}): {_certificate_remedy(why)}"
    if isinstance(error, ssl.SSLError):
        return f"{address}: no TLS connection ({error.reason or error}): {_tls_remedy(str(error))}"
    for kind, what in _NO_CONNECTION.items():
        if isinstance(error, kind):
            return f"{address}: {what}"
    if address.tls and isinstance(error, ConnectionResetError | EOFError):
        return f"{address}: hung up on our TLS greeting: is this the broker's TLS port?"
    if address.websocket and _NO_WEBSOCKET in str(error):
        return (
            f"{address}: what answers there is no broker's WebSocket: correct port and path of "
            "mqtt.url"
        )
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{address}: {text or type(error).__name__}: check mqtt.url and the network"


def _certificate_remedy(why: str) -> str:
    if "expired" in why:
        return "renew the broker's certificate (or set this machine's clock)"
    if "not yet valid" in why:
        return "set this machine's clock"
    if "mismatch" in why.lower() or "not valid for" in why:
        return "write the name that stands in its certificate into mqtt.url"
    return "set mqtt.tls_ca to the certificate of who signed it"


def _tls_remedy(reason: str) -> str:
    reason = reason.upper()
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return "the broker asks for our certificate: set mqtt.tls_cert and mqtt.tls_key"
    if "UNKNOWN_CA" in reason or "BAD_CERTIFICATE" in reason or "CERTIFICATE" in reason:
        return "the broker does not accept our certificate: correct mqtt.tls_cert"
    if "WRONG_VERSION" in reason or "RECORD" in reason or "EOF" in reason:
        return "is this the broker's TLS port?"
    return "compare the TLS settings on both sides"
