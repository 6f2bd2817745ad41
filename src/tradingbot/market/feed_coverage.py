"""What only shows over all assets or over a source: feeds that lost most of their universe, sources that are behind,
values that are not there at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

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
        holding = [name for name, one in judged.items() if _has(one, feed) and not one.problems.get(feed)]
        known = [name for name, one in judged.items() if _has(one, feed)]
        if known and len(holding) < params.min_assets_share * len(judged):
            why = reason("too_few_assets", have=len(holding), of=len(judged))
            judged = {name: _with(one, feed, why) if name in holding else one for name, one in judged.items()}
    return {name: _behind(one, now, params) for name, one in judged.items()}


def _behind(one: SymbolIntel, now: datetime, params: ContractParams) -> SymbolIntel:
    if one.funding is None:
        return one
    polled_s = (now - one.funding.stamp.received_at).total_seconds()
    behind_s = (one.funding.stamp.received_at - one.funding.stamp.as_of).total_seconds()
    limit_s = params.of(Feed.FUNDING).max_age_s
    if polled_s > limit_s or behind_s <= limit_s:
        return one
    why = reason("source_is_behind", by_s=behind_s)
    for feed in SNAPSHOTS:
        if _has(one, feed):
            one = _with(one, feed, why)
    return one


def _has(one: SymbolIntel, feed: Feed) -> bool:
    held = {
        Feed.TAKER_FLOW: one.taker,
        Feed.LIQUIDATIONS: one.liquidations,
        Feed.OPEN_INTEREST: one.open_interest,
        Feed.FUNDING: one.funding,
        Feed.EXCHANGE_FLOW: one.exchange_flow,
    }
    return held[feed] is not None


def _with(one: SymbolIntel, feed: Feed, why: Reason) -> SymbolIntel:
    return replace(one, problems={**one.problems, feed: (*one.problems.get(feed, ()), why)})


def explain_missing(raw: SymbolIntel, feeds: Mapping[Feed, FeedHealth]) -> SymbolIntel:
    """Every feed of an asset that has no value gets the reason, as far as the source tells it."""
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
    missing = {feed: (why_missing(feed, feeds.get(feed)),) for feed, value in held.items() if value is None}
    return replace(raw, problems={**missing, **raw.problems}) if missing else raw


PARTIAL = (Feed.EXCHANGE_FLOW, Feed.WHALE_TRANSFERS, Feed.LONG_SHORT, Feed.OPTION_SKEW)
"""Feeds that a source tells of some assets only: what others have had and one has not, it does not cover."""


def why_missing(feed: Feed, health: FeedHealth | None) -> Reason:
    """Switched off, failing, not covered, or not there yet."""
    if health is None:
        return reason("no_source")
    if health.off:
        return reason(health.off)
    if health.errors_in_a_row:
        return reason("source_failing", error=health.last_error, errors=health.errors_in_a_row)
    if health.last_success_at is not None and feed in PARTIAL:
        return reason("not_covered")
    return reason("not_received_yet")
