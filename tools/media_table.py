"""Try edgehands with every kind of film and picture, and write the table into docs/cameras.md.

    python3 -m tools media-table            write the table
    python3 -m tools media-table --check    only try; exit code 1 if a row isn't as it should be
    python3 -m tools media-table AVI GIF    only rows whose name begins like this

Each file is made again by Debian's ffmpeg (apt install ffmpeg) or by Pillow.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from edgehands import HandTracker, TrackingConfig
from edgehands.errors import SourceError
from tools import ROOT
from tools.media.files import Outcome, Row, encode, judge, truth
from tools.media.rows import ROWS

DOC = ROOT / "docs" / "cameras.md"
BEGIN, END = (
    "<!-- python3 -m tools media-table: begin -->\n",
    "<!-- python3 -m tools media-table: end -->\n",
)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="leave the document as it is")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    names = tuple(options.names)
    pictures = truth()
    outcomes: list[tuple[Row, Outcome]] = []
    with (
        HandTracker(TrackingConfig(static_image=True, backend="cpu")) as tracker,
        tempfile.TemporaryDirectory() as folder,
    ):
        for row in ROWS:
            if names and not row.what.startswith(names):
                continue
            try:
                path = encode(row, Path(folder), pictures)
                outcome = judge(row, path, pictures, tracker)
            except (RuntimeError, OSError, SourceError) as error:
                outcome = Outcome(faults=(str(error),))
            except KeyError as error:
                outcome = Outcome(faults=(f"can't be made: Pillow here doesn't write {error}",))
            outcomes.append((row, outcome))
            said = "; ".join(outcome.faults) or f"{outcome.psnr:.1f} dB"
            print(f"{'BAD ' if outcome.faults else ''}{row.what}: {said}", flush=True)
    bad = sum(bool(outcome.faults) for _, outcome in outcomes)
    print(f"{len(outcomes)} rows, {bad} of them not as they should be")
    if not (options.check or names or bad):
        text = DOC.read_text()
        before, _, rest = text.partition(BEGIN)
        DOC.write_text(before + BEGIN + table(outcomes) + END + rest.partition(END)[2])
        print(f"written into {DOC.name}")
    sys.exit(bool(bad))


def table(outcomes: list[tuple[Row, Outcome]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| file | read as | PSNR of the worst frame, dB | hand | frames | times off by, ms |",
        "|---|---|---|---|---|---|",
    ]
    for row, outcome in outcomes:
        psnr = "exact" if outcome.psnr >= 99 else f"{outcome.psnr:.1f}"
        times = f"{outcome.late * 1000:.1f}" if row.frames > 1 and row.handling != "pages" else "-"
        lines.append(
            f"| {row.what} | {row.handling} | {psnr} | right | {outcome.frames} of {row.frames}"
            f" | {times} |"
        )
    return "\n".join(lines) + "\n"
