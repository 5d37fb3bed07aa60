"""Check the service's promises when brokers die, links stall and consumers misbehave.

Runs the real service (fake backend, a film at 30 frames a second) with a real mosquitto through
each fault, and prints a table. --soak looks for growth over hours instead. --write puts the table
into docs/reliability.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools import ROOT
from tools.common.mosquitto import PROGRAM
from tools.common.page import between_markers
from tools.fault_table.broker_faults import outage, restarts, slow_subscriber, stall
from tools.fault_table.closing import WAYS, closing, hostile, twin, two_cameras
from tools.fault_table.flood import flood
from tools.fault_table.network import bad_network
from tools.fault_table.refusals import expired, forbidden, wrong_authority, wrong_password
from tools.fault_table.row import SHORT, Lengths, Row, markdown
from tools.fault_table.soak import soak

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS: dict[str, Callable[[Path, Lengths], Row]] = {
    "restarts": restarts,
    "stall": stall,
    "outage": outage,
    "slow-subscriber": slow_subscriber,
    "wrong-password": wrong_password,
    "wrong-ca": wrong_authority,
    "expired": expired,
    "acl": forbidden,
    "flood": flood,
    "network": bad_network,
    **{f"closes-{way}": closing(way) for way in WAYS},
    "twin": twin,
    "two-cameras": two_cameras,
    "hostile": hostile,
}

SHORT_ROWS = ("restarts", "stall", "flood", "network")


def seconds(text: str) -> float:
    """Read 90, 90s, 15m or 2h."""
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:], 0)
    return float(text[:-1]) * unit if unit else float(text)


def main() -> int:
    """Print the table; 1 if a row fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", help=f"only these: {' '.join(ROWS)}")
    parser.add_argument(
        "--short", action="store_true", help="four rows in a minute; times aren't judged"
    )
    parser.add_argument("--soak", type=seconds, metavar="TIME", help="only the soak: 2h, 10m ...")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="the soak's samples go here too")
    parser.add_argument("--write", action="store_true", help="put the table into the document")
    parser.add_argument(
        "--priority",
        action="store_true",
        help="before other programs of this machine, so that they don't count (root)",
    )
    options = parser.parse_args()
    if options.priority:
        # Where the kernel groups tasks by session, a nice value counts only within a session.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    if PROGRAM is None:
        parser.error("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(unknown)}: known are {' '.join(ROWS)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.soak:
            verdict = soak(options.soak, folder, options.csv)
            print(verdict)
            if options.write:
                between_markers(ROOT / "docs" / "reliability.md", "soak", f"{verdict}\n")
            return 0 if verdict.good else 1

        def run(row_name: str) -> Row:
            begin = time.monotonic()
            row = ROWS[row_name](folder / row_name, SHORT if options.short else Lengths())
            took = time.monotonic() - begin
            print(f"{row_name}: {row.verdict} ({took:.0f} s)", file=sys.stderr, flush=True)
            return row

        names = options.rows or (SHORT_ROWS if options.short else ROWS)
        rows = [run(row_name) for row_name in names]
    table = markdown(rows)
    print(table)
    if options.write:
        between_markers(ROOT / "docs" / "reliability.md", "faults", f"{table}\n")
    return 1 if any(row.failed for row in rows) else 0
