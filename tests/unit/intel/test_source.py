"""The source against a CoinGlass on loopback: values, health, gates, keys, caches; it survives every fault."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tests.unit.intel.fake_coinglass import KEY, FakeCoinglass, served
from tests.unit.intel.options import SUMMARIES
from tests.unit.intel.support import (
    START,
    TEN,
    THREE,
    MemoryCache,
    after,
    clock,
    params_for,
    running,
    source_for,
)
from tradingbot.core.types import Asset
from tradingbot.intel.cache_models import FILES, HISTORY_NAMES, CachedIntel, TakerCache
from tradingbot.intel.coinglass_source import CoinglassSource, KeylessSource, intel_source
from tradingbot.intel.endpoints import Endpoint
from tradingbot.intel.params import CoinglassParams
from tradingbot.market.intelligence import Feed

BTC, ETH, SOL, LINK = (Asset(name) for name in ("BTC", "ETH", "SOL", "LINK"))
WARM_S = 600.0


async def test_ten_assets_are_served_within_the_limits() -> None:
    """After a warm-up every asset has every value that the plan covers, at 24 calls a minute and never faster."""
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = source_for(fake, time, assets=TEN)
        await after(time, 1800, source)
    state = source.state()
    for asset in TEN:
        known = state.assets[asset]
        assert known.taker is not None
        assert known.taker.stamp.age_s(time.now()) < 120
        assert None not in (known.liquidations.hour, known.liquidations.four_hours, known.liquidations.day)
        assert None not in (known.open_interest, known.long_short, known.funding_stats)
    bitcoin = state.assets[BTC]
    assert bitcoin.exchange_flow is not None
    assert bitcoin.exchange_flow.net_inflow_usd == -500
    assert bitcoin.funding is not None
    assert state.assets[LINK].whale_transfers is not None
    assert state.market.fear_greed is not None
    assert (state.market.fear_greed.value, state.market.fear_greed.stamp.source) == (71, "coinglass")
    assert {feed for feed, health in state.feeds.items() if health.off} == {Feed.VOLATILITY_INDEX, Feed.OPTION_SKEW}
    sent = [at for at, _, _ in fake.calls]
    assert min(later - sooner for sooner, later in pairwise(sent)) >= 2.5 - 1e-6
    assert max(sum(start <= at < start + 60 for at in sent) for start in sent) <= 24
    assert fake.count()["/fng/"] == 0


async def test_a_gated_endpoint_is_left_alone_and_replaced() -> None:
    """The plan says startup, the coin list is refused all the same: its substitute steps in, and that is said."""
    time = clock()
    async with served(FakeCoinglass(time, level="STARTUP")) as fake:
        fake.always[Endpoint.LIQUIDATION_COINS] = {"code": "401", "msg": "Upgrade plan"}
        source = source_for(fake, time, gate_s=7200)
        async with running(source):
            await time.sleep(WARM_S)
            state = source.state()
            assert fake.count()[Endpoint.LIQUIDATION_COINS] == 1
            assert state.assets[BTC].liquidations.hour is not None
            assert "liquidation coin list: refused by the plan of this key" in state.left_out
            assert state.feeds[Feed.LIQUIDATIONS].errors_in_a_row == 0
            fake.always.clear()
            await time.sleep(7200)
            assert fake.count()[Endpoint.LIQUIDATION_COINS] > 1
    assert CoinglassParams().gate_s == 86_400


async def test_a_higher_plan_asks_all_coins_at_once() -> None:
    time = clock()
    async with served(FakeCoinglass(time, level="STARTUP", limit=80)) as fake:
        source = source_for(fake, time)
        await after(time, WARM_S, source)
    assert fake.count()[Endpoint.LIQUIDATION_EXCHANGES] <= 9  # what was asked before the plan was known
    assert source.state().assets[BTC].whale_transfers is not None


@pytest.mark.parametrize("wrong", [{"code": "401", "msg": "API key missing."}, (401, ["no"])])
async def test_a_refused_key_turns_all_its_feeds_off_and_is_tried_hourly(wrong: Any) -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        fake.always["*"] = wrong
        fake.faults["/fng/"] = [{"data": [{"value": "33", "timestamp": str(int(START.timestamp()))}]}] * 9
        source = source_for(fake, time)
        async with running(source):
            await time.sleep(3000)
            assert len(fake.calls) - fake.count()["/fng/"] == 1
            state = source.state()
            assert {health.off for feed, health in state.feeds.items() if feed is not Feed.FEAR_GREED} == {
                "key_refused",
                "switched_off",
                "no_option_source",
            }
            assert state.market.fear_greed is not None
            assert state.market.fear_greed.value == 33
            fake.always.clear()
            await time.sleep(1500)
            assert source.state().assets[BTC].taker is not None
            assert source.state().feeds[Feed.TAKER_FLOW].off == ""


async def test_one_endpoint_that_refuses_the_key_is_gated_alone() -> None:
    """The self-check is asked again; while it accepts the key, everything else goes on."""
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        fake.always[Endpoint.OPEN_INTEREST] = {"code": "401", "msg": "Unauthorized"}
        source = source_for(fake, time)
        await after(time, 1800, source)
    assert fake.count()[Endpoint.OPEN_INTEREST] == 1
    assert fake.count()[Endpoint.SUBSCRIPTION] == 2
    state = source.state()
    assert state.feeds[Feed.OPEN_INTEREST].off == "plan"
    assert state.feeds[Feed.TAKER_FLOW].off == ""
    assert state.assets[BTC].taker is not None


async def test_a_key_that_is_revoked_while_running_is_noticed_and_forgiven() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = source_for(fake, time)
        async with running(source):
            await time.sleep(WARM_S)
            fake.key = "another"
            await time.sleep(WARM_S)
            assert source.state().feeds[Feed.TAKER_FLOW].off == "key_refused"
            assert source.state().assets[BTC].taker is not None
            fake.key = KEY
            await time.sleep(3700)
            assert {health.off for health in source.state().feeds.values()} == {
                "",
                "switched_off",
                "plan",
                "no_option_source",
            }
            assert not any("refused" in line for line in source.state().left_out)


async def test_values_outlive_an_outage_and_the_log_hears_of_it_twice() -> None:
    """Old values stay with their true age; a feed logs when it starts to fail and when it recovers, not in between."""
    time = clock()
    structlog.reset_defaults()
    async with served(FakeCoinglass(time)) as fake:
        source = source_for(fake, time)
        async with running(source):
            await time.sleep(WARM_S)
            before = source.state().assets[BTC].taker
            with capture_logs() as logs:
                fake.always["*"] = "html"
                await time.sleep(3600)
                during = source.state()
                fake.always.clear()
                await time.sleep(3600)
            recovered = source.state()
    assert during.assets[BTC].taker is not None
    assert before is not None
    assert during.assets[BTC].taker.stamp.age_s(START + timedelta(seconds=WARM_S + 3600)) > 3500
    health = during.feeds[Feed.TAKER_FLOW]
    assert health.errors_in_a_row >= 3
    assert "no JSON" in health.last_error
    assert recovered.feeds[Feed.TAKER_FLOW].errors_in_a_row == 0
    events = [(entry["event"], entry["feed"]) for entry in logs if entry["event"].startswith("intel.feed")]
    assert events.count(("intel.feed_failing", Feed.TAKER_FLOW)) == 1
    assert events.count(("intel.feed_recovered", Feed.TAKER_FLOW)) == 1


FAULTS: list[Any] = [
    "slow",
    "html",
    "truncated",
    {"code": "500", "msg": "Server Error"},
    {"code": "0", "data": "text"},
    {"code": "0", "data": [{"exchange": 1}]},
    {"code": "0", "data": {"buy_vol_usd": -1, "sell_vol_usd": 1}},
    {"code": "0"},
    {"code": "0", "data": None},
    {"code": "0", "data": []},
    {"code": "xyz"},
    ["list"],
    (404, {}),
    (429, {"code": "429"}),
]


async def test_a_storm_of_faults_never_ends_the_source() -> None:
    """Every fault on every endpoint in turn, then peace: all values come."""
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        for place, endpoint in enumerate(Endpoint):
            fake.faults[endpoint] = [FAULTS[(place + n) % len(FAULTS)] for n in range(len(FAULTS))]
        source = source_for(fake, time, backoff_s=5.0)
        async with running(source):
            await time.sleep(6 * 3600)
        known = source.state().assets[BTC]
    assert None not in (known.taker, known.open_interest, known.funding, known.liquidations.hour)
    assert all(health.errors_in_a_row < 5 for health in source.state().feeds.values())


async def test_a_429_makes_everybody_wait_a_minute() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        fake.faults[Endpoint.TAKER] = [(429, {"code": "429", "msg": "Too Many Requests"})]
        await after(time, 300, source_for(fake, time))
    sent = [at for at, _, _ in fake.calls]
    gaps = [later - sooner for sooner, later in pairwise(sent)]
    place = [path for _, path, _ in fake.calls].index(Endpoint.TAKER)
    assert gaps[place] >= 60
    assert sum(gap > 30 for gap in gaps) == 1


async def test_an_asset_without_data_is_left_alone_and_named() -> None:
    """Empty answers are no zeros; after three in a row the asset is asked again only an hour later."""
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        fake.always[Endpoint.TAKER] = {"code": "0", "data": []}
        source = source_for(fake, time, assets=(BTC,))
        async with running(source):
            await time.sleep(1800)
            assert fake.count()[Endpoint.TAKER] == 3
            state = source.state()
            assert state.assets[BTC].taker is None
            assert "taker volume (5m): nothing told about: BTC" in state.left_out
            assert state.feeds[Feed.TAKER_FLOW].off == "not_covered"
            fake.always.clear()
            await time.sleep(3600)
            assert source.state().assets[BTC].taker is not None


async def test_without_a_key_only_the_free_index_is_asked() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = KeylessSource(time, params_for(fake.url), THREE)
        await after(time, 7300, source)
    state = source.state()
    assert fake.count() == {"/fng/": 3}
    assert state.market.fear_greed is not None
    assert (state.market.fear_greed.value, state.market.fear_greed.stamp.source) == (20, "alternative.me")
    off = {feed: health.off for feed, health in state.feeds.items()}
    assert off.pop(Feed.FEAR_GREED) == ""
    assert off.pop(Feed.VOLATILITY_INDEX) == "switched_off"
    assert off.pop(Feed.OPTION_SKEW) == "no_option_source"
    assert set(off.values()) == {"no_api_key"}


@pytest.mark.parametrize("key", [KEY, None])
async def test_switched_off_asks_nobody(key: str | None) -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = intel_source(time, params_for(fake.url, enabled=False), THREE, key)
        await after(time, 7200, source)
    assert fake.calls == []
    assert {health.off for health in source.state().feeds.values()} == {"switched_off", "no_option_source"}


async def test_the_free_index_steps_in_when_coinglass_is_old() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        fake.mood_age_s = 27 * 3600
        source = source_for(fake, time)
        await after(time, 600, source)
    mood = source.state().market.fear_greed
    assert mood is not None
    assert (mood.value, mood.stamp.source) == (20, "alternative.me")


@pytest.mark.parametrize(("kind", "value"), [("dvol", 47.0), ("vix", 14.5)])
async def test_a_volatility_index_is_asked_when_configured(kind: str, value: float) -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = KeylessSource(time, params_for(fake.url, volatility={"source": kind}), THREE)
        await after(time, 60, source)
    reading = source.state().market.volatility
    assert reading is not None
    assert (reading.kind, reading.value) == (kind, value)


async def test_options_are_asked_of_the_assets_that_have_them() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = KeylessSource(time, params_for(fake.url, volatility={"skew_source": "deribit"}), THREE)
        await after(time, 620, source)
    state, asked = source.state(), [sent for _, path, sent in fake.calls if path == SUMMARIES]
    assert asked == [{"currency": name, "kind": "option"} for name in ("BTC", "ETH")] * 3
    told = state.assets[BTC].option_skew
    assert told is not None
    assert told.skew == pytest.approx(0.10, abs=0.01)
    assert told.stamp.source == "deribit"
    assert state.feeds[Feed.OPTION_SKEW].off == ""
    assert "option skew: not covered: SOL" in state.left_out


async def test_options_that_cannot_be_had_leave_the_old_value_and_show_in_the_health() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = KeylessSource(time, params_for(fake.url, volatility={"skew_source": "deribit"}), (BTC,))
        async with running(source):
            await time.sleep(60)
            told = source.state().assets[BTC].option_skew
            fake.always[SUMMARIES] = (400, {"jsonrpc": "2.0", "error": {"code": -32602, "message": "Invalid params"}})
            await time.sleep(600)
    health = source.state().feeds[Feed.OPTION_SKEW]
    assert source.state().assets[BTC].option_skew == told
    assert (health.errors_in_a_row, "Invalid params" in health.last_error) == (2, True)


async def test_values_survive_a_restart_with_their_true_age() -> None:
    """And what was asked lately is not asked again at once; the backfill goes on where it stopped."""
    time, cache = clock(), MemoryCache()
    async with served(FakeCoinglass(time)) as fake:
        fake.origin = "synthetic"
        first = source_for(fake, time, cache)
        await after(time, 1800, first)
        before, calls = first.state(), fake.count()
        await time.sleep(60)
        again = source_for(fake, time, cache)
        again.restore()
        assert again.state().assets == before.assets
        assert again.state().market == before.market
        await after(time, 300, again)
        assert fake.calls[calls.total()][1] == Endpoint.SUBSCRIPTION
        assert fake.count()[Endpoint.BALANCE_LIST] == calls[Endpoint.BALANCE_LIST]
        assert fake.count()[Endpoint.TAKER_HISTORY] == calls[Endpoint.TAKER_HISTORY] == len(THREE)
    taker = before.assets[BTC].taker
    assert taker is not None
    assert taker.stamp.origin == "synthetic"


async def test_every_file_is_put_at_most_once_a_minute_and_complete_at_the_end() -> None:
    time, cache = clock(), MemoryCache()
    moments: dict[str, list[float]] = {}

    class Timed(MemoryCache):
        def put(self, name: str, model: Any) -> None:
            moments.setdefault(name, []).append(time.monotonic_s())
            cache.put(name, model)

    async with served(FakeCoinglass(time)) as fake:
        options = {"skew_source": "deribit"}
        await after(time, 900, source_for(fake, time, Timed(), assets=(BTC, LINK), volatility=options))
    assert set(moments) == set(FILES)
    for name, at in moments.items():
        assert all(later - sooner >= 60 - 1e-6 for sooner, later in pairwise(at[:-1])), name
    features = FILES["coinglass/features.json"].model_validate_json(cache.texts["coinglass/features.json"])
    bitcoin = features.model_dump()["assets"]["BTC"]
    assert bitcoin["oi_delta_pct"]["1h"] == 2.27
    assert bitcoin["liquidation_long_usd"] == {"1h": 300, "4h": 300, "24h": 300}
    assert bitcoin["funding_z"] is not None


async def test_a_cache_from_the_future_is_left_behind() -> None:
    """Files of a clock that ran ahead would look young for ever."""
    time = clock()
    ahead = START + timedelta(days=3)
    entry = {"as_of": ahead, "received_at": ahead, "source": "x", "window_s": 300, "buy_usd": 1, "sell_usd": 1}
    cached = CachedIntel({"intelligence/taker_buy_sell.json": TakerCache.model_validate({"assets": {"BTC": entry}})})

    class Old(MemoryCache):
        def load(self) -> CachedIntel:
            return cached

    source = CoinglassSource(time, params_for("http://127.0.0.1:9"), THREE, KEY, Old())
    source.restore()
    assert source.state().assets == {}
    await source.close()


async def test_the_backfill_asks_for_all_days_and_runs_daily() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = source_for(fake, time, assets=(BTC,), backfill_days=30)
        await after(time, 25 * 3600, source)
    asked = [query for _, path, query in fake.calls if path == Endpoint.LIQUIDATION_HISTORY]
    assert [query["limit"] for query in asked] == ["180", "180"]
    assert asked[0]["interval"] == "4h"
    assert asked[0]["exchange_list"] == "Binance,OKX,Bybit"


async def test_the_settings_choose_the_assets() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = source_for(fake, time, symbols=("SOL",))
        await after(time, 300, source)
    assert set(source.state().assets) == {"SOL"}
    pairs = [query["symbol"] for _, path, query in fake.calls if path == Endpoint.LONG_SHORT_HISTORY]
    assert set(pairs) == {"SOLUSDT"}


async def test_assets_that_a_common_answer_leaves_out_are_named() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = source_for(fake, time, assets=(BTC, LINK))
        await after(time, 300, source)
    assert "funding: nothing told about: LINK" in source.state().left_out


async def test_a_broken_sink_does_not_end_the_polling() -> None:
    time = clock()

    class Broken(MemoryCache):
        def load(self) -> CachedIntel:
            return CachedIntel({"no/such/file.json": FILES[HISTORY_NAMES["taker"]]()})

        def put(self, name: str, model: Any) -> None:
            self.puts.append((name, model))
            if len(self.puts) % 3 == 0:
                raise OSError("no space")

    sink = Broken()
    async with served(FakeCoinglass(time)) as fake:
        source = source_for(fake, time, sink)
        await after(time, 900, source)
    taker = source.state().assets[BTC].taker
    assert taker is not None
    assert taker.stamp.age_s(time.now()) < 300


async def test_derived_figures_are_told() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        source = source_for(fake, time)
        await after(time, 1800, source)
    bitcoin = source.derived()[BTC]
    assert bitcoin.oi_delta_pct["4h"] == pytest.approx(1.0) or bitcoin.oi_delta_pct["4h"] == pytest.approx(-0.990099)
    assert bitcoin.funding_z is not None
    assert bitcoin.liquidation_short_usd["24h"] == 100


def test_the_key_is_not_sent_in_the_clear() -> None:
    """Plain http is for this machine only."""
    CoinglassParams(base_url="http://127.0.0.1:9000")
    with pytest.raises(ValueError, match="https"):
        CoinglassParams(base_url="http://open-api-v4.coinglass.com")


async def test_a_working_history_does_not_hide_failing_snapshots() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        fake.always[Endpoint.OPEN_INTEREST] = {"code": "500", "msg": "Server Error"}
        source = source_for(fake, time)
        await after(time, 900, source)
    assert fake.count()[Endpoint.OPEN_INTEREST_HISTORY] > 0
    health = source.state().feeds[Feed.OPEN_INTEREST]
    assert health.last_success_at is None
    assert health.errors_in_a_row > 3
