"""Drawn hands of every gesture and of none, and the picture of what is taken for what."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.gestures import NONE, recognise
from tools import ROOT
from tools.gestures.drawn_hands import (
    EVALUATED,
    EVALUATION,
    EVALUATION_RANDOM,
    VIEWS,
    DrawnHands,
    draw_shapes,
    meant_by,
    shape_name,
)
from tools.gestures.share import rate

if TYPE_CHECKING:
    from numpy.typing import NDArray


PICTURE = ROOT / "docs" / "gestures-confusion.png"


def is_false(hands: DrawnHands, i: int, name: str) -> bool:
    """The name contradicts the joints that the hand was drawn with (see ``meant_by``)."""
    return name != NONE and shape_name(name) not in meant_by(hands, i)


def say_losses(drawn: dict[tuple[str, str], DrawnHands]) -> None:
    """Where hands are lost: by the rules, by the landmark model, or by where it looks."""
    print("  right of 100: on the true joints; on what the landmark model sees, looking at the")
    print("  right place; what is found and read in the whole picture (of all, found or not)")
    for shape in EVALUATED:
        cells = []
        for view in VIEWS:
            hands = drawn[shape, view]
            rights = [
                sum(
                    shape_name(recognise(hand).name) == shape_name(shape)
                    for i in range(len(hands))
                    if (hand := hands.hand(i, source)) is not None
                )
                for source in ("true", "near", "seen")
            ]
            cells.append(f"{view} " + " ".join(f"{100 * r / len(hands):3.0f}" for r in rights))
        print(f"    {shape:12} " + "   ".join(cells))


def say_synthetic(model: str, count: int, *, write: bool) -> None:
    """Drawn hands of every gesture, and of no gesture."""
    print(f"\n## synthetic: {count} a class and view, people, tones, light and views varied")
    drawn = draw_shapes(EVALUATED, VIEWS, EVALUATION, count, model=model)
    table: dict[str, Counter[tuple[str, str]]] = {view: Counter() for view in VIEWS}
    missed = total = 0
    for (shape, view), hands in drawn.items():
        for i in range(len(hands)):
            total += 1
            hand = hands.hand(i)
            if hand is None:
                missed += 1
                continue
            name = recognise(hand).name
            # A pointing finger is "point" or "point_up" by where it points; both are this shape.
            table[view][shape, "point" if name == "point_up" else name] += 1
    print(f"  {missed} of {total} hands not found; of the others:")
    for shape in EVALUATED:
        cells = []
        for view in VIEWS:
            row = Counter({n: c for (s, n), c in table[view].items() if s == shape})
            others = ", ".join(f"{n} {c}" for n, c in row.most_common() if n != shape)
            cells.append(
                f"{view} {rate(row[shape], row.total())}" + (f" ({others})" if others else "")
            )
        print(f"  {shape:12} " + "   ".join(cells))
    print("  (asked: palm 95 %, back 85 %)")
    say_losses(drawn)
    for shape in ("random", "relaxed"):
        both = draw_shapes((shape,), VIEWS, EVALUATION_RANDOM, 2 * count, model=model)
        for source, how in (("seen", "as seen"), ("true", "by the true joints")):
            names = [
                (hands, i, recognise(hand).name)
                for hands in both.values()
                for i in range(len(hands))
                if (hand := hands.hand(i, source)) is not None
            ]
            false = Counter(name for hands, i, name in names if is_false(hands, i, name))
            called = sum(name != NONE for _, _, name in names)
            print(
                f"  {shape}, {how}: false gestures {rate(false.total(), len(names))} "
                f"{dict(false)}; any name at all {rate(called, len(names))}   (asked: 5 % false)"
            )
    if write:
        PICTURE.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(PICTURE), confusion_picture(table))
        print(f"  wrote {PICTURE.relative_to(ROOT)}")


def confusion_picture(table: dict[str, Counter[tuple[str, str]]]) -> NDArray[np.uint8]:
    """Two matrices beside each other, rows shown, columns seen, per cent of the row."""
    columns = [*EVALUATED, NONE]
    cell, left, top = 44, 110, 130
    width = left + cell * len(columns) + 30
    height = top + cell * len(EVALUATED) + 20
    page = np.full((height, 2 * width, 3), 255, np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    for side, view in enumerate(("palm", "back")):
        x0 = side * width
        cv2.putText(
            page, f"{view} views, per cent", (x0 + left, 22), font, 0.6, (0, 0, 0), 1, cv2.LINE_AA
        )
        labels = np.full((top, top, 3), 255, np.uint8)
        for j, name in enumerate(columns):
            labels[:] = 255
            cv2.putText(labels, name, (4, top // 2), font, 0.42, (60, 60, 60), 1, cv2.LINE_AA)
            turned = cv2.rotate(labels, cv2.ROTATE_90_COUNTERCLOCKWISE)
            x = x0 + left + j * cell + cell // 2 - top // 2
            patch = page[0:top, x : x + top]
            np.minimum(patch, turned[:, : patch.shape[1]], out=patch)
        for i, shape in enumerate(EVALUATED):
            y = top + i * cell
            cv2.putText(page, shape, (x0 + 6, y + 27), font, 0.42, (60, 60, 60), 1, cv2.LINE_AA)
            row = [table[view][shape, name] for name in columns]
            for j, n in enumerate(row):
                share = n / max(sum(row), 1)
                x = x0 + left + j * cell
                good = columns[j] == shape
                full = np.array((90, 160, 60) if good else (60, 80, 220), np.float64)
                colour = 255.0 - (255.0 - full) * min(1.0, share if good else 3 * share)
                cv2.rectangle(page, (x, y), (x + cell - 2, y + cell - 2), colour.tolist(), -1)
                if n:
                    text = f"{100 * share:.0f}"
                    cv2.putText(page, text, (x + 8, y + 27), font, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return page
