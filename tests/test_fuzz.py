"""Damaged input for everything that reads what others wrote: refused or read, never a crash.

EDGEHANDS_FUZZ=50 runs fifty times as many cases.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgehands.client.subscribe import _Reader
from edgehands.config import Config, explain, load
from edgehands.config.schema import example_toml
from edgehands.errors import ConfigError
from edgehands.mqtt.broker.subscriber import Received as Heard
from edgehands.mqtt.contract.channels import CHANNELS
from edgehands.mqtt.contract.compact import decode_compact, encode_compact
from edgehands.mqtt.contract.reading import MessageError, check_message
from edgehands.mqtt.contract.request_messages import VERBS
from edgehands.mqtt.fake import FakeClient
from edgehands.mqtt.homeassistant.discovery import Discovery
from edgehands.mqtt.homeassistant.entities import Offers
from edgehands.mqtt.requests import Received
from edgehands.preview.incoming import read_message
from tests.mqtt_hands import make_frame, make_hand
from tests.test_mqtt_contract import a_session
from tests.test_mqtt_requests import TOPICS, Asker
from tools.common.hostile import damaged

if TYPE_CHECKING:
    from edgehands.mqtt.contract.messages import HandsMessage

ROOT = Path(__file__).resolve().parents[1]
TIMES = int(os.environ.get("EDGEHANDS_FUZZ", "1"))

CASES_A_SEED = 50
"""Making up a seed costs more than a case."""

_SENT = a_session().sent
_NAMES = {channel.name for channel in CHANNELS}
_COMPACT = encode_compact(make_frame(make_hand(7, gesture="open_palm"), make_hand(8)), 1.0)

fuzzed = settings(
    max_examples=400 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
seeds = given(st.randoms(use_true_random=False), st.binary(max_size=200))


@pytest.mark.slow("thousands of damaged inputs; more of them find more")
@seeds
@fuzzed
def test_any_bytes_are_either_a_message_or_refused(random: Random, noise: bytes) -> None:
    """Without it: one broken message could end every reader of a broker."""
    for _ in range(CASES_A_SEED):
        message = random.choice(_SENT)
        payload = damaged(random, message.payload) if random.random() < 0.9 else noise
        try:
            content = check_message(message.topic, payload).content
        except MessageError as error:
            assert len(str(error)) < 1000  # noqa: PT017 - both outcomes are right
        else:
            assert content is not None


@pytest.mark.slow("thousands of damaged inputs; more of them find more")
@seeds
@fuzzed
def test_no_bytes_break_a_node_or_change_it_unnoticed(random: Random, noise: bytes) -> None:
    """Without it: anybody on the broker could crash a device with a few bytes."""
    good = (
        b'{"max_hands": 2, "smoothing": true, "rate_limit": 10.0, "persist": false}',
        b'{"action": "teach", "name": "ok_", "examples": 5, "more": false, "transaction": 12345}',
    )
    asker = Asker()
    for _ in range(CASES_A_SEED):
        verb = random.choice([*VERBS[:2], *VERBS[3:6], "x" * random.randrange(300)])
        payload = damaged(random, random.choice(good)) if random.random() < 0.9 else noise
        before = len(asker.controls.asked)
        response = asker.requests.handle(Received(TOPICS.request(verb), payload))
        carried_out = len(asker.controls.asked) - before
        assert response is not None
        assert carried_out == (response.status == "ok")


@pytest.mark.slow("thousands of damaged inputs; more of them find more")
@seeds
@fuzzed
def test_the_client_library_and_the_viewers_survive_anything(random: Random, noise: bytes) -> None:
    """Without it: one odd message could crash a user's program, or `edgehands watch`."""
    read = _Reader("edgehands", 0.5)
    for _ in range(CASES_A_SEED // 2):
        message = random.choice(_SENT)
        topic = message.topic
        if random.random() < 0.3:
            topic = damaged(random, topic.encode()).decode(errors="replace")
        payload = damaged(random, message.payload) if random.random() < 0.9 else noise
        heard = Heard(topic, payload, 1.0)
        found = read(heard)
        if found is not None:
            assert found.kind in _NAMES
        shown = read_message("edgehands", heard)
        if shown is not None and shown.broken:
            assert shown.value is None


@seeds
@fuzzed
def test_any_damage_to_the_compact_form_is_refused_or_within_bounds(
    random: Random, noise: bytes
) -> None:
    """Without it: a damaged message could crash every reader, or draw hands miles away."""
    for _ in range(CASES_A_SEED // 5):
        payload = damaged(random, _COMPACT) if random.random() < 0.9 else noise
        try:
            message = decode_compact(payload)
        except ValueError:
            continue
        _within_bounds(message)


@given(st.binary(min_size=32, max_size=1200), st.integers(0, 4))
@fuzzed
def test_compact_bytes_made_up_from_nothing_are_bounded(noise: bytes, hands: int) -> None:
    """Without it: only payloads that are nearly right would be known to be harmless."""
    try:
        message = decode_compact(bytes((1, hands)) + noise[2:])
    except ValueError:
        return
    _within_bounds(message)


def _within_bounds(message: HandsMessage) -> None:
    for hand in message.hands:
        assert np.abs(hand.landmarks).max() <= 4
        assert np.abs(hand.world).max() <= 0.5
        assert 0 <= hand.presence <= 1
        assert hand.handedness in {"left", "right"}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_both_decoders_of_the_compact_form_refuse_the_same(tmp_path: Path) -> None:
    """Without it: a page could draw what a program in Python refuses, or stop with an error."""
    random = Random(7)  # noqa: S311 - cases, not secrets
    cases = [damaged(random, _COMPACT) for _ in range(3000 * TIMES)]
    (tmp_path / "cases").write_text("\n".join(case.hex() for case in cases))
    script = """
      const { decodeHands } = require(process.argv[1]);
      const lines = require("fs").readFileSync(process.argv[2], "utf8").split("\\n");
      const seen = lines.map((line) => {
        try {
          return decodeHands(new Uint8Array(Buffer.from(line, "hex")));
        } catch (error) {
          if (error instanceof RangeError || error instanceof TypeError) return null;
          throw error;
        }
      });
      console.log(JSON.stringify(seen));
    """
    done = subprocess.run(
        ["node", "-e", script, str(ROOT / "examples" / "hands_bin.js"), str(tmp_path / "cases")],
        capture_output=True,
        check=True,
    )
    read = 0
    for case, theirs in zip(cases, json.loads(done.stdout), strict=True):
        try:
            ours = decode_compact(case)
        except ValueError:
            assert theirs is None, case.hex()
            continue
        read += 1
        assert theirs is not None, case.hex()
        assert [hand["id"] for hand in theirs["hands"]] == [hand.id for hand in ours.hands]
        for one, other in zip(theirs["hands"], ours.hands, strict=True):
            assert np.allclose(one["landmarks"], other.landmarks, atol=1e-6)
    assert read > 100


@seeds
@fuzzed
def test_home_assistants_birth_message_may_hold_anything(random: Random, noise: bytes) -> None:
    """Without it: a stray message could make a fleet publish without end."""
    out, delays = FakeClient(), list[float]()
    discovery = Discovery(
        out,
        TOPICS,
        prefix="homeassistant",
        offers=Offers(),
        later=lambda seconds, _what: delays.append(seconds),
    )
    for _ in range(CASES_A_SEED // 5):
        payload = damaged(random, b"online") if random.random() < 0.5 else noise
        before = len(delays)
        discovery.receive(Received("homeassistant/status", payload))
        assert len(delays) - before == (payload == b"online")


_LINES = [
    b'[mqtt]\nurl = "mqtts://user:geheim@hub:8883"\ntls_ca = "/etc/ca.crt"\n',
    b'[camera]\nsource = "v4l2:/dev/video0"\nfps = 15.0\n[tracking]\nmax_hands = 1\n',
]

# One setting a table at least, so that what is damaged is more than comments.
_TABLES = [explain(Config()).encode(), example_toml().encode(), *_LINES]


@pytest.mark.slow("thousands of damaged inputs; more of them find more")
@seeds
@fuzzed
def test_any_settings_file_is_read_or_named_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, random: Random, noise: bytes
) -> None:
    """Without it: a slip in the file on the card would end in a traceback that nobody sees."""
    file = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    for _ in range(CASES_A_SEED // 10):
        table = random.choice(_TABLES)
        file.write_bytes(damaged(random, table) if random.random() < 0.9 else noise)
        _read_or_named([file], {})


@given(
    st.dictionaries(
        st.sampled_from(["EDGEHANDS_TRACKING__MAX_HANDS", "EDGEHANDS_MQTT__URL", "EDGEHANDS_X__Y"])
        | st.text(st.characters(categories=("Lu", "Pc")), max_size=20).map("EDGEHANDS_".__add__),
        st.text(max_size=40),
        max_size=4,
    )
)
@fuzzed
def test_any_environment_is_read_or_named_in_one_line(env: dict[str, str]) -> None:
    """Without it: a strange variable would stop the service with a traceback."""
    _read_or_named([], env)


def _read_or_named(paths: list[Path], env: dict[str, str]) -> None:
    try:
        config = load(paths, env=env)
    except ConfigError as error:
        said = str(error)
        assert "\n" not in said
        assert len(said) < 2000
        assert said.isprintable()
    else:
        assert "[mqtt]" in explain(config)
        shown = 'password = "***"' in explain(config)
        assert shown == (config.mqtt.password is not None)
