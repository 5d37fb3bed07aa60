"""What publishing costs, and the null broker that it is measured with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgehands.mqtt.publisher import MqttPublisher
from edgehands.simulate.null_broker import null_broker
from tests.mqtt_hands import config_for, make_frame, make_hand
from tests.unmeasured import unmeasured
from tools.common.waiting import wait_for

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_sink_takes_all_that_a_node_says(protocol: str) -> None:
    """Without it: the cost would be that of a node which waits for its broker's word."""
    with null_broker() as url, MqttPublisher(config_for(url, protocol=protocol)) as publisher:
        assert wait_for(lambda: publisher.connected)
        publisher.camera_status("online")
        publisher.publish(make_frame(make_hand(1), make_hand(2)))
        assert wait_for(publisher.client.outbox.drained)
        assert wait_for(lambda: publisher.client.outbox.counters.live_sent == 1)


def test_bench_says_what_publishing_costs() -> None:
    """Without it: a change that makes every message costlier would go unnoticed."""
    program = "from edgehands.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "bench", "--frames", "30", "--backend", "fake", "--json"],
        cwd=ROOT,
        env=unmeasured(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    cost = json.loads(done.stdout)["publishing"]
    assert (cost["hands"], cost["fps"]) == (2, 30)
    assert 0 < cost["core_share"] < 1
    assert 0.5 < cost["sent"] <= 1
