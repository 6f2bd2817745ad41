"""Every contract has a breach that quarantines its feed alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.support import NOW, a_stamp, candles_of
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.market.candle_contract import candle_problems, hour_shape, hour_shapes
from tradingbot.market.candles import Candles, part_of
from tradingbot.market.data_contracts import ContractMemory, ContractParams, OwnMarket, judge_asset, judge_market
from tradingbot.market.feed_coverage import explain_missing, judge_universe
from tradingbot.market.intelligence import (
    ExchangeFlow,
    FearGreed,
    Feed,
    FeedHealth,
    FundingRates,
    FundingStats,
    Liquidations,
    LiquidationWindow,
    LongShort,
    MarketIntel,
    OpenInterest,
    OptionSkew,
    SymbolIntel,
    TakerFlow,
    VolatilityReading,
    WhaleTransfers,
)

PARAMS = ContractParams()


def whole(**changes: object) -> SymbolIntel:
    """One asset with everything in order."""
    hour = LiquidationWindow(a_stamp(), 3600, 2e6, 1e6)
    intel = SymbolIntel(
        taker=TakerFlow(a_stamp(), 300, 6e6, 5e6),
        liquidations=Liquidations(hour=hour),
        open_interest=OpenInterest(a_stamp(), 1e9, {"1h": 1.0}),
        funding=FundingRates(a_stamp(), 0.0001, 12),
        funding_stats=FundingStats(a_stamp(), 0.0001, 0.0001, 90),
        long_short=LongShort(a_stamp(), 0.6),
        exchange_flow=ExchangeFlow(a_stamp(), 86_400, -3e6),
        whale_transfers=WhaleTransfers(a_stamp(), 3600, 1e6, 2e6, 4),
        option_skew=OptionSkew(a_stamp(), 55.0, 50.0, 51.0, 30.0),
    )
    return replace(intel, **changes)  # type: ignore[arg-type]


def judged(intel: SymbolIntel, own: OwnMarket | None = None) -> SymbolIntel:
    return judge_asset("BTC", intel, own or OwnMarket(), ContractMemory(), NOW, PARAMS)


def test_data_in_order_has_no_problems() -> None:
    """Nothing is quarantined without a breach."""
    assert judged(whole(), OwnMarket(4e5, 1e8, 0.0001)).problems == {}


LATE = a_stamp(age_s=8 * 86_400)
AHEAD = a_stamp(age_s=-60)


@pytest.mark.parametrize(
    ("changes", "feed", "code"),
    [
        ({"taker": TakerFlow(LATE, 300, 6e6, 5e6)}, Feed.TAKER_FLOW, "stale"),
        ({"taker": TakerFlow(AHEAD, 300, 6e6, 5e6)}, Feed.TAKER_FLOW, "from_the_future"),
        ({"taker": TakerFlow(a_stamp(), 300, -1.0, 5e6)}, Feed.TAKER_FLOW, "out_of_range"),
        ({"taker": TakerFlow(a_stamp(), 300, float("nan"), 5e6)}, Feed.TAKER_FLOW, "out_of_range"),
        (
            {"liquidations": Liquidations(hour=LiquidationWindow(a_stamp(), 3600, 1e12, 0.0))},
            Feed.LIQUIDATIONS,
            "out_of_range",
        ),
        ({"liquidations": Liquidations(hour=LiquidationWindow(LATE, 3600, 1e6, 0.0))}, Feed.LIQUIDATIONS, "stale"),
        (
            {"liquidations": Liquidations(hour=LiquidationWindow(a_stamp(), 3600, 9e8, 0.0))},
            Feed.LIQUIDATIONS,
            "more_than_there_was",
        ),
        ({"open_interest": OpenInterest(a_stamp(), 0.0, {})}, Feed.OPEN_INTEREST, "out_of_range"),
        ({"funding": FundingRates(a_stamp(), 0.5, 12)}, Feed.FUNDING, "out_of_range"),
        ({"funding": FundingRates(a_stamp(), 0.0001, 1)}, Feed.FUNDING, "too_few_venues"),
        ({"funding_stats": FundingStats(LATE, 0.0, 0.0001, 90)}, Feed.FUNDING_HISTORY, "stale"),
        ({"long_short": LongShort(a_stamp(), 1.2)}, Feed.LONG_SHORT, "out_of_range"),
        ({"exchange_flow": ExchangeFlow(LATE, 86_400, 1e6)}, Feed.EXCHANGE_FLOW, "stale"),
        ({"whale_transfers": WhaleTransfers(a_stamp(), 3600, -5.0, 0.0, 1)}, Feed.WHALE_TRANSFERS, "out_of_range"),
        ({"option_skew": OptionSkew(LATE, 55, 50, 51, 30)}, Feed.OPTION_SKEW, "stale"),
        ({"option_skew": OptionSkew(a_stamp(7_300), 55, 50, 51, 30)}, Feed.OPTION_SKEW, "stale"),
        ({"option_skew": OptionSkew(a_stamp(), 120, 50, 51, 30)}, Feed.OPTION_SKEW, "out_of_range"),
        ({"option_skew": OptionSkew(a_stamp(), 520, 510, 499, 30)}, Feed.OPTION_SKEW, "out_of_range"),
        ({"option_skew": OptionSkew(a_stamp(), 0.55, 0.50, 0.51, 30)}, Feed.OPTION_SKEW, "out_of_range"),
        ({"option_skew": OptionSkew(a_stamp(), 55, 50, 0.0, 30)}, Feed.OPTION_SKEW, "out_of_range"),
    ],
)
def test_a_breach_quarantines_its_feed_alone(changes: dict[str, object], feed: Feed, code: str) -> None:
    """The reason is named, and no other feed suffers."""
    problems = judged(whole(**changes)).problems
    assert set(problems) == {feed}
    assert code in {why.code for why in problems[feed]}


@pytest.mark.parametrize(
    ("own", "feed"),
    [
        (OwnMarket(volume_5m_usd=9e8), Feed.TAKER_FLOW),
        (OwnMarket(interest_usd=9e10), Feed.OPEN_INTEREST),
        (OwnMarket(funding_8h=-0.02), Feed.FUNDING),
    ],
)
def test_what_does_not_fit_the_traded_venue_is_doubted(own: OwnMarket, feed: Feed) -> None:
    """All venues together cannot be smaller than one of them."""
    assert set(judged(whole(), own).problems) == {feed}


def test_time_must_not_run_back() -> None:
    """An older answer after a newer one is a breach until time has caught up."""
    memory = ContractMemory()
    newer = whole(taker=TakerFlow(a_stamp(10), 300, 6e6, 5e6))
    older = whole(taker=TakerFlow(a_stamp(70), 300, 7e6, 5e6))
    assert judge_asset("BTC", newer, OwnMarket(), memory, NOW, PARAMS).problems == {}
    after = judge_asset("BTC", older, OwnMarket(), memory, NOW, PARAMS).problems
    assert [why.code for why in after[Feed.TAKER_FLOW]] == ["time_ran_back"]


def test_volume_that_never_changes_is_frozen() -> None:
    """Fresh times on standing values do not make them fresh."""
    memory, now = ContractMemory(), NOW
    codes: list[str] = []
    for _ in range(20):
        taker = TakerFlow(a_stamp(5, now=now), 300, 6e6, 5e6)
        found = judge_asset("BTC", SymbolIntel(taker=taker), OwnMarket(), memory, now, PARAMS)
        codes = [why.code for why in found.problems.get(Feed.TAKER_FLOW, ())]
        now += timedelta(minutes=1)
    assert codes == ["frozen"]
    moved = SymbolIntel(taker=TakerFlow(a_stamp(5, now=now), 300, 6.1e6, 5e6))
    assert judge_asset("BTC", moved, OwnMarket(), memory, now, PARAMS).problems == {}


def test_a_source_whose_funding_is_of_last_week_is_behind_in_everything() -> None:
    """Answers without a time of their own are judged by the one that has one."""
    week_old = replace(a_stamp(10), as_of=NOW - timedelta(days=7))
    behind = whole(funding=FundingRates(week_old, 0.0001, 12))
    found = judge_universe({"BTCUSDT": judged(behind)}, NOW, PARAMS)["BTCUSDT"].problems
    for feed in (Feed.TAKER_FLOW, Feed.LIQUIDATIONS, Feed.OPEN_INTEREST, Feed.EXCHANGE_FLOW):
        assert "source_is_behind" in {why.code for why in found[feed]}
    assert Feed.LONG_SHORT not in found


def test_a_feed_that_lost_most_assets_is_doubted_for_the_rest() -> None:
    """One good answer among ten bad ones is no basis."""
    good, bad = judged(whole()), judged(whole(taker=TakerFlow(LATE, 300, 6e6, 5e6)))
    found = judge_universe({"A": good, **{str(n): bad for n in range(9)}}, NOW, PARAMS)
    assert [why.code for why in found["A"].problems[Feed.TAKER_FLOW]] == ["too_few_assets"]
    assert Feed.OPEN_INTEREST not in found["A"].problems


def test_the_whole_market_is_under_contract_too() -> None:
    """Fear & greed beyond its scale, and a volatility index of last month."""
    raw = MarketIntel(FearGreed(a_stamp(), 140.0), VolatilityReading(a_stamp(40 * 86_400), "dvol", 50.0))
    problems = judge_market(raw, ContractMemory(), NOW, PARAMS).problems
    assert {feed: why[0].code for feed, why in problems.items()} == {
        Feed.FEAR_GREED: "out_of_range",
        Feed.VOLATILITY_INDEX: "stale",
    }


@pytest.mark.parametrize(
    ("health", "code"),
    [
        (None, "no_source"),
        (FeedHealth(Feed.TAKER_FLOW, off="no_api_key"), "no_api_key"),
        (FeedHealth(Feed.TAKER_FLOW, errors_in_a_row=3, last_error="HTTP 500"), "source_failing"),
        (FeedHealth(Feed.TAKER_FLOW, last_success_at=NOW), "not_received_yet"),
        (FeedHealth(Feed.TAKER_FLOW), "not_received_yet"),
    ],
)
def test_what_is_missing_is_explained(health: FeedHealth | None, code: str) -> None:
    """Off, failing, not covered and not there yet are told apart."""
    feeds = {} if health is None else {Feed.TAKER_FLOW: health}
    assert explain_missing(SymbolIntel(), feeds).problems[Feed.TAKER_FLOW][0].code == code


def test_an_asset_that_a_partial_feed_passes_over_is_not_covered() -> None:
    """Exchange balances are told of a few coins only."""
    feeds = {Feed.EXCHANGE_FLOW: FeedHealth(Feed.EXCHANGE_FLOW, last_success_at=NOW)}
    assert explain_missing(SymbolIntel(), feeds).problems[Feed.EXCHANGE_FLOW][0].code == "not_covered"


def test_candles_in_order_have_no_problems() -> None:
    """Fresh, whole, near the mark."""
    assert candle_problems(candles_of([2000.0] * 100), 2001.0, NOW, 90.0, PARAMS) == ()


def test_each_breach_of_candles_is_named() -> None:
    """Stale, impossible, gappy, and far from the mark."""
    good = candles_of([2000.0] * 100)
    upside_down = replace(good, high=np.where(np.arange(100) == 95, 1.0, good.high))
    keep = np.ones(100, dtype=bool)
    keep[60:90] = False
    columns = ("open_ms", "open", "high", "low", "close", "volume")
    gappy = replace(good, **{name: getattr(good, name)[keep] for name in columns})
    shuffled = replace(good, open_ms=np.where(np.arange(100) == 97, good.open_ms[0], good.open_ms))
    cases = {
        "candles_stale": candle_problems(good, 2000.0, NOW + timedelta(minutes=10), 90.0, PARAMS),
        "candle_out_of_range": candle_problems(upside_down, 2000.0, NOW, 90.0, PARAMS),
        "candles_missing": candle_problems(gappy, 2000.0, NOW, 90.0, PARAMS),
        "candles_far_from_mark": candle_problems(good, 2500.0, NOW, 90.0, PARAMS),
        "candles_out_of_order": candle_problems(shuffled, 2000.0, NOW, 90.0, PARAMS),
        "no_candles": candle_problems(good.tail(0), 2000.0, NOW, 90.0, PARAMS),
    }
    for code, found in cases.items():
        assert code in {why.code for why in found}, code


def test_shapes_of_many_hours_are_those_of_one_hour_each() -> None:
    """Also of hours with holes, with candles that are none, and out of order."""
    chance = np.random.default_rng(5)
    count = 900
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.001, count)))
    opened = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    times = 60_000 * (29_000_000 + np.cumsum(chance.choice((1, 1, 1, 1, 3), count)))
    volume = chance.uniform(0, 5, count)
    for row, column, value in ((120, low, 500.0), (260, volume, -1.0), (400, high, np.inf), (540, close, np.nan)):
        column[row] = value
    times[700], low[820] = times[690], 0.0
    candles = Candles(Symbol("BTCUSDT"), Timeframe.M1, times, opened, high, low, close, volume)
    for bars in (range(count), range(57, 63), range(899, 900)):
        alone = [hour_shape(part_of(candles, slice(0, row + 1))) for row in bars]
        assert hour_shapes(candles, bars) == alone
    codes = {why.code for shape in hour_shapes(candles, range(count)) for why in shape.wrong}
    assert codes == {"candle_out_of_range", "candles_out_of_order"}
    assert {shape.missing for shape in hour_shapes(candles, range(count))} > {0, 10}
