"""Tracks images, folders and videos; writes landmarks as JSON lines, and pictures."""

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
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from edgehands import HandTracker
from edgehands.cameras import count_frames, find_inputs
from edgehands.cameras.files import in_words
from edgehands.cameras.inputs import Limits, OpenInput, failure_of
from edgehands.cli.actions.film_writer import FilmWriter
from edgehands.cli.actions.output import people, progress_bar, written
from edgehands.cli.actions.overlay import OverlayWriter
from edgehands.config import load
from edgehands.drawing import draw_hands
from edgehands.errors import SourceError, SourceNotFound, UsageError
from edgehands.gestures import NONE, HandInterpreter
from edgehands.hand import FrameHands
from edgehands.mqtt.contract.messages import EventMessage, HandsMessage, encode, hands_message
from edgehands.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgehands.cameras import SourceFailure
    from edgehands.cameras.inputs import InputFile, Inputs, Kind
    from edgehands.config import Config, TrackingConfig
    from edgehands.gestures import GestureEvent
    from edgehands.hand import Frame, Hand


_STILL_S = 1.0
"""How long a picture outside a sequence is shown in a film."""


class TrackLine(HandsMessage, frozen=True, kw_only=True):
    """One line of ``--json``: the ``hands`` payload, its source, and its events.

    Attributes:
        source: the file.
        frame: frame number in it, from 0.
        events: as on the ``event`` topic; ``id`` counts them, ``t`` is the frame's.
    """

    source: str
    frame: int
    events: list[EventMessage]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOptions:
    """The options of ``edgehands track``.

    Attributes:
        inputs: images, folders of images, videos, cameras and streams.
        lines: file for the JSON lines, ``-`` = stdout; None = none are written.
        overlay: folder or file for pictures with the hands drawn on them; None = none.
        film: file for one film of everything, with the hands drawn on it; None = none.
        limits: how much of each video or camera to read.
        fps: rate of videos without timestamps, and of images in a sequence.
        static: process every frame of a video separately.
        sequence: track hands from image to image.
        tracking: how hands are found; ``static_image`` is set by the kind of input.
    """

    inputs: Sequence[str]
    lines: str | None
    overlay: Path | None
    film: Path | None
    limits: Limits
    fps: float | None
    static: bool
    sequence: bool
    tracking: TrackingConfig


def track(options: TrackOptions) -> bool:
    """Find hands in images and videos; False if an input couldn't be read.

    Raises:
        UsageError: options exclude each other, or a place can't be written to.
    """
    if options.static and options.sequence:
        raise UsageError("--static and --sequence exclude each other: give one")
    found = find_inputs(options.inputs)
    config = load()
    cv2.setNumThreads(1)
    with ExitStack() as stack:
        run = _Run(options, config, found, stack)
        for failure in found.failures:
            run.fail(failure)
        with progress_bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        ) as progress:
            task = progress.add_task("tracking", total=_total(found, options.limits))
            for file in found.files:
                try:
                    for _ in run.read(file):
                        progress.advance(task)
                except KeyboardInterrupt:
                    if file.kind != "camera":
                        raise
                    break  # the only way a camera ends
            run.end()
        run.summarise(found)
    return not run.failed


@dataclass(frozen=True, slots=True)
class _Seen:
    """The hands and events of a frame, and the time that processing took."""

    tracked: FrameHands
    events: tuple[GestureEvent, ...]
    took_ms: float


class _Run:
    """Writes the output for each frame, and keeps the counts.

    Args:
        options: what to do.
        config: gestures, pose and camera settings.
        found: the inputs.
        stack: closes opened resources.
    """

    def __init__(
        self, options: TrackOptions, config: Config, found: Inputs, stack: ExitStack
    ) -> None:
        self._options = options
        self._config = config
        self._stack = stack
        self._lines = _lines(options.lines, stack)
        self._pictures: OverlayWriter | None = None
        self._film: FilmWriter | None = None
        if options.overlay is not None:
            self._pictures = stack.enter_context(OverlayWriter(options.overlay, found))
        if options.film is not None:
            self._film = stack.enter_context(FilmWriter(options.film, "--video"))
        self._trackers: dict[bool, HandTracker] = {}
        self._followed = HandInterpreter(config.gestures, config.pose)
        self._last: _Seen | None = None
        self._events = 0
        self._sequence = 0  # images since the last video
        self._step = 1 / (options.fps or 30.0) if options.sequence else _STILL_S
        self._film_t = 0.0  # in the film, of the first frame of this input
        self._film_end = 0.0
        self.frames = 0
        self.hands = 0
        self.failed = 0

    def read(self, file: InputFile) -> Iterator[None]:
        """Track one input; yields after each of its frames. An unreadable input is reported."""
        options = self._options
        settings = self._config.camera if file.kind == "camera" else None
        try:
            with OpenInput(file, settings, fps=options.fps, limits=options.limits) as opened:
                still = opened.kind == "image"
                alone = options.static or (still and not options.sequence)
                tracker = self._tracker(alone=alone)
                if not still or not self._sequence:  # a video, or an image after one
                    self.end()
                    tracker.reset()
                    self._sequence = 0
                first: float | None = None
                for frame in opened:
                    # Images have no timestamps: those of a sequence come at a camera's rate.
                    t = self._sequence * self._step if still else frame.t_mono
                    self._sequence += still
                    first = t if first is None else first
                    if alone and still:
                        tracker.reset(ids=True)
                    self._take(file, opened.kind, frame, tracker, t, t - first)
                    yield
                if not still:
                    self.end()
        except (SourceError, SourceNotFound) as error:
            self.fail(failure_of(file, error))
            yield
        finally:
            self._film_t = self._film_end

    def _tracker(self, *, alone: bool) -> HandTracker:
        if alone not in self._trackers:
            tracking = msgspec.structs.replace(self._options.tracking, static_image=alone)
            self._trackers[alone] = self._stack.enter_context(HandTracker(tracking))
        return self._trackers[alone]

    def _take(
        self,
        file: InputFile,
        kind: Kind,
        frame: Frame,
        tracker: HandTracker,
        t: float,
        since_first: float,
    ) -> None:
        """Track a frame and write the requested output."""
        start = time.perf_counter()
        seen = FrameHands(replace(frame, t_mono=t), tracker.process(frame.image, t))
        # A single picture has no history, and nothing begins or ends in it.
        alone = tracker.config.static_image
        meaning = _at_once(self._config) if alone else self._followed
        told = meaning.interpret(seen)
        hands = told.frame_hands.hands
        took = (time.perf_counter() - start) * 1e3
        self.frames += 1
        self.hands += len(hands)
        if self._pictures is not None or self._film is not None:
            drawn = draw_hands(frame.image, hands)
            if self._pictures is not None:
                self._pictures.write(file, kind, drawn, frame.seq, since_first)
            if self._film is not None:
                self._film.write(drawn, self._film_t + since_first)
                step = self._step if kind == "image" else 1 / 30
                self._film_end = self._film_t + since_first + step
        self._write()
        self._last = _Seen(FrameHands(frame, hands), () if alone else told.events, took)

    def end(self) -> None:
        """End tracking of an input: events caused by its end belong to its last frame."""
        events = self._followed.end()
        if self._last is not None:
            self._last = replace(self._last, events=self._last.events + events)
        self._write()

    def _write(self) -> None:
        """Write the pending frame; it was held back because it might be its video's last."""
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
        if self._lines is None and self._pictures is None and self._film is None:
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
        """Report an input that couldn't be read."""
        self.failed += 1
        typer.echo(f"edgehands: {failure.error}", err=True)

    def summarise(self, found: Inputs) -> None:
        """Print a summary on stderr."""
        if self._lines is not None:
            self._lines.flush()  # report a full disk instead of success
        parts = [counted(self.frames, "frame"), counted(self.hands, "hand")]
        if found.left_out:
            parts.append(f"left out of the folders: {in_words(found.left_out)}")
        if self.failed:
            parts.append(f"{counted(self.failed, 'input')} failed")
        people.print(", ".join(parts))


def _at_once(config: Config) -> HandInterpreter:
    """What adds gestures and poses to the hands of a single picture."""
    gestures = msgspec.structs.replace(config.gestures, hold=0.0, release=0.0, dynamic=False)
    return HandInterpreter(gestures, config.pose)


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
    """Where JSON lines go; None if not requested."""
    if as_json is None:
        return None
    if as_json == "-":
        return sys.stdout.buffer
    return stack.enter_context(written(Path(as_json), "--json"))


def _total(found: Inputs, limits: Limits) -> int | None:
    """Number of frames in all inputs; None if one doesn't give it, or is only partly read."""
    if limits != Limits():
        return None
    counts = [count_frames(file) for file in found.files]
    return None if 0 in counts else sum(counts)
