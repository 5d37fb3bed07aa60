"""The report of a labelled set as one HTML file: tables, plots, the worst pictures.

It contains pictures of the set: share it only with those who may see them.
"""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from edgehands.cameras.images import read_image
from edgehands.evaluation.curves import PCK_STEPS
from edgehands.evaluation.svg import bar_chart, line_chart
from edgehands.evaluation.thresholds import STEPS
from edgehands.hand import HAND_CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from edgehands.evaluation.labelled import Judged, Part, PictureScore
    from edgehands.evaluation.thresholds import Proposal

WORST: Final = 20

_SIDE: Final = 360
"""Long side of a picture on the page, pixels."""

_TRUE, _SAID = (70, 220, 120), (255, 120, 60)

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 1.5rem auto; padding: 0 1rem;
  background: Canvas; color: CanvasText; font-variant-numeric: tabular-nums; }
h1 { font-size: 1.35rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .8rem .25rem 0; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr { border-bottom: 1px solid #8884; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
.worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figure img { width: 100%; border-radius: 8px; display: block; }
figcaption, .soft { opacity: .75; font-size: .86rem; }
.true { color: #1c8a4a; } .said { color: #c2570c; }
pre { background: #8882; padding: .7rem 1rem; border-radius: 8px; }
"""


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage; ``-`` where there is none."""
    return "-" if value is None else f"{100 * value:.{digits}f}"


ROWS: Final[dict[str, Callable[[PictureScore], str]]] = {
    "hands": lambda s: str(s.hands),
    "found, %": lambda s: percent(s.recall),
    "missed": lambda s: str(s.missed),
    "false hands": lambda s: str(s.false_hands),
    "precision, %": lambda s: percent(s.precision),
    "mean error (NME), % of palm size": lambda s: percent(s.nme, 2),
    "95th percentile": lambda s: percent(s.nme_p95, 2),
    "area under PCK to 0.5, %": lambda s: percent(s.auc),
    "palm AP at IoU 0.5, %": lambda s: percent(s.palm_ap50),
    "landmark MSE, % of palm size squared": lambda s: percent(s.landmark_mse, 2),
    "landmark RMSE, % of palm size": lambda s: percent(s.landmark_rmse, 2),
    "right side, %": lambda s: percent(s.handedness),
    "depth error, mm": lambda s: "-" if s.z_mm is None else f"{s.z_mm:.1f}",
}
"""The tables' rows and their formats."""

PARTS: Final[dict[str, Callable[[PictureScore], Mapping[str, Part]]]] = {
    "finger": lambda s: s.fingers,
    "view": lambda s: s.views,
    "light": lambda s: s.lights,
    "points": lambda s: s.visibility,
}
"""The breakdowns of the error."""


def report_page(
    title: str,
    scores: Mapping[str, PictureScore],
    worst: Sequence[Judged],
    proposal: tuple[Proposal, Mapping[str, Sequence[float]]] | None = None,
    after: PictureScore | None = None,
) -> str:
    """The page.

    Args:
        title: of the set.
        scores: by model.
        worst: pictures to show, the worst first.
        proposal: thresholds, and F1 at each of :data:`~edgehands.evaluation.thresholds.STEPS`, by
            name.
        after: the first model's score with the proposed thresholds.
    """
    first = next(iter(scores.values()))
    about = (
        f"{first.pictures} pictures, {first.hands} hands. Errors are distances in per cent of palm "
        "size (wrist to middle knuckle). A hand is found if its points lie within half a palm size "
        "on average."
    )
    parts = [
        f'<h1>{escape(title)}</h1><p class="soft">{about}</p>',
        _table(["", *scores], [[name, *map(show, scores.values())] for name, show in ROWS.items()]),
        '<h2>Where the error is</h2><div class="plots">',
        _pck(scores),
        *(_bars(name, pick, scores) for name, pick in PARTS.items()),
        "</div>",
    ]
    if proposal is not None:
        parts.append(_proposal(proposal[0], proposal[1], first, after))
    if worst:
        legend = (
            '<p class="soft"><b class="true">green</b>: what a person says; '
            '<b class="said">orange</b>: what was reported.</p>'
        )
        parts += [
            f"<h2>The worst {len(worst)} pictures</h2>{legend}",
            f'<div class="worst">{"".join(map(_figure, worst))}</div>',
        ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"{''.join(parts)}</body></html>\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    line = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{line}</tr>{body}</table>"


def _pck(scores: Mapping[str, PictureScore]) -> str:
    return line_chart(
        "PCK: points within a distance",
        PCK_STEPS.tolist(),
        {name: score.pck for name, score in scores.items()},
        x_title="distance, palm sizes",
        y_title="share of points",
    )


def _bars(
    name: str,
    pick: Callable[[PictureScore], Mapping[str, Part]],
    scores: Mapping[str, PictureScore],
) -> str:
    groups = list(dict.fromkeys(group for score in scores.values() for group in pick(score)))

    def value(score: PictureScore, group: str) -> float | None:
        part = pick(score).get(group)
        return None if part is None or part.nme is None else 100 * part.nme

    bars = {model: [value(score, group) for group in groups] for model, score in scores.items()}
    counts = {group: pick(next(iter(scores.values()))).get(group) for group in groups}
    labels = [f"{g} ({part.count})" if (part := counts[g]) else g for g in groups]
    return bar_chart(f"Mean error by {name}", labels, bars, y_title="% of palm size")


def _proposal(
    proposal: Proposal,
    lines: Mapping[str, Sequence[float]],
    before: PictureScore,
    after: PictureScore | None,
) -> str:
    plot = line_chart(
        "F1 over a threshold, the other as in force",
        list(STEPS),
        lines,
        x_title="threshold",
        y_title="F1",
        y_range=(max(0.0, min(min(line) for line in lines.values()) - 0.02), 1.0),
    )
    rows = [
        [
            "F1 on unseen pictures, %",
            percent(proposal.outcome_before.f1, 2),
            percent(proposal.outcome_after.f1, 2),
        ]
    ]
    for name, show in ROWS.items():
        rows.append([name, show(before), show(after) if after else show(before)])
    return (
        f"<h2>Thresholds for this camera</h2><p>{escape(proposal.why)}.</p>"
        f'<div class="plots"><div>{_table(["", "before", "after"], rows)}'
        f"<pre>{escape(config_lines(proposal))}</pre></div>{plot}</div>"
    )


def config_lines(proposal: Proposal) -> str:
    """The lines for the configuration file; a comment where there is nothing to change."""
    if not proposal.gains:
        return "# nothing to change"
    before, after = proposal.before, proposal.after
    lines = ["[tracking]"]
    if after.palm_score != before.palm_score:
        lines.append(f"palm_score = {after.palm_score}")
    if after.presence != before.presence:
        lines.append(f"presence = {after.presence}")
    return "\n".join(lines)


def _figure(judged: Judged) -> str:
    image = judged.result.image
    words = [
        "missed" if f.report is None else f"{100 * float(f.errors[f.truth.inside].mean()):.1f} %"
        for f in judged.found
    ]
    if judged.false_hands:
        words.append(f"{judged.false_hands} false")
    caption = f"{image.path.name}: {', '.join(words) or 'no hand'}"
    data = base64.b64encode(_picture(judged)).decode()
    return (
        f'<figure><img alt="{escape(caption, quote=True)}" src="data:image/jpeg;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _picture(judged: Judged) -> bytes:
    """A JPEG of the picture with both skeletons."""
    pixels = read_image(judged.result.image.path)
    scale = _SIDE / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.ascontiguousarray(small, np.uint8)
    for found in judged.found:
        _skeleton(canvas, found.truth.points * scale, _TRUE)
        if found.report is not None:
            _skeleton(canvas, found.report.points * scale, _SAID)
    matched = {id(f.report) for f in judged.found}
    for report in judged.reports:
        if id(report) not in matched:
            _skeleton(canvas, report.points * scale, _SAID)
    bgr = cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()


def _skeleton(
    canvas: NDArray[np.uint8], points: NDArray[np.float64], colour: tuple[int, int, int]
) -> None:
    places = [(int(x), int(y)) for x, y in np.clip(points, -2000, 4000)]
    for a, b in HAND_CONNECTIONS:
        cv2.line(canvas, places[a], places[b], colour, 1, cv2.LINE_AA)
    for place in places:
        cv2.circle(canvas, place, 2, colour, -1, cv2.LINE_AA)
