"""Hands of real people: digits, digits as taught gestures, and photos."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands import HandTracker, TrackingConfig
from edgehands.gestures import NONE, TaughtGestures, count_fingers, recognise
from edgehands.gestures.features import features_of
from edgehands.hand import Handedness
from tools.gestures.share import rate

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.hand import Hand

# What the signers of the digit photos show, by looking at them: 0 is an O, 3 is thumb, index and
# middle, 6 to 8 raise three fingers and touch pinky, ring and middle finger with the thumb, 9 is
# an OK sign. Only the static gestures that this makes are listed.
DIGIT_GESTURES = {
    "1": {"point", "point_up"},
    "2": {"victory"},
    "3": {"three"},
    "4": {"four"},
    "5": {"open_palm"},
    "6": {"three"},
    "9": {"ok"},
}
# The photos called "none" show these; looked at one by one.
NONE_SHOWS = {
    "00af1db1": {"thumbs_down"},
    "00b85ea4": {"point_up"},
    "00c84257": {"thumbs_down"},
    "0a038096": {"thumbs_down"},
    "0a0ef3d2": {"point_up"},
}


class Eyes:
    """The tracker, one picture at a time."""

    def __init__(self, model: str) -> None:
        config = TrackingConfig(static_image=True, max_hands=2, model=model, num_threads=2)  # type: ignore[arg-type]
        self._tracker = HandTracker(config)

    def close(self) -> None:
        """Let the models go."""
        self._tracker.close()

    def see(self, image: NDArray[np.uint8]) -> list[Hand]:
        """The hands of an RGB picture, the largest first."""
        hands = self._tracker.process(image)
        return sorted(hands, key=lambda hand: -hand.palm_size)


def digit_hands(eyes: Eyes, data: Path) -> dict[str, list[tuple[int, Hand | None]]]:
    """For each digit: (number of the photo, the hand in it), photos framed by a plain border."""
    found: dict[str, list[tuple[int, Hand | None]]] = {}
    for folder in sorted((data / "digits").glob("[0-9]")):
        for path in sorted(folder.iterdir()):
            image = cv2.imread(str(path))
            if image is None:
                continue
            large = cv2.resize(image, (240, 240), interpolation=cv2.INTER_CUBIC)
            framed = cv2.copyMakeBorder(large, 120, 120, 120, 120, cv2.BORDER_REPLICATE)
            hands = eyes.see(np.ascontiguousarray(framed[..., ::-1]))
            number = int(re.sub(r"\D", "", path.stem) or 0)
            found.setdefault(folder.name, []).append((number, hands[0] if hands else None))
    return found


def say_digits(found: dict[str, list[tuple[int, Hand | None]]]) -> None:
    """Finger counts of 0 to 5 and the gestures that the digits make."""
    print("\n## digits: real hands, finger counts of 0 to 5")
    good = total = 0
    for digit in "012345":
        hands = [hand for _, hand in found[digit] if hand is not None]
        right = sum(count_fingers(hand) == int(digit) for hand in hands)
        print(f"  {digit}: {rate(right, len(hands))}  ({len(found[digit]) - len(hands)} not found)")
        good, total = good + right, total + len(hands)
    print(f"  all: {rate(good, total)}   (asked: 95 %)")
    print("## digits: real hands, gestures")
    for digit, names in DIGIT_GESTURES.items():
        seen = Counter(recognise(hand).name for _, hand in found[digit] if hand is not None)
        right = sum(seen[name] for name in names)
        print(f"  {digit}: {rate(right, seen.total())}  {dict(seen.most_common())}")
    for digit in "078":
        seen = Counter(recognise(hand).name for _, hand in found[digit] if hand is not None)
        print(f"  {digit}: (no gesture of ours)  {dict(seen.most_common())}")


def say_taught(found: dict[str, list[tuple[int, Hand | None]]], draws: int = 20) -> None:
    """Ten digits from five examples each; other signers for testing."""
    print("\n## taught: ten digits, 5 examples each, other signers for testing")
    # A signer showed 0 to 9 in one go, so photos are numbered signer by signer.
    starts = sorted(number for number, _ in found["0"])
    samples: dict[int, dict[str, NDArray[np.float32]]] = {}
    for digit, rows in found.items():
        for number, hand in rows:
            if hand is None:
                continue
            signer = int(np.searchsorted(starts, number, side="right"))
            right = hand.handedness is Handedness.RIGHT
            samples.setdefault(signer, {})[digit] = features_of(hand.world_landmarks, right=right)
    whole = [signer for signer, shown in samples.items() if len(shown) == 10]
    rng = np.random.default_rng(0)
    nearest, accepted, strangers = [], [], []
    confusion: Counter[tuple[str, str]] = Counter()
    for _ in range(draws):
        teachers = {int(s) for s in rng.choice(whole, 5, replace=False)}
        digits = sorted(found)
        known = {d: np.stack([samples[s][d] for s in sorted(teachers)]) for d in digits}
        all_ten = TaughtGestures(digits, [known[d] for d in digits])
        tests = [
            (d, x) for s, shown in samples.items() if s not in teachers for d, x in shown.items()
        ]
        matches = [(d, all_ten.match(x)) for d, x in tests]
        nearest.append(np.mean([m.nearest == d for d, m in matches]))
        accepted.append(np.mean([m.gesture.name == d for d, m in matches]))
        confusion.update((d, m.gesture.name) for d, m in matches)
        for left_out in digits:
            rest = [d for d in digits if d != left_out]
            nine = TaughtGestures(rest, [known[d] for d in rest])
            unknown = [x for d, x in tests if d == left_out]
            strangers.append(np.mean([nine.match(x).gesture.name != NONE for x in unknown]))
    print(
        f"  nearest is right {100 * np.mean(nearest):.1f} % (worst of {draws} draws "
        f"{100 * np.min(nearest):.1f}); right and within the limit {100 * np.mean(accepted):.1f} % "
        f"(worst {100 * np.min(accepted):.1f})   (asked: 90 %)"
    )
    print(
        f"  a digit that wasn't taught is taken for one that was: {100 * np.mean(strangers):.1f} %"
    )
    for digit in sorted(found):
        of = sum(n for (d, _), n in confusion.items() if d == digit)
        refused = confusion[digit, NONE]
        print(
            f"  {digit}: right {100 * confusion[digit, digit] / of:.1f} %, "
            f"refused {100 * refused / of:.1f} %"
        )


def say_photos(eyes: Eyes, data: Path) -> None:
    """Photos of people who make a gesture."""
    print("\n## photos: real people")
    for label in ("call", "four", "rock", "none"):
        paths = sorted((data / "photos" / label).glob("*.jpg"))
        lines, good, found, false = [], 0, 0, 0
        for path in paths:
            image = cv2.imread(str(path))
            hands = eyes.see(np.ascontiguousarray(image[..., ::-1])) if image is not None else []
            names = [recognise(hand).name for hand in hands]
            wanted = NONE_SHOWS.get(path.stem[:8], set()) if label == "none" else {label}
            found += bool(hands)
            good += bool(wanted & set(names))
            false += bool({"call", "four", "rock"} & set(names)) if label == "none" else 0
            lines.append(f"    {path.stem[:8]}: {', '.join(names) or 'no hand found'}")
        if label == "none":
            print(
                f"  none: call, four or rock in {false} of {len(paths)}   (asked: at most 1); "
                f"thumbs_down and point_up, which they show, in {good} of {len(paths)}"
            )
        else:
            print(
                f"  {label}: {rate(good, found)} of those found, {good} of all {len(paths)}"
                "   (asked: 80 %)"
            )
        print("\n".join(lines))
