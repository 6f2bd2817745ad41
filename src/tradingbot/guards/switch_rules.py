"""What trips each kill switch: one pure function per switch, all with the same shape (SPEC 6.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final

from tradingbot.core.records import OrderAccepted, OrderOutcome, OrderRefused, Reason, RefusalCode, reason
from tradingbot.core.types import exact
from tradingbot.guards.healing_escalation import counts
from tradingbot.guards.switch_state import Facts, SwitchName, SwitchParams, SwitchState, TradeResult

HUNDRED: Final = Decimal(100)

NOT_THE_ORDERS_FAULT: Final = frozenset(
    {
        RefusalCode.NOTHING_TO_MATCH,
        RefusalCode.WOULD_NOT_REDUCE,
        RefusalCode.DUPLICATE_CLIENT_ID,
        RefusalCode.MARKET_SUSPENDED,
        RefusalCode.MARKET_POST_ONLY,
        RefusalCode.TOO_LATE,
        RefusalCode.NOT_FOUND,
        RefusalCode.RATE_LIMITED,
        RefusalCode.UNAVAILABLE,
        RefusalCode.NO_EFFECT,
    }
)
"""Refusals that say something of the market, the line or a race with our own stop; they count neither way."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A limit is reached. `level` grows as it gets worse; it is told again when it grew by `step`."""

    reason: Reason
    level: float
    step: float
    lifts_at: datetime | None = None


Rule = Callable[[SwitchState, Facts, SwitchParams], Finding | None]


def _fall(start: Decimal | None, equity: Decimal | None, limit_pct: float) -> float | None:
    """Per cent that equity lies below `start` when that is the limit or more; exact at the limit."""
    if start is None or equity is None or start <= 0:
        return None
    if (start - equity) * HUNDRED < exact(limit_pct) * start:
        return None
    return float((start - equity) * HUNDRED / start)


def consecutive_losses(state: SwitchState, facts: Facts, params: SwitchParams) -> Finding | None:
    """So many losing trades in a row, the newest one among them; a trade that came out even ends a row."""
    row: list[TradeResult] = []
    for trade in counted(facts, state.losses_from):
        if trade.net_pnl_usd >= 0:
            break
        row.append(trade)
    if len(row) < params.max_consecutive_losses:
        return None
    lost = float(round(sum((trade.net_pnl_usd for trade in row), Decimal(0)), 4))
    why = reason(
        "losses_in_a_row", losses=float(len(row)), limit=float(params.max_consecutive_losses), net_pnl_usd=lost
    )
    return Finding(why, float(len(row)), 1.0, facts.now + timedelta(hours=params.consecutive_losses_pause_h))


def counted(facts: Facts, since: datetime | None) -> list[TradeResult]:
    """Trades that ended after `since`, newest first."""
    new = [trade for trade in facts.trades if since is None or trade.exit_time > since]
    return sorted(new, key=lambda trade: trade.exit_time, reverse=True)


def daily_loss(state: SwitchState, facts: Facts, params: SwitchParams) -> Finding | None:
    """Equity below the day's first by the limit; lifts when the UTC day is over."""
    limit = params.max_daily_loss_pct
    loss = _fall(state.day_equity_usd, facts.equity_usd, limit)
    if loss is None:
        return None
    why = reason("loss_of_the_day", loss_pct=round(loss, 4), limit_pct=limit, **_equities(state.day_equity_usd, facts))
    day = max(facts.now.date(), state.day or facts.now.date())
    midnight = datetime.combine(day + timedelta(days=1), time(), facts.now.tzinfo)
    return Finding(why, loss, limit / 4, midnight)


def drawdown(state: SwitchState, facts: Facts, params: SwitchParams) -> Finding | None:
    """Equity below its peak by the limit."""
    limit = params.max_drawdown_pct
    fall = _fall(state.peak_equity_usd, facts.equity_usd, limit)
    if fall is None:
        return None
    numbers = _equities(state.peak_equity_usd, facts)
    return Finding(reason("below_the_peak", drawdown_pct=round(fall, 4), limit_pct=limit, **numbers), fall, limit / 4)


def _equities(start: Decimal | None, facts: Facts) -> dict[str, float]:
    assert start is not None
    assert facts.equity_usd is not None
    return {"from_usd": float(round(start, 2)), "equity_usd": float(round(facts.equity_usd, 2))}


def win_rate(state: SwitchState, facts: Facts, params: SwitchParams) -> Finding | None:
    """Too few winners among the newest trades, once there are as many as the window holds."""
    window = counted(facts, state.win_rate_from)[: params.win_rate_window_trades]
    if len(window) < params.win_rate_window_trades:
        return None
    wins = sum(1 for trade in window if trade.net_pnl_usd > 0)
    if wins * HUNDRED >= exact(params.min_win_rate_pct) * len(window):
        return None
    rate = 100 * wins / len(window)
    why = reason(
        "too_few_winners",
        wins=float(wins),
        trades=float(len(window)),
        win_rate_pct=round(rate, 2),
        limit_pct=params.min_win_rate_pct,
    )
    return Finding(why, -rate, max(params.min_win_rate_pct / 4, 1.0))


def reject_rate(state: SwitchState, facts: Facts, params: SwitchParams) -> Finding | None:
    """Too many refused orders. The rate is of the whole window, so that the first refusal of a life proves nothing."""
    newest = state.refused[-params.reject_window_orders :]
    refused = sum(newest)
    if not refused or refused * HUNDRED < exact(params.max_reject_rate_pct) * params.reject_window_orders:
        return None
    rate = 100 * refused / params.reject_window_orders
    why = reason(
        "orders_refused",
        refused=float(refused),
        orders=float(len(newest)),
        window=float(params.reject_window_orders),
        reject_rate_pct=round(rate, 2),
        limit_pct=params.max_reject_rate_pct,
    )
    lifts_at = facts.now + timedelta(hours=params.reject_cooldown_h)
    return Finding(why, rate, params.max_reject_rate_pct / 4, lifts_at)


def is_refusal(outcome: OrderOutcome) -> bool | None:
    """True for a refusal that is the order's fault, False for an accepted order, None for what proves neither.

    What was never sent, and what is not known yet, proves neither.
    """
    if isinstance(outcome, OrderAccepted):
        return False
    if isinstance(outcome, OrderRefused) and outcome.code not in NOT_THE_ORDERS_FAULT:
        return True
    return None


def stale_heartbeat(state: SwitchState, facts: Facts, params: SwitchParams) -> Finding | None:  # noqa: ARG001 - a rule
    """Some subsystem has been silent for too long."""
    limit_s = params.heartbeat_stale_s
    silent = sorted((-age_s, name) for name, age_s in facts.silent_s.items() if age_s >= limit_s)
    if not silent:
        return None
    names = ", ".join(name for _, name in silent)
    why = reason("silent", subsystems=names, longest_s=round(-silent[0][0], 1), limit_s=limit_s)
    return Finding(why, float(len(silent)), 1.0)


def healing(state: SwitchState, facts: Facts, params: SwitchParams) -> Finding | None:  # noqa: ARG001 - a rule
    """The daemon repaired itself too often in one category (SPEC 13.2)."""
    found = counts(facts.heals, state.heals_from)
    many = sorted(name for name, count in found.items() if count >= facts.heals_limit)
    if not many:
        return None
    most = max(found.values())
    why = reason("repaired_too_often", categories=", ".join(many), most=float(most), limit=float(facts.heals_limit))
    return Finding(why, float(most), 2.0)


RULES: Final[Mapping[SwitchName, Rule]] = {
    SwitchName.CONSECUTIVE_LOSSES: consecutive_losses,
    SwitchName.DAILY_LOSS: daily_loss,
    SwitchName.DRAWDOWN: drawdown,
    SwitchName.WIN_RATE: win_rate,
    SwitchName.REJECT_RATE: reject_rate,
    SwitchName.STALE_HEARTBEAT: stale_heartbeat,
    SwitchName.HEALING: healing,
}
"""The switches that trip by themselves."""
