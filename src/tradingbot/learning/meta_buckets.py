"""Under which circumstances trades win: hour, weekday, volatility, spread, conviction, regime at the entry. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Final

from tradingbot.learning.exact_sums import ZERO, added
from tradingbot.learning.params import LearningParams
from tradingbot.learning.tally import Tally
from tradingbot.learning.trade_facts import UNKNOWN, TradeFacts

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Trades of one circumstance: how many, how many won, net result (exact)."""

    trades: Tally = 0
    wins: Tally = 0
    net_usd: Decimal = ZERO

    @property
    def win_rate(self) -> float | None:
        """Share that won; None without any."""
        return self.wins / self.trades if self.trades else None


@dataclass(frozen=True, slots=True)
class MetaBuckets:
    """`circumstances`: buckets by circumstance and its value, e.g. ``circumstances["hour"]["13"]`` (UTC)."""

    circumstances: Mapping[str, Mapping[str, Bucket]] = field(default_factory=dict)


def bucketed(known: MetaBuckets, facts: TradeFacts, params: LearningParams) -> MetaBuckets:
    """The buckets with one more trade."""
    found = dict(known.circumstances)
    for name, value in _circumstances(facts, params):
        buckets = found.get(name, {})
        old = buckets.get(value, Bucket())
        made = Bucket(old.trades + 1, old.wins + facts.won, added(old.net_usd, facts.trade.net_pnl_usd))
        found[name] = {**buckets, value: made}
    return MetaBuckets(found)


def _circumstances(facts: TradeFacts, params: LearningParams) -> Iterable[tuple[str, str]]:
    return (
        ("hour", f"{facts.hour:02d}"),
        ("weekday", WEEKDAYS[facts.weekday]),
        ("volatility", bucket_name(facts.volatility_bps, params.volatility_edges_bps)),
        ("spread", bucket_name(facts.spread_bps, params.spread_edges_bps)),
        ("conviction", facts.trade.conviction),
        ("regime", facts.regime),
    )


def bucket_name(value: float | None, edges: Sequence[float]) -> str:
    """``below 5``, ``5 to 10``, ``from 20`` or ``unknown``; an edge belongs to the bucket above it."""
    if value is None or not edges:
        return UNKNOWN
    if value < edges[0]:
        return f"below {edges[0]:g}"
    inside = (f"{low:g} to {high:g}" for low, high in pairwise(edges) if low <= value < high)
    return next(inside, f"from {edges[-1]:g}")
