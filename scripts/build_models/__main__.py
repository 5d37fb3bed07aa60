"""`scripts/build_models/build`: rebuild every file of `models/`."""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from . import catalogue, manifest, samples, wheel


def main() -> None:
    """Build the models and write them with their manifest."""
    parser = argparse.ArgumentParser(prog="scripts/build_models/build", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("models"), help="where they go")
    parser.add_argument(
        "--cache", type=Path, default=Path(".cache/build_models"), help="wheel and samples"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="models at a time")
    arguments = parser.parse_args()
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - start:5.0f} s] {text}", flush=True)

    say("fetching the pinned wheel")
    wheel.fetch(arguments.cache)
    say(f"drawing {catalogue.FRAMES} synthetic frames")
    samples.load(arguments.cache, catalogue.SEED, catalogue.FRAMES)
    models: list[manifest.Built] = []
    with ProcessPoolExecutor(arguments.jobs) as pool:
        waiting = [
            pool.submit(catalogue.build, arguments.cache, item, variant)
            for item in catalogue.ITEMS
            for variant in item.variants
        ]
        for future in waiting:
            models.append(future.result())
            say(f"{models[-1].file}: {len(models[-1].contents) / 1e6:.2f} MB")
    manifest.save(models, arguments.out)
    say(f"{len(models)} models in {arguments.out}")


if __name__ == "__main__":
    main()
