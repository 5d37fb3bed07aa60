"""Custom gestures: taught from a camera or pictures, listed and tested."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.table import Table

from edgehands import HandTracker, TrackingConfig
from edgehands.cameras import SourceFailure, find_inputs, open_source
from edgehands.cameras.inputs import read_input
from edgehands.cli.actions.output import people, tables
from edgehands.config import load
from edgehands.dataset.teaching import labelled_examples
from edgehands.errors import UsageError
from edgehands.gestures import HandInterpreter
from edgehands.gestures.library import GestureLibrary, default_path, only_hand
from edgehands.gestures.teaching import ExampleCollector
from edgehands.hand import FrameHands
from edgehands.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgehands.hand import Hand

_SERVICE_STATE = Path("/var/lib/edgehands")
"""The service's state directory under systemd; the command line has no ``STATE_DIRECTORY``."""


def teach(
    name: str,
    inputs: Sequence[str],
    *,
    source: str | None,
    folder: Path | None,
    examples: int,
    more: bool,
    file: Path | None,
) -> None:
    """Learn a shape from pictures, a clip or a camera.

    Args:
        name: of the gesture.
        inputs: images or a video; empty = the camera.
        source: the camera; None = the configured one.
        folder: annotated pictures to learn from instead; None = none.
        examples: number to take.
        more: add to an already taught shape.
        file: the taught gestures; None = those of the service on this machine.
    """
    library = library_of(file)
    library.check(name, more=more)  # checked before the user poses five times
    if folder is not None and (inputs or source):
        raise UsageError(f"--from {folder} and other inputs exclude each other: give one")
    if folder is not None:
        hands = labelled_examples(folder, name, load().tracking)
    elif inputs:
        hands = _from_inputs(inputs, examples)
    else:
        hands = _live(source or load().camera.source, examples)
    result = library.teach(name, hands, more=more)
    people.print(f"{result.name}: {counted(result.examples, 'example')}, saved in {library.path}")
    if result.similar:
        people.print(
            f"it looks much like {result.similar}: one may be mistaken for the other",
            style="yellow",
        )


def show(library: GestureLibrary) -> None:
    """Print the taught gestures."""
    table = Table("name", "examples", "taught")
    for gesture in library.list():
        table.add_row(gesture.name, str(len(gesture.examples)), gesture.taught)
    tables.print(table)


class TestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``gestures test --json``: a hand in a frame.

    Attributes:
        source, frame, hand: which hand this is.
        gesture: its name, taught or built-in, or ``none``.
        score: 0..1.
        nearest: the nearest taught gesture; empty when none has been taught.
        distance: to it; None when none has been taught.
    """

    __test__ = False  # not a pytest test

    source: str
    frame: int
    hand: int
    gesture: str
    score: float
    nearest: str
    distance: float | None

    def for_people(self) -> str:
        """One line."""
        near = f", nearest taught {self.nearest} at {self.distance:.2f}" if self.nearest else ""
        where = f"{self.source}#{self.frame} hand {self.hand}"
        return f"{where}: {self.gesture} ({self.score:.2f}{near})"


def try_out(inputs: Sequence[str], *, source: str | None, file: Path | None) -> Iterator[TestRow]:
    """Print the recognised shape of each hand, built-in shapes included, frame by frame.

    Args:
        inputs: images or a video; empty = the camera.
        source: the camera; None = the configured one.
        file: the taught gestures; None = those of the service on this machine.
    """
    library = library_of(file)
    config = load()
    at_once = msgspec.structs.replace(
        config.gestures, enabled=True, hold=0.0, release=0.0, dynamic=False
    )
    no_pose = msgspec.structs.replace(config.pose, enabled=False)
    interpreter = HandInterpreter(at_once, no_pose, library)
    frames = _frames_of(inputs) if inputs else _frames_live(source or config.camera.source)
    for frame_hands in frames:
        frame = frame_hands.frame
        for hand in interpreter.interpret(frame_hands).frame_hands.hands:
            assert hand.gesture is not None  # noqa: S101 - gestures are enabled above
            match = library.test(hand)
            yield TestRow(
                source=frame.source,
                frame=frame.seq,
                hand=hand.id,
                gesture=hand.gesture.name,
                score=round(hand.gesture.score, 3),
                nearest=match.nearest,
                distance=round(match.distance, 2) if match.nearest else None,
            )


def as_json(library: GestureLibrary) -> str:
    """The taught gestures, as a JSON object."""
    rows = [
        {"name": g.name, "examples": len(g.examples), "taught": g.taught} for g in library.list()
    ]
    return json.dumps({"file": str(library.path), "gestures": rows})


def library_of(file: Path | None) -> GestureLibrary:
    """The given file, or the one that the service on this machine reads."""
    configured = load().gestures.taught_file
    if not (file or configured) and _SERVICE_STATE.is_dir():
        return GestureLibrary(_SERVICE_STATE / default_path().name)
    return GestureLibrary(file or configured or None)


def _from_inputs(inputs: Sequence[str], examples: int) -> tuple[Hand, ...]:
    """One example per image, or the examples of a clip."""
    found = find_inputs(inputs)
    for failure in found.failures:
        raise failure.error
    if all(file.kind == "image" for file in found.files):
        return tuple(only_hand(frame_hands) for frame_hands in _frames_of(inputs))
    if len(found.files) > 1:
        raise UsageError(f"{len(found.files)} inputs with a video: give images, or one video")
    collector = ExampleCollector(examples)
    for frame_hands in _frames_of(inputs):
        collector.add(frame_hands)
        if collector.done:
            break
    return collector.require_all()


def _live(source: str, examples: int) -> tuple[Hand, ...]:
    """Examples from the camera, with hints for the user."""
    collector = ExampleCollector(examples)
    hint = ""
    people.print(
        f"show the shape with one hand; {counted(examples, 'example')} will be taken. Ctrl-C stops."
    )
    for frame_hands in _frames_live(source):
        step = collector.add(frame_hands)
        if step.taken:
            people.print(f"{step.count} of {step.wanted}", style="green")
        elif step.hint and step.hint != hint:
            people.print(step.hint, style="dim")
        hint = step.hint or hint
        if collector.done:
            break
    return collector.require_all()


def _frames_of(inputs: Sequence[str]) -> Iterator[FrameHands]:
    """The hands of images, each processed alone, and of videos, tracked."""
    found = find_inputs(inputs)
    with ExitStack() as stack:
        trackers: dict[bool, HandTracker] = {}
        for file in found.files:
            alone = file.kind == "image"
            if alone not in trackers:
                config = TrackingConfig(static_image=alone)
                trackers[alone] = stack.enter_context(HandTracker(config))
            for item in read_input(file):
                if isinstance(item, SourceFailure):
                    raise item.error
                t = None if alone else item.t_mono
                yield FrameHands(item, tuple(trackers[alone].process(item.image, timestamp=t)))


def _frames_live(uri: str) -> Iterator[FrameHands]:
    """The hands of a camera's frames, as in the service, until it ends."""
    config = load()
    with (
        open_source(uri, config.camera, realtime=True) as source,
        HandTracker(config.tracking) as tracker,
    ):
        while not source.finished:
            frame = source.read(timeout=1.0)
            if frame is not None:
                hands = tracker.process(frame.image, timestamp=frame.t_mono)
                yield FrameHands(frame, tuple(hands))
