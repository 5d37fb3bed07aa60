"""Learning curves as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from pathlib import Path

    from .distil import Curve


def curve(seen: Curve, path: Path, title: str) -> None:
    """Draw the figures on held-out sources over the steps, beside the loss, into a PNG."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, values in seen.figures.items():
        axes.plot(seen.step, values, label=name)
    axes.set(title=title, xlabel="steps", ylabel="on held-out sources")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    beside = axes.twinx()
    beside.plot(seen.step[1:], seen.loss[1:], color="grey", alpha=0.6, label="loss")
    beside.set_ylabel("loss")
    figure.legend(loc="outside lower center", ncols=4)
    figure.savefig(path, dpi=110)
    plt.close(figure)
