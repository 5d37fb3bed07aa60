"""``edgehands track``: images, folders and videos to landmarks in JSON lines and pictures."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import cv2
import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edgehands import HandTracker, TrackingConfig
from edgehands.cameras import SourceFailure, count_frames, find_inputs
from edgehands.cameras.inputs import read_input
from edgehands.cli.choices import (
    Backend,
    BackendOption,
    MaxHandsOption,
    Model,
    ModelOption,
    Precision,
    PrecisionOption,
    ThreadsOption,
)
from edgehands.cli.output import people
from edgehands.cli.overlay import OverlayWriter
from edgehands.config import load
from edgehands.errors import UsageError
from edgehands.gestures import NONE, HandInterpreter
from edgehands.hand import FrameHands
from edgehands.mqtt.messages import EventMessage, HandsMessage, encode, hands_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgehands.cameras.inputs import InputFile, Inputs
    from edgehands.config import Config
    from edgehands.gestures import GestureEvent
    from edgehands.hand import Frame, Hand

app = typer.Typer()


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


@app.command()
def track(
    inputs: Annotated[list[str], typer.Argument(help="Images, folders of images, videos.")],
    as_json: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE|-", help="Write JSON lines, one a frame; - is stdout."
        ),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            help="Write pictures with the hands drawn on them: a folder, or the file for one input."
        ),
    ] = None,
    *,
    static: Annotated[
        bool, typer.Option("--static", help="Take every frame of a video alone, as images are.")
    ] = False,
    sequence: Annotated[
        bool, typer.Option("--sequence", help="Follow hands from image to image, as in a video.")
    ] = False,
    model: ModelOption = Model.FULL,
    precision: PrecisionOption = Precision.AUTO,
    backend: BackendOption = Backend.AUTO,
    max_hands: MaxHandsOption = 2,
    threads: ThreadsOption = 0,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="The pictures are mirror images (selfies).")
    ] = False,
    smoothing: Annotated[bool, typer.Option(help="Smooth the landmarks of followed hands.")] = True,
) -> None:
    """Find hands in images and videos; JSON lines, pictures, or a summary for people.

    Images are taken alone, each with its own ids; hands in videos are followed. A file that can't
    be read is named on stderr and the rest goes on; the exit code is then 1. Gestures, the pose
    and the camera's lens are as the configuration file says.
    """
    if static and sequence:
        raise UsageError("--static and --sequence exclude each other: give one")
    found = find_inputs(inputs)
    alone, followed = (
        TrackingConfig(
            model=model.value,
            precision=precision.value,
            backend=backend.value,
            max_hands=max_hands,
            num_threads=threads,
            mirrored=mirrored,
            smoothing=smoothing,
            static_image=static_image,
        )
        for static_image in (True, False)
    )
    meanings = _meanings(load())
    cv2.setNumThreads(1)
    with ExitStack() as stack:
        lines = _lines(as_json, stack)
        pictures = (
            stack.enter_context(OverlayWriter(overlay, found)) if overlay is not None else None
        )
        run = _Run(lines, pictures, for_people=as_json is None)
        for failure in found.failures:
            run.fail(failure)
        trackers: dict[bool, HandTracker] = {}
        with _progress() as progress:
            task = progress.add_task("tracking", total=_total(found))
            for file in found.files:
                alike = not static and (sequence or file.kind == "video")
                if alike not in trackers:
                    trackers[alike] = stack.enter_context(HandTracker(followed if alike else alone))
                for _ in run.read(file, trackers[alike], meanings[alike], alone=not alike):
                    progress.advance(task)
            run.end(meanings[True])
        run.summarise(found)
    if run.failed:
        raise typer.Exit(1)


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
        if file.kind == "video":
            tracker.reset()
        for item in read_input(file):
            if isinstance(item, SourceFailure):
                self.fail(item)
            else:
                # Images have no clock: those of a sequence come as a camera's would.
                t = self.frames / 30 if file.kind == "image" else item.t_mono
                self._take(item, tracker, meaning, t, alone=alone)
            yield
        if file.kind == "video" and not alone:
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
            words = ", ".join([_in_words(hands), *map(_event_in_words, seen.events)])
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
        parts = [f"{self.frames} frames", f"{self.hands} hands"]
        if found.skipped:
            parts.append(f"{found.skipped} other files in the folders left out")
        if self.failed:
            parts.append(f"{self.failed} inputs failed")
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
    return ", ".join(
        f"{hand.handedness} hand {hand.id} ({hand.presence:.2f}){_gesture_in_words(hand)},"
        f" wrist at {hand.landmarks[0, 0]:.0f}, {hand.landmarks[0, 1]:.0f}"
        for hand in hands
    )


def _gesture_in_words(hand: Hand) -> str:
    return f" {hand.gesture.name}" if hand.gesture and hand.gesture.name != NONE else ""


def _event_in_words(event: GestureEvent) -> str:
    what = event.event_type.value + (f" {event.gesture}" if event.gesture else "")
    return f"{what} by hand {event.hand_id}"


def _lines(as_json: str | None, stack: ExitStack) -> IO[bytes] | None:
    """Where JSON lines go; None if nobody asked for them."""
    if as_json is None:
        return None
    if as_json == "-":
        return sys.stdout.buffer
    try:
        return stack.enter_context(Path(as_json).open("wb"))
    except OSError as error:
        raise UsageError(f"--json {as_json}: {error.strerror}: name a file to write") from error


def _total(found: Inputs) -> int | None:
    """Frames in all inputs; None where a video doesn't tell."""
    counts = [count_frames(file) for file in found.files if _tells_slowly(file)]
    images = sum(not _tells_slowly(file) for file in found.files)
    return None if 0 in counts else images + sum(counts)


def _tells_slowly(file: InputFile) -> bool:
    return file.kind == "video"


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
