"""Why there is no connection, in one line that says what to do about it."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgehands.config import BrokerUrl

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


def refused(address: BrokerUrl, reason: str) -> str:
    """Say that the broker answered, and said no."""
    remedy = _REFUSALS.get(reason, "see the broker's own log")
    return f"{address} refuses us ({reason}): {remedy}"


def ended(address: BrokerUrl, reason: str) -> str:
    """Say that a connection which worked was lost."""
    remedy = _REFUSALS.get(reason)
    return f"{address} is gone ({reason})" + (f": {remedy}" if remedy else "")


def unreachable(address: BrokerUrl, error: BaseException) -> str:
    """Say why no connection came about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or str(error)
        return f"{address}: its certificate is not trusted ({why}): {_certificate_remedy(why)}"
    if isinstance(error, ssl.SSLError):
        return f"{address}: no TLS connection ({error.reason or error}): {_tls_remedy(error)}"
    if isinstance(error, socket.gaierror):
        return f"{address}: the host name isn't known: correct mqtt.url or the name service"
    if isinstance(error, ConnectionRefusedError):
        return f"{address}: nothing listens there: start the broker or correct mqtt.url"
    if isinstance(error, TimeoutError):
        return f"{address}: no answer: is the broker's machine on, and the network up?"
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


def _tls_remedy(error: ssl.SSLError) -> str:
    reason = (error.reason or "").upper()
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return "the broker asks for our certificate: set mqtt.tls_cert and mqtt.tls_key"
    if "UNKNOWN_CA" in reason or "BAD_CERTIFICATE" in reason or "CERTIFICATE" in reason:
        return "the broker does not accept our certificate: correct mqtt.tls_cert"
    if "WRONG_VERSION" in reason or "RECORD" in reason or "EOF" in reason:
        return "is this the broker's TLS port?"
    return "compare the TLS settings on both sides"
