"""Intelligence of a simulated market: repeatable, never from the future, and showing what the market does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.builders_coinglass import DAY_MS, HOUR_MS, OtherFuture
from tests.builders_sim import SineFeed
from tradingbot.simulator.intelligence import MarketIntelligence
from tradingbot.simulator.synthetic_market import SyntheticMarket

MINUTE_MS = 60_000
DAYS = 20
LONGS, SHORTS, CLOSE = 10, 11, 3


def _lists(value: Any) -> Any:
    """Arrays as lists, so that answers can be compared."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return tuple(_lists(part) for part in value)
    if hasattr(value, "time_ms") and hasattr(value, "values"):
        return value.time_ms.tolist(), value.values.tolist(), value.prices.tolist(), value.origin
    return value


Question = Callable[[MarketIntelligence, int], Any]
QUESTIONS: dict[str, Question] = {
    "taker": lambda one, now: one.futures.taker("BTC", 60, now),
    "liquidated": lambda one, now: one.futures.liquidated("ETH", 1440, now),
    "interest": lambda one, now: one.futures.interest("BTC", now),
    "interest bars": lambda one, now: one.futures.interest_bars("BTC", 4 * HOUR_MS, now - 3 * DAY_MS, now)[
        0
    ].columns.copy(),
    "orders": lambda one, now: one.futures.orders("BTC", now - DAY_MS, now, now, 0.0),
    "funding": lambda one, now: one.crowd.funding("BTC", now),
    "funding history": lambda one, now: one.crowd.history("BTC", "Binance", 8 * HOUR_MS, now - 3 * DAY_MS, now),
    "ratios": lambda one, now: one.crowd.ratios("top_account", "ETH", "OKX", 4 * HOUR_MS, now - 3 * DAY_MS, now),
    "balances": lambda one, now: one.flows.balances("BTC", now),
    "stable balances": lambda one, now: one.flows.balances("USDT", now),
    "transfers": lambda one, now: one.transfers.on_exchanges("LINK", now - 6 * HOUR_MS, now, 0.0),
    "whales": lambda one, now: one.transfers.whales(None, now - DAY_MS, now, now),
    "positions": lambda one, now: one.transfers.positions(now),
    "mood": lambda one, now: one.mood.fear_greed(now),
    "volatility": lambda one, now: one.mood.volatility(HOUR_MS, now - 2 * DAY_MS, now, now),
    "smile": lambda one, now: one.smiles.summaries("ETH", now),
    "options": lambda one, now: (one.options.info("BTC", now), one.options.max_pain("BTC", now)),
}
ASSETS = ("BTC", "ETH", "LINK")


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(7, ASSETS, cached_days=DAYS + 10)


@pytest.fixture(scope="module")
def told(market: SyntheticMarket) -> MarketIntelligence:
    one = MarketIntelligence(market, 7)
    one.warm(market.start_ms + DAYS * DAY_MS)
    return one


@pytest.fixture(scope="module")
def minutes(market: SyntheticMarket) -> np.ndarray[Any, Any]:
    """All minutes of BTC from the start on, fields of `MinuteBar` after the time."""
    return market.table("BTC", market.start_ms, market.start_ms + DAYS * DAY_MS)[1]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_has_one_answer_whatever_was_asked_before(name: str, told: MarketIntelligence) -> None:
    market = SyntheticMarket(7, ASSETS)
    now_ms = market.start_ms + 2 * DAY_MS + 7 * MINUTE_MS + 31_000
    fresh = QUESTIONS[name](MarketIntelligence(market, 7), now_ms)
    assert _lists(fresh) == _lists(QUESTIONS[name](told, now_ms))


@pytest.mark.parametrize("name", QUESTIONS)
def test_nothing_is_known_of_the_future(name: str, market: SyntheticMarket, told: MarketIntelligence) -> None:
    now_ms = market.start_ms + 2 * DAY_MS + 7 * MINUTE_MS + 31_000
    minute_ms = now_ms // MINUTE_MS * MINUTE_MS
    other = MarketIntelligence(OtherFuture(market, minute_ms), 7)
    other.warm(now_ms + DAY_MS)
    assert _lists(QUESTIONS[name](other, now_ms)) == _lists(QUESTIONS[name](told, now_ms))


@pytest.mark.parametrize(
    ("name", "delay_s"),
    [
        ("taker", 5),
        ("liquidated", 20),
        ("interest", 60),
        ("funding", 60),
        ("ratios", 60),
        ("balances", 300),
        ("smile", 1),
    ],
)
def test_a_value_appears_after_its_delay_and_not_before(
    name: str, delay_s: int, market: SyntheticMarket, told: MarketIntelligence
) -> None:
    closed_ms = next(at for at in _bar_ends(market) if _liquidated_just_before(market, at))
    other = MarketIntelligence(OtherFuture(market, closed_ms - MINUTE_MS), 7)
    before_ms, after_ms = closed_ms + delay_s * 1000 - 1, closed_ms + delay_s * 1000
    assert _lists(QUESTIONS[name](other, before_ms)) == _lists(QUESTIONS[name](told, before_ms))
    assert _lists(QUESTIONS[name](other, after_ms)) != _lists(QUESTIONS[name](told, after_ms))


def _bar_ends(market: SyntheticMarket) -> range:
    """Moments at which a minute, an hour and a 4-hour bar close."""
    return range(market.start_ms + DAY_MS, market.start_ms + DAYS * DAY_MS, 4 * 60 * MINUTE_MS)


def _liquidated_just_before(market: SyntheticMarket, at_ms: int) -> bool:
    """Without liquidations in its newest minute a market tells nothing new of them."""
    newest = market.table("ETH", at_ms - MINUTE_MS, at_ms)[1][-1]
    return bool(newest[LONGS] + newest[SHORTS] > 0)


def test_another_seed_tells_the_same_market_with_other_noise(market: SyntheticMarket, told: MarketIntelligence) -> None:
    now_ms = market.start_ms + DAY_MS
    other = MarketIntelligence(market, 8)
    one, two = told.futures.taker("BTC", 60, now_ms), other.futures.taker("BTC", 60, now_ms)
    assert (one.first, one.second) == (two.first, two.second)
    assert one.by_exchange != two.by_exchange


@pytest.mark.parametrize("side", [LONGS, SHORTS])
def test_a_cascade_shows_on_its_side_after_the_delay(
    side: int, market: SyntheticMarket, told: MarketIntelligence, minutes: np.ndarray[Any, Any]
) -> None:
    worst = int(np.argmax(minutes[:, side]))
    closed_ms = market.start_ms + (worst + 1) * MINUTE_MS
    delay_ms = round(told.world.delays.liquidations_s * 1000)
    before = told.futures.liquidated("BTC", 60, closed_ms + delay_ms - 1)
    after = told.futures.liquidated("BTC", 60, closed_ms + delay_ms)
    forced = after.first if side == LONGS else after.second
    earlier = before.first if side == LONGS else before.second
    assert forced > earlier
    assert forced > 2.0 * (after.second if side == LONGS else after.first)
    usual = np.median([told.futures.liquidated("BTC", 60, market.start_ms + h * HOUR_MS).first for h in range(200)])
    assert forced > 10.0 * usual


def test_the_exchanges_together_are_the_whole(market: SyntheticMarket, told: MarketIntelligence) -> None:
    now_ms = market.start_ms + 3 * DAY_MS
    for split in (told.futures.taker("ETH", 240, now_ms), told.futures.liquidated("ETH", 1440, now_ms)):
        assert sum(pair[0] for pair in split.by_exchange.values()) == pytest.approx(split.first)
        assert sum(pair[1] for pair in split.by_exchange.values()) == pytest.approx(split.second)
    parts, _ = told.futures.interest("ETH", now_ms)
    assert parts[0].exchange == "All"
    assert sum(part.usd for part in parts[1:]) == pytest.approx(parts[0].usd)


def test_sizes_are_those_of_all_exchanges(market: SyntheticMarket, told: MarketIntelligence) -> None:
    moments = [market.start_ms + day * DAY_MS for day in range(1, DAYS)]
    interest = np.mean([told.futures.interest("BTC", now)[0][0].usd for now in moments])
    assert 20e9 < interest < 120e9
    volume = np.mean([(s := told.futures.taker("BTC", 1440, now)).first + s.second for now in moments])
    assert 15e9 < volume < 200e9
    forced = np.median([(s := told.futures.liquidated("BTC", 1440, now)).first + s.second for now in moments])
    assert 2e7 < forced < 6e8
    held = sum(one.total for one in told.flows.balances("BTC", moments[0])[0])
    assert 1.5e6 < held < 3.5e6


def test_takers_buy_while_prices_rise(
    market: SyntheticMarket, told: MarketIntelligence, minutes: np.ndarray[Any, Any]
) -> None:
    hours = range(1, DAYS * 24)
    close = minutes[59::60, CLOSE]
    moves = np.diff(np.log(close))
    ratios = []
    for hour in hours:
        split = told.futures.taker("BTC", 60, market.start_ms + (hour + 1) * HOUR_MS + 6_000)
        ratios.append(split.first / split.second)
    assert np.corrcoef(moves, ratios[: len(moves)])[0, 1] > 0.4


def test_the_crowd_leans_to_where_the_price_has_gone(
    market: SyntheticMarket, told: MarketIntelligence, minutes: np.ndarray[Any, Any]
) -> None:
    close = minutes[:, CLOSE]
    ends = range(480, len(close), 240)
    moves = [np.log(close[end - 1] / close[end - 480]) for end in ends]
    times = [market.start_ms + end * MINUTE_MS + 61_000 for end in ends]
    rates = [told.crowd.rate("BTC", now) for now in times]
    leans = [told.crowd.crowding("BTC", now) for now in times]
    assert np.corrcoef(moves, rates)[0, 1] > 0.4
    assert np.corrcoef(moves, leans)[0, 1] > 0.5


def _held(told: MarketIntelligence, now_ms: int) -> float:
    return sum(one.total for one in told.flows.balances("BTC", now_ms)[0])


def test_coins_come_to_exchanges_in_panic_and_leave_in_calm_rises(
    market: SyntheticMarket, told: MarketIntelligence
) -> None:
    _, _, regimes = market.table("BTC", market.start_ms, market.start_ms + DAYS * DAY_MS)
    change = {"panic": [], "trend_up": []}  # type: dict[str, list[float]]
    for hour in range(24, DAYS * 24 - 2):
        moods = regimes[hour * 60 : (hour + 1) * 60]
        for mood, found in change.items():
            if moods.count(mood) >= 45:
                ends_ms = market.start_ms + (hour + 1) * HOUR_MS + 301_000
                now, then = (_held(told, time_ms) for time_ms in (ends_ms, ends_ms - HOUR_MS))
                found.append(now - then)
    assert len(change["panic"]) >= 3
    assert np.mean(change["panic"]) > 300.0
    assert np.mean(change["trend_up"]) < -100.0


def test_transfers_follow_the_same_drive(market: SyntheticMarket, told: MarketIntelligence) -> None:
    drives, shares = [], []
    for hour in range(24, DAYS * 24 - 2):
        at_ms = market.start_ms + hour * HOUR_MS
        drive = told.flows.drive("LINK", at_ms)
        if abs(drive) > 0.7:
            found = told.transfers.on_exchanges("LINK", at_ms, at_ms + HOUR_MS, 0.0)
            found = [one for one in found if at_ms <= one.time_ms < at_ms + HOUR_MS and one.direction != 3]
            drives.append(drive)
            shares.append(sum(one.direction == 1 for one in found) / max(1, len(found)))
    assert np.corrcoef(drives, shares)[0, 1] > 0.5


def test_bad_days_bring_fear_and_expected_volatility(
    market: SyntheticMarket, told: MarketIntelligence, minutes: np.ndarray[Any, Any]
) -> None:
    first_ms = -(-market.start_ms // DAY_MS) * DAY_MS
    moves, moods, spans, levels = [], [], [], []
    for day in range(DAYS - 2):
        start = (first_ms - market.start_ms) // MINUTE_MS + day * 1440
        rows = minutes[start : start + 1440]
        midnight = first_ms + (day + 1) * DAY_MS
        mood = told.mood.fear_greed(midnight).values
        moves.append(np.log(rows[-1, CLOSE] / rows[0, CLOSE]))
        moods.append(mood[-1] - mood[-2])
        spans.append(np.abs(np.diff(np.log(rows[59::60, CLOSE]))).mean())
        level = told.mood.expected_volatility
        levels.append(level(midnight + 2_000) - level(midnight - DAY_MS))
    assert np.corrcoef(moves, moods)[0, 1] > 0.6
    assert np.corrcoef(spans, levels)[0, 1] > 0.3


def test_puts_get_dearer_where_falls_were_the_larger_moves(market: SyntheticMarket, told: MarketIntelligence) -> None:
    """The lean of the smile follows three days of hourly moves, and every expiry shows it."""
    leans, asymmetries = [], []
    for day in range(4, DAYS):
        now_ms = market.start_ms + day * DAY_MS + 2_000
        hour_ms = now_ms // HOUR_MS * HOUR_MS
        closes = market.table("BTC", hour_ms - 73 * HOUR_MS, hour_ms)[1][59::60, CLOSE]
        moves = np.diff(np.log(closes))
        asymmetries.append(-(np.sign(moves) * moves**2).sum() / (moves**2).sum())
        smile = told.smiles.summaries("BTC", now_ms)
        by_day: dict[str, list[Any]] = {}
        for one in smile.options:
            by_day.setdefault(one.day, []).append(one)
        assert len(by_day) >= 5
        steepest = [(row[0].iv_pct - row[-1].iv_pct) / row[0].iv_pct for row in by_day.values()]
        leans.append(float(np.mean(steepest)))
    assert np.corrcoef(leans, asymmetries)[0, 1] > 0.9


def test_the_worth_of_options_keeps_put_call_parity(told: MarketIntelligence, market: SyntheticMarket) -> None:
    """In coins; and nothing is worth less than nothing."""
    smile = told.smiles.summaries("ETH", market.start_ms + 9 * DAY_MS)
    worth = {(one.day, one.strike, one.is_call): one.worth for one in smile.options}
    assert all(value >= 0 for value in worth.values())
    for (day, strike, is_call), value in worth.items():
        if is_call:
            assert value - worth[day, strike, False] == pytest.approx(1 - strike / smile.price, abs=1e-9)


def test_fear_and_greed_reaches_back_for_years(market: SyntheticMarket, told: MarketIntelligence) -> None:
    now_ms = market.start_ms + 5 * DAY_MS
    days = told.mood.fear_greed(now_ms)
    assert len(days.values) > 400
    assert set(np.diff(days.time_ms)) == {DAY_MS}
    assert days.time_ms[-1] == now_ms // DAY_MS * DAY_MS
    assert ((days.values >= 0) & (days.values <= 100)).all()
    assert days.values.std() > 8.0
    assert (days.prices > 0).all()


def test_expected_volatility_is_in_annualised_percent(market: SyntheticMarket, told: MarketIntelligence) -> None:
    now_ms = market.start_ms + 10 * DAY_MS
    times, rows = told.mood.volatility(HOUR_MS, 0, now_ms, now_ms)
    assert len(times) == 1_000
    assert times[-1] + HOUR_MS <= now_ms
    assert ((rows > 15.0) & (rows < 220.0)).all()
    assert (rows[2] <= np.minimum(rows[0], rows[3])).all()
    assert (rows[1] >= np.maximum(rows[0], rows[3])).all()


def test_a_day_of_long_ago_is_told_as_it_was_then(market: SyntheticMarket) -> None:
    """Minutes are let go after some weeks and read again when somebody asks."""
    one = MarketIntelligence(market, 7)
    early_ms, late_ms = market.start_ms + DAY_MS, market.start_ms + 30 * DAY_MS
    then = {name: _lists(question(one, early_ms)) for name, question in QUESTIONS.items()}
    for day in range(2, 31):
        one.futures.taker("BTC", 60, market.start_ms + day * DAY_MS)
    assert one.world.tables.lasting("BTC", late_ms).forgot(early_ms // MINUTE_MS)
    one.world.memory.forget()
    assert {name: _lists(question(one, early_ms)) for name, question in QUESTIONS.items()} == then


def test_any_market_feed_will_do() -> None:
    feed = SineFeed()
    one = MarketIntelligence(feed, 7)
    now_ms = feed.start_ms + HOUR_MS
    split = one.futures.taker("SOL", 60, now_ms)
    assert split.first == pytest.approx(split.second)
    assert one.crowd.rate("BTC", now_ms) == pytest.approx(0.0002)


def test_an_unknown_asset_is_a_key_error(told: MarketIntelligence, market: SyntheticMarket) -> None:
    with pytest.raises(KeyError):
        told.futures.taker("NOPE", 60, market.start_ms)


def test_a_chart_that_grows_by_a_day_is_the_chart_of_that_day(market: SyntheticMarket) -> None:
    """One day more at the end and one less at the beginning is what a service started on that day would tell."""
    grown, fresh = MarketIntelligence(market, 7), MarketIntelligence(market, 7)
    noon_ms = market.start_ms // DAY_MS * DAY_MS + DAY_MS // 2
    for day in range(3):
        chart = grown.flows.chart("BTC", noon_ms + day * DAY_MS)
    assert chart == fresh.flows.chart("BTC", noon_ms + 2 * DAY_MS)
