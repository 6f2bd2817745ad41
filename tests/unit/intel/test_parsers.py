"""Parsers: the documented samples give the documented values; garbage gives an error that names the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shared_data import recorded
from tests.unit.intel.options import one, options
from tests.unit.intel.support import START
from tradingbot.core.errors import IntelError, IntelProtocolError, IntelRequestError
from tradingbot.core.types import Asset, epoch_ms
from tradingbot.intel.answer import Answer
from tradingbot.intel.fields import moment, to_number
from tradingbot.intel.histories import HistoryKind, complete, merged, parse_history
from tradingbot.intel.parse_flow import parse_liquidation_coins, parse_liquidations, parse_taker
from tradingbot.intel.parse_market import parse_funding, parse_open_interest
from tradingbot.intel.parse_mood import parse_alternative, parse_dvol, parse_fear_greed, parse_vix
from tradingbot.intel.parse_onchain import (
    exchange_flow,
    parse_balance_chart,
    parse_balance_list,
    parse_token_transfers,
    parse_whale_transfers,
)
from tradingbot.intel.parse_options import parse_options
from tradingbot.intel.subscription import parse_subscription
from tradingbot.market.intelligence import OptionSkew
from tradingbot.market.option_skew import Tenor

BTC, ETH, LINK = Asset("BTC"), Asset("ETH"), Asset("LINK")


def told(data: Any, at: datetime = START) -> Answer:
    return Answer(data, at)


def sample(name: str, at: datetime = START) -> Answer:
    payload = json.loads(recorded(f"venues/coinglass/{name}.json").read_text())
    return Answer(payload["data"], at)


# ---------------------------------------------------------------- the documented samples


@pytest.mark.recorded
def test_sample_of_taker_volume() -> None:
    value = parse_taker(sample("futures_taker_buy_sell_exchange_list"), BTC, "5m")
    assert value is not None
    assert (value.buy_usd, value.sell_usd, value.window_s) == (1112108532.1688, 1068220541.0417, 300)
    assert value.ratio == pytest.approx(1.041, abs=1e-3)
    assert value.stamp.as_of == START


@pytest.mark.recorded
def test_samples_of_liquidations() -> None:
    coins = parse_liquidation_coins(sample("futures_liquidation_coin_list"), [BTC, ETH], "Binance")
    assert set(coins) == {"BTC"}
    assert coins[BTC].day is not None
    assert (coins[BTC].day.long_usd, coins[BTC].day.short_usd) == (68437447.33734027, 13843034.16691298)
    assert coins[BTC].day.stamp.source == "coinglass:Binance"
    window = parse_liquidations(sample("futures_liquidation_exchange_list"), "4h")
    assert window is not None
    assert (window.long_usd, window.short_usd, window.window_s) == (451394.17404598, 14222125.64334477, 14400)


@pytest.mark.recorded
def test_sample_of_funding_is_a_fraction_per_eight_hours() -> None:
    rates = parse_funding(sample("futures_funding_rate_exchange_list"), [BTC, ETH])
    assert set(rates) == {"BTC"}
    assert rates[BTC].venues == 2
    assert rates[BTC].median_8h == pytest.approx((0.007343 + 0.00736901950628) / 2 / 100)


@pytest.mark.recorded
def test_sample_of_open_interest() -> None:
    value = parse_open_interest(sample("futures_open_interest_exchange_list"), BTC)
    assert value is not None
    assert value.total_usd == 57437891724.5572
    assert value.change_pct == {"5m": 0.34, "15m": 0.59, "30m": 1.42, "1h": 2.27, "4h": 2.95, "24h": 0.9}


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "kind", "newest"),
    [
        ("futures_open_interest_aggregated_history", HistoryKind.OPEN_INTEREST, (2608846475.0,)),
        ("futures_funding_rate_oi_weight_history", HistoryKind.FUNDING, (0.0001,)),
        ("futures_global_long_short_account_ratio_history", HistoryKind.LONG_SHORT, (0.7324,)),
        ("futures_aggregated_taker_buy_sell_volume_history", HistoryKind.TAKER, (1897261721.0129, 2003812276.7812)),
        ("futures_liquidation_aggregated_history", HistoryKind.LIQUIDATIONS, (5345708.23191, 6454875.54909)),
    ],
)
def test_samples_of_histories(name: str, kind: HistoryKind, newest: tuple[float, ...]) -> None:
    bars = parse_history(sample(name), kind)
    assert [bar.start for bar in bars] == sorted(bar.start for bar in bars)
    expected = bars[0] if kind is HistoryKind.OPEN_INTEREST else bars[-1]  # that sample's times are not times
    wanted = 2340177420.0 if kind is HistoryKind.OPEN_INTEREST else newest[0]
    assert expected.values[0] == pytest.approx(wanted)
    assert len(expected.values) == len(newest)


@pytest.mark.recorded
def test_samples_of_balances_and_transfers() -> None:
    change = parse_balance_list(sample("exchange_balance_list"))
    chart = parse_balance_chart(sample("exchange_balance_chart"))
    assert change is not None
    assert chart is not None
    assert change.coins == pytest.approx(638.797302 + 505.682778)
    assert (chart.price_usd, chart.typical_usd) == (29140.9, None)
    assert exchange_flow(change, chart).net_inflow_usd == pytest.approx(change.coins * 29140.9)
    at = datetime.fromtimestamp(1745224211 + 60, UTC)
    moves = parse_token_transfers(sample("exchange_chain_tx_list", at), Asset("USDT"), 3600, 1000)
    assert moves is not None
    assert (moves.inflow_usd, moves.outflow_usd, moves.count) == (9998.5, 0, 1)
    at = datetime.fromtimestamp(1746265043 + 60, UTC)
    whales = parse_whale_transfers(sample("chain_v2_whale_transfer", at), ETH, 3600, 1e6)
    assert whales is not None
    assert whales.count == 0


@pytest.mark.recorded
def test_both_shapes_of_fear_and_greed() -> None:
    """Live shape: the last is the newest. Documented shape: its nonsense is refused, and named."""
    live = parse_fear_greed(sample("index_fear_greed_history_LIVE_SHAPE_synthetic"))
    assert live is not None
    assert (live.value, live.stamp.as_of) == (11, datetime(2018, 2, 5, tzinfo=UTC))
    with pytest.raises(IntelProtocolError, match="'value'"):
        parse_fear_greed(sample("index_fear_greed_history_DOC_SHAPE"))


@pytest.mark.recorded
def test_samples_of_the_free_sources() -> None:
    free = json.loads(recorded("venues/fear_greed/alternative_me_fng.json").read_text())
    mood = parse_alternative(free, START)
    assert mood is not None
    assert (mood.value, mood.stamp.source) == (20, "alternative.me")
    assert mood.stamp.as_of == datetime(2025, 11, 8, tzinfo=UTC)
    dvol = parse_dvol(json.loads(recorded("venues/deribit/doc_get_volatility_index_data.json").read_text()), START)
    assert dvol is not None
    assert (dvol.kind, round(dvol.value, 2)) == ("dvol", 21.3)


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize("empty", [None, [], {}])
def test_nothing_told_is_none_and_never_zero(empty: Any) -> None:
    answer = told(empty)
    assert parse_taker(answer, BTC, "5m") is None
    assert parse_fear_greed(answer) is None
    assert parse_balance_chart(answer) is None
    if empty != {}:
        assert parse_liquidations(answer, "1h") is None
        assert parse_open_interest(answer, BTC) is None
        assert parse_balance_list(answer) is None
        assert parse_token_transfers(answer, LINK, 60, 1) is None
        assert parse_whale_transfers(answer, BTC, 60, 1) is None
        assert parse_funding(answer, [BTC]) == {}
        assert parse_liquidation_coins(answer, [BTC], "x") == {}
        assert parse_history(answer, HistoryKind.TAKER) == ()


def test_null_figures_are_missing() -> None:
    assert parse_taker(told({"buy_vol_usd": None, "sell_vol_usd": 1}), BTC, "5m") is None
    assert parse_balance_list(told([{"balance_change_1d": None}, {"balance_change_1d": "2.5"}])) is not None
    assert parse_balance_list(told([{"balance_change_1d": None}])) is None
    assert parse_history(told([{"time": 1658880000000, "close": None}]), HistoryKind.FUNDING) == ()


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: parse_taker(told({"buy_vol_usd": -1, "sell_vol_usd": 1}), BTC, "5m"), "buy_vol_usd"),
        (lambda: parse_taker(told({"buy_vol_usd": float("nan"), "sell_vol_usd": 1}), BTC, "5m"), "buy_vol_usd"),
        (lambda: parse_taker(told({"buy_vol_usd": 1, "sell_vol_usd": "inf"}), BTC, "5m"), "sell_vol_usd"),
        (lambda: parse_taker(told({"buy_vol_usd": True, "sell_vol_usd": 1}), BTC, "5m"), "buy_vol_usd"),
        (lambda: parse_taker(told({"symbol": "ETH", "buy_vol_usd": 1, "sell_vol_usd": 1}), BTC, "5m"), "symbol"),
        (lambda: parse_taker(told("text"), BTC, "5m"), "data"),
        (lambda: parse_liquidations(told([{"exchange": "Bybit"}]), "1h"), "exchange"),
        (lambda: parse_open_interest(told([{"exchange": "All", "open_interest_usd": {}}]), BTC), "open_interest_usd"),
        (lambda: parse_funding(told([{"symbol": "BTC", "token_margin_list": 3}]), [BTC]), "token_margin_list"),
        (lambda: parse_history(told([{"time": "x", "close": 1}]), HistoryKind.FUNDING), "time"),
        (lambda: parse_history(told([{"time": 1658880000000}]), HistoryKind.FUNDING), "close"),
        (lambda: parse_history(told([{"time": 10**30, "close": 1}]), HistoryKind.FUNDING), "time"),
        (lambda: parse_fear_greed(told({"data_list": [101], "time_list": [1700000000000]})), "value"),
        (lambda: parse_fear_greed(told({"data_list": 5, "time_list": []})), "data_list"),
        (lambda: parse_fear_greed(told({"data_list": [5], "time_list": [4000000000000]})), "time"),
        (lambda: parse_balance_chart(told({"time_list": [1700000000], "price_list": [-1], "data_map": {}})), "price"),
        (lambda: parse_balance_chart(told({"time_list": [1700000000], "price_list": [1], "data_map": 1})), "data_map"),
        (lambda: parse_dvol({"result": {"data": [[1, 2]]}}, START), "data"),
        (lambda: parse_vix("a,b\n1,2\n", START), "DATE"),
        (lambda: parse_vix("DATE,CLOSE\n2026-01-01,2\n", START), "DATE"),
        (lambda: parse_subscription({"level": 3}), "level"),
    ],
)
def test_the_error_names_the_field(call: Callable[[], object], field: str) -> None:
    with pytest.raises(IntelProtocolError, match=field):
        call()


def test_a_refusal_of_a_free_source_is_a_refusal() -> None:
    with pytest.raises(IntelRequestError):
        parse_dvol({"jsonrpc": "2.0", "error": {"code": -32602, "message": "Invalid params"}}, START)
    with pytest.raises(IntelRequestError):
        parse_alternative({"data": [], "metadata": {"error": "no"}}, START)


def test_funding_of_other_intervals_is_scaled_and_a_venue_counts_once() -> None:
    rows = [
        {"exchange": "A", "funding_rate_interval": 4, "funding_rate": 0.01},
        {"exchange": "B", "funding_rate_interval": 1, "funding_rate": "0.001"},
        {"exchange": "C", "funding_rate": 0.005},
        {"exchange": "D", "funding_rate": None},
    ]
    coin = [{"exchange": "A", "funding_rate": 5}, {"exchange": "E", "funding_rate": -0.01}]
    rates = parse_funding(told([{"symbol": "BTC", "stablecoin_margin_list": rows, "token_margin_list": coin}]), [BTC])
    assert rates[BTC].venues == 4
    assert rates[BTC].median_8h == pytest.approx((0.00005 + 0.00008) / 2)


def test_seconds_and_milliseconds_are_told_apart() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    for value in (at.timestamp(), epoch_ms(at), str(epoch_ms(at)), str(int(at.timestamp()))):
        assert moment(value, "time") == at


def test_an_unfinished_bar_is_not_complete() -> None:
    start = epoch_ms(START - timedelta(hours=5))
    rows = [{"time": start + 14_400_000, "close": 2}, {"time": start, "close": 1}, {"time": start, "close": 1.5}]
    bars = parse_history(told(rows), HistoryKind.OPEN_INTEREST)
    assert [bar.values for bar in bars] == [(1.5,), (2.0,)]
    assert [bar.values for bar in complete(bars, START)] == [(1.5,)]


def test_new_bars_replace_old_ones() -> None:
    def bars(*closes: float, first: int = 0) -> Any:
        rows = [{"time": epoch_ms(START) + 14_400_000 * (first + n), "close": c} for n, c in enumerate(closes)]
        return parse_history(told(rows), HistoryKind.OPEN_INTEREST)

    both = merged(bars(1, 2, 3), bars(30, 40, first=2), START + timedelta(hours=4))
    assert [bar.values[0] for bar in both] == [2, 30, 40]


def test_typical_flow_is_the_deviation_of_daily_changes_and_skips_holes() -> None:
    days = [epoch_ms(START - timedelta(days=back)) for back in range(7, -1, -1)]
    chart = {
        "time_list": days,
        "price_list": [10.0] * 8,
        "data_map": {"a": [1, 2, 1, 2, 1, 2, 1, 2], "b": [5, None, 5, 5, 5, 5, 5]},
    }
    value = parse_balance_chart(told([chart]))
    assert value is not None
    assert value.typical_usd == pytest.approx(10 * (1 - (1 / 7) ** 2) ** 0.5)
    assert value.price_usd == 10


def test_transfers_are_summed_by_direction_within_the_window() -> None:
    now = int(START.timestamp())

    def row(kind: int, usd: float, ago_s: int) -> dict[str, Any]:
        return {"asset_symbol": "LINK", "amount_usd": usd, "transfer_type": kind, "transaction_time": now - ago_s}

    rows = [row(1, 2e6, 10), row(2, 3e6, 10), row(3, 9e6, 10), row(1, 5e5, 10), row(1, 4e6, 7200)]
    value = parse_token_transfers(told(rows), LINK, 3600, 1e6)
    assert value is not None
    assert (value.inflow_usd, value.outflow_usd, value.count) == (2e6, 3e6, 2)
    quiet = parse_token_transfers(told([row(1, 4e6, 7200)]), LINK, 3600, 1e6)
    assert quiet is not None
    assert quiet.count == 0


def test_whales_move_between_exchanges_and_wallets() -> None:
    now = int(START.timestamp())
    sides = [("unknown wallet", "Binance"), ("Coinbase Custody", "unknown wallet"), ("Binance", "OKX"), ("a", "b")]
    rows = [{"from": a, "to": b, "amount_usd": "2e7", "block_timestamp": now - 5} for a, b in sides]
    value = parse_whale_transfers(told(rows), BTC, 3600, 1e6)
    assert value is not None
    assert (value.inflow_usd, value.outflow_usd, value.count) == (2e7, 2e7, 2)


def test_vix_takes_the_newest_row() -> None:
    value = parse_vix("DATE,OPEN,HIGH,LOW,CLOSE\n03/09/2026,1,1,1,21.5\n03/06/2026,1,1,1,18\n", START)
    assert value is not None
    assert (value.kind, value.value) == ("vix", 21.5)
    assert value.stamp.as_of == datetime(2026, 3, 9, 21, tzinfo=UTC)


# ---------------------------------------------------------------- garbage

_keys = st.sampled_from(
    [
        "symbol",
        "exchange",
        "buy_vol_usd",
        "sell_vol_usd",
        "long_liquidation_usd",
        "short_liquidation_usd",
        "long_liquidation_usd_1h",
        "time",
        "close",
        "funding_rate",
        "funding_rate_interval",
        "stablecoin_margin_list",
        "token_margin_list",
        "open_interest_usd",
        "time_list",
        "data_list",
        "price_list",
        "data_map",
        "value",
        "timestamp",
        "amount_usd",
        "transfer_type",
        "transaction_time",
        "block_timestamp",
        "to",
        "from",
        "balance_change_1d",
        "level",
        "expired",
        "result",
        "data",
        "metadata",
        "error",
        "asset_symbol",
    ]
)
_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["All", "BTC", "1e400", "9" * 400, 1700000000000, 10**400])
)
_garbage = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner), max_leaves=12
)
_rows = _garbage | st.lists(st.dictionaries(_keys, _leaves), min_size=1, max_size=3) | st.dictionaries(_keys, _garbage)

# ---------------------------------------------------------------- options


def skew_of(result: Any, tenor: Tenor | None = None) -> OptionSkew | None:
    return parse_options({"jsonrpc": "2.0", "result": result}, BTC, START, tenor or Tenor())


def test_the_expiry_nearest_to_the_tenor_tells_the_skew() -> None:
    told = skew_of(options("BTC", START))
    assert told is not None
    assert told.skew == pytest.approx(0.10, abs=0.01)
    assert told.atm_iv_pct == pytest.approx(50.0, abs=0.5)
    assert (told.stamp.as_of, told.stamp.source) == (START, "deribit")
    assert told.expiry_days == pytest.approx(33, abs=1)
    soon = skew_of(options("BTC", START), Tenor(days=7))
    assert soon is not None
    assert soon.expiry_days == pytest.approx(12, abs=1)


def test_an_option_expires_at_eight() -> None:
    rows = [row for row in options("BTC", START) if "12APR26" in row["instrument_name"]]
    told = skew_of(rows)
    assert told is not None
    assert told.expiry_days == pytest.approx((datetime(2026, 4, 12, 8, tzinfo=UTC) - START) / timedelta(days=1))


@pytest.mark.parametrize("gone", [{"mark_iv": None}, {"mark_iv": 0}, {"mark_iv": 0.0}])
def test_options_without_a_volatility_are_passed_over(gone: dict[str, Any]) -> None:
    """A quarter of an expiry may lack it; when all of an expiry does, the next nearest one tells."""
    rows = options("BTC", START)
    assert skew_of([row | gone if place % 4 == 0 else row for place, row in enumerate(rows)]) is not None
    told = skew_of([row | gone if "12APR26" in row["instrument_name"] else row for row in rows])
    assert told is not None
    assert told.expiry_days == pytest.approx(19, abs=1)
    assert skew_of([row | gone for row in rows]) is None


def test_without_an_allowed_expiry_there_is_no_skew() -> None:
    assert skew_of([]) is None
    assert skew_of(options("BTC", START), Tenor(days=45, min_days=40, max_days=50)) is None


def test_the_stamp_is_that_of_the_oldest_summary() -> None:
    rows = options("BTC", START)
    rows[6 * 50 - 1]["creation_timestamp"] = epoch_ms(START - timedelta(minutes=9))
    told = skew_of(rows)
    assert told is not None
    assert told.stamp.as_of == START - timedelta(minutes=9)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"instrument_name": "BTC-PERPETUAL"}, "instrument_name"),
        ({"instrument_name": "ETH-12APR26-80000-C"}, "instrument_name"),
        ({"instrument_name": "BTC-12APR26-0-C"}, "instrument_name"),
        ({"instrument_name": "BTC-12APR26-80000-X"}, "instrument_name"),
        ({"instrument_name": "BTC-31FEB26-80000-C"}, "instrument_name"),
        ({"instrument_name": 7}, "instrument_name"),
        ({"mark_iv": "fifty"}, "mark_iv"),
        ({"mark_iv": -1}, "mark_iv"),
        ({"underlying_price": None}, "underlying_price"),
        ({"underlying_price": 0}, "underlying_price"),
        ({"creation_timestamp": None}, "creation_timestamp"),
    ],
)
def test_an_impossible_option_is_refused_by_field(changes: dict[str, Any], named: str) -> None:
    at = datetime(2026, 4, 12, tzinfo=UTC)
    with pytest.raises(IntelProtocolError, match=named):
        skew_of([*options("BTC", START), one("BTC", at, 80_000, "C", 50.0, START) | changes])


def test_an_error_of_the_option_source_is_a_refused_request() -> None:
    with pytest.raises(IntelRequestError, match="Invalid params"):
        parse_options({"error": {"code": -32602, "message": "Invalid params"}}, BTC, START, Tenor())
    with pytest.raises(IntelProtocolError, match="result"):
        skew_of({"data": []})


PARSERS: list[Callable[[Any], object]] = [
    lambda data: parse_taker(told(data), BTC, "5m"),
    lambda data: parse_liquidations(told(data), "1h"),
    lambda data: parse_liquidation_coins(told(data), [BTC], "x"),
    lambda data: parse_funding(told(data), [BTC]),
    lambda data: parse_open_interest(told(data), BTC),
    lambda data: [parse_history(told(data), kind) for kind in HistoryKind],
    lambda data: parse_balance_list(told(data)),
    lambda data: parse_balance_chart(told(data)),
    lambda data: parse_token_transfers(told(data), BTC, 3600, 1),
    lambda data: parse_whale_transfers(told(data), BTC, 3600, 1),
    lambda data: parse_fear_greed(told(data)),
    lambda data: parse_alternative(data if isinstance(data, dict) else {"data": data}, START),
    lambda data: parse_dvol(data if isinstance(data, dict) else {"result": {"data": data}}, START),
    lambda data: parse_vix(f"DATE,CLOSE\n{data}", START),
    lambda data: parse_options(data if isinstance(data, dict) else {"result": data}, BTC, START, Tenor()),
    parse_subscription,
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PARSERS), _rows)
def test_garbage_is_an_intel_error_and_nothing_else(parse: Callable[[Any], object], data: Any) -> None:
    try:
        parse(data)
    except IntelError as error:
        text = str(error)
    else:
        return
    assert len(text) < 400


@settings(deadline=None)
@given(_leaves)
def test_a_number_is_finite_or_refused(value: Any) -> None:
    try:
        number = to_number(value, "x")
    except IntelProtocolError:
        return
    assert abs(number) < float("inf")
