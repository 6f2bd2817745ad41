"""The simulated market-data service beside a simulated venue, as the program starts it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.support import ETH, a_snapshot, a_symbol
from tests.unit.sim_server.test_coinglass_recordings import NOW_MS, candles, files
from tradingbot.app.bootstrap import simulated_intel
from tradingbot.app.paper_intel import open_simulated_coinglass
from tradingbot.app.simulate import parse_rule
from tradingbot.clock import ScaledClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import Asset, utc_from_ms
from tradingbot.intel.free_sources import FreeSources
from tradingbot.intel.params import CoinglassParams
from tradingbot.market.data_contracts import ContractMemory, ContractParams, OwnMarket, judge_asset
from tradingbot.market.intelligence import SymbolIntel
from tradingbot.signals.params import SignalParams
from tradingbot.signals.volatility_skew import volatility_skew
from tradingbot.simulator.coinglass_faults import CoinglassFault
from tradingbot.simulator.live_quotes import StandingQuotes
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.synthetic_market import SyntheticMarket

QUICK = {"latency_min_ms": 0, "latency_max_ms": 0}


async def origin(home: Path, feed: MarketFeed, data: Path | None, **settings: object) -> str | None:
    """Where today's mood comes from; None without a service."""
    params = SimulatorParams.model_validate({"coinglass": {**QUICK, **settings}})
    clock = ScaledClock(utc_from_ms(max(feed.start_ms, NOW_MS)), 1.0)
    async with AsyncExitStack() as stack:
        endpoints = await open_simulated_coinglass(feed, clock, params, home, data, stack)
        if endpoints is None:
            return None
        async with aiohttp.ClientSession() as session, session.get(endpoints.fear_greed_url) as answer:
            return str((await answer.json())["origin"])


async def test_a_made_market_has_synthetic_intelligence(tmp_path: Path) -> None:
    assert await origin(tmp_path, SyntheticMarket(7, ("BTC",)), None) == "synthetic"


async def test_options_of_a_made_market_pass_the_contracts_and_move_the_component(tmp_path: Path) -> None:
    """From the simulated service over HTTP to the reading, with the settings that the daemon would have."""
    feed = SyntheticMarket(7, ("BTC", "ETH"))
    clock = ScaledClock(utc_from_ms(max(feed.start_ms, NOW_MS)), 1.0)
    settings = SimulatorParams.model_validate({"coinglass": QUICK})
    wanted = CoinglassParams.model_validate({"volatility": {"skew_source": "deribit"}})
    async with AsyncExitStack() as stack:
        endpoints = await open_simulated_coinglass(feed, clock, settings, tmp_path, None, stack)
        assert endpoints is not None
        free = FreeSources(clock, simulated_intel(wanted, endpoints).params)
        stack.push_async_callback(free.close)
        told = await free.option_skew(Asset("ETH"))
    raw, now = SymbolIntel(option_skew=told), clock.now()
    judged = judge_asset("ETH", raw, OwnMarket(), ContractMemory(), now, ContractParams())
    assert judged.problems == {}
    reading = volatility_skew(a_snapshot(a_symbol(ETH, intel=judged)), ETH, SignalParams())
    assert reading.live
    assert dict(reading.reasons[0].numbers)["source"] == "deribit, synthetic"


async def test_a_real_market_has_none_nor_has_one_that_is_switched_off(tmp_path: Path) -> None:
    assert await origin(tmp_path, StandingQuotes({}), None) is None
    assert await origin(tmp_path, SyntheticMarket(7, ("BTC",)), None, enabled=False) is None
    assert not list(tmp_path.iterdir())


async def test_recordings_are_found_beside_the_candles(tmp_path: Path) -> None:
    files(tmp_path / "data")
    files(tmp_path / "folder" / "intelligence")
    assert await origin(tmp_path, candles(), tmp_path / "data" / "candles.parquet") == "recorded"
    assert await origin(tmp_path, candles(), tmp_path / "folder") == "recorded"
    assert await origin(tmp_path, candles(), tmp_path / "elsewhere" / "candles.parquet") == "derived"
    assert await origin(tmp_path, candles(), None, recordings="data") == "recorded"


async def test_a_named_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"simulator\.coinglass\.recordings: .* is no folder"):
        await origin(tmp_path, candles(), None, recordings="nowhere")


def test_faults_of_the_command_line_are_checked() -> None:
    spec = parse_rule("slow,ms=5,path=/fng", CoinglassFault, "--coinglass-fault")
    assert (spec.name, spec.ms, spec.path) == ("slow", 5.0, "/fng")
    with pytest.raises(ConfigurationError, match="--coinglass-fault 'gremlins': name"):
        parse_rule("gremlins", CoinglassFault, "--coinglass-fault")
