"""Options that several verbs share, and the tracking settings that they make."""

from __future__ import annotations

import enum
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


ModelOption = Annotated[
    Model, typer.Option("--model", help="lite is faster, full is more accurate.")
]
PrecisionOption = Annotated[
    Precision, typer.Option("--precision", help="auto takes the best form of each model.")
]
BackendOption = Annotated[Backend, typer.Option("--backend", help="What executes the models.")]
MaxHandsOption = Annotated[
    int, typer.Option("--max-hands", min=1, max=8, metavar="N", help="Hands found at once.")
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", min=0, max=64, help="Of each model; 0: by core count.")
]
