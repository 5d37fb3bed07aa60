"""Test a live node with thousands of hostile messages while hands are published.

Runs the real service (fake backend, a film at 30 frames a second) with a real mosquitto, and
publishes made-up requests and payloads to everything that the node reads or writes. Prints what was
delivered before, during and after. Exit code 1 if hands stop, the node ends, loses its connection,
fills its log, or its settings change.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from random import Random

from tools.common.mosquitto import PROGRAM
from tools.fault_table.fuzz import fuzz


def main() -> int:
    """Print what happened; 1 if a promise isn't kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000, metavar="N", help="messages")
    parser.add_argument("--seed", type=int, default=17, metavar="N", help="other messages")
    parser.add_argument("--quiet-s", type=float, default=10.0, help="before and after, seconds")
    parser.add_argument("--rate", type=float, default=500.0, help="messages a second, at most")
    options = parser.parse_args()
    if PROGRAM is None:
        parser.error("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        row = fuzz(
            Path(name),
            count=options.count,
            random=Random(options.seed),  # noqa: S311 - cases, not secrets
            quiet_s=options.quiet_s,
            rate=options.rate,
        )
    for text in row.measured:
        print(text)
    print(f"{row.verdict} ({time.monotonic() - begin:.0f} s)")
    return 1 if row.failed else 0
