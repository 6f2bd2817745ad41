"""What all doors of the venue share: the venue, its clock, its memory, and who listens."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

from tradingbot.core.types import epoch_ms, iso_utc, utc_from_ms
from tradingbot.ports import Clock
from tradingbot.sim_server.auth import Credentials, NonceWindow
from tradingbot.sim_server.books import TransactionFile
from tradingbot.sim_server.past import Past
from tradingbot.simulator.account import NO_ROWS, RowCounts, Rows
from tradingbot.simulator.day_stats import DayFigures
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.rate_limits import Budget
from tradingbot.simulator.tape import Print
from tradingbot.simulator.venue import SimulatedVenue


@dataclass(slots=True)
class News:
    """What happened since listeners were last told."""

    rows: Rows
    prints: list[tuple[str, Print]]
    touched: set[str]
    tick: bool


class Listener(Protocol):
    """Whoever tells the streams."""

    def publish(self, news: News) -> None:
        """Tell subscribers."""


@dataclass(slots=True)
class Service:
    """The venue as its doors see it. `closed_rows` counts the venue's rows of the newest closed book."""

    venue: SimulatedVenue
    clock: Clock
    store: TransactionFile
    credentials: Credentials
    frozen: bool
    listener: Listener | None = None
    requests: Counter[str] = field(default_factory=Counter)
    nonces: NonceWindow = field(default_factory=NonceWindow)
    trading_budget: Budget = field(default_factory=lambda: Budget(500, 10.0))
    history_budget: Budget = field(default_factory=lambda: Budget(100, 600.0))
    down: bool = False
    closed_rows: RowCounts = NO_ROWS
    stale: dict[str, dict[str, Any]] = field(default_factory=dict)

    past: Past = field(init=False)
    """The account's history."""
    day: DayFigures = field(init=False)

    def __post_init__(self) -> None:
        self.past = Past(self.store, self.venue.rows, self.clock)
        self.day = DayFigures(self.venue)

    @property
    def params(self) -> SimulatorParams:
        """The venue's settings."""
        return self.venue.params

    def now_ms(self) -> int:
        """The venue's time now; standing still when frozen."""
        return self.venue.now_ms if self.frozen else max(self.venue.now_ms, epoch_ms(self.clock.now()))

    def server_time(self) -> str:
        """serverTime of an answer, skewed when that fault is on."""
        skew = self.venue.state.faults.on("clock_skew", self.now_ms())
        return iso_utc(utc_from_ms(self.now_ms() + ((skew.seconds or 0) * 1000 if skew else 0)))

    def catch_up(self) -> None:
        """Move the market to now and make everything that followed durable and known."""
        if self.frozen:
            return
        faults, now_ms = self.venue.state.faults, self.now_ms()
        self._reopen(faults.on("maintenance", now_ms) is not None, now_ms)
        self.venue.set_extreme(faults.on("extreme_spreads", now_ms) is not None)
        moved = self.venue.advance(now_ms)
        self.commit(tick=moved)

    def _reopen(self, down: bool, now_ms: int) -> None:
        """After maintenance markets are post-only for a while."""
        if self.down and not down:
            self.venue.state.post_only_until_ms = now_ms + round(self.params.reopen_post_only_s * 1000)
        self.down = down

    def commit(self, *, force: bool = False, tick: bool = False) -> None:
        """Write what changed to disk, then tell listeners. `force` writes the account even without new rows."""
        state = self.venue.state
        rows, full = state.take_fresh(), False
        if (len(rows) or force) and not self.frozen:
            self.venue.account.nonce = self.nonces.highest
            full = self.store.append(self.venue.account, rows, self.venue.now_ms)
        self.venue.rows.extend(rows)
        if full:
            self.venue.drop(self.closed_rows)
            self.closed_rows = self.venue.rows.counts()
        prints, state.prints = state.prints, []
        touched, state.touched = state.touched, set()
        if self.listener is not None and (len(rows) or prints or touched or tick):
            self.listener.publish(News(rows, prints, touched, tick))
