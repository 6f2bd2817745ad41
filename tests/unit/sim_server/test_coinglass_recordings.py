"""What was recorded is served as recorded, not before it could be known; the rest is derived and says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.builders_coinglass import DAY_MS, HOUR_MS, running_coinglass
from tests.shared_data import recorded
from tradingbot.core.errors import ConfigurationError
from tradingbot.sim_server.coinglass.recordings import read_recordings
from tradingbot.sim_server.recorded_files import read_recording
from tradingbot.simulator.intelligence import MarketIntelligence
from tradingbot.simulator.intelligence_world import Recordings
from tradingbot.simulator.recorded_market import RecordedColumns, RecordedMarket

START_MS = 1_700_006_400_000  # 2023-11-15T00:00:00Z
DAYS = 6
NOW_MS = START_MS + 5 * DAY_MS + 2 * HOUR_MS
PAIR = {"exchange": "Binance", "symbol": "BTCUSDT", "interval": "4h", "limit": "3"}


def candles() -> RecordedMarket:
    """Two assets whose prices wander, an hour without candles in the middle."""
    recording = {}
    for place, asset in enumerate(("BTC", "ETH")):
        moves = np.random.default_rng(place).normal(0.0, 0.0006, DAYS * 1440)
        close = 30_000.0 / (1 + 14 * place) * np.exp(np.cumsum(moves))
        open_ = np.concatenate(([close[0]], close[:-1]))
        kept = np.ones(len(close), dtype=bool)
        kept[4_000:4_060] = False
        columns = (open_, np.maximum(open_, close), np.minimum(open_, close), close, np.full(len(close), 50.0))
        times = START_MS + np.arange(len(close), dtype=np.int64) * 60_000
        recording[asset] = RecordedColumns(times[kept], *(column[kept] for column in columns))
    return RecordedMarket(recording)


def files(folder: Path) -> Path:
    """A folder with a recording of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    days = START_MS + np.arange(DAYS) * DAY_MS
    mood = pd.DataFrame({"ts": days, "value": np.arange(DAYS) + 20, "classification": "Fear"})
    mood.to_parquet(folder / "fear_greed_daily.parquet")
    settled = START_MS + np.arange(DAYS * 3) * 8 * HOUR_MS
    rates = pd.DataFrame({"ts": settled, "symbol": "BTCUSDT", "funding_rate": np.arange(DAYS * 3) * 1e-5})
    rates.to_parquet(folder / "funding_8h_perp.parquet")
    metrics = (("exchange_reserves", 2e6, 1_000.0), ("open_interest", 1e10, 1e8), ("hashrate", 1.0, 1.0))
    chain = pd.concat(
        pd.DataFrame({"ts": days, "metric": metric, "value": base + np.arange(DAYS) * step})
        for metric, base, step in metrics
    )
    chain.to_parquet(folder / "onchain_daily_btc.parquet")
    return folder


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    return read_recordings(files(tmp_path_factory.mktemp("recorded")))


async def test_recorded_values_are_served_as_they_are(tmp_path: Path, recordings: Recordings) -> None:
    async with running_coinglass(tmp_path, candles(), NOW_MS, recordings, recorded=True) as run:
        mood = await run.client.get("/api/index/fear-greed-history")
        assert mood["origin"] == "recorded"
        assert mood["data"]["data_list"][-6:] == [20, 21, 22, 23, 24, 25]
        rates = await run.client.get("/api/futures/funding-rate/exchange-list")
        binance = rates["data"][0]["stablecoin_margin_list"][0]
        assert (rates["origin"], binance["exchange"]) == ("recorded", "Binance")
        assert binance["funding_rate"] == pytest.approx(100 * 15e-5)
        history = await run.client.get("/api/futures/funding-rate/history", **PAIR)
        assert history["origin"] == "recorded"
        assert float(history["data"][-1]["close"]) == pytest.approx(100 * 15e-5)
        held = await run.client.get("/api/exchange/balance/list", symbol="BTC")
        assert held["origin"] == "recorded"
        assert sum(row["total_balance"] for row in held["data"]) == pytest.approx(2e6 + 4_000)
        assert sum(row["balance_change_1d"] for row in held["data"]) == pytest.approx(1_000)
        interest = await run.client.get("/api/futures/open-interest/exchange-list", symbol="BTC")
        assert interest["origin"] == "recorded"
        assert interest["data"][0]["open_interest_usd"] == pytest.approx(1.04e10, rel=0.1)


async def test_what_was_not_recorded_is_derived(tmp_path: Path, recordings: Recordings) -> None:
    async with running_coinglass(tmp_path, candles(), NOW_MS, recordings, recorded=True) as run:
        for path, arguments in (
            ("/api/futures/taker-buy-sell-volume/exchange-list", {"symbol": "BTC", "range": "1h"}),
            ("/api/futures/open-interest/exchange-list", {"symbol": "ETH"}),
            ("/api/exchange/balance/list", {"symbol": "ETH"}),
            ("/api/futures/funding-rate/history", {**PAIR, "symbol": "ETHUSDT"}),
        ):
            body = await run.client.get(path, **arguments)
            assert body["origin"] == "derived", path
            assert body["data"], path


def test_nothing_recorded_is_known_before_its_time(recordings: Recordings) -> None:
    told = MarketIntelligence(candles(), 7, recordings=recordings, recorded=True)
    midnight_ms = START_MS + 3 * DAY_MS
    assert told.mood.fear_greed(midnight_ms - 1).values[-1] == 22
    assert told.mood.fear_greed(midnight_ms).values[-1] == 23
    settled_ms = START_MS + 3 * DAY_MS + 8 * HOUR_MS
    before, after = (told.crowd.funding("BTC", settled_ms + ms)[0][0].rate for ms in (59_999, 60_000))
    assert (before, after) == (pytest.approx(9e-5), pytest.approx(10e-5))
    # The chain's figures of a day are known an hour after it has ended, and shown with the next full hour.
    known_ms = START_MS + 4 * DAY_MS + HOUR_MS + 300_000
    early, late = (sum(one.total for one in told.flows.balances("BTC", known_ms + ms)[0]) for ms in (-1, 0))
    assert (early, late) == (pytest.approx(2e6 + 2_000), pytest.approx(2e6 + 3_000))


def test_a_recording_that_has_ended_is_followed_by_derived_values(recordings: Recordings) -> None:
    assert recordings.fear_greed is not None
    short = recordings.fear_greed
    cut = type(short)(short.time_ms[:2], short.known_ms[:2], short.values[:2])
    told = MarketIntelligence(candles(), 7, recordings=Recordings(fear_greed=cut), recorded=True)
    days = told.mood.fear_greed(NOW_MS)
    assert days.origin == "derived"
    assert days.values[-6:-4].tolist() == [20, 21]
    assert told.crowd.funding("BTC", NOW_MS)[1] == "derived"


def test_a_gap_in_the_candles_is_a_standstill() -> None:
    told = MarketIntelligence(candles(), 7, recorded=True)
    gap_ms = START_MS + 4_060 * 60_000
    split = told.futures.taker("BTC", 60, gap_ms + 5_000)
    assert (split.first, split.second) == (0.0, 0.0)
    bars = told.futures.bars("BTC", 60_000, gap_ms - HOUR_MS, gap_ms + 5_000, 5.0)
    assert len(bars) == 60
    assert (bars.columns[0] == bars.columns[3]).all()


def test_an_empty_folder_is_no_recording(tmp_path: Path) -> None:
    assert read_recordings(tmp_path) == Recordings()
    assert read_recordings(tmp_path / "none") == Recordings()


def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "fear_greed_daily.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ConfigurationError, match=r"fear_greed_daily\.parquet: cannot be read"):
        read_recordings(tmp_path)
    pd.DataFrame({"ts": [1], "score": [2]}).to_parquet(tmp_path / "fear_greed_daily.parquet")
    with pytest.raises(ConfigurationError, match="column value is missing"):
        read_recordings(tmp_path)


@pytest.mark.recorded
def test_the_derived_mood_resembles_the_real_one() -> None:
    folder = recorded("market")
    market = RecordedMarket(read_recording(folder / "candles_1h_perp_12sym_2023_2025.parquet", ["BTC"]))
    real = read_recordings(folder).fear_greed
    assert real is not None
    now_ms = market.end_ms - DAY_MS
    days = MarketIntelligence(market, 7, recorded=True).mood.fear_greed(now_ms)
    derived = dict(zip(days.time_ms.tolist(), days.values.tolist(), strict=True))
    since_ms = market.start_ms + 31 * DAY_MS
    times = [time_ms for time_ms in real.time_ms.tolist() if since_ms <= time_ms <= now_ms]
    theirs = [value for time_ms, value in zip(real.time_ms.tolist(), real.values, strict=True) if time_ms in set(times)]
    assert np.corrcoef([derived[time_ms] for time_ms in times], theirs)[0, 1] > 0.5
