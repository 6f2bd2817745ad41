"""What the kill switches know: which are tripped, why, how each lifts, and what they measure from (SPEC 6.3). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from tradingbot.core.records import Reason
from tradingbot.guards.healing_escalation import Heal


class SwitchName(StrEnum):
    """Every switch that holds entries back. Exits never ask."""

    CONSECUTIVE_LOSSES = "consecutive_losses"
    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    WIN_RATE = "win_rate"
    REJECT_RATE = "reject_rate"
    STALE_HEARTBEAT = "stale_heartbeat"
    HEALING = "healing"
    OPERATOR_PAUSE = "operator_pause"
    OPERATOR_REVIEW = "operator_review"


LIFTS: Final[Mapping[SwitchName, str]] = {
    SwitchName.CONSECUTIVE_LOSSES: "by itself after its pause, or by `tradingbot resume`; counts anew from then",
    SwitchName.DAILY_LOSS: "by itself at 00:00 UTC, or by `tradingbot resume`, which measures the day anew",
    SwitchName.DRAWDOWN: "only by `tradingbot resume`, which begins the peak anew",
    SwitchName.WIN_RATE: "only by `tradingbot resume`, which begins the window anew",
    SwitchName.REJECT_RATE: "by itself after a time without a refused order, or by `tradingbot resume`; window emptied",
    SwitchName.STALE_HEARTBEAT: "by itself once everything has beaten again for some cycles, or by `tradingbot resume`",
    SwitchName.HEALING: "by itself once the repairs are older than 24 h, or by `tradingbot resume`; counted anew",
    SwitchName.OPERATOR_PAUSE: "only by `tradingbot resume`",
    SwitchName.OPERATOR_REVIEW: "only by `tradingbot resume`, after a look at logs/kill_switches.jsonl",
}
"""How each lifts, in the words that people are shown."""


@dataclass(frozen=True, slots=True)
class Tripped:
    """One tripped switch.

    `level` is how bad it was when last told, in the switch's own measure. `lifts_at` is the earliest moment at which it
    lifts by itself; None: not by the clock.
    """

    name: SwitchName
    since: datetime
    reason: Reason
    level: float = 0.0
    lifts_at: datetime | None = None

    @property
    def lifts(self) -> str:
        """How it lifts, in words."""
        return LIFTS[self.name]


@dataclass(frozen=True, slots=True)
class SwitchState:
    """All that the switches remember; survives a restart.

    `day` is the newest UTC day with a known equity and `day_equity_usd` the first one of it; None after a resume: the
    next known equity counts. `peak_equity_usd` likewise. Trades that ended up to `losses_from` or `win_rate_from` do
    not count for these switches, nor repairs up to `heals_from` for `healing`. `refused` tells of the newest orders,
    oldest first, whether each was refused.
    `clear_cycles` counts the cycles in a row without a silent subsystem while `stale_heartbeat` is tripped.
    """

    tripped: tuple[Tripped, ...] = ()
    day: date | None = None
    day_equity_usd: Decimal | None = None
    peak_equity_usd: Decimal | None = None
    losses_from: datetime | None = None
    win_rate_from: datetime | None = None
    refused: tuple[bool, ...] = ()
    clear_cycles: int = 0
    heals_from: datetime | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tripped switches, as reasons against entries."""
        return tuple(one.name.value for one in self.tripped)

    def find(self, name: SwitchName) -> Tripped | None:
        """The tripped switch of that name, or None."""
        return next((one for one in self.tripped if one.name is name), None)


@dataclass(frozen=True, slots=True)
class TradeResult:
    """A finished trade, as far as the switches care."""

    exit_time: datetime
    net_pnl_usd: Decimal


@dataclass(frozen=True, slots=True)
class Facts:
    """What the switches are shown in one cycle. `equity_usd` None: unknown, and nothing follows from it.

    `trades` are those of ours that finished, in any order. `silent_s` is the age of each subsystem's newest sign of
    life, seconds. `heals` are the repairs of the newest 24 hours; so many of
    one category as `heals_limit` trip.
    """

    now: datetime
    equity_usd: Decimal | None = None
    trades: tuple[TradeResult, ...] = ()
    silent_s: Mapping[str, float] = field(default_factory=dict)
    heals: tuple[Heal, ...] = ()
    heals_limit: int = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to a switch: ``trip``, ``worsened`` or ``lift``; by whom and, for a lift, why."""

    at: datetime
    event: str
    switch: Tripped
    by: str = "rule"
    why: str = ""


class SwitchParams(Protocol):
    """Limits of the switches; `KillSwitchParams` of the settings has them all."""

    @property
    def max_consecutive_losses(self) -> int:
        """Losing trades in a row that trip."""

    @property
    def consecutive_losses_pause_h(self) -> float:
        """Hours until that switch lifts."""

    @property
    def max_daily_loss_pct(self) -> float:
        """Loss since 00:00 UTC, per cent of the equity then, that trips."""

    @property
    def max_drawdown_pct(self) -> float:
        """Equity below its peak, per cent, that trips."""

    @property
    def min_win_rate_pct(self) -> float:
        """A win rate below this trips."""

    @property
    def win_rate_window_trades(self) -> int:
        """Trades that the win rate is taken over."""

    @property
    def max_reject_rate_pct(self) -> float:
        """Refused orders, per cent of the window, that trip."""

    @property
    def reject_window_orders(self) -> int:
        """Size of that window."""

    @property
    def reject_cooldown_h(self) -> float:
        """Hours without a refused order until that switch lifts."""

    @property
    def heartbeat_stale_s(self) -> float:
        """A subsystem silent for so long trips."""

    @property
    def heartbeat_clear_cycles(self) -> int:
        """Cycles with every subsystem alive until that switch lifts."""
