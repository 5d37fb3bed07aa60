"""``edgehands gestures``: teach the machine hand shapes of one's own."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from edgehands import HandTracker, TrackingConfig
from edgehands.cameras import SourceFailure, find_inputs, open_source
from edgehands.cameras.inputs import read_input
from edgehands.cli.output import people, tables
from edgehands.config import load
from edgehands.errors import GestureError, UsageError
from edgehands.gestures.library import GestureLibrary, default_path, only_hand
from edgehands.gestures.teaching import ExampleCollector
from edgehands.hand import FrameHands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgehands.hand import Hand

app = typer.Typer()
group = typer.Typer(
    name="gestures",
    help="Teach, list, remove, test, export and import hand shapes of your own.",
    no_args_is_help=True,
)
app.add_typer(group, name="gestures")

_SERVICE_STATE = Path("/var/lib/edgehands")
"""Where systemd lets the service keep things; the command line has no ``STATE_DIRECTORY``."""

FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file", help="The file of taught gestures; default: the one that the service reads."
    ),
]
InputsArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Images or a video instead of the camera.", show_default=False),
]
SourceOption = Annotated[
    str | None, typer.Option(help="The camera; default: the one of the configuration.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object for programs.")]


@group.command("teach")
def teach(
    name: Annotated[str, typer.Argument(help="What to call the shape: a-z, 0-9, _ and -.")],
    inputs: InputsArgument = None,
    *,
    source: SourceOption = None,
    examples: Annotated[int, typer.Option(min=1, max=50, help="How many examples to take.")] = 5,
    more: Annotated[bool, typer.Option("--more", help="Add to a shape that is taught.")] = False,
    file: FileOption = None,
) -> None:
    """Learn a shape: hold it into the camera five times, or give pictures or a clip of it.

    Turn the hand a little between examples. Of images each is an example; of a clip or live,
    examples are taken where one hand alone holds still.
    """
    library = _library(file)
    hands = (
        _from_inputs(inputs, examples)
        if inputs
        else _live(source or load().camera.source, examples)
    )
    result = library.teach(name, hands, more=more)
    people.print(f"{result.name}: {result.examples} examples, kept in {library.path}")
    if result.similar:
        people.print(
            f"[yellow]it looks much like {result.similar}: they may be mistaken for each other[/]"
        )


@group.command("list")
def list_gestures(*, file: FileOption = None, as_json: JsonOption = False) -> None:
    """List what has been taught."""
    library = _library(file)
    if as_json:
        rows = [
            {"name": g.name, "examples": len(g.examples), "taught": g.taught}
            for g in library.list()
        ]
        typer.echo(json.dumps({"file": str(library.path), "gestures": rows}))
        return
    if not library.list():
        typer.echo(f"nothing is taught yet in {library.path}: edgehands gestures teach NAME")
        return
    table = Table("name", "examples", "taught")
    for gesture in library.list():
        table.add_row(gesture.name, str(len(gesture.examples)), gesture.taught)
    tables.print(table)


@group.command("remove")
def remove(name: str, *, file: FileOption = None) -> None:
    """Forget a shape."""
    _library(file).remove(name)
    people.print(f"{name} is forgotten")


@group.command("test")
def try_out(
    inputs: InputsArgument = None,
    *,
    source: SourceOption = None,
    file: FileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the shape in pictures, a clip or the camera would be taken for, frame by frame."""
    library = _library(file)
    if not len(library.taught):
        raise GestureError(f"nothing is taught yet in {library.path}: teach a gesture first")
    frames = _frames_of(inputs) if inputs else _frames_live(source or load().camera.source)
    for frame_hands in frames:
        for hand in frame_hands.hands:
            match = library.test(hand)
            where = f"{frame_hands.frame.source}#{frame_hands.frame.seq}"
            if as_json:
                row = {
                    "source": frame_hands.frame.source,
                    "frame": frame_hands.frame.seq,
                    "hand": hand.id,
                    "gesture": match.gesture.name,
                    "score": round(match.gesture.score, 3),
                    "nearest": match.nearest,
                    "distance": round(match.distance, 2),
                }
                typer.echo(json.dumps(row))
            else:
                typer.echo(
                    f"{where} hand {hand.id}: {match.gesture.name} (nearest {match.nearest}, "
                    f"distance {match.distance:.2f})"
                )


@group.command("export")
def export(
    path: Annotated[Path, typer.Argument(help="The file to write.")],
    names: Annotated[list[str] | None, typer.Argument(help="Only these shapes.")] = None,
    *,
    file: FileOption = None,
) -> None:
    """Write taught shapes to a file that others can import."""
    written = _library(file).export(path, names or ())
    people.print(f"{path}: {', '.join(written)}")


@group.command("import")
def import_gestures(
    path: Annotated[Path, typer.Argument(help="A file written by export.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Replace shapes of one name.")] = False,
    file: FileOption = None,
) -> None:
    """Add the shapes of an exported file."""
    taken = _library(file).import_from(path, replace=replace)
    people.print(f"imported: {', '.join(taken) or 'nothing, the file is empty'}")


def _library(file: Path | None) -> GestureLibrary:
    """The file that was given, else the one that the service on this machine reads."""
    configured = load().gestures.taught_file
    if not (file or configured) and _SERVICE_STATE.is_dir():
        return GestureLibrary(_SERVICE_STATE / default_path().name)
    return GestureLibrary(file or configured or None)


def _from_inputs(inputs: list[str], examples: int) -> tuple[Hand, ...]:
    """One example an image, or the examples of a clip."""
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
    """Examples from the camera, with hints for the person before it."""
    collector = ExampleCollector(examples)
    hint = ""
    people.print(f"show the shape with one hand; {examples} examples are taken. Ctrl-C stops.")
    for frame_hands in _frames_live(source):
        step = collector.add(frame_hands)
        if step.taken:
            people.print(f"[green]{step.count} of {step.wanted}[/]")
        elif step.hint and step.hint != hint:
            people.print(f"[dim]{step.hint}[/]")
        hint = step.hint or hint
        if collector.done:
            break
    return collector.require_all()


def _frames_of(inputs: list[str]) -> Iterator[FrameHands]:
    """The hands of images, each alone, and of videos, followed."""
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
    """The hands of a camera's frames as the service sees them, until it ends."""
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
