"""The market-data service keeps to its protocol: keys, plans, parameters, limits."""

from __future__ import annotations

import stat
from pathlib import Path

import aiohttp
import pytest

from tests.builders_coinglass import DAY_MS, HOUR_MS, running_coinglass
from tradingbot.clock import SteppedClock
from tradingbot.core.errors import StateCorruptError
from tradingbot.core.types import Asset, epoch_ms, utc_from_ms
from tradingbot.intel.parse_options import parse_options
from tradingbot.market.option_skew import Tenor
from tradingbot.sim_server.coinglass.gate import ENDPOINTS
from tradingbot.sim_server.coinglass.server import load_key
from tradingbot.simulator.synthetic_market import SyntheticMarket

TAKER = "/api/futures/taker-buy-sell-volume/exchange-list"
FUNDING = "/api/futures/funding-rate/history"
SUBSCRIPTION = "/api/user/account/subscription"


async def test_missing_and_wrong_keys_are_refused_with_http_200(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        assert await run.client.get(SUBSCRIPTION, key="") == {"code": "401", "msg": "API key missing."}
        assert run.client.status == 200
        assert await run.client.get(SUBSCRIPTION, key="wrong") == {"code": "400", "msg": "Invalid API key provided"}
        assert run.client.status == 200


async def test_an_unknown_path_is_404_without_an_envelope(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        assert "{" not in await run.client.raw("/api/futures/openInterest/ohlc-aggregated-history")
        assert run.client.status == 404


async def test_the_plan_is_told_and_counted(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path, requests_per_minute=None) as run:
        data = await run.client.data(SUBSCRIPTION)
        assert (data["level"], data["expired"]) == ("HOBBYIST", False)
        assert (run.client.headers["API-KEY-MAX-LIMIT"], run.client.headers["API-KEY-USE-LIMIT"]) == ("30", "1")
        await run.client.get(SUBSCRIPTION, key="wrong")
        assert run.client.headers["API-KEY-USE-LIMIT"] == "1"


@pytest.mark.parametrize(("plan", "limit"), [("HOBBYIST", 30), ("STARTUP", 80), ("STANDARD", 300)])
async def test_each_plan_has_its_limit_in_any_minute(tmp_path: Path, plan: str, limit: int) -> None:
    async with running_coinglass(tmp_path, plan=plan, requests_per_minute=None) as run:
        for number in range(limit):
            if number == limit // 2:
                await run.clock.advance(30)
            assert (await run.client.get(SUBSCRIPTION))["code"] == "0"
        assert await run.client.get(SUBSCRIPTION) == {"code": "429", "msg": "Too Many Requests"}
        assert run.client.status == 429
        assert run.client.headers["API-KEY-USE-LIMIT"] == str(limit)
        await run.clock.advance(30)
        assert (await run.client.get(SUBSCRIPTION))["code"] == "0"
        assert run.client.headers["API-KEY-USE-LIMIT"] == str(limit - limit // 2 + 1)


STARTUP = {
    "/api/futures/liquidation/coin-list": {"exchange": "Binance"},
    "/api/chain/v2/whale-transfer": {},
    "/api/hyperliquid/whale-alert": {},
    "/api/futures/whale-index/history": {"exchange": "Binance", "symbol": "BTCUSDT", "interval": "4h"},
}
STANDARD = {
    "/api/futures/liquidation/order": {"exchange": "Binance", "symbol": "BTC", "min_liquidation_amount": "10000"},
    "/api/futures/coins-markets": {},
}


@pytest.mark.parametrize("plan", ["HOBBYIST", "STARTUP", "STANDARD"])
async def test_what_is_above_the_plan_is_gated(tmp_path: Path, plan: str) -> None:
    async with running_coinglass(tmp_path, plan=plan) as run:
        for table, allowed in ((STARTUP, plan != "HOBBYIST"), (STANDARD, plan == "STANDARD")):
            for path, arguments in table.items():
                body = await run.client.get(path, **arguments)
                if allowed:
                    assert body["code"] == "0", (path, body)
                    assert body["data"], path
                else:
                    assert body == {"code": "401", "msg": "Upgrade plan"}
                    assert run.client.status == 200


@pytest.mark.parametrize(
    ("plan", "interval", "code"),
    [
        ("HOBBYIST", "1h", "403"),
        ("HOBBYIST", "4h", "0"),
        ("STARTUP", "15m", "403"),
        ("STARTUP", "30m", "0"),
        ("STANDARD", "1m", "0"),
        ("STANDARD", "7m", "400"),
    ],
)
async def test_intervals_have_a_floor(tmp_path: Path, plan: str, interval: str, code: str) -> None:
    async with running_coinglass(tmp_path, plan=plan) as run:
        body = await run.client.get(FUNDING, exchange="Binance", symbol="BTCUSDT", interval=interval)
        assert body["code"] == code
        if code == "403":
            assert body["msg"] == "The requested interval is not available for your current API plan"


async def test_minutes_reach_six_days_back_on_the_standard_plan(tmp_path: Path) -> None:
    feed = SyntheticMarket(7, ("BTC",))
    async with running_coinglass(tmp_path, feed, plan="STANDARD", at_ms=feed.start_ms + DAY_MS) as run:
        early = run.now_ms - 7 * DAY_MS
        ask = {"exchange": "Binance", "symbol": "BTCUSDT", "start_time": early, "end_time": early + HOUR_MS}
        assert await run.client.data("/api/futures/price/history", interval="1m", **ask) == []
        assert await run.client.data("/api/futures/price/history", interval="30m", **ask)


@pytest.mark.parametrize(
    ("path", "arguments", "message"),
    [
        (TAKER, {"symbol": "BTC"}, "Required String parameter 'range' is not present"),
        (TAKER, {"range": "1h"}, "Required String parameter 'symbol' is not present"),
        (TAKER, {"symbol": "BTC", "range": "2h"}, "Parameter 'range' is invalid"),
        (
            "/api/futures/liquidation/aggregated-history",
            {"symbol": "BTC", "interval": "4h"},
            "Required String parameter 'exchange_list' is not present",
        ),
        (FUNDING, {"exchange": "Binance", "symbol": "BTCUSDT"}, "Required String parameter 'interval' is not present"),
        (
            FUNDING,
            {"exchange": "Binance", "symbol": "BTCUSDT", "interval": "4h", "limit": "x"},
            "Parameter 'limit' is invalid",
        ),
    ],
)
async def test_parameters_are_checked(tmp_path: Path, path: str, arguments: dict[str, str], message: str) -> None:
    async with running_coinglass(tmp_path) as run:
        assert await run.client.get(path, **arguments) == {"code": "400", "msg": message}
        assert run.client.status == 200


async def test_unsupported_coins_have_empty_data(tmp_path: Path) -> None:
    arguments = {
        "symbol": "NOPE",
        "exchange": "Binance",
        "exchange_list": "Binance,OKX",
        "range": "1h",
        "interval": "4h",
        "min_liquidation_amount": "0",
    }
    whole_market = ("supported", "coin-list", "funding-rate/exchange-list", "accumulated", "markets", "fear-greed")
    async with running_coinglass(tmp_path, plan="STANDARD") as run:
        for path in ENDPOINTS:
            if not any(part in path for part in (*whole_market, "subscription", "whale-alert", "assets")):
                data = await run.client.data(path, **arguments)
                assert data in ([], {"time_list": [], "price_list": [], "data_map": {}}), path


async def test_pairs_are_understood_as_each_exchange_writes_them(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        pairs = await run.client.data("/api/futures/supported-exchange-pairs")
        assert {"instrument_id": "PF_XBTUSD", "base_asset": "BTC", "quote_asset": "USD"} in pairs["Kraken"]
        for exchange in ("Binance", "OKX", "Kraken", "Bitget", "Deribit", "KuCoin"):
            pair = next(one["instrument_id"] for one in pairs[exchange] if one["base_asset"] == "BTC")
            rows = await run.client.data(FUNDING, exchange=exchange, symbol=pair, interval="8h", limit=3)
            assert len(rows) == 3, (exchange, pair)


async def test_histories_are_cut_as_asked_oldest_first(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        ask = {"exchange": "Binance", "symbol": "BTCUSDT", "interval": "4h"}
        rows = await run.client.data("/api/futures/price/history", **ask, limit=6)
        times = [row["time"] for row in rows]
        assert times == [times[0] + number * 4 * HOUR_MS for number in range(6)]
        assert times[-1] <= run.now_ms < times[-1] + 4 * HOUR_MS
        part = await run.client.data("/api/futures/price/history", **ask, start_time=times[1], end_time=times[3])
        assert part == rows[1:4]
        assert all(float(row["low"]) <= float(row["close"]) <= float(row["high"]) for row in rows)


async def test_ratios_are_of_closed_bars_alone(tmp_path: Path) -> None:
    path = "/api/futures/global-long-short-account-ratio/history"
    async with running_coinglass(tmp_path) as run:
        rows = await run.client.data(path, exchange="Binance", symbol="BTCUSDT", interval="4h", limit=20)
        assert rows[-1]["time"] + 4 * HOUR_MS <= run.now_ms
        assert rows[-1]["time"] + 8 * HOUR_MS > run.now_ms
        for row in rows:
            longs, shorts = row["global_account_long_percent"], row["global_account_short_percent"]
            assert longs + shorts == pytest.approx(100.0)
            assert row["global_account_long_short_ratio"] == pytest.approx(longs / shorts, abs=0.01)


async def test_transfers_are_paged_newest_first_and_filtered(tmp_path: Path) -> None:
    path = "/api/exchange/chain/tx/list"
    async with running_coinglass(tmp_path) as run:
        ask = {"symbol": "LINK", "min_usd": 50_000, "start_time": run.now_ms - 12 * HOUR_MS}
        first = await run.client.data(path, **ask, per_page=100, page=1)
        assert all(row["amount_usd"] >= 50_000 for row in first)
        assert all(row["transaction_time"] * 1000 >= run.now_ms - 12 * HOUR_MS - 1000 for row in first)
        times = [row["transaction_time"] for row in first]
        assert times == sorted(times, reverse=True)
        assert {row["asset_symbol"] for row in first} == {"LINK"}
        halves = [await run.client.data(path, **ask, per_page=10, page=page) for page in (1, 2)]
        assert halves[0] + halves[1] == first[:20]
        assert await run.client.data(path, **ask, per_page=100, page=99) == []
        assert await run.client.data(path, symbol="BTC") == []


async def test_the_free_services_need_no_key(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run, aiohttp.ClientSession() as session:
        async with session.get(run.client.endpoints.fear_greed_url, params={"limit": 3}) as answer:
            mood = await answer.json()
            assert "API-KEY-MAX-LIMIT" not in answer.headers
        assert len(mood["data"]) == 3
        assert int(mood["data"][0]["timestamp"]) == run.now_ms // DAY_MS * DAY_MS // 1000
        assert "time_until_update" not in mood["data"][1]
        own = await run.client.data("/api/index/fear-greed-history")
        assert [str(value) for value in own["data_list"][:-4:-1]] == [row["value"] for row in mood["data"]]
        ask = {"currency": "BTC", "resolution": "3600", "start_timestamp": 0, "end_timestamp": run.now_ms}
        async with session.get(run.client.endpoints.dvol_url, params=ask) as answer:
            rows = (await answer.json())["result"]["data"]
        assert rows[-1][0] + HOUR_MS <= run.now_ms
        assert 15.0 < rows[-1][4] < 220.0
        async with session.get(run.client.endpoints.dvol_url, params={**ask, "currency": "DOGE"}) as answer:
            assert (await answer.json())["error"]["code"] == -32602


async def test_option_summaries_are_read_as_the_daemon_reads_them(tmp_path: Path) -> None:
    path = "/api/v2/public/get_book_summary_by_currency"
    async with running_coinglass(tmp_path) as run:
        for asset in (Asset("BTC"), Asset("ETH")):
            answer = await run.client.get(path, currency=asset, kind="option")
            names = [row["instrument_name"] for row in answer["result"]]
            assert len({name.split("-")[1] for name in names}) >= 5
            assert len(set(names)) == len(names)
            told = parse_options(answer, asset, utc_from_ms(run.now_ms), Tenor(), answer["origin"])
            assert told is not None
            assert run.now_ms - 120_000 < epoch_ms(told.stamp.as_of) <= run.now_ms
            assert told.stamp.origin == "synthetic"
            assert 15.0 < told.atm_iv_pct < 300.0
            lean = run.server.intelligence.smiles.lean(asset, epoch_ms(told.stamp.as_of))
            assert told.skew == pytest.approx(lean, abs=0.02)
        for ask in ({"currency": "DOGE", "kind": "option"}, {"currency": "BTC", "kind": "spot"}, {}):
            assert (await run.client.get(path, **ask))["error"]["code"] == -32602


async def test_the_volatility_index_is_continued_backwards(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        path = run.client.endpoints.dvol_url.removeprefix(run.client.endpoints.base_url)
        ask = {"currency": "BTC", "resolution": "3600", "start_timestamp": run.now_ms - 1_500 * HOUR_MS}
        newest = (await run.client.get(path, **ask, end_timestamp=run.now_ms))["result"]
        assert len(newest["data"]) == 1_000
        older = (await run.client.get(path, **ask, end_timestamp=newest["continuation"]))["result"]
        assert older["data"][-1][0] < newest["data"][0][0]
        assert older["continuation"] is None


async def test_answers_take_their_time_on_the_market_s_clock(tmp_path: Path) -> None:
    clock = SteppedClock(utc_from_ms(SyntheticMarket(7, ("BTC",)).start_ms))
    async with running_coinglass(tmp_path, clock=clock, latency_min_ms=200, latency_max_ms=400) as run:
        for _ in range(5):
            before_s = clock.monotonic_s()
            with clock.in_flight():
                assert (await run.client.get(SUBSCRIPTION))["code"] == "0"
            assert 0.2 <= clock.monotonic_s() - before_s <= 0.4


async def test_values_follow_the_clock(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        first = await run.client.data(TAKER, symbol="BTC", range="5m")
        assert await run.client.data(TAKER, symbol="BTC", range="5m") == first
        await run.clock.advance(60)
        assert await run.client.data(TAKER, symbol="BTC", range="5m") != first


async def test_every_synthetic_answer_says_so(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        for path in ("/api/index/fear-greed-history", "/api/futures/funding-rate/exchange-list"):
            assert (await run.client.get(path))["origin"] == "synthetic"


def test_the_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    key = load_key(tmp_path / "venue")
    assert len(key) == 32
    assert load_key(tmp_path / "venue") == key
    file = tmp_path / "venue" / "coinglass_key.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("{")
    with pytest.raises(StateCorruptError, match="delete it"):
        load_key(tmp_path / "venue")
