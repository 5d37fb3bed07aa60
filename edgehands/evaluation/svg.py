"""Plots as SVG text for a report page: lines and bars only."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLOURS: Final = ("#0b77a8", "#c2570c", "#2a8a56", "#8a4fb0", "#a08a12", "#b03050")

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 34, 44


def line_chart(  # noqa: PLR0913 - titles and a range
    title: str,
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    *,
    x_title: str,
    y_title: str,
    y_range: tuple[float, float] = (0.0, 1.0),
) -> str:
    """Lines over the same x values, each named in the legend."""
    low, high = y_range
    span = (high - low) or 1.0

    def place(a: float, b: float) -> str:
        across = (a - x[0]) / ((x[-1] - x[0]) or 1.0)
        up = min(max((b - low) / span, 0.0), 1.0)
        return (
            f"{_LEFT + across * (_WIDTH - _LEFT - _RIGHT):.1f},"
            f"{_HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM):.1f}"
        )

    parts = [_frame(title, x_title, y_title), _y_axis(low, high)]
    for i in range(6):
        value = x[0] + (x[-1] - x[0]) * i / 5
        at = place(value, low).split(",")[0]
        parts.append(_text(float(at), _HEIGHT - _BOTTOM + 16, f"{value:.2g}", anchor="middle"))
    for number, (name, values) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        dots = " ".join(place(a, b) for a, b in zip(x, values, strict=True))
        parts += [
            f'<polyline points="{dots}" fill="none" stroke="{colour}" stroke-width="2"/>',
            _legend(number, name, colour),
        ]
    return _svg(title, parts)


def bar_chart(
    title: str,
    groups: Sequence[str],
    bars: Mapping[str, Sequence[float | None]],
    *,
    y_title: str,
    unit: str = "",
) -> str:
    """A group of bars for each name, one bar per series; a missing value has none."""
    top = max((v for values in bars.values() for v in values if v is not None), default=1.0)
    top = top * 1.15 or 1.0
    wide = (_WIDTH - _LEFT - _RIGHT) / max(len(groups), 1)
    thin = 0.8 * wide / max(len(bars), 1)
    high = _HEIGHT - _TOP - _BOTTOM
    parts = [_frame(title, "", y_title), _y_axis(0.0, top)]
    for i, name in enumerate(groups):
        middle = _LEFT + (i + 0.5) * wide
        parts.append(_text(middle, _HEIGHT - _BOTTOM + 16, name, anchor="middle"))
        for number, values in enumerate(bars.values()):
            value = values[i]
            if value is None:
                continue
            x = _LEFT + i * wide + 0.1 * wide + number * thin
            tall = high * value / top
            y = _HEIGHT - _BOTTOM - tall
            colour = COLOURS[number % len(COLOURS)]
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{thin * 0.92:.1f}" height="{tall:.1f}" '
                f'fill="{colour}"/>'
                + _text(x + thin / 2, y - 4, f"{value:.3g}{unit}", anchor="middle", size=10)
            )
    parts += [
        _legend(number, name, COLOURS[number % len(COLOURS)]) for number, name in enumerate(bars)
    ]
    return _svg(title, parts)


def _svg(title: str, parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title, quote=True)}" font-family="system-ui, sans-serif" '
        f'fill="currentColor">{"".join(parts)}</svg>'
    )


def _frame(title: str, x_title: str, y_title: str) -> str:
    bottom = _HEIGHT - _BOTTOM
    return (
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{_WIDTH - _RIGHT}" fill="none" '
        'stroke="currentColor" opacity="0.5"/>'
        + _text(_LEFT, 18, title, size=14, weight="600")
        + _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, x_title, anchor="middle")
        + f'<g transform="translate(13 {(_TOP + bottom) / 2:.0f}) rotate(-90)">'
        + _text(0, 0, y_title, anchor="middle")
        + "</g>"
    )


def _y_axis(low: float, high: float) -> str:
    parts = []
    for i in range(5):
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * i / 4
        parts += [
            f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" opacity="0.12"/>',
            _text(_LEFT - 6, y + 4, f"{low + (high - low) * i / 4:.2g}", anchor="end"),
        ]
    return "".join(parts)


def _legend(number: int, name: str, colour: str) -> str:
    x = _LEFT + 270 + 84 * (number % 3)
    y = 14 + 14 * (number // 3)
    return f'<rect x="{x}" y="{y - 8}" width="11" height="11" fill="{colour}"/>' + _text(
        x + 16, y + 2, name
    )


def _text(  # noqa: PLR0913 - as many as SVG's own
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 11, weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )
