"""Analyses of finished trades and executed orders, for ``tradingbot analyze`` and the daemon's jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any, Final

from tradingbot.app.home_trades import is_within, trades_of_home
from tradingbot.app.status import is_running
from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError, StateCorruptError
from tradingbot.core.types import parse_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.learning_models import RolloutState
from tradingbot.learning.calibration import Calibration, calibrated
from tradingbot.learning.params import LearningParams
from tradingbot.learning.reality_gap import PARTS, RealityGap, measured
from tradingbot.learning.strategic_advice import strategic_advice
from tradingbot.learning.trade_facts import TradeFacts, facts_of
from tradingbot.learning.trade_review import (
    by_duration,
    by_exit_rule,
    by_pair,
    by_symbol,
    faults_counted,
    fee_impact,
    group_of,
    grouped,
    inverse_of,
    losing_trades,
)
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.writer import StorageWriter

Analysis = Callable[[Sequence[TradeFacts], Sequence[Mapping[str, Any]], LearningParams], Any]


def _overview(trades: Sequence[TradeFacts], _: Sequence[Mapping[str, Any]], params: LearningParams) -> Any:
    least = params.small_sample_trades
    advice = strategic_advice(trades, least)
    return {
        "all": asdict(group_of("all", trades, least)),
        "inverse": asdict(inverse_of(trades, least)),
        "advice": asdict(advice),
    }


def _groups(key: Callable[[TradeFacts], str], in_order: bool = False) -> Analysis:
    def analysis(trades: Sequence[TradeFacts], _: Sequence[Mapping[str, Any]], params: LearningParams) -> Any:
        found = grouped(trades, key, params.small_sample_trades)
        return [asdict(group) for group in (sorted(found, key=lambda group: group.name) if in_order else found)]

    return analysis


def _fees(trades: Sequence[TradeFacts], _: Sequence[Mapping[str, Any]], params: LearningParams) -> Any:
    return asdict(fee_impact(trades, params.small_sample_trades))


def _faults(trades: Sequence[TradeFacts], _: Sequence[Mapping[str, Any]], params: LearningParams) -> Any:
    losing = losing_trades(trades)
    return {
        "counted": faults_counted(losing),
        "small": len(losing) < params.small_sample_trades,
        "trades": [asdict(one) for one in losing],
    }


def _execution(_: Sequence[TradeFacts], orders: Sequence[Mapping[str, Any]], params: LearningParams) -> Any:
    gap = RealityGap()
    for line in orders:
        named = ((name, line.get(f"{name}_bps")) for name in PARTS)
        parts = {name: float(Decimal(str(value))) for name, value in named if value is not None}
        gap = measured(gap, str(line["symbol"]), str(line["purpose"]), parts, params.newest_values)
    return {
        symbol: {
            "orders": one.orders,
            "purposes": {
                purpose: {name: _without_values(asdict(part), params) for name, part in parts.items()}
                for purpose, parts in one.purposes.items()
            },
        }
        for symbol, one in sorted(gap.symbols.items())
    }


def _without_values(part: dict[str, Any], params: LearningParams) -> dict[str, Any]:
    shown = {name: value for name, value in part.items() if name not in ("newest", "square_sum")}
    return {**shown, "of_newest": len(part["newest"]), "small": part["count"] < params.small_sample_trades}


def _calibration(trades: Sequence[TradeFacts], _: Sequence[Mapping[str, Any]], params: LearningParams) -> Any:
    found = reduce(calibrated, trades, Calibration())
    return {
        "unpredicted": found.unpredicted,
        "directions": {
            name: {**asdict(sums), "brier": sums.brier, "small": sums.count < params.small_sample_trades}
            for name, sums in found.directions.items()
        },
    }


ANALYSES: Final[Mapping[str, Analysis]] = {
    "trades": _overview,
    "exits": _groups(by_exit_rule),
    "fees": _fees,
    "timing": _groups(by_pair),
    "duration": _groups(by_duration, in_order=True),
    "symbols": _groups(by_symbol),
    "execution": _execution,
    "calibration": _calibration,
    "faults": _faults,
}
"""Every analysis by its name on the command line."""


def analysed(
    trades: Iterable[ClosedTrade],
    orders: Sequence[Mapping[str, Any]],
    params: LearningParams,
    names: Iterable[str] = tuple(ANALYSES),
) -> dict[str, Any]:
    """The named analyses of these trades and lines of the journal of execution quality."""
    facts = [facts_of(trade) for trade in trades]
    return {name: ANALYSES[name](facts, orders, params) for name in names}


def advised(trades: Iterable[ClosedTrade], params: LearningParams, at: datetime) -> dict[str, Any]:
    """One line of `logs/strategic_advice.jsonl`."""
    facts = [facts_of(trade) for trade in trades]
    found = asdict(strategic_advice(facts, params.small_sample_trades))
    found["advice"] = [{"code": why["code"], **dict(why["numbers"])} for why in found["advice"]]
    return {"at": at, **found}


def read_analysis(
    home: Path, params: LearningParams, what: str | None, since: datetime | None, until: datetime | None
) -> dict[str, Any]:
    """Analyses of a home's trades that closed within [since, until). Moves nothing: a daemon may own the files.

    Raises ConfigurationError where nothing was ever traded, StateError for trades that cannot be read.
    """
    trades = trades_of_home(home, since, until)
    if trades is None:
        raise ConfigurationError(f"no trades in {home} yet; start a daemon with: tradingbot run --home {home}")
    lines = JournalReader(journal_path(home, "execution_quality"))
    orders = [line for line in lines if is_within(parse_utc(str(line["filled_at"])), since, until)]
    rollout = None
    with suppress(StateCorruptError):  # made again by the daemon
        rollout = open_document(home, "rollout", StorageWriter(SystemClock())).peek()
    return {
        "home": str(home),
        "running": is_running(home),
        "since": since,
        "until": until,
        "trade_count": len(trades),
        "order_count": len(orders),
        "small_sample_trades": params.small_sample_trades,
        "rollout": asdict(rollout.content) if isinstance(rollout, RolloutState) else None,
        **analysed(trades, orders, params, tuple(ANALYSES) if what is None else (what,)),
    }
