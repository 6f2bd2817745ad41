"""Data contracts: what a reading must be like before anything may rest on it (SPEC 3.6).

Each feed has a range, an age that its rhythm and publication delay allow, time that never runs back, and values that
do not stand still longer than they can; some must also fit what the traded venue shows itself. A breach quarantines
that feed of that asset, with the reason; everything else goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import Field

from tradingbot.core.memo import by_identity
from tradingbot.core.params import Params
from tradingbot.core.records import Reason, reason
from tradingbot.market.intelligence import Feed, MarketIntel, OptionSkew, Stamp, SymbolIntel


class FeedContract(Params):
    """One feed. `frozen_after_s` 0: its values may stand still."""

    max_age_s: float = Field(gt=0, le=2_000_000, description="Oldest usable value, seconds since it was true.")
    low: float = Field(description="Smallest believable value.")
    high: float = Field(description="Largest believable value.")
    frozen_after_s: float = Field(default=0.0, ge=0, le=1_000_000, description="Unchanged for longer is frozen, s.")


def _contract(max_age_s: float, low: float, high: float, frozen_after_s: float = 0.0) -> FeedContract:
    return FeedContract(max_age_s=max_age_s, low=low, high=high, frozen_after_s=frozen_after_s)


class ContractParams(Params):
    """All contracts. Ages allow for each feed's rhythm, its publication delay and one missed poll."""

    taker_flow: FeedContract = Field(default=_contract(300, 0, 1e12, 900), description="USD per window.")
    liquidations: FeedContract = Field(default=_contract(900, 0, 1e11), description="USD per window.")
    open_interest: FeedContract = Field(default=_contract(900, 1, 1e13, 1800), description="USD.")
    funding: FeedContract = Field(default=_contract(1800, -0.03, 0.03), description="Fraction per 8 hours.")
    funding_history: FeedContract = Field(default=_contract(100_000, -0.03, 0.03), description="Fraction per 8 hours.")
    long_short: FeedContract = Field(default=_contract(36_000, 0, 1), description="Share of long accounts.")
    exchange_flow: FeedContract = Field(default=_contract(10_800, -1e11, 1e11), description="USD net inflow.")
    whale_transfers: FeedContract = Field(default=_contract(3_600, 0, 1e11), description="USD per window.")
    fear_greed: FeedContract = Field(default=_contract(180_000, 0, 100), description="Index.")
    volatility_index: FeedContract = Field(default=_contract(432_000, 1, 500), description="In the index's own units.")
    option_skew: FeedContract = Field(default=_contract(7_200, -1, 1), description="(put - call) / at the money.")
    min_option_iv_pct: float = Field(
        default=1.0, gt=0, le=100, description="Smallest believable implied volatility, %."
    )
    max_option_iv_pct: float = Field(default=500.0, gt=0, le=5000, description="Largest believable one, %.")
    max_future_s: float = Field(default=5.0, ge=0, le=600, description="How far ahead of us a value may be dated, s.")
    min_funding_venues: int = Field(default=3, ge=1, le=100, description="Venues that must tell their funding.")
    min_assets_share: float = Field(
        default=0.3, ge=0, le=1, description="Share of the asked assets a feed must hold, or all of it is doubted."
    )
    own_volume_share: float = Field(
        default=0.2, ge=0, le=1, description="All venues' taker volume must reach this share of the traded venue's own."
    )
    own_interest_share: float = Field(
        default=0.2, ge=0, le=1, description="All venues' open interest must reach this share of the traded venue's."
    )
    max_funding_gap_8h: float = Field(
        default=0.01, gt=0, le=1, description="Largest distance of others' funding from the traded venue's, fraction."
    )
    max_liquidated_share: float = Field(
        default=0.5, gt=0, le=1, description="Largest hour of liquidations, as share of open interest."
    )
    max_mark_gap_pct: float = Field(
        default=5.0, gt=0, le=100, description="Largest distance of the newest close from the mark price, percent."
    )
    max_missing_minutes: int = Field(default=15, ge=0, le=59, description="Minutes without candle in the last hour.")

    def of(self, feed: Feed) -> FeedContract:
        """The contract of one feed."""
        contract: FeedContract = getattr(self, feed)
        return contract


@dataclass(frozen=True, slots=True)
class OwnMarket:
    """What the traded venue shows of an asset, to compare others with; None where it does not."""

    volume_5m_usd: float | None = None
    interest_usd: float | None = None
    funding_8h: float | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One value under contract: its numbers by name, those that must change in time, and the stamp."""

    feed: Feed
    stamp: Stamp
    numbers: tuple[tuple[str, float], ...]
    moving: tuple[float, ...] = ()


@dataclass(slots=True)
class _Seen:
    as_of: datetime
    moving: tuple[float, ...]
    since: datetime


class ContractMemory:
    """What the contracts must remember from one look to the next: the newest time and since when a value stands
    still."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Feed, str], _Seen] = {}

    def compare(self, subject: str, item: Observation, contract: FeedContract) -> tuple[Reason, ...]:
        """Time that ran back, or values that stand still; notes what was seen."""
        key = (subject, item.feed, item.stamp.source)
        seen = self._seen.get(key)
        if seen is not None and item.stamp.as_of < seen.as_of:
            back_s = (seen.as_of - item.stamp.as_of).total_seconds()
            return (reason("time_ran_back", by_s=back_s),)
        if seen is None or seen.moving != item.moving:
            self._seen[key] = _Seen(item.stamp.as_of, item.moving, item.stamp.as_of)
            return ()
        seen.as_of = item.stamp.as_of
        still_s = (seen.as_of - seen.since).total_seconds()
        if item.moving and contract.frozen_after_s and still_s > contract.frozen_after_s:
            return (reason("frozen", unchanged_s=still_s, limit_s=contract.frozen_after_s),)
        return ()


def observations(intel: SymbolIntel) -> Iterable[Observation]:
    """Everything of one asset that is under contract."""
    if intel.taker is not None:
        numbers = (("buy_usd", intel.taker.buy_usd), ("sell_usd", intel.taker.sell_usd))
        yield Observation(Feed.TAKER_FLOW, intel.taker.stamp, numbers, (intel.taker.buy_usd, intel.taker.sell_usd))
    if intel.liquidations is not None and intel.liquidations.hour is not None:
        hour = intel.liquidations.hour
        yield Observation(Feed.LIQUIDATIONS, hour.stamp, (("long_usd", hour.long_usd), ("short_usd", hour.short_usd)))
    if intel.open_interest is not None:
        interest = intel.open_interest
        numbers_of = (("total_usd", interest.total_usd),)
        yield Observation(Feed.OPEN_INTEREST, interest.stamp, numbers_of, (interest.total_usd,))
    if intel.funding is not None:
        yield Observation(Feed.FUNDING, intel.funding.stamp, (("median_8h", intel.funding.median_8h),))
    if intel.funding_stats is not None:
        stats = intel.funding_stats
        yield Observation(Feed.FUNDING_HISTORY, stats.stamp, (("mean_8h", stats.mean_8h), ("std_8h", stats.std_8h)))
    if intel.long_short is not None:
        yield Observation(Feed.LONG_SHORT, intel.long_short.stamp, (("long_share", intel.long_short.long_share),))
    if intel.exchange_flow is not None:
        flow = intel.exchange_flow
        yield Observation(Feed.EXCHANGE_FLOW, flow.stamp, (("net_inflow_usd", flow.net_inflow_usd),))
    if intel.whale_transfers is not None:
        moves = intel.whale_transfers
        pair = (("inflow_usd", moves.inflow_usd), ("outflow_usd", moves.outflow_usd))
        yield Observation(Feed.WHALE_TRANSFERS, moves.stamp, pair)
    if intel.option_skew is not None:
        yield Observation(Feed.OPTION_SKEW, intel.option_skew.stamp, (("skew", intel.option_skew.skew),))


def market_observations(intel: MarketIntel) -> Iterable[Observation]:
    """Everything of the whole market that is under contract."""
    if intel.fear_greed is not None:
        yield Observation(Feed.FEAR_GREED, intel.fear_greed.stamp, (("value", intel.fear_greed.value),))
    if intel.volatility is not None:
        yield Observation(Feed.VOLATILITY_INDEX, intel.volatility.stamp, (("value", intel.volatility.value),))


def breaches(
    subject: str, item: Observation, memory: ContractMemory, now: datetime, params: ContractParams
) -> tuple[Reason, ...]:
    """What one observation violates by itself: range, age, time."""
    contract = params.of(item.feed)
    return _breaches(subject, item, contract, _out_of_range(item, contract), memory, now, params.max_future_s)


def _out_of_range(item: Observation, contract: FeedContract) -> tuple[Reason, ...]:
    found = []
    for name, value in item.numbers:
        if not (math.isfinite(value) and contract.low <= value <= contract.high):
            seen = value if math.isfinite(value) else str(value)
            found.append(reason("out_of_range", field=name, value=seen, low=contract.low, high=contract.high))
    return tuple(found)


def _breaches(
    subject: str,
    item: Observation,
    contract: FeedContract,
    out_of_range: tuple[Reason, ...],
    memory: ContractMemory,
    now: datetime,
    max_future_s: float,
) -> tuple[Reason, ...]:
    found = (*memory.compare(subject, item, contract), *out_of_range)
    age_s = item.stamp.age_s(now)
    if age_s > contract.max_age_s:
        found = (*found, reason("stale", age_s=age_s, limit_s=contract.max_age_s, source=item.stamp.source))
    if age_s < -max_future_s:
        found = (*found, reason("from_the_future", ahead_s=-age_s))
    return found


Held = tuple[Observation, FeedContract, tuple[Reason, ...]]
"""A value, its contract, and what of it is out of range."""


@by_identity(512)
def _held_to(raw: SymbolIntel, params: ContractParams) -> tuple[Held, ...]:
    """Every observation with its contract and what is out of range: the same until a source tells something new."""
    items = ((item, params.of(item.feed)) for item in observations(raw))
    return tuple((item, contract, _out_of_range(item, contract)) for item, contract in items)


def judge_asset(
    asset: str, raw: SymbolIntel, own: OwnMarket, memory: ContractMemory, now: datetime, params: ContractParams
) -> SymbolIntel:
    """The same values with every breach noted; what has a problem may not be used."""
    problems: dict[Feed, tuple[Reason, ...]] = {}
    for item, contract, out_of_range in _held_to(raw, params):
        found = _breaches(asset, item, contract, out_of_range, memory, now, params.max_future_s)
        if found:
            problems = problems or dict(raw.problems)
            problems[item.feed] = (*problems.get(item.feed, ()), *found)
    for feed, why in _sanity(raw, own, params):
        problems = problems or dict(raw.problems)
        problems[feed] = (*problems.get(feed, ()), why)
    return replace(raw, problems=problems) if problems else raw


def judge_market(raw: MarketIntel, memory: ContractMemory, now: datetime, params: ContractParams) -> MarketIntel:
    """The same for what holds for the whole market."""
    problems: dict[Feed, tuple[Reason, ...]] = dict(raw.problems)
    for item in market_observations(raw):
        found = breaches("*", item, memory, now, params)
        if found:
            problems[item.feed] = (*problems.get(item.feed, ()), *found)
    return replace(raw, problems=problems) if problems else raw


def _sanity(raw: SymbolIntel, own: OwnMarket, params: ContractParams) -> Iterable[tuple[Feed, Reason]]:
    """Values that are possible each but do not fit one another or the traded venue."""
    taker, interest = raw.taker, raw.open_interest
    hour = raw.liquidations.hour if raw.liquidations is not None else None
    if taker is not None and own.volume_5m_usd is not None:
        both = (taker.buy_usd + taker.sell_usd) * 300 / taker.window_s
        if both < params.own_volume_share * own.volume_5m_usd:
            yield Feed.TAKER_FLOW, reason("below_own_venue", volume_usd=both, own_usd=own.volume_5m_usd)
    if interest is not None:
        yield from _interest_sanity(interest.total_usd, hour.total_usd if hour is not None else 0.0, own, params)
    if raw.funding is not None:
        yield from _funding_sanity(raw.funding.median_8h, raw.funding.venues, own, params)
    if raw.option_skew is not None:
        yield from _smile_sanity(raw.option_skew, params)


def _smile_sanity(told: OptionSkew, params: ContractParams) -> Iterable[tuple[Feed, Reason]]:
    low, high = params.min_option_iv_pct, params.max_option_iv_pct
    for name in ("put_25d_iv_pct", "call_25d_iv_pct", "atm_iv_pct"):
        value: float = getattr(told, name)
        if not low <= value <= high:
            seen = value if math.isfinite(value) else str(value)
            yield Feed.OPTION_SKEW, reason("out_of_range", field=name, value=seen, low=low, high=high)


def _interest_sanity(
    total_usd: float, liquidated_usd: float, own: OwnMarket, params: ContractParams
) -> Iterable[tuple[Feed, Reason]]:
    if own.interest_usd is not None and total_usd < params.own_interest_share * own.interest_usd:
        yield Feed.OPEN_INTEREST, reason("below_own_venue", total_usd=total_usd, own_usd=own.interest_usd)
    limit_usd = params.max_liquidated_share * total_usd
    if total_usd > 0 and liquidated_usd > limit_usd:
        yield Feed.LIQUIDATIONS, reason("more_than_there_was", total_usd=liquidated_usd, limit_usd=limit_usd)


def _funding_sanity(
    median_8h: float, venues: int, own: OwnMarket, params: ContractParams
) -> Iterable[tuple[Feed, Reason]]:
    if venues < params.min_funding_venues:
        yield Feed.FUNDING, reason("too_few_venues", have=venues, need=params.min_funding_venues)
    if own.funding_8h is not None and abs(median_8h - own.funding_8h) > params.max_funding_gap_8h:
        yield Feed.FUNDING, reason("far_from_own_venue", median_8h=median_8h, own_8h=own.funding_8h)
