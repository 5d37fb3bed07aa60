"""What a service that has yielded to a twin does: check whether the other is still there."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

from edgehands.mqtt.broker.session import Session
from edgehands.mqtt.broker.wake import Wake
from edgehands.mqtt.peers import ANSWER_S, read_instance
from edgehands.mqtt.requests import Received

if TYPE_CHECKING:
    from collections.abc import Callable

    import paho.mqtt.client as paho

    from edgehands.config import MqttConfig
    from edgehands.mqtt.contract.topics import Topics
    from edgehands.mqtt.peers import Peers

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 30.0
"""How often it checks; randomly a quarter more or less."""

SURE_S = 5.0
"""If nobody answered, it asks again after this long: the other may be restarting."""


def stand_by(
    config: MqttConfig,
    topics: Topics,
    peers: Peers,
    protocol: int,
    wait: Callable[[float], bool],
) -> bool:
    """Wait until the twin is gone.

    Args:
        config: of the broker.
        topics: of this service.
        peers: the peers of this service, which has yielded.
        protocol: the MQTT version that the broker speaks.
        wait: waits some seconds; True if the service is asked to stop.

    Returns:
        True if the twin is gone; False if the service is asked to stop.
    """
    silent = 0
    while silent < 2:
        if wait(SURE_S if silent else LOOK_AGAIN_S * random.uniform(0.75, 1.25)):  # noqa: S311
            return False
        try:
            heard = _ask(config, topics, peers, protocol)
        except Exception as error:  # noqa: BLE001 - a broker's broken bytes among them
            log.debug("no connection to look for the twin: %r", error)
            heard = None
        silent = silent + 1 if heard is False else 0
    return True


def _ask(config: MqttConfig, topics: Topics, peers: Peers, protocol: int) -> bool | None:
    """Ask who publishes; True if somebody does, None if unknown."""
    heard_self = heard_other = False

    def received(message: paho.MQTTMessage) -> None:
        nonlocal heard_self, heard_other
        said = Received(message.topic, bytes(message.payload), retained=bool(message.retain))
        other = read_instance(said)
        if other is None or other.camera != topics.camera_name or other.leaving:
            return
        if other.instance == peers.instance:
            heard_self = True
        elif other.held_s > 0 or other.instance > peers.instance:  # of two that wait, one starts
            heard_other = True

    session = Session(
        config,
        client_id=f"{topics.camera_id}:{peers.instance}",
        will=None,
        protocol=protocol,
        acknowledged=lambda _mid, _refusal: None,
        received=received,
    )
    wake = Wake()
    try:
        session.open()
        asked: float | None = None
        while not session.ended and not heard_other:
            now = time.monotonic()
            if session.ready and asked is None:
                asked = now
                session.subscribe((topics.instance,))
                session.publish(topics.instance, peers.claim(), qos=0, retain=False)
            if asked is not None and now - asked > ANSWER_S:
                session.disconnect()
                break
            session.work(0.1, wake.drain, wake.fileno())
    finally:
        session.abandon()
        wake.close()
    return True if heard_other else (False if heard_self else None)
