"""Check whether edgehands finds the same hands and landmarks as MediaPipe.

Runs MediaPipe 0.10.21 (solutions.hands, static, same complexity; in an environment of its own) and
edgehands over the same pictures. Differences are in percent of palm size unless said otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands import HandTracker, TrackingConfig
from tools import ROOT
from tools.against_mediapipe.environment import mediapipe_python

if TYPE_CHECKING:
    from numpy.typing import NDArray

MATCHED = 0.5  # two hands are one if their mean distance is below this, of palm size
DATA = ROOT.parent / "shared" / "data"
DIGITS_EVERY = 4
FRAME = (480, 640)


@dataclass(frozen=True)
class Seen:
    """A hand as reported by either side."""

    landmarks: NDArray[np.float64]
    world: NDArray[np.float64]
    handedness: str

    @property
    def palm(self) -> float:
        """Palm size in frame pixels."""
        return float(np.linalg.norm(self.landmarks[9, :2] - self.landmarks[0, :2]))


@dataclass(frozen=True)
class Pair:
    """The differences for a hand that both sides found."""

    nme: float
    z: float
    world_mm: float
    same_side: bool


def main() -> int:
    """Print a table for each set of pictures; fail if the given limits are exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folders", nargs="*", type=Path, help="folders of pictures")
    parser.add_argument(
        "--precision",
        choices=["float", "int8", "auto"],
        nargs="+",
        default=["float", "auto"],
        help="models of edgehands to compare",
    )
    parser.add_argument(
        "--every",
        type=int,
        default=DIGITS_EVERY,
        help="of the digits beside the checkout; default %(default)s, 1 takes all",
    )
    args = parser.parse_args()
    if args.every < 1:
        parser.error(f"--every {args.every} takes no digit: say 1 for all, 2 for every second, ...")
    with tempfile.TemporaryDirectory() as scratch:
        sets = picture_sets(args.folders, Path(scratch), args.every)
        print(
            "| pictures | model | hands: MediaPipe / edgehands | matched | of MediaPipe's |"
            " NME mean | p95 | z | world | handedness equal |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        for variant, complexity in (("lite", 0), ("full", 1)):
            for name, paths in sets.items():
                theirs = read_mediapipe(paths, complexity)
                for precision in args.precision:
                    ours = read_edgehands(paths, variant, precision)
                    print(row(name, f"{variant} {precision}", theirs, ours), flush=True)
    return 0


def picture_sets(folders: list[Path], scratch: Path, every: int) -> dict[str, list[Path]]:
    """Name -> files. Without folders: the images of real hands beside the checkout."""
    kinds = ("*.jpg", "*.jpeg", "*.png", "*.JPG")
    if folders:
        return {f.name: sorted(p for kind in kinds for p in f.rglob(kind)) for f in folders}
    if not DATA.is_dir():
        sys.exit("there are no images beside the checkout: name folders of pictures")
    photos = sorted((DATA / "photos").rglob("*.jpg"))
    digits = sorted((DATA / "digits").rglob("*.JPG"))[::every]
    return {"photos": photos, "digits": [padded(path, scratch) for path in digits]}


def padded(path: Path, scratch: Path) -> Path:
    """A tight crop, doubled in size, in the middle of a larger frame of its border's colour."""
    read = cv2.imread(str(path))
    assert read is not None, path
    crop = cv2.resize(read, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    edge = np.concatenate([crop[0], crop[-1], crop[:, 0], crop[:, -1]])
    frame = np.full((*FRAME, 3), np.median(edge, axis=0), np.uint8)
    y, x = (FRAME[0] - crop.shape[0]) // 2, (FRAME[1] - crop.shape[1]) // 2
    frame[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    out = scratch / f"{path.parent.name}-{path.stem}.png"
    cv2.imwrite(str(out), frame)
    return out


def read_mediapipe(paths: list[Path], complexity: int) -> list[list[Seen]]:
    """MediaPipe's hands in each picture."""
    worker = ROOT / "tools" / "against_mediapipe" / "read_stills.py"
    run = subprocess.run(
        [mediapipe_python(), worker, str(complexity), *paths],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return [
        [Seen(np.array(h["landmarks"]), np.array(h["world"]), h["handedness"]) for h in hands]
        for hands in map(json.loads, run.stdout.splitlines())
    ]


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """A picture, (H, W, 3) uint8 RGB."""
    read = cv2.imread(str(path))
    assert read is not None, path
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)


def read_edgehands(paths: list[Path], variant: str, precision: str) -> list[list[Seen]]:
    """The hands found by edgehands in each picture."""
    config = TrackingConfig(
        model=variant,  # type: ignore[arg-type]  # checked by the type itself
        precision=precision,  # type: ignore[arg-type]
        static_image=True,
        num_threads=1,
    )
    with HandTracker(config) as tracker:
        return [
            [
                Seen(h.landmarks.astype(float), h.world_landmarks.astype(float), h.handedness)
                for h in tracker.process(read_rgb(path))
            ]
            for path in paths
        ]


def pair_up(theirs: list[Seen], ours: list[Seen]) -> list[Pair]:
    """Pair each of their hands with our nearest, if near enough; none is used twice."""
    pairs, free = [], list(ours)
    for hand in theirs:
        if not free:
            break
        errors = [
            float(np.linalg.norm(o.landmarks[:, :2] - hand.landmarks[:, :2], axis=1).mean())
            / hand.palm
            for o in free
        ]
        best = int(np.argmin(errors))
        if errors[best] < MATCHED:
            other = free.pop(best)
            pairs.append(
                Pair(
                    errors[best],
                    float(np.abs(other.landmarks[:, 2] - hand.landmarks[:, 2]).mean()) / hand.palm,
                    float(np.linalg.norm(other.world - hand.world, axis=1).mean()) * 1000,
                    other.handedness == hand.handedness,
                )
            )
    return pairs


def row(name: str, model: str, theirs: list[list[Seen]], ours: list[list[Seen]]) -> str:
    """A line of the table."""
    pairs = [pair for t, o in zip(theirs, ours, strict=True) for pair in pair_up(t, o)]
    n_theirs, n_ours = sum(map(len, theirs)), sum(map(len, ours))
    if not pairs:
        return f"| {name} ({len(theirs)}) | {model} | {n_theirs} / {n_ours} | none |" + " - |" * 6
    union = n_theirs + n_ours - len(pairs)
    nme = np.array([p.nme for p in pairs])
    return (
        f"| {name} ({len(theirs)}) | {model} | {n_theirs} / {n_ours} |"
        f" {len(pairs) / union:.1%} of all | {len(pairs) / n_theirs:.1%} |"
        f" {nme.mean():.2%} | {np.percentile(nme, 95):.2%} |"
        f" {np.mean([p.z for p in pairs]):.2%} | {np.mean([p.world_mm for p in pairs]):.2f} mm |"
        f" {np.mean([p.same_side for p in pairs]):.1%} |"
    )
