"""Nightly reports of learning: weights by horizon, strategies, exits tried on the last day, and what matters most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from tradingbot.app.home_trades import trades_ended
from tradingbot.app.learning_ground import ground_of, round_trip_bps
from tradingbot.app.learning_meeting import GROUND, proposal_record
from tradingbot.app.learning_records import records_of_home
from tradingbot.app.nightly import NightlyReports
from tradingbot.app.runtime import Work
from tradingbot.app.scenario_tuning import scenarios_of_home
from tradingbot.app.stores import Stores, open_document
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import StateError
from tradingbot.core.levers import Levers
from tradingbot.core.parameters import LearnedParameters
from tradingbot.core.types import iso_utc, parse_utc
from tradingbot.engine.learning_models import VenueMetadata
from tradingbot.learning.enhanced_review import reviewed
from tradingbot.learning.factor_learner import learn_strategies
from tradingbot.learning.group_results import told_groups, with_trade
from tradingbot.learning.trade_facts import TradeFacts, facts_of
from tradingbot.learning.weight_history import agreement, by_horizon, history_row, kept
from tradingbot.ports import Clock
from tradingbot.storage.writer import StorageWriter

log = structlog.get_logger(__name__)

REVIEW_DAYS: Final = 30.0
HISTORY_ROWS: Final = 400
"""Nights whose weights are kept for the page: more than a year."""
DIMENSIONS: Final = ("strategy", "symbol", "direction", "exit_rule", "conviction", "hour")


class LearningReports:
    """Bodies of these jobs."""

    def __init__(
        self,
        nightly: NightlyReports,
        home: Path,
        stores: Stores,
        clock: Clock,
        venue: VenueMetadata,
        settings: Settings,
        learned: Callable[[], LearnedParameters],
        levers: Callable[[], Levers],
    ) -> None:
        """`levers` hold now."""
        self._nightly = nightly
        self._home = home
        self._stores = stores
        self._clock = clock
        self._venue = venue
        self._settings = settings
        self._learned = learned
        self._levers = levers

    def by_name(self) -> dict[str, Work]:
        """Every job's body."""
        return {
            "weight_evolution": self.weights,
            "strategy_tuning": self.strategies,
            "scenario_tuner": self.scenarios,
            "enhanced_learning": self.enhance,
        }

    async def weights(self) -> None:
        """`feature_store/weight_evolution.json`: weights over time, and what each horizon alone would make them."""
        found = await self._nightly.made("weight_evolution", weights_of_home, **self._asked())
        log.info("weights.evolved", agreement=found["agreement"], nights=len(found["history"]))

    async def strategies(self) -> None:
        """`feature_store/strategy_tuning.json`: what each strategy brought, and the factor that follows."""
        found = await self._nightly.made("strategy_tuning", strategies_of_home, **self._asked())
        log.info("strategies.tuned", trades=found["trades"], verdict=found["proposal"]["verdict"])

    async def scenarios(self) -> None:
        """`feature_store/scenario_tuning.json`; every variant is one line of the trial ledger."""
        limit_s = self._settings.learning.learners.meta.scenarios_s
        if not limit_s:
            return
        params = self._settings.learning.counterfactual.model_dump(mode="json")
        found = await self._nightly.made("scenario_tuning", scenarios_of_home, params=params, limit_s=limit_s)
        for name, row in found["variants"].items():
            line = {"at": self._clock.now(), "trial": None, "learner": "scenario_tuner", "variant": name, **row}
            self._stores.journals["learning_trials"].append({**line, "accepted": False, "why": "advice only"})
        told = {name: row["verdict"] for name, row in found["variants"].items()}
        log.info("scenarios.tried", cycles=found["cycles"], signals=found["signals"], verdicts=told)

    async def enhance(self) -> None:
        """`feature_store/enhanced_learnings.json`: findings of all reports, ranked by money."""
        small = self._settings.learning.small_sample_trades
        found = await self._nightly.made("enhanced_learnings", enhanced_of_home, small_below=small)
        log.info("learnings.ranked", findings=len(found["findings"]), proven=found["proven"])

    def _asked(self) -> dict[str, Any]:
        now = self._clock.now()
        ground = ground_of(self._settings, self._learned(), self._venue, now)
        levers = self._levers()
        return {
            "ground": GROUND.dump_python(ground, mode="json"),
            "levers": {"number": levers.number, "values": dict(levers.values)},
            "cost_bps": round_trip_bps(self._settings),
        }


def weights_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """`home`, `until`, `venue_since`, `ground`, `levers` -> weights by horizon, their agreement, and over time."""
    home, now, since = Path(asked["home"]), parse_utc(asked["until"]), parse_utc(asked["venue_since"])
    ground = GROUND.validate_python(asked["ground"])
    records, counts = records_of_home(home, since, now, ground.params.meta, float(asked["cost_bps"]))
    found = by_horizon(records.table, ground)
    levers = Levers(int(asked["levers"]["number"]), dict(asked["levers"]["values"]))
    row = history_row(levers, ground.rules.weights, iso_utc(now))
    return {
        "counts": counts,
        "horizons": found,
        "agreement": agreement(found),
        "history": kept(_report(home, "weight_evolution").get("history", []), row, HISTORY_ROWS),
    }


def strategies_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Results by strategy over the window, and the proposal of the learner of strategies."""
    home, now, since = Path(asked["home"]), parse_utc(asked["until"]), parse_utc(asked["venue_since"])
    ground = GROUND.validate_python(asked["ground"])
    meta = ground.params.meta
    facts = _facts(home, max(since, now - timedelta(days=meta.window_days)), now)
    levers = Levers(int(asked["levers"]["number"]), dict(asked["levers"]["values"]))
    made = learn_strategies(
        facts, ground.strategies, levers, ground.clamp, meta.ledger_block_min, ground.params.strategies
    )
    groups: Any = {}
    for one in facts:
        groups = with_trade(groups, one, ("strategy",))
    held = {name: levers.values.get(f"strategy.{key}", value) for name, (key, value) in ground.strategies.items()}
    return {
        "trades": len(facts),
        "results": told_groups(groups, ground.params.exits.min_trades).get("strategy", {}),
        "factors": held,
        "proposal": proposal_record(made),
    }


def enhanced_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Every report on file and the trades of thirty days, as findings ranked by money."""
    home, now, since = Path(asked["home"]), parse_utc(asked["until"]), parse_utc(asked["venue_since"])
    begin = max(since, now - timedelta(days=REVIEW_DAYS))
    facts = _facts(home, begin, now)
    groups: Any = {}
    for one in facts:
        groups = with_trade(groups, one, DIMENSIONS)
    small = int(asked["small_below"])
    told = told_groups(groups, small, max(1, sum(len(members) for members in groups.values())))
    gates, missed = _gates(home), _report(home, "missed_opportunities") or None
    days = (now - begin).total_seconds() / 86_400
    found = reviewed(gates, missed, told, _left(facts), round(days, 2))
    return {
        "since": iso_utc(begin),
        "until": iso_utc(now),
        "trades": len(facts),
        "proven": sum(1 for one in found if one.verdict == "proven"),
        "findings": [asdict(one) for one in found],
    }


def _left(facts: list[TradeFacts]) -> list[dict[str, Any]]:
    """By symbol and side: how much trades ended below their best, altogether and on average."""
    rows: dict[str, dict[str, Any]] = {}
    for one in facts:
        if one.peak_bps is None:
            continue
        pair = f"{one.trade.symbol}:{one.trade.direction.value}"
        row = rows.setdefault(pair, {"pair": pair, "trades": 0, "left_bps": 0.0, "left_usd": 0.0})
        left = max(0.0, one.peak_bps - one.return_bps)
        row["trades"] += 1
        row["left_bps"] += (left - row["left_bps"]) / row["trades"]
        row["left_usd"] += left * one.notional_usd / 10_000
    return list(rows.values())


def _facts(home: Path, since: datetime, until: datetime) -> list[TradeFacts]:
    return [facts_of(trade) for trade in trades_ended(home, since, until)]


def _gates(home: Path) -> dict[str, Any] | None:
    found = _document(home, "gate_feedback")
    return asdict(found.table) if found is not None and found.table is not None else None


def _report(home: Path, name: str) -> dict[str, Any]:
    found = _document(home, name)
    return dict(found.report) if found is not None else {}


def _document(home: Path, name: str) -> Any:
    """A document as it is on file; None where it cannot be read, as it is made again."""
    try:
        return open_document(home, name, StorageWriter(SystemClock())).peek()
    except StateError:
        return None
