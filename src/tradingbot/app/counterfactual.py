"""What `tradingbot counterfactual` tells, and the nightly job that carries the signals of the last day forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from tradingbot.app.carrying import Wanted, carry
from tradingbot.app.home_trades import newest_of_home
from tradingbot.app.stores import Stores, open_document
from tradingbot.beside import in_process
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError, StateError, StorageUnavailableError
from tradingbot.core.types import parse_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.learning_models import CounterfactualState, GateFeedbackState, VenueMetadata
from tradingbot.learning.counterfactual_params import CounterfactualParams
from tradingbot.learning.gate_feedback import GateFeedback, GateTable, SignalOutcome, outcome_of
from tradingbot.learning.ledger_agreement import Agreement, TradedSignal, agreement_of
from tradingbot.ports import Clock
from tradingbot.research.backtest.counterfactual import traded_signals
from tradingbot.research.run_report import STAGES
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.writer import StorageWriter

log = structlog.get_logger(__name__)

LIMIT_S: Final = 870.0
"""Real seconds that the worker may take, and after which it begins nothing new."""
BEGIN_NOTHING_S: Final = 780.0
NEWEST_TRADES: Final = 5_000


class NightlyCounterfactual:
    """Body of the job `counterfactual`: the recorded cycles since the last night, in a process of their own."""

    def __init__(
        self,
        home: Path,
        stores: Stores,
        clock: Clock,
        venue: VenueMetadata,
        params: CounterfactualParams,
        recorded: bool,
    ) -> None:
        """Without `recorded` inputs nothing is done."""
        self._home = home
        self._stores = stores
        self._clock = clock
        self._venue = venue
        self._params = params
        self._recorded = recorded

    async def run(self) -> None:
        """`feature_store/gate_feedback.json`, and what the worker itself writes."""
        if not self._recorded or not self._params.nightly:
            return
        now = self._clock.now()
        with suppress(StorageUnavailableError):  # then of what is on disk
            await self._stores.writer.flush()
        asked = {
            "home": self._home,
            "until": now,
            "venue": self._venue.model_dump(mode="json"),
            "params": self._params.model_dump(mode="json"),
        }
        found = await in_process(self._clock, counterfactual_of_home, asked, LIMIT_S)
        state = {"venue_metadata": self._venue, "as_of": now, **found["feedback"], "behind": found["behind"]}
        self._stores.documents["gate_feedback"].put(GateFeedbackState.model_validate(state))
        told = {name: found[name] for name in ("cycles", "written", "open", "behind", "took_s")}
        log.info("counterfactual.done", **told, left_out=sum(found["left_out"].values()))


def counterfactual_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Carry the signals of a `home` forward up to `until`, and say what gates save and cost."""
    params = CounterfactualParams.model_validate(asked["params"])
    venue = VenueMetadata.model_validate(asked["venue"])
    home, until = Path(asked["home"]), parse_utc(asked["until"])
    carried = carry(Wanted(home, venue, until, params, BEGIN_NOTHING_S))
    since = max(venue.since, until - timedelta(days=params.window_days))
    table, agreement = feedback_of_home(home, since, params)
    return {**asdict(carried), "feedback": {"table": asdict(table), "agreement": asdict(agreement)}}


def feedback_of_home(home: Path, since: datetime, params: CounterfactualParams) -> tuple[GateTable, Agreement]:
    """Over signals since then. Reads files only; holds sums, and of signals only those that were traded."""
    feedback, taken = GateFeedback(params), []
    for line, outcome in _outcomes(home, since):
        feedback.add(outcome)
        if outcome.taken:
            taken.append(TradedSignal(str(line["signal_id"]), outcome.net_bps, str(line["rule"])))
    trades = [trade for trade in newest_of_home(home, since, NEWEST_TRADES) if trade.entry_time >= since]
    return feedback.table(STAGES), agreement_of(taken, traded_signals(trades))


def _outcomes(home: Path, since: datetime) -> Iterator[tuple[Mapping[str, Any], SignalOutcome]]:
    for line in JournalReader(journal_path(home, "counterfactual")).since(since):
        try:
            outcome = outcome_of(line)
        except (KeyError, TypeError, ValueError):  # of another version
            continue
        if outcome.as_of >= since:
            yield line, outcome


def read_counterfactual(home: Path, since: datetime | None, params: CounterfactualParams) -> dict[str, Any]:
    """Facts for people and programs. Raises ConfigurationError where nothing was carried forward yet."""
    state = None
    with suppress(StateError):  # made again by the daemon
        state = open_document(home, "counterfactual", StorageWriter(SystemClock())).peek()
    newest = JournalReader(journal_path(home, "counterfactual")).tail(1)
    if not newest:
        raise ConfigurationError(
            f"no signal of {home} was carried forward yet; the daemon does that nightly at 07:30 UTC, "
            "and `tradingbot backtest --counterfactual` does it over candles"
        )
    until = parse_utc(newest[-1]["at"])
    first = until - timedelta(days=params.window_days) if since is None else since
    if isinstance(state, CounterfactualState):
        first = max(first, state.venue_metadata.since)
    table, agreement = feedback_of_home(home, first, params)
    return {
        "home": str(home),
        "since": first,
        "until": until,
        "handled_until": state.handled_until if isinstance(state, CounterfactualState) else None,
        "cycles": state.cycles if isinstance(state, CounterfactualState) else None,
        "still_open": state.ledger.count if isinstance(state, CounterfactualState) else None,
        "skipped": state.ledger.skipped if isinstance(state, CounterfactualState) else None,
        "lost": state.ledger.lost if isinstance(state, CounterfactualState) else None,
        "table": asdict(table),
        "agreement": asdict(agreement),
        "min_episodes": params.min_episodes,
        "min_blocks": params.min_blocks,
        "block_h": params.block_h,
    }
