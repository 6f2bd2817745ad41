"""Figures as people read them; a dash where nothing can be said. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

NOTHING: Final = "–"


def _clean(value: float, digits: int) -> float:
    """Rounded, and never a zero with a minus."""
    return round(value, digits) + 0.0


def pct(value: float | None, digits: int = 2) -> str:
    """A fraction as signed percent."""
    return NOTHING if value is None else f"{_clean(value * 100, digits):+,.{digits}f} %"


def share(value: float | None, digits: int = 1) -> str:
    """A fraction as percent without a sign."""
    return NOTHING if value is None else f"{value * 100:,.{digits}f} %"


def usd(value: float | None) -> str:
    """A signed sum of money."""
    return NOTHING if value is None else f"{_clean(value, 2):+,.2f}"


def number(value: float | None, digits: int = 2) -> str:
    """A plain number."""
    return NOTHING if value is None else f"{_clean(value, digits):,.{digits}f}"


def signed(value: float | None, digits: int = 1) -> str:
    """A number with its sign."""
    return NOTHING if value is None else f"{_clean(value, digits):+,.{digits}f}"


def minutes(value: float | None) -> str:
    """A length of time, of minutes."""
    if value is None:
        return NOTHING
    if value < 120:
        return f"{value:.0f} min"
    return f"{value / 60:.1f} h" if value < 48 * 60 else f"{value / 1440:.1f} days"


def when(moment: datetime) -> str:
    """A moment to the minute, UTC."""
    return f"{moment:%Y-%m-%d %H:%M}"


def knowing(count: int) -> str:
    """How many values look ahead."""
    return "1 value knows its own future" if count == 1 else f"{count:,} values know their own future"


def tone(value: float | None) -> str:
    """``gain`` above 0, ``loss`` below."""
    return "" if not value else "gain" if value > 0 else "loss"
