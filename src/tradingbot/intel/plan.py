"""The polling plan: what is asked how often within the request budget; what does not fit is said in words. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tradingbot.core.memo import by_identity
from tradingbot.intel.params import CoinglassParams
from tradingbot.intel.plan_rows import BACKFILL, Circumstances, PollRow, Priority, uncoverable, wishes
from tradingbot.market.intelligence import Feed

NEVER_ASKED: Final = 1.5
"""How overdue a row counts that was never asked: others may run half a period late meanwhile."""
NEVER_BACKFILLED: Final = 1.1
"""The same for the backfill, which steps back further."""
_NEVER: Final[Mapping[Priority, float]] = {
    Priority.SELF_CHECK: math.inf,
    Priority.BACKFILL: NEVER_BACKFILLED,
}
STRETCH_STEPS: Final = (2.0, 4.0)
"""How far all periods are stretched in turn before any is stretched further."""
SLOW_S: Final = 3600.0
"""Rows this slow are not stretched: it would gain next to nothing."""
_EPSILON: Final = 1e-9


@dataclass(frozen=True, slots=True)
class PollPlan:
    """Rows by priority. `left_out` says what was stretched or left out and why; `off` which feeds have no row."""

    rows: tuple[PollRow, ...]
    left_out: tuple[str, ...]
    off: Mapping[Feed, str]

    @property
    def per_min(self) -> float:
        """Requests of the key's budget in a minute."""
        return sum(row.per_min for row in self.rows)


def make_plan(params: CoinglassParams, now: Circumstances) -> PollPlan:
    """The plan for these settings, assets, plan level and budget. It never exceeds the budget.

    Periods of the least urgent rows are stretched first, by at most `polling.most_stretch`; when that is not enough,
    the least urgent rows are left out.
    """
    wanted = wishes(params, now)
    stretched = _stretch(wanted.rows, now.budget_per_min, params.polling.most_stretch)
    kept, dropped = _drop(stretched, now.budget_per_min)
    lines = [*wanted.left_out, *uncoverable(params, now)]
    lines += _stretch_lines(wanted.rows, kept, now.budget_per_min)
    lines += _drop_lines(dropped, now.budget_per_min)
    alive = {row.feed for row in kept if row.is_main and row.variant != BACKFILL}
    starved = {row.feed: "budget" for row in dropped if row.feed is not None and row.feed not in alive}
    kept.sort(key=lambda row: row.priority)
    nowhere = dict.fromkeys((feed for feed in Feed if feed not in alive), "not_covered")
    return PollPlan(tuple(kept), tuple(lines), {**nowhere, **starved, **wanted.off})


def _load(rows: Iterable[PollRow]) -> float:
    return sum(row.per_min for row in rows)


def _stretch(rows: Sequence[PollRow], budget: float, most: float) -> list[PollRow]:
    """Every priority, the least urgent first, is stretched a little before any is stretched much."""
    usual, fitted = list(rows), list(rows)
    for step in (*(step for step in STRETCH_STEPS if step < most), most):
        for priority in sorted(set(Priority), reverse=True):
            if _load(fitted) <= budget + _EPSILON:
                return fitted
            fitted = _stretch_one(usual, fitted, priority, budget, step)
    return fitted


def _stretch_one(
    usual: Sequence[PollRow], fitted: Sequence[PollRow], priority: Priority, budget: float, most: float
) -> list[PollRow]:
    chosen = {row.key for row in usual if row.priority is priority and row.period_s < SLOW_S}
    own = _load(row for row in usual if row.key in chosen)
    room = budget - _load(row for row in fitted if row.key not in chosen)
    factor = min(most, own / room) if room > 0 else most
    return [
        _slower(row, factor) if row.key in chosen and factor > 1 else now
        for row, now in zip(usual, fitted, strict=True)
    ]


def _slower(row: PollRow, factor: float) -> PollRow:
    return replace(row, period_s=row.period_s * factor) if row.per_min else row


def _drop(rows: Sequence[PollRow], budget: float) -> tuple[list[PollRow], list[PollRow]]:
    kept, dropped = sorted(rows, key=lambda row: row.priority), []
    load = _load(kept)
    for row in [row for row in reversed(kept) if row.per_min]:
        if load <= budget + _EPSILON:
            break
        kept.remove(row)
        dropped.append(row)
        load -= row.per_min
    return kept, dropped[::-1]


def _stretch_lines(wanted: Sequence[PollRow], kept: Sequence[PollRow], budget: float) -> list[str]:
    usual = {row.key: row.period_s for row in wanted}
    lines = {
        f"{row.label}: every {_span(row.period_s)} instead of {_span(usual[row.key])}, request budget {budget:.3g}/min"
        for row in kept
        if row.period_s > usual[row.key] * (1 + _EPSILON)
    }
    return sorted(lines)


def _drop_lines(dropped: Sequence[PollRow], budget: float) -> list[str]:
    by_label: dict[str, list[str]] = {}
    for row in dropped:
        by_label.setdefault(row.label, []).append(row.subject or "all")
    return [
        f"{label}: left out, request budget {budget:.3g}/min: {', '.join(assets)}" for label, assets in by_label.items()
    ]


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def next_due(rows: Sequence[PollRow], last_asked: Mapping[str, datetime], now: datetime) -> PollRow | None:
    """The row that is most overdue relative to its period; of equals the most urgent; None when none is due.

    Overdue is the time since a row was asked, in its periods: 1 is due, and so is a row that was asked in the future (a
    clock was set). Most rows are not due, which takes no more than a look: a backtest comes here for every request.
    """
    best, most, asked = None, 1.0 - _EPSILON, last_asked.get
    for period_s, group in _by_period(rows):
        # A little earlier than due, so that rounding of the exact figure below cannot make a row due that is passed.
        soonest = now - timedelta(seconds=period_s * (1 - 1e-6))
        for row in group:
            asked_at = asked(row.key)
            if asked_at is None:
                waited = _NEVER.get(row.priority, NEVER_ASKED)
            elif soonest < asked_at <= now:
                continue
            else:
                waited_s = (now - asked_at).total_seconds()
                waited = waited_s / period_s if waited_s >= 0 else 1.0
            if waited > most or (waited == most and (best is None or _goes_before(row, best, rows))):
                best, most = row, waited
    return best


def _goes_before(row: PollRow, other: PollRow, rows: Sequence[PollRow]) -> bool:
    """Of two that are equally overdue: the more urgent, else the one that stands first."""
    if row.priority != other.priority:
        return row.priority < other.priority
    return rows.index(row) < rows.index(other)


@by_identity(16)
def _by_period(rows: Sequence[PollRow]) -> tuple[tuple[float, tuple[PollRow, ...]], ...]:
    groups: dict[float, list[PollRow]] = {}
    for row in rows:
        groups.setdefault(row.period_s, []).append(row)
    return tuple((period_s, tuple(group)) for period_s, group in groups.items())


def due_at(rows: Sequence[PollRow], last_asked: Mapping[str, datetime], now: datetime) -> datetime | None:
    """When the next row is due; None without rows."""
    asked, moments = last_asked.get, []
    for period_s, group in _by_period(rows):
        period = timedelta(seconds=period_s)
        never = now - period
        moments.append(min([asked(row.key, never) for row in group]) + period)
    return min(moments, default=None)
