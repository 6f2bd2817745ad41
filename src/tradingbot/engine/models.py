"""What the state files hold."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from tradingbot.core.records import Reason
from tradingbot.core.types import FillId, Regime
from tradingbot.engine.trade_archive import ArchivedTrades
from tradingbot.guards.overrides import Override
from tradingbot.learning.exact_sums import added
from tradingbot.market.regime import RegimeReading
from tradingbot.portfolio.book import Book
from tradingbot.portfolio.position import ClosedTrade, Position


class StateModel(BaseModel):
    """Base of every state file's content."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PositionsState(StateModel):
    """`state/positions_futures.json`: open and settling positions, and how far the venue's records were applied."""

    positions: list[Position] = Field(default_factory=list)
    ledger_id: int = 0
    baseline_id: int = 0
    fills_since: datetime | None = None
    seen_fills: list[FillId] = Field(default_factory=list)

    def to_book(self) -> Book:
        """The book that this state holds."""
        return Book(tuple(self.positions), self.ledger_id, self.baseline_id, self.fills_since, tuple(self.seen_fills))

    @classmethod
    def from_book(cls, book: Book) -> PositionsState:
        """The state of a book."""
        return cls.model_construct(
            positions=list(book.positions),
            ledger_id=book.ledger_id,
            baseline_id=book.baseline_id,
            fills_since=book.fills_since,
            seen_fills=list(book.seen_fills),
        )


class TradesState(StateModel):
    """`state/trades_futures.json`: the newest finished trades, oldest first, and the sums of those before them."""

    trades: list[ClosedTrade] = Field(default_factory=list)
    archived: ArchivedTrades = ArchivedTrades()

    @property
    def count(self) -> int:
        """All finished trades."""
        return self.archived.count + len(self.trades)

    @property
    def net_pnl_usd(self) -> Decimal:
        """What all of them brought."""
        return reduce(added, (trade.net_pnl_usd for trade in self.trades), self.archived.net_pnl_usd)


def with_empty_archive(data: dict[str, Any]) -> dict[str, Any]:
    """The file of schema 1, which held every trade, as schema 2."""
    return {**data, "archived": {}}


_TRADE: TypeAdapter[ClosedTrade] = TypeAdapter(ClosedTrade)


class TradesEncoder:
    """The JSON of a `TradesState`, byte for byte as pydantic makes it, encoding each trade once.

    Pydantic encodes a whole value in one call that lets no other thread run: 5,000 trades would stop the event loop for
    most of a second with every further one.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[ClosedTrade, bytes]] = {}

    def __call__(self, state: TradesState) -> bytes:
        """The whole state. Trades that it no longer holds are forgotten."""
        rows = [(trade, self._encoded(trade)) for trade in state.trades]
        self._known = {trade.trade_id: (trade, encoded) for trade, encoded in rows}
        sums = ArchivedTrades.__pydantic_serializer__.to_json(state.archived)
        return b'{"trades":[' + b",".join([encoded for _, encoded in rows]) + b'],"archived":' + sums + b"}"

    def _encoded(self, trade: ClosedTrade) -> bytes:
        known = self._known.get(trade.trade_id)
        return known[1] if known is not None and known[0] is trade else _TRADE.dump_json(trade)


class InstanceState(StateModel):
    """`state/instance.json`: which installation this is, and the venue account that its book belongs to.

    `venue_since` is when the newest period of learning began, None for the first; `venue_period` counts them.
    `account_since` is when the book went over to another venue's account, None when it never did.
    """

    instance: str
    created_at: datetime
    profile: str
    venue: str
    venue_since: datetime | None = None
    venue_period: int = 1
    account_since: datetime | None = None


class SymbolCheck(StateModel):
    """Verdict on one symbol."""

    status: str
    checked_at: datetime
    metrics: dict[str, float] = Field(default_factory=dict)
    reasons: list[dict[str, Any]] = Field(default_factory=list)

    def as_reasons(self) -> tuple[Reason, ...]:
        """The reasons as the pure rooms know them."""
        return tuple(Reason(str(row["code"])) for row in self.reasons)


class ValidationState(StateModel):
    """`feature_store/venue_symbol_status.json`: which symbols are fit to be traded at the venue."""

    as_of: datetime
    summary: dict[str, int]
    symbols: dict[str, SymbolCheck]


class ContractSpecsState(StateModel):
    """`feature_store/contract_specs.json`: the venue's contracts as it listed them last, each with its time stamp."""

    specs: list[dict[str, Any]] = Field(default_factory=list)


class RegimeState(StateModel):
    """`feature_store/regime_state.json`: the regime that holds; it is carried over a restart."""

    reading: RegimeReading | None = None

    @classmethod
    def of(cls, reading: RegimeReading) -> RegimeState:
        """The state of a reading."""
        return cls.model_construct(reading=reading)

    @property
    def regime(self) -> Regime | None:
        """The regime itself."""
        return self.reading.regime if self.reading is not None else None


class LatestSignalsState(StateModel):
    """`feature_store/latest_signals.json`: everything that was read in the newest cycle, for people and commands.

    `symbols` holds each symbol's line of `logs/predictive_signals.jsonl`, `feeds` one row per feed of intelligence.
    """

    as_of: datetime
    cycle_id: str
    regime: dict[str, Any]
    feeds: list[dict[str, Any]] = Field(default_factory=list)
    left_out: list[str] = Field(default_factory=list)
    symbols: dict[str, dict[str, Any]] = Field(default_factory=dict)


class JobStatus(StateModel):
    """What is known of one job, carried over restarts.

    Due times up to `last_due_at` were dealt with; at first it is when the job came to be known. `missed` counts times
    at which nobody was there to run it, `made_up` the runs that made up for them, `skipped` times at which it was left
    out on purpose (downtime, or it still ran). `last_duration_s` and `longest_s` are of the daemon's clock;
    `last_work_s` and `longest_work_s` are real seconds, which a stepped clock does not feel. `last_trouble_at`: newest
    failure, overrun, or missed run that nothing made up for.
    """

    name: str
    when: str = ""
    deadline_s: float = 0.0
    last_due_at: datetime | None = None
    last_started_at: datetime | None = None
    running_since: datetime | None = None
    last_duration_s: float | None = None
    longest_s: float | None = None
    last_work_s: float | None = None
    longest_work_s: float | None = None
    last_success_at: datetime | None = None
    last_trouble_at: datetime | None = None
    last_result: str = "never"
    next_run_at: datetime | None = None
    runs: int = 0
    failures: int = 0
    overruns: int = 0
    skipped: int = 0
    missed: int = 0
    made_up: int = 0
    by_hand: int = 0


class JobsState(StateModel):
    """`feature_store/jobs_state.json`: every job of the timetable."""

    as_of: datetime
    jobs: list[JobStatus] = Field(default_factory=list)


class OverridesState(StateModel):
    """`feature_store/overrides.json`: settings that a person has changed for a while."""

    as_of: datetime
    overrides: list[Override] = Field(default_factory=list)


class RuntimeState(StateModel):
    """`state/runtime.json`: what `tradingbot status` shows of a running or stopped daemon."""

    profile: str
    source: str
    venue: str
    venue_url: str
    venue_ws_url: str = ""
    intelligence_url: str = ""
    data: str = ""
    symbols: list[str] = Field(default_factory=list)
    seed: int | None = None
    pid: int
    started_at: datetime
    as_of: datetime
    cycle_id: str = ""
    cycles: int = 0
    failed_cycles: int = 0
    last_failure: str = ""
    last_cycle_ms: float = 0.0
    rss_mb: float = 0.0
    loop_lag_p99_ms: float = 0.0
    loop_lag_max_ms: float = 0.0
    peak_rss_mb: float | None = None
    open_files: int | None = None
    tasks: int | None = None
    threads: int | None = None
    disk_free_mb: float | None = None
    home_mb: float | None = None
    exchange_health: str = ""
    exchange_health_since: datetime | None = None
    heals_24h: dict[str, int] = Field(default_factory=dict)
    heartbeats_s: dict[str, float] = Field(default_factory=dict)
    issues: list[dict[str, Any]] = Field(default_factory=list)
    equity_usd: Decimal | None = None
    entry_blocks: list[str] = Field(default_factory=list)
    blocked_symbols: dict[str, str] = Field(default_factory=dict)
    kill_switches: list[dict[str, Any]] = Field(default_factory=list)
    margin_short: dict[str, Any] | None = None
    entries_left_today: int | None = None
    unresolved_orders: list[str] = Field(default_factory=list)
    differences: list[str] = Field(default_factory=list)
    storage_ok: bool = True
    storage_detail: str = ""
    stopped: str = ""
    streams: list[dict[str, Any]] = Field(default_factory=list)
    overrides: list[dict[str, Any]] = Field(default_factory=list)
    jobs: list[JobStatus] = Field(default_factory=list)
