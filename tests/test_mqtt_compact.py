"""The compact form and the rate limiter."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgehands.config import PublishConfig
from edgehands.mqtt.contract.compact import decode_compact, encode_compact
from edgehands.mqtt.contract.messages import HandsMessage, encode, hands_message
from edgehands.mqtt.fake import FakePublisher
from edgehands.mqtt.rate_limiter import RateLimiter
from tests.mqtt_hands import frame_without_hands, make_frame, make_hand

ROOT = Path(__file__).resolve().parents[1]
TRACKED = make_frame(make_hand(7, gesture="open_palm"), make_hand(8), seq=812)


def same(one: HandsMessage, other: HandsMessage) -> None:
    """Both say the same, as far as 8 and 16 bits hold."""
    assert (one.seq, one.width, one.height, one.t) == (
        other.seq,
        other.width,
        other.height,
        other.t,
    )
    for left, right in zip(one.hands, other.hands, strict=True):
        assert (left.id, left.handedness) == (right.id, right.handedness)
        assert np.abs(np.subtract(left.landmarks, right.landmarks)).max() < 1.2e-4
        assert np.abs(np.subtract(left.world, right.world)).max() < 0.6e-4
        assert abs(left.presence - right.presence) < 0.003
        names = [None if not g else g.name for g in (left.gesture, right.gesture)]
        assert names[0] == names[1]


def test_the_compact_form_says_the_same_in_a_third_of_the_size() -> None:
    """Without it: the saved bytes would cost accuracy."""
    compact, message = encode_compact(TRACKED, 21.4), hands_message(TRACKED, 21.4)
    same(decode_compact(compact), message)
    assert decode_compact(compact).latency_ms == 21.4
    assert len(compact) == 32 + 262 + len("open_palm") + 262
    assert len(compact) < len(encode(message)) / 3
    longest = encode_compact(make_frame(make_hand(1, gesture="x" * 32)), 1.0)
    assert len(longest) - 32 <= 300


def test_hands_far_outside_and_broken_ones_are_bounded() -> None:
    """Without it: a hand at the edge would appear at the other side of the picture."""
    hand = make_hand(1)
    far = replace(hand, landmarks=np.full((21, 3), 1e9, np.float32))
    broken = replace(hand, world_landmarks=np.full((21, 3), np.nan, np.float32))
    message = decode_compact(encode_compact(make_frame(far, broken), 1e9))
    assert len(message.hands) == 1
    assert message.hands[0].landmarks[0][0] > 3.9
    assert message.latency_ms == 6553.5


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_the_javascript_decoder_reads_the_same() -> None:
    """Without it: a page in a browser would draw other hands than a program in Python."""
    script = (
        f"const {{decodeHands}} = require({str(ROOT / 'examples' / 'hands_bin.js')!r});"
        "const chunks = []; process.stdin.on('data', (c) => chunks.push(c));"
        "process.stdin.on('end', () => console.log("
        "JSON.stringify(decodeHands(new Uint8Array(Buffer.concat(chunks))))));"
    )
    payload = encode_compact(TRACKED, 21.4)
    done = subprocess.run(["node", "-e", script], input=payload, capture_output=True, check=True)
    theirs, ours = json.loads(done.stdout), decode_compact(payload)
    assert theirs["seq"] == ours.seq
    assert theirs["hands"][0]["gesture"]["name"] == "open_palm"
    for one, other in zip(theirs["hands"], ours.hands, strict=True):
        assert one["id"] == other.id
        assert one["handedness"] == other.handedness
        assert np.allclose(one["landmarks"], other.landmarks, atol=1e-6)
        assert np.allclose(one["world"], other.world, atol=1e-6)


def test_both_forms_are_sent_where_the_owner_wants_it() -> None:
    """Without it: switching the compact form on would do nothing, or silence the other."""
    for compact, count in ((True, 2), (False, 0)):
        publisher = FakePublisher(publish=PublishConfig(compact=compact))
        publisher.publish(make_frame(make_hand(1)))
        publisher.publish(frame_without_hands())
        assert len(publisher.on(publisher.topics.hands)) == 2
        assert len(publisher.on(publisher.topics.hands_bin)) == count


def test_a_still_hand_is_told_once_a_second_and_a_moving_one_always() -> None:
    """Without it: a hand on a table would cost as much traffic as a waving one."""
    limiter = RateLimiter(min_change=0.05)
    hand = make_hand(1)
    step = np.float32(0.2 * hand.palm_size)

    def wants(t: float, **changes: object) -> bool:
        return limiter.wants(make_frame(replace(hand, **changes), t=t))  # type: ignore[arg-type]

    assert wants(10.0)
    assert not wants(10.03)
    assert not wants(10.06, landmarks=hand.landmarks + np.float32(0.04 * hand.palm_size))
    assert wants(10.1, landmarks=hand.landmarks + step)
    assert wants(10.13)
    assert wants(10.2, id=2)
    assert not wants(10.3, id=2)
    assert wants(11.3, id=2)
    assert limiter.wants(make_frame(hand, make_hand(2), t=11.31))


@pytest.mark.parametrize(("early_s", "all_pass"), [(0.003, True), (0.0067, False)])
def test_a_camera_that_is_not_punctual_loses_no_frame_to_the_limit(
    early_s: float, *, all_pass: bool
) -> None:
    """Without it: at a limit of 30, a camera of 30 frames a second would publish 15 of them."""
    limiter = RateLimiter(rate_limit=30.0)
    tracked = make_frame(make_hand(1))
    wanted = [
        limiter.wants(replace(tracked, frame=replace(tracked.frame, t_mono=100 + i / 30 - early)))
        for i in range(20)
        for early in [early_s if i % 2 else 0.0]
    ]
    assert all(wanted) == all_pass
