"""The curves of a soak as an SVG, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 900
PANEL: Final = 170
LEFT, RIGHT, TOP, GAP = 64, 16, 28, 34
INK: Final = "#7a7f87"


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: (day, value) points."""

    name: str
    color: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves that share an axis, which begins at zero."""

    title: str
    curves: Sequence[Curve]


def svg(title: str, panels: Sequence[Panel]) -> str:
    """The picture: panels below each other over the same days."""
    days = max((x for panel in panels for curve in panel.curves for x, _ in curve.points), default=1.0) or 1.0
    height = TOP + len(panels) * (PANEL + GAP) + 18
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12" fill="{INK}">',
        f"<title>{escape(title)}</title>",
        f'<text x="{LEFT}" y="16" font-size="14">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, TOP + GAP / 2 + number * (PANEL + GAP), days)
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{height - 4}" text-anchor="end">simulated days</text></svg>')
    return "\n".join(parts) + "\n"


def _panel(panel: Panel, top: float, days: float) -> list[str]:
    highest = max((y for curve in panel.curves for _, y in curve.points), default=1.0) or 1.0
    ceiling = _ceiling(highest)
    parts = [*_grid(top, ceiling), *_days(top, days), *_legend(panel, top)]
    for curve in panel.curves:
        points = " ".join(f"{_x(x, days):.1f},{_y(y, top, ceiling):.1f}" for x, y in curve.points)
        dash = ' stroke-dasharray="6 4"' if curve.dashed else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="{curve.color}" stroke-width="1.5"{dash}/>')
    return parts


def _grid(top: float, ceiling: float) -> list[str]:
    parts = []
    for step in range(5):
        value = ceiling * step / 4
        y = _y(value, top, ceiling)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}" opacity="0.25"/>'
        )
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    return parts


def _days(top: float, days: float) -> list[str]:
    step = next(one for one in (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100) if days / one <= 15)
    marks = [number * step for number in range(int(days / step) + 1)]
    return [
        f'<text x="{_x(day, days):.1f}" y="{top + PANEL + 14}" text-anchor="middle">{day:g}</text>' for day in marks
    ]


def _legend(panel: Panel, top: float) -> list[str]:
    names = [f'<tspan fill="{curve.color}">{escape(curve.name)}</tspan>' for curve in panel.curves]
    return [f'<text x="{LEFT}" y="{top - 4}">{escape(panel.title)}: {" · ".join(names)}</text>']


def _ceiling(value: float) -> float:
    """A round number that is not below the value."""
    base = 10.0 ** len(str(int(value))) / 10 if value >= 1 else 0.1
    return next(factor * base for factor in (1, 2, 4, 6, 8, 10) if factor * base >= value)


def _x(day: float, days: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * day / days


def _y(value: float, top: float, ceiling: float) -> float:
    return top + PANEL * (1 - value / ceiling)
