"""Images, folders and videos to landmarks in JSON lines and pictures."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import cv2
import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edgehands import HandTracker
from edgehands.cameras import SourceFailure, count_frames, find_inputs
from edgehands.cameras.inputs import read_input
from edgehands.cli.actions.output import people, written
from edgehands.cli.actions.overlay import OverlayWriter
from edgehands.config import load
from edgehands.errors import UsageError
from edgehands.gestures import NONE, HandInterpreter
from edgehands.hand import FrameHands
from edgehands.mqtt.messages import EventMessage, HandsMessage, encode, hands_message
from edgehands.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgehands.cameras.inputs import InputFile, Inputs
    from edgehands.config import Config, TrackingConfig
    from edgehands.gestures import GestureEvent
    from edgehands.hand import Frame, Hand


class TrackLine(HandsMessage, frozen=True, kw_only=True):
    """One line of ``--json``: the ``hands`` payload, where it is from, and what happened in it.

    Attributes:
        source: the file.
        frame: number of the frame in it, from 0.
        events: as on the ``event`` topic; ``id`` counts them, ``t`` is the frame's.
    """

    source: str
    frame: int
    events: list[EventMessage]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOptions:
    """What ``edgehands track`` shall do.

    Attributes:
        inputs: images, folders of images, videos.
        lines: file for the JSON lines, ``-`` = stdout; None = none are written.
        overlay: folder or file for pictures with the hands drawn on them; None = none.
        static: take every frame of a video alone.
        sequence: follow hands from image to image.
        tracking: how hands are found; ``static_image`` is set by the kind of input.
    """

    inputs: Sequence[str]
    lines: str | None
    overlay: Path | None
    static: bool
    sequence: bool
    tracking: TrackingConfig


def track(options: TrackOptions) -> bool:
    """Find hands in images and videos; False if an input couldn't be read.

    Raises:
        UsageError: options that exclude each other, or a place that can't be written to.
    """
    if options.static and options.sequence:
        raise UsageError("--static and --sequence exclude each other: give one")
    found = find_inputs(options.inputs)
    alone, followed = (
        msgspec.structs.replace(options.tracking, static_image=static_image)
        for static_image in (True, False)
    )
    meanings = _meanings(load())
    cv2.setNumThreads(1)
    with ExitStack() as stack:
        lines = _lines(options.lines, stack)
        pictures = (
            stack.enter_context(OverlayWriter(options.overlay, found))
            if options.overlay is not None
            else None
        )
        run = _Run(lines, pictures, for_people=options.lines is None)
        for failure in found.failures:
            run.fail(failure)
        trackers: dict[bool, HandTracker] = {}
        with _progress() as progress:
            task = progress.add_task("tracking", total=_total(found))
            for file in found.files:
                alike = not options.static and (options.sequence or file.kind != "image")
                if alike not in trackers:
                    trackers[alike] = stack.enter_context(HandTracker(followed if alike else alone))
                for _ in run.read(file, trackers[alike], meanings[alike], alone=not alike):
                    progress.advance(task)
            run.end(meanings[True])
        run.summarise(found)
    return not run.failed


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen in a frame, what happened in it, and how long that took to find out."""

    tracked: FrameHands
    events: tuple[GestureEvent, ...]
    took_ms: float


class _Run:
    """What is written for each frame, and what has been counted."""

    def __init__(
        self, lines: IO[bytes] | None, pictures: OverlayWriter | None, *, for_people: bool
    ) -> None:
        self._lines = lines
        self._pictures = pictures
        self._for_people = for_people
        self._last: _Seen | None = None
        self._events = 0
        self.frames = 0
        self.hands = 0
        self.failed = 0

    def read(
        self, file: InputFile, tracker: HandTracker, meaning: HandInterpreter, *, alone: bool
    ) -> Iterator[None]:
        """Track a file; yields after each of its frames, damaged ones too."""
        if file.kind != "image":
            tracker.reset()
        for item in read_input(file):
            if isinstance(item, SourceFailure):
                self.fail(item)
            else:
                # Images have no clock: those of a sequence come as a camera's would.
                t = self.frames / 30 if file.kind == "image" else item.t_mono
                self._take(item, tracker, meaning, t, alone=alone)
            yield
        if file.kind != "image":
            tracker.reset()  # what follows has a time of its own
            if not alone:
                self.end(meaning)

    def _take(
        self, frame: Frame, tracker: HandTracker, meaning: HandInterpreter, t: float, *, alone: bool
    ) -> None:
        """Track a frame, draw it, and write what was seen in the frame before it."""
        start = time.perf_counter()
        seen = FrameHands(replace(frame, t_mono=t), tracker.process(frame.image, t))
        told = meaning.interpret(seen)
        hands = told.frame_hands.hands
        took = (time.perf_counter() - start) * 1e3
        self.frames += 1
        self.hands += len(hands)
        if self._pictures is not None:
            self._pictures.write(frame, hands)
        self._write()
        # In a picture alone nothing begins or ends.
        self._last = _Seen(FrameHands(frame, hands), () if alone else told.events, took)

    def end(self, meaning: HandInterpreter) -> None:
        """End a video: what its end ends is told with its last frame."""
        events = meaning.end()
        if self._last is not None:
            self._last = replace(self._last, events=self._last.events + events)
        self._write()

    def _write(self) -> None:
        """Write the frame that waits; it waits because it may be its video's last."""
        seen, self._last = self._last, None
        if seen is None:
            return
        frame, hands = seen.tracked.frame, seen.tracked.hands
        if self._lines is not None:
            message = hands_message(seen.tracked, seen.took_ms)
            fields = {name: getattr(message, name) for name in message.__struct_fields__}
            events = [self._event(event, message.t) for event in seen.events]
            line = TrackLine(**fields, source=frame.source, frame=frame.seq, events=events)
            self._lines.write(encode(line) + b"\n")
        if self._for_people and self._pictures is None:
            words = "; ".join([_in_words(hands), *map(_event_in_words, seen.events)])
            typer.echo(f"{frame.source}:{frame.seq}: {words}")

    def _event(self, event: GestureEvent, t: float) -> EventMessage:
        self._events += 1
        return EventMessage(
            event_type=event.event_type.value,
            hand_id=event.hand_id,
            id=str(self._events),
            t=t,
            handedness=event.handedness.value,
            **event.details(),
        )

    def fail(self, failure: SourceFailure) -> None:
        """Name an input that couldn't be read."""
        self.failed += 1
        typer.echo(f"edgehands: {failure.error}", err=True)

    def summarise(self, found: Inputs) -> None:
        """Say on stderr what was done."""
        if self._lines is not None:
            self._lines.flush()  # a full disk is told in place of a good end
        parts = [counted(self.frames, "frame"), counted(self.hands, "hand")]
        if found.skipped:
            parts.append(f"{counted(found.skipped, 'other file')} skipped")
        if self.failed:
            parts.append(f"{counted(self.failed, 'input')} failed")
        people.print(", ".join(parts))


def _meanings(config: Config) -> dict[bool, HandInterpreter]:
    """What adds gestures and poses to followed hands (True), and to those of single pictures."""
    at_once = msgspec.structs.replace(config.gestures, hold=0.0, release=0.0, dynamic=False)
    return {
        True: HandInterpreter(config.gestures, config.pose),
        False: HandInterpreter(at_once, config.pose),
    }


def _in_words(hands: tuple[Hand, ...]) -> str:
    if not hands:
        return "no hands"
    return "; ".join(
        f"{hand.handedness} hand {hand.id} ({hand.presence:.2f}), {_gesture_of(hand)},"
        f" wrist at {hand.landmarks[0, 0]:.0f}, {hand.landmarks[0, 1]:.0f}"
        for hand in hands
    )


def _gesture_of(hand: Hand) -> str:
    return hand.gesture.name if hand.gesture and hand.gesture.name != NONE else "no gesture"


def _event_in_words(event: GestureEvent) -> str:
    what = event.event_type.value + (f" {event.gesture}" if event.gesture else "")
    return f"{what} by hand {event.hand_id}"


def _lines(as_json: str | None, stack: ExitStack) -> IO[bytes] | None:
    """Where JSON lines go; None if nobody asked for them."""
    if as_json is None:
        return None
    if as_json == "-":
        return sys.stdout.buffer
    return stack.enter_context(written(Path(as_json), "--json"))


def _total(found: Inputs) -> int | None:
    """Frames in all inputs; None where a video doesn't tell."""
    counts = [count_frames(file) for file in found.files if _tells_slowly(file)]
    images = sum(not _tells_slowly(file) for file in found.files)
    return None if 0 in counts else images + sum(counts)


def _tells_slowly(file: InputFile) -> bool:
    return file.kind != "image"


def _progress() -> Progress:
    """A bar on a terminal; nothing where stderr is a file or a pipe."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=people,
        transient=True,
        disable=not people.is_terminal,
    )
