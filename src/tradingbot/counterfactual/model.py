"""Records of the counterfactual ledger: where a signal came from, its virtual position, what came of it.

All `_bps` are of the notional at entry and in the direction of the position: positive is profit. Parts add up exactly:
net = gross - spread - slippage - fees + funding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tradingbot.core.types import Direction, Symbol
from tradingbot.portfolio.position import Position

BPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Origin:
    """A signal as it was decided.

    `stage` is where it ended (``entered`` when it was taken), `why` the first reason for it, `blockers` every gate that
    spoke against it, in their order, `multipliers` what the gates that let it pass made of its size where that is not
    1. `weak`: the raw signal itself had no conviction. `notional_usd` is the size that it had, or would have had before
    it was refused; where no size was made, the nominal one (`sized` is then False).
    """

    signal_id: str
    as_of: datetime
    symbol: Symbol
    direction: Direction
    confidence: float
    conviction: str
    stage: str
    why: str
    blockers: tuple[str, ...]
    multipliers: Mapping[str, float]
    weak: bool
    taken: bool
    sized: bool
    notional_usd: float


@dataclass(frozen=True, slots=True)
class Way:
    """One fill's prices in USD: middle of the book, its touch on the side that is taken, the touch after slippage."""

    mid: float
    touch: float
    fill: float


@dataclass(frozen=True, slots=True)
class Parts:
    """What a result is made of, bps of the notional at entry. `funding` is an income, the rest below `gross` costs."""

    gross: float = 0.0
    spread: float = 0.0
    slippage: float = 0.0
    fees: float = 0.0
    funding: float = 0.0

    @property
    def net(self) -> float:
        """What is left."""
        return self.gross - self.spread - self.slippage - self.fees + self.funding

    def plus(self, other: Parts) -> Parts:
        """Both together."""
        return Parts(
            self.gross + other.gross,
            self.spread + other.spread,
            self.slippage + other.slippage,
            self.fees + other.fees,
            self.funding + other.funding,
        )


@dataclass(frozen=True, slots=True)
class Virtual:
    """An open virtual position. `position` is one like any other; no order of it exists.

    `fee_bps` and `slippage_bps` are of one fill, `paid` what closed parts and the entry came to so far, `funding_mark`
    the symbol's running funding (`Track.funding`) at entry.
    """

    origin: Origin
    position: Position
    entry: Way
    fee_bps: float
    slippage_bps: float
    funding_mark: float
    paid: Parts


@dataclass(frozen=True, slots=True)
class Track:
    """What virtual positions of one symbol share.

    `funding` sums what a long of one unit has paid since the track began, USD; `checked_ms` is the open time of the
    newest minute candle whose high and low were looked at.
    """

    as_of: datetime
    funding: float
    checked_ms: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """All open virtual positions by symbol, and the symbols' tracks. `skipped` signals had no price to enter at.

    `lost` positions could not be closed, because their symbol had no price any more.
    """

    open: Mapping[Symbol, tuple[Virtual, ...]] = field(default_factory=dict)
    tracks: Mapping[Symbol, Track] = field(default_factory=dict)
    opened: int = 0
    closed: int = 0
    skipped: int = 0
    lost: int = 0

    @property
    def count(self) -> int:
        """Open positions."""
        return sum(len(held) for held in self.open.values())


@dataclass(frozen=True, slots=True)
class Closed:
    """What came of one signal. `exit_price` is the average of all parts, `fills` how many parts there were.

    `peak_bps` and `trough_bps` are the best and worst unrealised returns that a cycle saw.
    """

    origin: Origin
    entry_time: datetime
    exit_time: datetime
    entry_price: float
    exit_price: float
    rule: str
    fills: int
    parts: Parts
    peak_bps: float
    trough_bps: float
