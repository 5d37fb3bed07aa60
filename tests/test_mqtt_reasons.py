"""Why there is no connection, in OpenSSL's and the network's own words: what to do about it."""

from __future__ import annotations

import socket
import ssl

import pytest

from edgehands.config import BrokerUrl, parse_broker_url
from edgehands.mqtt.broker.pauses import Ending
from edgehands.mqtt.broker.reasons import ended, ending, message_refused, refused, unreachable

PLAIN = parse_broker_url("mqtt://hub")
TLS = parse_broker_url("mqtts://hub")
WEB = parse_broker_url("wss://hub")


def untrusted(why: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"certificate verify failed: {why}")
    error.verify_message = why
    return error


@pytest.mark.parametrize(
    ("why", "remedy"),
    [
        ("certificate has expired", "renew the broker's certificate (or set this machine's clock)"),
        ("certificate is not yet valid", "set this machine's clock"),
        ("Hostname mismatch", "write the name that stands in its certificate into mqtt.url"),
        (
            "IP address mismatch, certificate is not valid for '10.0.0.2'.",
            "write the name that stands in its certificate into mqtt.url",
        ),
        (
            "certificate is not valid for 'hub'",
            "write the name that stands in its certificate into mqtt.url",
        ),
        ("self-signed certificate", "set mqtt.tls_ca to the certificate of who signed it"),
        (
            "unable to get local issuer certificate",
            "set mqtt.tls_ca to the certificate of who signed it",
        ),
    ],
)
def test_a_certificate_that_is_not_trusted_has_its_remedy(why: str, remedy: str) -> None:
    """On a Pi without a clock the user would be told to renew the broker's certificate."""
    error = untrusted(why)
    said = unreachable(TLS, error)
    assert said.startswith(f"{TLS}: its certificate is not trusted ({why})")
    assert said.endswith(f": {remedy}")
    assert ending(error) is Ending.REFUSED


@pytest.mark.parametrize(
    ("alert", "remedy"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "set mqtt.tls_cert and mqtt.tls_key"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "set mqtt.tls_cert and mqtt.tls_key"),
        ("TLSV1_ALERT_UNKNOWN_CA", "correct mqtt.tls_cert"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "correct mqtt.tls_cert"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "correct mqtt.tls_cert"),
        ("WRONG_VERSION_NUMBER", "is this the broker's TLS port?"),
        ("RECORD_LAYER_FAILURE", "is this the broker's TLS port?"),
        ("UNEXPECTED_EOF_WHILE_READING", "is this the broker's TLS port?"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "compare the TLS settings on both sides"),
    ],
)
def test_a_broken_tls_greeting_has_its_remedy(alert: str, remedy: str) -> None:
    """Users who lack a client certificate would look for the fault in the broker's."""
    error = ssl.SSLError(1, f"[SSL: {alert}] {alert.lower().replace('_', ' ')} (_ssl.c:1000)")
    error.reason = alert
    assert unreachable(TLS, error).endswith(remedy)
    assert ending(error) is Ending.CLOSED


@pytest.mark.parametrize(
    ("url", "error", "remedy", "kind"),
    [
        (PLAIN, socket.gaierror(-2, "x"), "correct mqtt.url or the name service", Ending.AWAY),
        (PLAIN, ConnectionRefusedError(), "start the broker or correct mqtt.url", Ending.AWAY),
        (PLAIN, TimeoutError(), "is the broker's machine on, and the network up?", Ending.AWAY),
        (PLAIN, ConnectionResetError(), "check mqtt.url and the network", Ending.CLOSED),
        (TLS, ConnectionResetError(), "is this the broker's TLS port?", Ending.CLOSED),
        (TLS, EOFError(), "is this the broker's TLS port?", Ending.CLOSED),
        (WEB, OSError("WebSocket handshake error"), "port and path of mqtt.url", Ending.CLOSED),
        (PLAIN, OSError(113, "No route to host"), "No route to host: check mqtt.url", Ending.AWAY),
    ],
)
def test_no_connection_has_its_remedy(
    url: BrokerUrl, error: Exception, remedy: str, kind: Ending
) -> None:
    """An error's number would be all that a user sees."""
    said = unreachable(url, error)
    assert said.startswith(f"{url}: ")
    assert remedy in said
    assert ending(error) is kind


def test_what_a_broker_says_is_told_with_its_remedy() -> None:
    """A wrong password, a missing certificate and a wrong port would look alike."""
    assert refused(PLAIN, "Not authorized").endswith("or the broker's ACL")
    assert refused(PLAIN, "Quota exceeded").endswith("see the broker's own log")
    assert ended(PLAIN, "Unspecified error", accepted=True) == f"{PLAIN} is gone (connection lost)"
    assert ended(PLAIN, "Session taken over", accepted=True).endswith("give each its own")
    assert ended(PLAIN, "x", accepted=False).endswith("does it want TLS (mqtts://)?")
    assert ended(TLS, "x", accepted=False).endswith("client certificate (mqtt.tls_cert)?")
    alert = "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"
    assert ended(TLS, alert, accepted=False).endswith("set mqtt.tls_cert and mqtt.tls_key")
    large = message_refused(PLAIN, "id", "a/b", "Packet too large")
    assert large.endswith("(mosquitto: message_size_limit)")
    assert message_refused(PLAIN, "id", "a/b", "Not authorized").endswith("broker's ACL")
