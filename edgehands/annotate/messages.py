"""The messages between the page and its server: JSON over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edgehands.dataset.format import AnnotatedHand

Progress = Literal["todo", "started", "done"]


class PictureNews(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of the set.

    Attributes:
        file: its name in the folder.
        width, height: pixels.
        state: whether it was annotated.
        why: why it was kept.
    """

    file: str
    width: int
    height: int
    state: Progress
    why: list[str]


class SetNews(msgspec.Struct, frozen=True, kw_only=True):
    """The response of ``/api/set``.

    Attributes:
        name: of the folder.
        annotator: whose answers are shown and saved.
        pictures: in order.
        practice: it is the practice set, and answers are scored.
    """

    name: str
    annotator: str
    pictures: list[PictureNews]
    practice: bool


class HandsNews(msgspec.Struct, frozen=True, kw_only=True):
    """The response of ``/api/hands/N``.

    Attributes:
        revision: of the answer on the disk; 0 = there is none, and the hands are the
            tracker's guess.
        complete: the annotator said that it is all and right.
        seconds: spent on it so far.
        hands: to be shown.
    """

    revision: int
    complete: bool
    seconds: float
    hands: list[AnnotatedHand]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer that the page sends to be saved.

    Attributes:
        revision: of the answer that it knows.
        complete: the annotator said that it is all and right.
        seconds: spent on the picture in total.
        hands: every hand in it.
    """

    revision: Annotated[int, msgspec.Meta(ge=0)]
    complete: bool
    seconds: Annotated[float, msgspec.Meta(ge=0, le=1e6)]
    hands: Annotated[list[AnnotatedHand], msgspec.Meta(max_length=20)]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The score of an answer to a practice picture.

    Attributes:
        error: mean distance from the truth in palm sizes; null = there was no hand to match.
        missed: hands that were not marked.
        false_hands: hands marked where there is none.
        wrong_side: hands with the wrong handedness.
    """

    error: float | None
    missed: int
    false_hands: int
    wrong_side: int


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """The response once the answer is on the disk.

    Attributes:
        revision: of the answer now on the disk.
        mark: of a finished practice picture; null = none.
    """

    revision: int
    mark: Mark | None = None


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A box drawn around a hand, frame pixels.

    Attributes:
        x0, y0, x1, y1: two opposite corners.
    """

    x0: float
    y0: float
    x1: float
    y1: float
