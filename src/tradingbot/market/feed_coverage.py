"""What only shows over all assets or over a source: feeds that lost most of their universe, sources that are behind,
values that are not there at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Final

from tradingbot.core.memo import by_identity
from tradingbot.core.records import Reason, reason
from tradingbot.market.data_contracts import ContractParams
from tradingbot.market.intelligence import Feed, FeedHealth, SymbolIntel

EVERY_ASSET = (Feed.TAKER_FLOW, Feed.OPEN_INTEREST, Feed.FUNDING)
"""Feeds that a working source tells of every asset."""
SNAPSHOTS = (Feed.TAKER_FLOW, Feed.LIQUIDATIONS, Feed.OPEN_INTEREST, Feed.EXCHANGE_FLOW)
"""Feeds whose answers carry no time of their own; the funding answer of the same source betrays one that is behind."""


def judge_universe(assets: Mapping[str, SymbolIntel], now: datetime, params: ContractParams) -> dict[str, SymbolIntel]:
    """What only shows over all assets: a feed that lost most of them, and a source whose clock is behind."""
    judged = dict(assets)
    for feed in EVERY_ASSET:
        known = [name for name, one in judged.items() if _has(one, feed)]
        holding = [name for name in known if not judged[name].problems.get(feed)]
        if known and len(holding) < params.min_assets_share * len(judged):
            why = reason("too_few_assets", have=len(holding), of=len(judged))
            judged = {name: _with(one, feed, why) if name in holding else one for name, one in judged.items()}
    return {name: _behind(one, now, params) for name, one in judged.items()}


def _behind(one: SymbolIntel, now: datetime, params: ContractParams) -> SymbolIntel:
    if one.funding is None:
        return one
    stamp, limit_s = one.funding.stamp, params.funding.max_age_s
    polled_s = (now - stamp.received_at).total_seconds()
    behind_s = (stamp.received_at - stamp.as_of).total_seconds()
    if polled_s > limit_s or behind_s <= limit_s:
        return one
    why = reason("source_is_behind", by_s=behind_s)
    for feed in SNAPSHOTS:
        if _has(one, feed):
            one = _with(one, feed, why)
    return one


def _has(one: SymbolIntel, feed: Feed) -> bool:
    return _VALUE[feed](one) is not None


_VALUE: Final[Mapping[Feed, Callable[[SymbolIntel], object]]] = {
    Feed.TAKER_FLOW: attrgetter("taker"),
    Feed.LIQUIDATIONS: attrgetter("liquidations"),
    Feed.OPEN_INTEREST: attrgetter("open_interest"),
    Feed.FUNDING: attrgetter("funding"),
    Feed.EXCHANGE_FLOW: attrgetter("exchange_flow"),
}


def _with(one: SymbolIntel, feed: Feed, why: Reason) -> SymbolIntel:
    return replace(one, problems={**one.problems, feed: (*one.problems.get(feed, ()), why)})


def explain_missing(raw: SymbolIntel, feeds: Mapping[Feed, FeedHealth]) -> SymbolIntel:
    """Every feed of an asset that has no value gets the reason, as far as the source tells it."""
    missing = _missing(raw)
    return _explained(raw, tuple([_standing(feeds.get(feed)) for feed in missing])) if missing else raw


@by_identity(512, by_value=1)
def _explained(raw: SymbolIntel, standings: tuple[Standing, ...]) -> SymbolIntel:
    """`standings` are those of the missing feeds. The same until the source tells something new."""
    missing = {feed: (_why(feed, one),) for feed, one in zip(_missing(raw), standings, strict=True)}
    return replace(raw, problems={**missing, **raw.problems})


@by_identity(512)
def _missing(raw: SymbolIntel) -> tuple[Feed, ...]:
    held: dict[Feed, object] = {
        Feed.TAKER_FLOW: raw.taker,
        Feed.LIQUIDATIONS: raw.liquidations.hour if raw.liquidations is not None else None,
        Feed.OPEN_INTEREST: raw.open_interest,
        Feed.FUNDING: raw.funding,
        Feed.FUNDING_HISTORY: raw.funding_stats,
        Feed.LONG_SHORT: raw.long_short,
        Feed.EXCHANGE_FLOW: raw.exchange_flow,
        Feed.WHALE_TRANSFERS: raw.whale_transfers,
        Feed.OPTION_SKEW: raw.option_skew,
    }
    return tuple(feed for feed, value in held.items() if value is None)


PARTIAL = (Feed.EXCHANGE_FLOW, Feed.WHALE_TRANSFERS, Feed.LONG_SHORT, Feed.OPTION_SKEW)
"""Feeds that a source tells of some assets only: what others have had and one has not, it does not cover."""


def why_missing(feed: Feed, health: FeedHealth | None) -> Reason:
    """Switched off, failing, not covered, or not there yet."""
    return _why(feed, _standing(health))


Standing = tuple[str, int, str, bool] | None
"""What tells why a feed has no value: why it is off, errors in a row, the last one, whether it ever answered."""


def _standing(health: FeedHealth | None) -> Standing:
    if health is None:
        return None
    return health.off, health.errors_in_a_row, health.last_error, health.last_success_at is not None


def _why(feed: Feed, standing: Standing) -> Reason:
    if standing is None:
        return reason("no_source")
    off, errors, last_error, answered = standing
    if off:
        return reason(off)
    if errors:
        return reason("source_failing", error=last_error, errors=errors)
    return reason("not_covered") if answered and feed in PARTIAL else reason("not_received_yet")
