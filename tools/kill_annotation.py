"""Kill the annotation server, its browser and recordings at random; check that nothing is lost.

python3 -m tools kill-annotation [--kills 200] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tools.common.datasets import make_folder, reported
from tools.common.kills import (
    Work,
    annotate_until_killed,
    check_answers,
    check_recording,
    record_until_killed,
)


def main() -> None:
    """Kill, look, go on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, work, recorded = random.Random(options.seed), Work(), 0  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as place:
        pictures, recording = Path(place, "pictures"), Path(place, "recording")
        make_folder(pictures, [[reported()]] * 4)
        for number in range(options.kills):
            annotate_until_killed(pictures, work, rng)
            check_answers(pictures, work)
            record_until_killed(recording, rng)
            recorded = check_recording(recording, recorded)
            if number % 20 == 19:
                print(f"{number + 1} kills", file=sys.stderr)
        answers = sum(revision for revision, _ in work.shown.values())
        print(
            f"{work.kills} servers killed, {work.aborted} browsers: of {answers} answers none lost;"
            f" {options.kills} recordings killed: of {recorded} pictures none lost"
        )
