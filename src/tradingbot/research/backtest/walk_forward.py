"""Settings are chosen in one window and proven in the next: the windows, and their results as one run. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise, zip_longest

import numpy as np

from tradingbot.core.types import Symbol
from tradingbot.research.arrays import Floats
from tradingbot.research.backtest.compare import compare
from tradingbot.research.backtest.model import WindowRow
from tradingbot.research.backtest.result import (
    BacktestResult,
    ComponentCounts,
    EquityCurve,
    GateCounts,
    RunFacts,
    SignalTally,
)


@dataclass(frozen=True, slots=True)
class Window:
    """Settings are chosen in [train_since, train_until) and proven in [test_since, test_until)."""

    number: int
    train_since: datetime
    train_until: datetime
    test_since: datetime
    test_until: datetime


@dataclass(frozen=True, slots=True)
class WalkForward:
    """All windows out of sample as one run, and one row per window."""

    result: BacktestResult
    windows: tuple[WindowRow, ...]


def windows(
    since: datetime,
    until: datetime,
    train_days: float,
    test_days: float,
    step_days: float | None = None,
    anchored: bool = False,
) -> tuple[Window, ...]:
    """Windows whose tests follow each other; every train ends where its test begins.

    `step_days` is from one test to the next, `test_days` unless given. `anchored`: every train begins at `since`.
    Raises ValueError when no window fits, or when tests would overlap.
    """
    step_days = test_days if step_days is None else step_days
    if train_days <= 0 or test_days <= 0:
        raise ValueError("a window trains and tests for more than 0 days")
    if step_days < test_days:
        raise ValueError(f"tests of {test_days:g} days overlap when there is one every {step_days:g} days")
    train, test, step = (timedelta(days=days) for days in (train_days, test_days, step_days))
    found: list[Window] = []
    begin = since + train
    while begin + test <= until:
        trained_since = since if anchored else begin - train
        found.append(Window(len(found) + 1, trained_since, begin, begin, begin + test))
        begin += step
    if not found:
        span = f"{since:%Y-%m-%d} and {until:%Y-%m-%d}"
        raise ValueError(f"{train_days:g} + {test_days:g} days do not fit between {span}")
    return tuple(found)


def joined(
    results: Sequence[BacktestResult],
    name: str = "walk-forward",
    *,
    trained: Sequence[BacktestResult] = (),
    chosen: Sequence[str] = (),
) -> WalkForward:
    """Results of windows that follow each other as one: returns are chained, trades follow each other, counts add up.

    Every window began with its own money, so amounts of trades are those of their window and do not add up to the
    change of the chained equity. `trained`: what the chosen settings gave in each window's training, `chosen`: which
    they are; both are only shown. Raises ValueError for none, where windows overlap, or for another number of these.
    """
    if not results:
        raise ValueError("there is no window to join")
    for one, other in pairwise(results):
        if other.facts.since < one.facts.until:
            raise ValueError(f"{other.facts.name} begins before {one.facts.name} ends")
    if any(len(one) not in (0, len(results)) for one in (trained, chosen)):
        raise ValueError(f"{len(results)} windows have as many trainings and settings, or none")
    last = results[-1]
    symbols = tuple(dict.fromkeys(symbol for one in results for symbol in one.closes))
    result = BacktestResult(
        facts=_facts(results, name),
        equity=_chained(results),
        closes={symbol: _prices(results, symbol) for symbol in symbols},
        trades=tuple(trade for one in results for trade in one.trades),
        signals=summed([one.signals for one in results]),
        open_positions=last.open_positions,
        digest=_hash(one.digest for one in results),
        checkpoints=tuple(mark for one in results for mark in one.checkpoints),
        costs=results[0].costs,
        timings_s=_added([one.timings_s for one in results]),
        warnings=_warnings(results),
    )
    ratios = [one.sharpe for one in compare({str(number): one for number, one in enumerate(trained)})]
    rows = zip_longest(range(1, len(results) + 1), results, ratios, chosen)
    return WalkForward(result, tuple(_row(*row) for row in rows))


def _row(number: int, result: BacktestResult, train_sharpe: float | None, chosen: str | None) -> WindowRow:
    (found,) = compare({result.facts.name: result})
    return WindowRow(
        number=number,
        since=result.facts.since,
        until=result.facts.until,
        total_return=found.total_return,
        sharpe=found.sharpe,
        max_drawdown=found.max_drawdown,
        trades=found.trades,
        net_usd=found.net_usd,
        train_sharpe=train_sharpe,
        chosen=chosen or "",
    )


def _chained(results: Sequence[BacktestResult]) -> EquityCurve:
    factor, equity, exposure = 1.0, [], []
    for one in results:
        # Every window begins with its own money: what it made of it is what counts.
        scale = factor * results[0].facts.start_usd / one.facts.start_usd
        equity.append(one.equity.equity_usd * scale)
        exposure.append(one.equity.exposure_usd * scale)
        if len(one.equity.equity_usd):
            factor *= float(one.equity.equity_usd[-1]) / one.facts.start_usd
    times = np.concatenate([one.equity.time_ms for one in results])
    return EquityCurve(times, np.concatenate(equity), np.concatenate(exposure))


def _prices(results: Sequence[BacktestResult], symbol: Symbol) -> Floats:
    unknown = (np.full(len(one.equity.time_ms), np.nan) for one in results)
    return np.concatenate([one.closes.get(symbol, nothing) for one, nothing in zip(results, unknown, strict=True)])


def summed(tallies: Sequence[SignalTally]) -> SignalTally:
    """Counts of several runs together."""
    found = SignalTally()
    for one in tallies:
        found.total += one.total
        found.with_side += one.with_side
        found.stages.update(one.stages)
        found.reasons.update(one.reasons)
        found.regime_minutes.update(one.regime_minutes)
        for gate, said in one.gates.items():
            _add(found.gates.setdefault(gate, GateCounts()), said)
        for name, spoken in one.components.items():
            _add(found.components.setdefault(name, ComponentCounts()), spoken)
    return found


def _add(total: GateCounts | ComponentCounts, one: GateCounts | ComponentCounts) -> None:
    for name in total.__slots__:
        setattr(total, name, getattr(total, name) + getattr(one, name))


def _added(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    found: Counter[str] = Counter()
    for one in parts:
        found.update(one)
    return dict(found)


def _facts(results: Sequence[BacktestResult], name: str) -> RunFacts:
    first, last = results[0].facts, results[-1].facts
    return replace(
        first,
        name=name,
        symbols=tuple(dict.fromkeys(symbol for one in results for symbol in one.facts.symbols)),
        until=last.until,
        cycles=sum(one.facts.cycles for one in results),
        settings_digest=_same(one.facts.settings_digest for one in results),
        data_digest=_same(one.facts.data_digest for one in results),
    )


def _same(digests: Iterable[str]) -> str:
    known = list(digests)
    return known[0] if len(set(known)) == 1 else _hash(known)


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _warnings(results: Sequence[BacktestResult]) -> tuple[str, ...]:
    said = list(dict.fromkeys(line for one in results for line in one.warnings))
    if len(results) > 1:
        said.append(
            f"{len(results)} windows, each with its own start: returns are chained, amounts are the window's own."
        )
    if any(one.open_positions for one in results[:-1]):
        said.append("Positions that were open at the end of a window end there with their unrealised worth.")
    if any(one.facts.since > before.facts.until for before, one in pairwise(results)):
        said.append("There is time between the windows that nothing was traded in.")
    if any(dict(one.costs) != dict(results[0].costs) for one in results):
        said.append("Windows were run with different costs; those of the first are shown.")
    return tuple(said)
