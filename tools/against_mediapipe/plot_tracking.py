"""Draws docs/tracking-*.png from eval_tracking's scores; needs matplotlib.

matplotlib comes with MediaPipe, so its environment is used.

Usage: plot_tracking.py MARKS.json FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

LOOKS = {
    "lite int8": ("#56b4e9", "o"),
    "full int8": ("#0072b2", "o"),
    "MediaPipe 0": ("#e69f00", "D"),
    "MediaPipe 1": ("#d55e00", "D"),
}
"""Colours that colour-blind people can distinguish (Okabe and Ito), and markers."""

PANELS = ("tracked", "nme", "switches", "lag", "cpu")
SCALE = {"tracked": 100, "nme": 100, "sides": 100, "jitter": 100}
STATES = ("hidden or away", "missed", "tracked")
MISSED = 1
STATE_COLOURS = ("#e8e8e8", "#d55e00", "#7fbf9b")


def marks_of_clips(data: dict[str, Any], out: Path) -> None:
    """A dot for each tracker and clip; a panel for each score."""
    clips = list(data["clips"])
    figure, panels = plt.subplots(
        1, len(PANELS), figsize=(15, 0.34 * len(clips) + 1.6), sharey=True, layout="constrained"
    )
    rows = np.arange(len(clips))
    for panel, key in zip(panels, PANELS, strict=True):
        for k, (name, (colour, marker)) in enumerate(LOOKS.items()):
            values = [data["marks"][name][clip][key] for clip in clips]
            there = [i for i, v in enumerate(values) if v is not None]
            panel.scatter(
                [values[i] * SCALE.get(key, 1) for i in there],
                rows[there] + (k - 1.5) * 0.16,
                c=colour,
                marker=marker,
                s=26,
                label=name,
                zorder=3,
            )
        panel.set_title(data["columns"][key], fontsize=10)
        panel.grid(axis="x", color="#dddddd", zorder=0)
        for row in rows[::2]:
            panel.axhspan(row - 0.5, row + 0.5, color="#f6f6f6", zorder=-1)
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(axis="y", length=0)
        if key in {"nme", "cpu"}:
            panel.set_xlim(left=0)
        if key == "switches":
            panel.set_xlim(left=-0.4)
            panel.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_yticks(rows, clips)
    panels[0].set_ylim(len(clips) - 0.4, -0.6)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(LOOKS), frameon=False)
    figure.savefig(out, dpi=90)


def timelines(data: dict[str, Any], out: Path) -> None:
    """The tracked frames of each clip in which any tracker missed a hand."""
    lines = data["timelines"]
    names = [name for name in LOOKS if name in lines]
    clips = [
        clip
        for clip in data["clips"]
        if any((np.array(lines[name][clip]) == MISSED).any() for name in names)
    ]
    if not clips:
        return
    hands = {clip: len(lines[names[0]][clip][0]) for clip in clips}
    figure, panels = plt.subplots(
        len(clips),
        1,
        figsize=(13, sum(0.55 + 0.17 * 4 * hands[c] for c in clips) + 0.6),
        height_ratios=[0.55 + 0.17 * 4 * hands[c] for c in clips],
        layout="constrained",
        squeeze=False,
    )
    for panel, clip in zip(panels[:, 0], clips, strict=True):
        strips = np.concatenate([np.array(lines[name][clip]).T for name in names])
        panel.imshow(
            strips,
            aspect="auto",
            interpolation="nearest",
            vmin=0,
            vmax=2,
            cmap=ListedColormap(STATE_COLOURS),
            extent=(0, strips.shape[1], len(strips), 0),
        )
        panel.hlines(np.arange(len(strips) + 1), 0, strips.shape[1], color="white", lw=1.2)
        panel.hlines(
            np.arange(0, len(strips) + 1, hands[clip]), 0, strips.shape[1], color="#666666", lw=0.8
        )
        panel.set_yticks((np.arange(len(names)) + 0.5) * hands[clip], names, fontsize=8)
        panel.set_title(f"{clip}: {data['clips'][clip]}", fontsize=9, loc="left")
        panel.tick_params(length=0)
        panel.tick_params(axis="x", labelsize=7)
    panels[-1, 0].set_xlabel("frame")
    figure.legend(
        handles=[Patch(color=c, label=s) for c, s in zip(STATE_COLOURS, STATES, strict=True)],
        loc="outside lower center",
        ncols=3,
        frameon=False,
    )
    figure.savefig(out, dpi=80)


def main() -> None:
    """Draw both."""
    data = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    marks_of_clips(data, folder / "tracking-marks.png")
    timelines(data, folder / "tracking-timelines.png")


main()
