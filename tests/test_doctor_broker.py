"""The doctor before real brokers: each step that can fail, and that nobody notices the visit."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgehands.config import Config, MqttConfig, NodeConfig, Secret
from edgehands.doctor.broker import STORE, check_broker
from edgehands.doctor.examine import examine
from edgehands.mqtt.broker.oneshot import publish_once
from tests.doctor_machine import Machine
from tools.common.certificates import make_authority, make_certificate
from tools.common.mosquitto import free_port

if TYPE_CHECKING:
    from edgehands.doctor import Finding
    from tests.conftest import MakeBroker
    from tools.common.mosquitto import Mosquitto

PASSWD = shutil.which("mosquitto_passwd")


def visit(tmp_path: Path, **settings: object) -> dict[str, Finding]:
    """The findings about a broker, by check."""
    config = Config(node=NodeConfig(name="node"), mqtt=MqttConfig(**settings))  # type: ignore[arg-type]
    found = check_broker(Machine(tmp_path / "root").system(), config)
    return {finding.check: finding for finding in found}


def test_an_unknown_name_and_a_closed_port(tmp_path: Path) -> None:
    """Without it: a typing error in mqtt.url and a broker that is off would look the same."""
    found = visit(tmp_path, url="mqtt://no-such-host.invalid")
    assert list(found) == ["broker name"]
    assert "correct mqtt.url" in found["broker name"].remedy
    found = visit(tmp_path, url=f"mqtt://127.0.0.1:{free_port()}")
    assert [finding.level for finding in found.values()] == ["PASS", "FAIL"]
    assert "nothing listens there" in found["broker connection"].message


@pytest.mark.broker
@pytest.mark.parametrize("protocol", ["auto", "5", "3.1.1"])
def test_a_good_broker_is_good_and_nothing_stays_there(
    tmp_path: Path, broker: Mosquitto, protocol: str
) -> None:
    """Without it: the doctor would leave traces that subscribers take for messages of a node."""
    found = visit(tmp_path, url=broker.url, protocol=protocol)
    assert {finding.level for finding in found.values()} == {"PASS"}
    assert list(found)[-3:] == ["broker login", "broker rights", "node name"]
    told = broker.log.read_text()
    assert "as edgehands-node-doctor-" in told  # not as the service, which would be thrown out
    (sent,) = re.findall(r"Received PUBLISH from \S+ \((.*)", told)
    assert re.match(r"d0, q1, r0, m1, 'edgehands/node/response/doctor', .*\(0 bytes\)", sent)


@pytest.mark.broker
def test_a_second_device_with_the_same_name_is_told(tmp_path: Path, broker: Mosquitto) -> None:
    """Without it: a user checking why a cloned card is silent would find no fault."""
    said = 'another device (192.168.1.7) calls itself "node" and is held back: set node.name'
    config = MqttConfig(url=broker.url)
    publish_once(config, [("edgehands/node/problem", said.encode())])
    found = visit(tmp_path, url=broker.url)["node name"]
    assert found.level == "WARN"
    assert "192.168.1.7" in found.message
    assert "set node.name" in found.remedy


@pytest.mark.broker
def test_wrong_and_missing_passwords(tmp_path: Path, make_broker: MakeBroker) -> None:
    """Without it: a wrong password would be looked for in the network."""
    if PASSWD is None:
        pytest.skip("mosquitto_passwd is not installed: apt-get install mosquitto")
    file = tmp_path / "passwords"
    subprocess.run([PASSWD, "-b", "-c", str(file), "me", "Broker77"], check=True)
    broker = make_broker("allow_anonymous false", f"password_file {file}")
    right = visit(tmp_path, url=broker.url, username="me", password=Secret("Broker77"))
    assert {finding.level for finding in right.values()} == {"PASS"}
    wrong = visit(tmp_path, url=broker.url, username="me", password=Secret("Broker88"))
    assert wrong["broker login"].level == "FAIL"
    assert "mqtt.password" in wrong["broker login"].remedy
    missing = visit(tmp_path, url=broker.url, password_file=str(tmp_path / "none"), username="me")
    assert "can't be read" in missing["broker login"].message


@pytest.mark.broker
def test_the_service_s_own_password_is_used_by_who_may_read_it(
    tmp_path: Path, make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: the doctor would call a good login bad, for systemd gives it no password."""
    if PASSWD is None:
        pytest.skip("mosquitto_passwd is not installed: apt-get install mosquitto")
    file = tmp_path / "passwords"
    subprocess.run([PASSWD, "-b", "-c", str(file), "me", "Broker77"], check=True)
    broker = make_broker("allow_anonymous false", f"password_file {file}")
    machine = Machine(tmp_path / "root")
    machine.file(STORE, "Broker77\n")
    config = Config(node=NodeConfig(name="node"), mqtt=MqttConfig(url=broker.url, username="me"))
    found = tuple(examine(config, machine.system(), (check_broker,)))
    assert {finding.level for finding in found} == {"PASS"}

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    last = tuple(examine(config, machine.system(), (check_broker,)))[-1]
    assert (last.level, last.remedy) == ("WARN", "sudo edgehands doctor")


@pytest.mark.broker
def test_a_broker_that_forbids_writing(tmp_path: Path, make_broker: MakeBroker) -> None:
    """Without it: an ACL that swallows everything would look like a working node."""
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    acl.chmod(0o644)
    broker = make_broker("allow_anonymous true", f"acl_file {acl}")
    found = visit(tmp_path, url=broker.url)
    assert found["broker login"].level == "PASS"
    assert found["broker rights"].level == "FAIL"
    assert "edgehands/node/#" in found["broker rights"].remedy


@pytest.mark.broker
def test_tls_settings_that_do_not_fit(tmp_path: Path, broker: Mosquitto) -> None:
    """Without it: TLS to a plain port would be a riddle."""
    url = broker.url.replace("mqtt://", "mqtts://")
    found = visit(tmp_path, url=url)
    assert found["broker tls"].level == "FAIL"
    assert "TLS port" in found["broker tls"].remedy
    found = visit(tmp_path, url=url, tls_ca=str(tmp_path / "ca.pem"))
    assert "doesn't exist" in found["broker tls"].message


@pytest.mark.broker
def test_a_certificate_is_looked_at(tmp_path: Path, make_broker: MakeBroker) -> None:
    """Without it: a broker that anybody could pretend to be would be called good."""
    make_authority(tmp_path)
    make_authority(tmp_path, "stranger")
    make_certificate(tmp_path, "broker")
    lines = (f"certfile {tmp_path}/broker.crt", f"keyfile {tmp_path}/broker.key")
    for name in ("broker.crt", "broker.key"):
        (tmp_path / name).chmod(0o644)
    broker = make_broker("allow_anonymous true", *lines, scheme="mqtts")
    right = visit(tmp_path, url=broker.url, tls_ca=str(tmp_path / "ca.crt"))
    assert {finding.level for finding in right.values()} == {"PASS"}
    assert "certificate trusted" in right["broker tls"].message
    wrong = visit(tmp_path, url=broker.url, tls_ca=str(tmp_path / "stranger.crt"))
    assert wrong["broker tls"].level == "FAIL"
    assert "mqtt.tls_ca" in wrong["broker tls"].remedy
    blind = visit(tmp_path, url=broker.url, tls_verify=False)
    assert blind["broker tls"].level == "WARN"
