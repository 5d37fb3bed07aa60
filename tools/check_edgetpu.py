"""Report what would keep models off a Coral Edge TPU, without needing its compiler.

    python3 -m tools check-edgetpu models/*_edgetpu.tflite

Exit code 0: ready; 1: something was found; 2: wrong usage. Several models are also judged
together: they have to share the Edge TPU's cache.
"""

from __future__ import annotations

import argparse
import struct
import sys
from pathlib import Path

from build_models import edgetpu_rules, graph


def main() -> int:
    """Check all models named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="+", type=Path)
    total, wrong = 0, False
    for path in parser.parse_args().model:
        try:
            model = graph.read(path)
        except (OSError, ValueError, KeyError, IndexError, TypeError, struct.error) as error:
            print(f"{path}: can't be read: {error}: give a .tflite file", file=sys.stderr)
            return 2
        findings = edgetpu_rules.check(model)
        size = edgetpu_rules.parameter_bytes(model)
        total += size
        wrong |= bool(findings)
        print(f"{path}: {len(model.ops)} operators, {size / 1e6:.2f} MB of parameters,", end=" ")
        print(f"{edgetpu_rules.multiply_adds(model) / 1e9:.2f} billion multiplications,", end=" ")
        largest = edgetpu_rules.largest_tensor(model) / 1e6
        print(f"largest tensor {largest:.2f} million values,", end=" ")
        print(f"{len(findings)} findings" if findings else "ready for the compiler")
        for finding in findings:
            print(f"  {finding}")
    limit = edgetpu_rules.CACHE_BYTES
    print(f"together {total / 1e6:.2f} MB of {limit / 1e6:.1f} MB of cache")
    return 1 if wrong or total > limit else 0
