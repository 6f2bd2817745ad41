"""The deep look at one week: every way to group its trades, with samples and intervals, against the week before. Pure.

So many groups are looked at together that one in twenty would look remarkable by luck alone: `stands_out` holds each to
5 % divided by the number of groups (Bonferroni), and to a sample that is not small.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tradingbot.learning.group_results import NO_TRADES, GroupResult, Groups, told, told_groups, with_trade
from tradingbot.learning.intervals import t_quantile
from tradingbot.learning.trade_facts import facts_of
from tradingbot.portfolio.position import ClosedTrade

WEEK: Final = timedelta(days=7)
FEW: Final = 2
"""Groups with fewer trades count for no comparison."""
SHOWN: Final = 5


def weekly_review(trades: Iterable[ClosedTrade], now: datetime, small_below: int) -> dict[str, Any]:
    """The seven days up to now. `trades` of two weeks are read once and none is kept."""
    whole, before, groups = NO_TRADES, NO_TRADES, dict[str, Any]()
    for trade in trades:
        age = now - trade.exit_time
        if timedelta(0) <= age <= WEEK:
            facts = facts_of(trade)
            whole, groups = whole.with_trade(facts), dict(with_trade(groups, facts))
        elif WEEK < age <= 2 * WEEK:
            before = before.with_trade(facts_of(trade))
    tests = compared(groups)
    return {
        "since": now - WEEK,
        "until": now,
        "whole": told(whole, small_below),
        "week_before": told(before, small_below),
        "change_bps": change(before, whole),
        "groups_compared": tests,
        "groups": told_groups(groups, small_below, max(1, tests)),
    }


def compared(groups: Groups) -> int:
    """How many groups are large enough for an interval at all."""
    return sum(1 for members in groups.values() for one in members.values() if one.trades >= FEW)


def change(before: GroupResult, after: GroupResult) -> dict[str, Any] | None:
    """Mean net result of the later week minus that of the earlier one, with a 95 % interval (Welch 1947)."""
    first, second = before.net_bps, after.net_bps
    if first.standard_error is None or second.standard_error is None:
        return None
    difference = second.mean - first.mean
    error = math.hypot(first.standard_error, second.standard_error)
    width = error * t_quantile(min(first.count, second.count) - 1)
    return {"mean": difference, "interval": (difference - width, difference + width)}


# ------------------------------------------------------------ in words


def in_words(found: Mapping[str, Any]) -> list[str]:
    """The review as lines of text."""
    whole, until = found["whole"], found["until"]
    lines = [f"Week up to {until:%Y-%m-%d %H:%M} UTC: {whole['trades']} trades, net {_usd(whole['net_usd'])}"]
    if not whole["trades"]:
        return lines
    lines.append(
        f"per trade {_mean(whole)} after {whole['fee_bps']:.1f} bps of fees; won {whole['win_rate']:.0%} "
        f"({_percent(whole['win_rate_interval'])}); fees {_usd(whole['fees_usd'])}, funding "
        f"{_usd(whole['funding_usd'])} of gross {_usd(whole['gross_usd'])}"
    )
    lines.append(_against(found))
    for name, members in found["groups"].items():
        lines.append(f"by {name.replace('_', ' ')}:")
        lines += [f"  {_member(member, row)}" for member, row in list(members.items())[:SHOWN]]
        if len(members) > SHOWN:
            lines.append(f"  and {len(members) - SHOWN} more")
    lines.append(
        f"! stands out beyond luck among {found['groups_compared']} groups compared; * too few trades to conclude from"
    )
    return lines


def _against(found: Mapping[str, Any]) -> str:
    change_bps, before = found["change_bps"], found["week_before"]
    if change_bps is None:
        return f"week before: {before['trades']} trades, net {_usd(before['net_usd'])}; too few to compare"
    low, high = change_bps["interval"]
    said = "no difference that can be told from luck" if low <= 0 <= high else "a difference beyond luck"
    return f"week before: net {_usd(before['net_usd'])}; change {change_bps['mean']:+.1f} bps per trade: {said}"


def _member(name: str, row: Mapping[str, Any]) -> str:
    mark = "!" if row["stands_out"] else "*" if row["small"] else " "
    return f"{mark} {name}: {row['trades']} trades, net {_usd(row['net_usd'])}, {_mean(row)}"


def _mean(row: Mapping[str, Any]) -> str:
    interval: Sequence[float] | None = row["net_bps_interval"]
    where = "" if interval is None else f" ({interval[0]:+.1f} to {interval[1]:+.1f})"
    return f"{row['net_bps']:+.1f}{where} bps"


def _percent(interval: Sequence[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.0%} to {interval[1]:.0%}"


def _usd(text: str) -> str:
    return f"{float(text):+.2f} USD"
