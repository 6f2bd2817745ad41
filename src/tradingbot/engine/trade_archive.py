"""What is left of finished trades that are no longer kept one by one: exact sums. Their records are in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from tradingbot.learning.exact_sums import added
from tradingbot.portfolio.position import ZERO, ClosedTrade

JOURNAL_UNIT: Final = timedelta(milliseconds=1)
"""Journals cut moments down to it."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CurrencySums(_Frozen):
    """Sums in one settlement currency; net_pnl = gross_pnl - fees + funding."""

    gross_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    net_pnl: Decimal = ZERO

    def plus(self, other: CurrencySums) -> CurrencySums:
        """Both together, to the last digit."""
        return CurrencySums.model_construct(
            gross_pnl=added(self.gross_pnl, other.gross_pnl),
            fees=added(self.fees, other.fees),
            funding=added(self.funding, other.funding),
            net_pnl=added(self.net_pnl, other.net_pnl),
        )


class DayResult(_Frozen):
    """How many trades of one UTC day, how many of them won, and what they brought."""

    day: date
    trades: int = 0
    wins: int = 0
    net_pnl_usd: Decimal = ZERO

    def plus(self, other: DayResult) -> DayResult:
        """The later of two days; of one day, both together."""
        if self.day != other.day:
            return max(self, other, key=lambda one: one.day)
        return DayResult.model_construct(
            day=self.day,
            trades=self.trades + other.trades,
            wins=self.wins + other.wins,
            net_pnl_usd=added(self.net_pnl_usd, other.net_pnl_usd),
        )


class ArchivedTrades(_Frozen):
    """Trades that the file of trades holds only as sums. Which order they came in makes no difference.

    `opened` is the newest day on which one of them was opened, `closed` the newest on which one ended; both name the
    trades of that day alone.
    """

    count: int = 0
    wins: int = 0
    oldest_entry_time: datetime | None = None
    newest_exit_time: datetime | None = None
    sums: Mapping[str, CurrencySums] = Field(default_factory=dict)
    net_pnl_usd: Decimal = ZERO
    opened: DayResult | None = None
    closed: DayResult | None = None

    def plus(self, other: ArchivedTrades) -> ArchivedTrades:
        """Both together; no trade may be in both."""
        return ArchivedTrades.model_construct(
            count=self.count + other.count,
            wins=self.wins + other.wins,
            oldest_entry_time=min(_known(self.oldest_entry_time, other.oldest_entry_time), default=None),
            newest_exit_time=max(_known(self.newest_exit_time, other.newest_exit_time), default=None),
            sums={
                currency: self.sums.get(currency, NOTHING).plus(other.sums.get(currency, NOTHING))
                for currency in {**self.sums, **other.sums}
            },
            net_pnl_usd=added(self.net_pnl_usd, other.net_pnl_usd),
            opened=_later(self.opened, other.opened),
            closed=_later(self.closed, other.closed),
        )

    def with_trade(self, trade: ClosedTrade) -> ArchivedTrades:
        """With one more."""
        return self.plus(_of_one(trade))

    def may_hold(self, exit_time: datetime) -> bool:
        """Whether a trade that ended then, and is not kept, may be one of these; only the journal knows for certain."""
        return self.newest_exit_time is not None and exit_time < self.newest_exit_time + JOURNAL_UNIT

    def opened_on(self, day: date) -> int:
        """How many of these were opened on a UTC day; right for the newest such day and for all after it."""
        return self.opened.trades if self.opened is not None and self.opened.day == day else 0

    def closed_on(self, day: date) -> DayResult:
        """Results of those that ended on a UTC day; right for the newest such day and for all after it."""
        return self.closed if self.closed is not None and self.closed.day == day else DayResult(day=day)


NOTHING = CurrencySums()


def age(trade: ClosedTrade) -> tuple[datetime, str]:
    """The order in which trades leave, oldest first: the same however they came in."""
    return trade.exit_time, trade.trade_id


def archived(trades: list[ClosedTrade], before: ArchivedTrades | None = None) -> ArchivedTrades:
    """The sums with these trades."""
    return reduce(ArchivedTrades.with_trade, trades, before or ArchivedTrades())


def _of_one(trade: ClosedTrade) -> ArchivedTrades:
    sums = CurrencySums.model_construct(
        gross_pnl=trade.gross_pnl, fees=trade.fees, funding=trade.funding, net_pnl=trade.net_pnl
    )
    won, net_usd = int(trade.net_pnl_usd > 0), trade.net_pnl_usd
    return ArchivedTrades.model_construct(
        count=1,
        wins=won,
        oldest_entry_time=trade.entry_time,
        newest_exit_time=trade.exit_time,
        sums={trade.settlement_currency: sums},
        net_pnl_usd=net_usd,
        opened=_day(trade.entry_time, won, net_usd),
        closed=_day(trade.exit_time, won, net_usd),
    )


def _day(moment: datetime, won: int, net_usd: Decimal) -> DayResult:
    return DayResult.model_construct(day=moment.astimezone(UTC).date(), trades=1, wins=won, net_pnl_usd=net_usd)


def _later(first: DayResult | None, second: DayResult | None) -> DayResult | None:
    return first.plus(second) if first is not None and second is not None else first or second


def _known(*moments: datetime | None) -> list[datetime]:
    return [moment for moment in moments if moment is not None]
