"""Attribution over several horizons at once: where the money of the last 1, 7, 30 and 90 days came from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from tradingbot.learning.attribution import Attribution, attributed
from tradingbot.learning.group_results import NO_TRADES, GroupResult, Groups, told, told_groups, with_trade
from tradingbot.learning.trade_facts import facts_of
from tradingbot.portfolio.position import ClosedTrade

HORIZONS_DAYS: Final = (1, 7, 30, 90)
GROUPED: Final = ("symbol", "direction", "strategy", "regime", "exit_rule", "conviction")


@dataclass(frozen=True, slots=True)
class Horizon:
    """The trades that ended at or after `since`."""

    days: int
    since: datetime
    whole: GroupResult = NO_TRADES
    groups: Groups = field(default_factory=dict)
    by_component: Attribution = field(default_factory=Attribution)


def horizons_of(
    trades: Iterable[ClosedTrade], now: datetime, venue: str, small_below: int, venue_since: datetime
) -> dict[str, Any]:
    """Every horizon that ends now, by its days. `trades` are read once and none is kept.

    A horizon reaches back no further than `venue_since`, when this account began to trade there; `covered_days` says
    how far it does. By component a result is split by weight x confidence and adds up to the whole; other groups hold
    whole trades.
    """
    horizons = [Horizon(days, max(now - timedelta(days=days), venue_since)) for days in HORIZONS_DAYS]
    for trade in trades:
        facts = facts_of(trade)
        horizons = [
            Horizon(
                one.days,
                one.since,
                one.whole.with_trade(facts),
                with_trade(one.groups, facts, GROUPED),
                attributed(one.by_component, trade, venue),
            )
            if one.since <= trade.exit_time <= now
            else one
            for one in horizons
        ]
    return {str(one.days): _told(one, now, small_below) for one in horizons}


def _told(one: Horizon, now: datetime, small_below: int) -> dict[str, Any]:
    return {
        "since": one.since,
        "covered_days": max(0.0, round((now - one.since).total_seconds() / 86_400, 3)),
        **told(one.whole, small_below),
        "groups": told_groups(one.groups, small_below),
        "component": _components(one.by_component),
    }


def _components(found: Attribution) -> Mapping[str, Any]:
    shares = found.dimensions.get("component", {})
    return {
        name: {"trades": share.trades, "wins": share.wins, "net_usd": str(share.net_usd)}
        for name, share in sorted(shares.items(), key=lambda item: (-abs(item[1].net_usd), item[0]))
    }
