"""Taught gestures by name: teach, list, remove, test, export, import.

Changes hold a lock, write a new file next to the old one and replace it in one step: after a power
cut the file is either the old or the new one. A file that can't be parsed is never overwritten.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.errors import GestureError
from edgehands.gestures.features import as_right, features_of
from edgehands.gestures.taught import LIMIT, TaughtGestures, TaughtMatch
from edgehands.gestures.taught_file import (
    MAX_EXAMPLES,
    MAX_GESTURES,
    Point,
    TaughtGesture,
    check_name,
    features_of_examples,
    locked,
    read_gestures,
    stamp_of,
    write_gestures,
)
from edgehands.hand import Handedness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from edgehands.hand import FrameHands, Hand

MIN_EXAMPLES: Final = 3
ALIKE_LIMIT: Final = 3.0
"""Greatest distance of an example from the mean of its gesture's other examples."""


@dataclass(frozen=True, slots=True)
class TeachResult:
    """The result of teaching.

    Attributes:
        name: the gesture.
        examples: how many it has now.
        spread: mean distance of its examples from their mean; 0 = all alike.
        similar: the taught gesture that it may be confused with; empty when there is none.
    """

    name: str
    examples: int
    spread: float
    similar: str


def default_path() -> Path:
    """The file of taught gestures if the settings name none."""
    state = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(state) if state else Path(home) / "edgehands"
    return folder / "taught_gestures.json"


def only_hand(frame_hands: FrameHands) -> Hand:
    """The only hand in a frame, to be used as an example.

    Raises:
        GestureError: no hand, or more than one.
    """
    hands = frame_hands.hands
    if len(hands) != 1:
        shown = frame_hands.frame.source or f"frame {frame_hands.frame.seq}"
        raise GestureError(
            f"{len(hands)} hands in {shown}, 1 is needed to teach: show one hand, the other away"
        )
    return hands[0]


class GestureLibrary:
    """The taught gestures of one file, which may not exist yet.

    Args:
        path: path of the file; None = :func:`default_path`.
        load: read it now; otherwise the first :meth:`refresh` does.

    Raises:
        GestureError: the file is there but can't be read or understood.
    """

    def __init__(self, path: Path | str | None = None, *, load: bool = True) -> None:
        self.path = Path(path) if path else default_path()
        self._stamp: tuple[int, int] | None = None
        self._gestures: tuple[TaughtGesture, ...] = ()
        self._taught = TaughtGestures((), ())
        if load:
            self.refresh()

    @property
    def taught(self) -> TaughtGestures:
        """The gestures in the form used for comparison."""
        return self._taught

    def list(self) -> tuple[TaughtGesture, ...]:
        """All gestures, by name."""
        return self._gestures

    def refresh(self) -> bool:
        """Reload the file if it has changed; True if it had. Costs 2 us when it hadn't.

        Raises:
            GestureError: the file can't be read or understood; the previous gestures remain.
        """
        stamp = stamp_of(self.path)
        if stamp == self._stamp:
            return False
        # Remembered even if reading fails, so that a damaged file is reported once.
        self._stamp = stamp
        self._take(() if stamp is None else read_gestures(self.path))
        return True

    def teach(self, name: str, hands: Iterable[Hand], *, more: bool = False) -> TeachResult:
        """Learn a shape from examples.

        Args:
            name: 1 to 32 of ``a-z 0-9 _ -``, no built-in gesture's name.
            hands: 3 to 50 examples; 5 are enough if they differ a little in view. Left and right
                may be mixed.
            more: add to the examples of this name instead of refusing a name that is taken.

        Raises:
            GestureError: name not allowed or taken, too few or too many examples, an example that
                doesn't resemble the others, damaged landmarks, or a file that can't be written.
                Nothing is changed then.
        """
        check_name(name)
        new = tuple(_example(hand) for hand in hands)
        with self._changing() as gestures:
            _check_free(name, gestures, more=more)
            old = gestures.get(name)
            examples = (*(old.examples if old else ()), *new)
            if not MIN_EXAMPLES <= len(examples) <= MAX_EXAMPLES:
                raise GestureError(
                    f'{len(examples)} examples of "{name}": give {MIN_EXAMPLES} to {MAX_EXAMPLES}, '
                    "5 are enough"
                )
            if name not in gestures and len(gestures) >= MAX_GESTURES:
                raise GestureError(
                    f"{len(gestures)} gestures are taught, the most possible: remove some first"
                )
            features = features_of_examples(examples)
            spread = _check_alike(name, features)
            gestures[name] = TaughtGesture(name=name, taught=_today(), examples=examples)
        return TeachResult(name, len(examples), spread, self._similar(name, features))

    def check(self, name: str, *, more: bool = False) -> None:
        """Check, before any example is shown, whether this name can be taught.

        Raises:
            GestureError: the name isn't allowed, or is taken and no more are to be added.
        """
        check_name(name)
        _check_free(name, {g.name: g for g in self._gestures}, more=more)

    def remove(self, name: str) -> None:
        """Remove a gesture.

        Raises:
            GestureError: there is none of that name, or the file can't be written.
        """
        with self._changing() as gestures:
            if name not in gestures:
                raise _unknown(name, gestures)
            del gestures[name]

    def test(self, hand: Hand) -> TaughtMatch:
        """What a shape would be recognised as, and how close it is."""
        return self._taught.match_hand(hand)

    def export(self, path: Path | str, names: Sequence[str] = ()) -> tuple[str, ...]:
        """Write gestures (all, or those named) to another file; returns their names.

        Raises:
            GestureError: an unknown name, nothing to export, or a file that can't be written.
        """
        known = {g.name: g for g in self._gestures}
        for name in names:
            if name not in known:
                raise _unknown(name, known)
        chosen = tuple(known[n] for n in sorted(set(names))) if names else self._gestures
        if not chosen:
            raise GestureError("no gesture is taught, so there is nothing to export: teach one")
        write_gestures(Path(path), chosen)
        return tuple(g.name for g in chosen)

    def import_from(self, path: Path | str, *, replace: bool = False) -> tuple[str, ...]:
        """Add the gestures of an exported file; returns their names.

        Raises:
            GestureError: a file that can't be understood, a name that is taken (unless
                ``replace``), or too many gestures. Nothing is changed then.
        """
        source = Path(path)
        if not source.exists():
            raise GestureError(f"{source}: no such file: give one that was exported")
        new = read_gestures(source)
        with self._changing() as gestures:
            taken = sorted(g.name for g in new if g.name in gestures)
            if taken and not replace:
                raise GestureError(
                    f"{', '.join(taken)} of {source} would replace what is taught: "
                    "remove them first, or import with replace"
                )
            gestures.update({g.name: g for g in new})
            if len(gestures) > MAX_GESTURES:
                raise GestureError(
                    f"{len(gestures)} gestures after the import, at most {MAX_GESTURES}: "
                    "remove some first"
                )
        return tuple(g.name for g in new)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, TaughtGesture]]:
        """The gestures currently in the file; written back if the block succeeds."""
        with locked(self.path):
            current = read_gestures(self.path) if self.path.exists() else ()
            gestures = {g.name: g for g in current}
            yield gestures
            write_gestures(self.path, gestures.values())
            self._stamp = stamp_of(self.path)
            self._take(tuple(gestures.values()))

    def _take(self, gestures: Sequence[TaughtGesture]) -> None:
        self._gestures = tuple(sorted(gestures, key=lambda g: g.name))
        self._taught = TaughtGestures(
            [g.name for g in self._gestures],
            [features_of_examples(g.examples) for g in self._gestures],
        )

    def _similar(self, name: str, features: NDArray[np.float32]) -> str:
        """The other gesture so close that examples of this one are within its limit."""
        match = self._taught.match(features.mean(axis=0))
        other, distance = match.second, match.second_distance
        if match.nearest != name:
            other, distance = match.nearest, match.distance
        return other if distance < LIMIT else ""


def _check_free(name: str, gestures: Mapping[str, TaughtGesture], *, more: bool) -> None:
    if name in gestures and not more:
        raise GestureError(
            f'gesture "{name}" is taught already: remove it first, or add examples to it'
        )


def _unknown(name: str, known: Iterable[str]) -> GestureError:
    names = ", ".join(sorted(known)) or "nothing yet"
    return GestureError(f'no gesture "{name}" is taught: there is {names}')


def _example(hand: Hand) -> tuple[Point, ...]:
    """A hand's points as stored in the file."""
    right = hand.handedness is Handedness.RIGHT
    features_of(hand.world_landmarks, right=right)  # raises for what isn't a hand
    points = as_right(hand.world_landmarks, right=right) * np.float32(1000.0)
    return tuple((round(x, 1), round(y, 1), round(z, 1)) for x, y, z in points.tolist())


def _check_alike(name: str, features: NDArray[np.float32]) -> float:
    """Mean distance of the examples from their mean; rejects one that is another shape."""
    # The mean of the others, so that a stray example can't pull the mean towards itself.
    count = len(features)
    rest = (features.sum(axis=0) - features) / np.float32(max(count - 1, 1))
    distances = np.sqrt(((features - rest) ** 2).sum(axis=1))
    worst = int(distances.argmax())
    if distances[worst] > ALIKE_LIMIT:
        raise GestureError(
            f'example {worst + 1} of "{name}" is another shape than the rest (distance '
            f"{distances[worst]:.1f}, at most {ALIKE_LIMIT:.1f}): leave it out"
        )
    return float(np.sqrt(((features - features.mean(axis=0)) ** 2).sum(axis=1)).mean())


def _today() -> str:
    return dt.datetime.now(tz=dt.UTC).date().isoformat()
