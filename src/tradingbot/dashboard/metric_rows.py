"""What a figure for Prometheus is: one row of a table, and what its reader is shown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from tradingbot.dashboard.moment import Moment
from tradingbot.engine.models import RuntimeState

PREFIX: Final = "tradingbot_"
MAX_SERIES: Final = 500
"""Series of one figure; more than there can be of symbols, jobs or kinds. What is beyond is left out."""
OTHER: Final = "other"
_LABEL: Final = re.compile(r"[A-Za-z0-9_.:+ -]{0,64}")

Sample = tuple[tuple[str, ...], float | None]


@dataclass(frozen=True, slots=True)
class View:
    """What a reader is shown: the newest moment, the daemon's time at the scrape, and what was seen before.

    `peak_usd` is the highest equity of this process's moments. `reasons` are all reasons against entries that this
    process has seen, so that a figure of one that is over reads 0 instead of vanishing. `program` is the version.
    """

    moment: Moment
    now: datetime
    peak_usd: float | None = None
    reasons: frozenset[str] = frozenset()
    program: Mapping[str, str] = field(default_factory=dict)

    @property
    def runtime(self) -> RuntimeState:
        """What `state/runtime.json` says."""
        return self.moment.runtime


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `name` without prefix, with its base unit; of a counter without ``_total``.

    `read` gives label values and numbers; None and what is not finite are left out. It may raise what broken values
    raise: the figure is then missing from this scrape, and counted.
    """

    name: str
    kind: Literal["gauge", "counter", "info", "histogram"]
    meaning: str
    read: Callable[[View], Iterable[Sample]]
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """As it is asked for."""
        suffix = {"counter": "_total", "info": "_info"}.get(self.kind, "")
        return f"{PREFIX}{self.name}{suffix}"

    def samples(self, view: View) -> dict[tuple[str, ...], float]:
        """Every series once, by its label values."""
        found: dict[tuple[str, ...], float] = {}
        for labels, value in self.read(view):
            number = finite(value)
            if number is not None and len(found) < MAX_SERIES:
                found[tuple(label(one) for one in labels)] = number
        return found


def label(text: object) -> str:
    """A label value that is short and plain; anything else is ``other``, so that no free text gets in."""
    found = str(text)
    return found if _LABEL.fullmatch(found) else OTHER


def finite(value: Any) -> float | None:
    """A number or its text as float; None for None and for what is not finite. Raises what is no number."""
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def one(read: Callable[[View], Any]) -> Callable[[View], Iterable[Sample]]:
    """A figure without labels."""
    return lambda view: [((), finite(read(view)))]


def states(names: Iterable[str], current: Callable[[View], str]) -> Callable[[View], Iterable[Sample]]:
    """One series per state, 1 for the one that holds; none at all while that is not known."""
    known = tuple(names)

    def read(view: View) -> Iterable[Sample]:
        now = current(view)
        return [((name,), float(name == now)) for name in known] if now else []

    return read


def seconds(moment: datetime | None) -> float | None:
    """Unix time."""
    return None if moment is None else moment.timestamp()


def scaled(value: Any, factor: float) -> float | None:
    """In the base unit."""
    number = finite(value)
    return None if number is None else number * factor
