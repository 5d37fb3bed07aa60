"""Encrypted connections to a real mosquitto, with certificates made for the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edgehands.mqtt.publisher import MqttPublisher
from tests.mqtt_hands import config_for
from tools.common.certificates import make_authority, make_certificate
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeBroker
    from tools.common.mosquitto import Mosquitto

pytestmark = pytest.mark.broker


def tls_broker(
    make_broker: MakeBroker, folder: Path, *more: str, name: str = "broker"
) -> Mosquitto:
    return make_broker(
        "allow_anonymous true",
        f"cafile {folder}/ca.crt",
        f"certfile {folder}/{name}.crt",
        f"keyfile {folder}/{name}.key",
        *more,
        scheme="mqtts",
    )


def test_a_broker_signed_by_the_given_authority_is_trusted(
    make_broker: MakeBroker, certificates: Path
) -> None:
    """Without it: brokers with a certificate of the user's own couldn't be used."""
    broker = tls_broker(make_broker, certificates)
    with MqttPublisher(config_for(broker.url, tls_ca=str(certificates / "ca.crt"))) as publisher:
        assert wait_for(lambda: publisher.connected)
        assert wait_for(publisher.client.outbox.drained)


def test_a_client_certificate_opens_a_broker_that_asks_for_one(
    make_broker: MakeBroker, certificates: Path
) -> None:
    """Without it: fleets that know their devices by certificate would be shut out."""
    broker = tls_broker(
        make_broker, certificates, "require_certificate true", "use_identity_as_username true"
    )
    config = config_for(
        broker.url,
        tls_ca=str(certificates / "ca.crt"),
        tls_cert=str(certificates / "device.crt"),
        tls_key=str(certificates / "device.key"),
    )
    with MqttPublisher(config) as publisher:
        assert wait_for(lambda: publisher.connected)
        assert "'device'" in broker.log.read_text()


def test_a_missing_client_certificate_is_named(
    make_broker: MakeBroker, certificates: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: the owner would read of a reset connection and search in the wrong place."""
    broker = tls_broker(make_broker, certificates, "require_certificate true")
    with MqttPublisher(config_for(broker.url, tls_ca=str(certificates / "ca.crt"))) as publisher:
        assert wait_for(lambda: "mqtt.tls_cert" in caplog.text)
        assert not publisher.connected


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("unknown authority", "set mqtt.tls_ca"),
        ("other authority", "set mqtt.tls_ca"),
        ("expired", "certificate has expired"),
        ("other name", "write the name that stands in its certificate into mqtt.url"),
        ("no such file", "doesn't exist"),
        ("damaged file", "can't be used"),
    ],
)
def test_a_broker_that_cannot_be_trusted_is_refused_with_the_reason(
    make_broker: MakeBroker,
    certificates: Path,
    caplog: pytest.LogCaptureFixture,
    case: str,
    expected: str,
) -> None:
    """Without it: passwords would go to whoever pretends to be the broker."""
    name, trusted = "broker", str(certificates / "ca.crt")
    if case == "unknown authority":
        trusted = ""
    if case == "other authority":
        make_authority(certificates, "other")
        trusted = str(certificates / "other.crt")
    if case == "expired":
        make_certificate(certificates, "expired", days=-1)
        name = "expired"
    if case == "other name":
        make_certificate(certificates, "elsewhere", address="127.0.0.9")
        name = "elsewhere"
    if case == "no such file":
        trusted = str(certificates / "nowhere.crt")
    if case == "damaged file":
        (certificates / "damaged.crt").write_text("-----BEGIN CERTIFICATE-----\nx\n")
        trusted = str(certificates / "damaged.crt")
    broker = tls_broker(make_broker, certificates, name=name)
    config = config_for(broker.url, tls_ca=trusted, password="geheim", username="u")  # noqa: S106
    with MqttPublisher(config) as publisher:
        assert wait_for(lambda: expected in caplog.text), caplog.text
        assert not publisher.connected
    assert "geheim" not in caplog.text
    assert "u'geheim'" not in broker.log.read_text()


def test_checking_can_be_switched_off_on_purpose(
    make_broker: MakeBroker, certificates: Path
) -> None:
    """Without it: a broker with a self-made certificate could not even be tried out."""
    broker = tls_broker(make_broker, certificates)
    with MqttPublisher(config_for(broker.url, tls_verify=False)) as publisher:
        assert wait_for(lambda: publisher.connected)


def test_a_port_without_tls_is_told_apart(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: mqtts:// on the plain port would look like a broken network."""
    url = broker.url.replace("mqtt://", "mqtts://")
    with MqttPublisher(config_for(url)):
        assert wait_for(lambda: "TLS" in caplog.text), caplog.text
