"""Record hands of the demo's film for ``edgehands simulate``: edgehands/data/tracks.bin."""

from __future__ import annotations

import argparse

from edgehands import HandTracker, TrackingConfig
from edgehands.cameras import open_source
from edgehands.hand import FrameHands
from edgehands.mqtt.contract.compact import encode_compact
from edgehands.simulate.tracks import FILE, pack_recording
from tools import ROOT

DATA = ROOT / "edgehands" / "data"
FRAMES = 150
"""Of each kind: five seconds."""


def main() -> None:
    """Track the film and keep its first seconds with one hand and with two."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    kept: dict[int, list[bytes]] = {1: [], 2: []}
    with HandTracker(TrackingConfig()) as tracker, open_source("demo:", realtime=False) as film:
        while not film.finished:
            frame = film.read(1.0)
            if frame is None:
                continue
            hands = tracker.process(frame.image, frame.t_mono)
            wanted = kept.get(len(hands), [])
            if len(hands) in kept and len(wanted) < FRAMES:
                wanted.append(encode_compact(FrameHands(frame, hands), 0.0))
    packed = pack_recording([*kept[1], *kept[2]])
    (DATA / FILE).write_bytes(packed)
    print(f"{FILE}: {len(kept[1])} + {len(kept[2])} frames, {len(packed)} bytes")
