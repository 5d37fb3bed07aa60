"""``edgehands annotate``: the page on which pictures are corrected."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from edgehands.cli.choices import HostOption, JsonOption, PageNameOption, PortOption
from edgehands.cli.preview import NOT_INSTALLED
from edgehands.errors import UsageError

app = typer.Typer()

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="FOLDER", help="A folder made by edgehands record or convert."),
]


@app.command()
def annotate(
    folder: Folder = None,
    *,
    annotator: Annotated[
        str,
        typer.Option(metavar="NAME", help="Whose answers these are; else the login name."),
    ] = "",
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Practise on thirty drawn hands with known truth, for a mark."),
    ] = False,
    agreement: Annotated[
        bool,
        typer.Option("--agreement", help="Print how far the annotators disagree, and exit."),
    ] = False,
    as_json: JsonOption = False,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8766,
    token: Annotated[
        str,
        typer.Option(
            envvar="EDGEHANDS_ANNOTATE_TOKEN",
            show_envvar=True,
            metavar="TEXT",
            help="The token that visitors need.",
        ),
    ] = "",
    name: PageNameOption = None,
) -> None:
    """Correct recorded pictures on a page: drag points, press Enter, next. Ctrl-C ends it.

    Every change is saved at once. Two people may annotate the same folder, each under a name.
    """
    if agreement:
        from edgehands.cli.actions.agreement import show_agreement

        show_agreement(folder, as_json=as_json)
        return
    try:
        from edgehands.annotate.server import serve_annotation
        from edgehands.preview.serving import PageAddress
    except ImportError as error:
        raise UsageError(f"{NOT_INSTALLED} ({error})") from None
    from edgehands.annotate.session import AnnotationSession
    from edgehands.cli.actions.output import people
    from edgehands.config import load
    from edgehands.dataset.annotations import default_annotator
    from edgehands.wording import counted

    if demo:
        folder = folder or _practice_folder()
        _draw_practice(folder)
    if folder is None:
        raise UsageError("no folder: give one made by edgehands record, or practise with --demo")
    session = AnnotationSession(folder, annotator or default_annotator(), load().tracking)

    def ready(url: str) -> None:
        done = sum(picture.state == "done" for picture in session.overview().pictures)
        people.print(
            f"{folder}: {counted(len(session.frames), 'picture')}, {done} done", soft_wrap=True
        )
        typer.echo(f"{url}{'#token=…' if token else ''}")

    serve_annotation(session, PageAddress(host, port, token, tuple(name or ())), ready=ready)


def _practice_folder() -> Path:
    """A new folder each time, so that nobody sees another's answers; it holds nothing of value."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(tempfile.mkdtemp(prefix="edgehands-practice-", dir=runtime)) / "practice"


def _draw_practice(folder: Path) -> None:

    from edgehands.annotate.practice import write_practice
    from edgehands.cli.actions.output import progress_bar

    if (folder / "dataset.json").exists():
        return
    with progress_bar() as bar:
        task = bar.add_task("drawing hands", total=None)
        write_practice(folder, progress=lambda n, of: bar.update(task, completed=n, total=of))
