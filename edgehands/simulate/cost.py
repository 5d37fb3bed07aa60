"""The cost of publishing: the service's own publisher and network thread, to a null broker."""

from __future__ import annotations

import dataclasses
import itertools
import time

import msgspec

from edgehands.config import Config, MqttConfig, NodeConfig
from edgehands.errors import BrokerError
from edgehands.mqtt.publisher import MqttPublisher
from edgehands.simulate.null_broker import null_broker
from edgehands.simulate.tracks import interpreted_frames

FPS = 30
CONNECT_S = 10.0


class PublishingCost(msgspec.Struct, frozen=True, kw_only=True):
    """Publishing 30 frames a second in real time.

    Attributes:
        hands: in each frame, with gestures and poses.
        fps: frames a second.
        core_share: CPU time of all threads: building messages, encoding, sending; of one core.
        cpu_ms: the same per frame.
        sent: share of the frames that were sent; the rest were replaced by newer ones.
    """

    hands: int
    fps: int
    core_share: float
    cpu_ms: float
    sent: float


def publishing_cost(frames: int, hands: int = 2) -> PublishingCost:
    """Publish recorded frames at 30 a second to a broker that discards them.

    Raises:
        BrokerError: The null broker can't be reached: loopback connections are blocked.
    """
    recorded = [tracked for tracked, _ in interpreted_frames(hands) if tracked.hands]
    node = NodeConfig(name="bench")
    with (
        null_broker() as url,
        MqttPublisher(Config(node=node, mqtt=MqttConfig(url=url))) as publisher,
    ):
        publisher.camera_status("online")
        _wait_for(publisher)
        counters = publisher.client.outbox.counters
        sent = counters.live_sent
        cpu, begin = time.process_time(), time.monotonic()
        for number, tracked in enumerate(itertools.islice(itertools.cycle(recorded), frames)):
            now = time.monotonic()
            frame = dataclasses.replace(tracked.frame, seq=number, t_mono=now, t_wall=time.time())
            publisher.publish(dataclasses.replace(tracked, frame=frame))
            time.sleep(max(begin + (number + 1) / FPS - time.monotonic(), 0.0))
        cpu, took = time.process_time() - cpu, time.monotonic() - begin
        sent = counters.live_sent - sent
    return PublishingCost(
        hands=hands,
        fps=FPS,
        core_share=round(cpu / took, 4),
        cpu_ms=round(cpu / frames * 1e3, 3),
        sent=round(sent / frames, 4),
    )


def _wait_for(publisher: MqttPublisher) -> None:
    until = time.monotonic() + CONNECT_S
    while not (publisher.connected and publisher.client.outbox.drained()):
        if time.monotonic() > until:
            raise BrokerError(
                "the null broker on 127.0.0.1 can't be reached: is loopback closed off?"
            )
        time.sleep(0.05)
