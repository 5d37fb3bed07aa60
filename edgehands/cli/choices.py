"""Options that several verbs share."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer


class Model(enum.StrEnum):
    """Which pair of models."""

    LITE = "lite"
    FULL = "full"


class Precision(enum.StrEnum):
    """Which form of the models."""

    AUTO = "auto"
    FLOAT = "float"
    INT8 = "int8"


class Backend(enum.StrEnum):
    """What executes the models."""

    AUTO = "auto"
    CPU = "cpu"
    EDGETPU = "edgetpu"
    FAKE = "fake"


_MODEL_HELP = "lite is faster, full is more accurate."

ModelOption = Annotated[Model, typer.Option("--model", help=_MODEL_HELP)]
ConfiguredModelOption = Annotated[
    Model | None,
    typer.Option("--model", help=f"{_MODEL_HELP} [default: as configured]"),
]
PrecisionOption = Annotated[
    Precision, typer.Option("--precision", help="auto picks the best form of each model.")
]
BackendOption = Annotated[Backend, typer.Option("--backend", help="What executes the models.")]
MaxHandsOption = Annotated[
    int, typer.Option("--max-hands", min=1, max=8, metavar="N", help="Most hands to find at once.")
]
ConfiguredMaxHandsOption = Annotated[
    int | None,
    typer.Option(
        "--max-hands",
        min=1,
        max=8,
        metavar="N",
        help="Most hands to find at once. [default: as configured]",
    ),
]
ThreadsOption = Annotated[
    int,
    typer.Option(
        "--threads", min=0, max=64, metavar="N", help="Threads for each model; 0: by core count."
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Read only this configuration file."),
]
OneCameraOption = Annotated[
    str,
    typer.Option(
        "--camera", metavar="NAME", help="One of several cameras: its own file is read too."
    ),
]
BrokerOption = Annotated[
    str | None,
    typer.Option("--mqtt", metavar="URL", help="The broker. [default: as configured]"),
]
NodeOption = Annotated[
    str, typer.Option("--node", metavar="NAME", help="Only this node. [default: all nodes]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
HostOption = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Where to listen; any but loopback needs --token.")
]
PortOption = Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0 takes a free one.")]
PageNameOption = Annotated[
    list[str] | None,
    typer.Option(metavar="HOST", help="Another name of the page (a proxy's)."),
]
