"""Stored candles come back to the last bit, are replaced whole, and are refused where something is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tradingbot.core.errors import ConfigurationError
from tradingbot.research.data_check import check_candles
from tradingbot.research.market_store import FUNDING, MINUTE_MS, MarketStore, Series, candles_of, merged
from tradingbot.sim_server.recorded_files import RecordedColumns, read_recording

MINUTES = candles_of(MINUTE_MS)
START_MS = 1_700_000_040_000


def series(first: int, count: int, price: float = 100.0, source: str = "venue") -> Series:
    ts = START_MS + MINUTE_MS * np.arange(first, first + count, dtype=np.int64)
    close = price + 0.1 * np.arange(count)
    values = {"open": close, "high": close + 0.3, "low": close - 0.3, "close": close, "volume": np.full(count, 1 / 3)}
    return Series("BTC", "PF_XBTUSD", source, ts, values, ((int(ts[0]), int(ts[-1]) + MINUTE_MS),))


def test_rows_come_back_and_the_simulated_venue_can_play_them(tmp_path: Path) -> None:
    store, kept = MarketStore(tmp_path), series(0, 500)
    path = store.save(MINUTES, kept)
    found = store.load(MINUTES, "BTC")
    assert found is not None
    assert (found.asset, found.symbol, found.source, found.asked) == ("BTC", "PF_XBTUSD", "venue", kept.asked)
    assert np.array_equal(found.ts, kept.ts)
    assert all(np.array_equal(found.values[name], kept.values[name]) for name in MINUTES.values)
    played = read_recording(path.parent)
    assert np.array_equal(played["BTC"].close, kept.values["close"])
    assert store.load(MINUTES, "ETH") is None
    assert store.load(FUNDING, "BTC") is None


def test_newer_rows_win_and_spans_join() -> None:
    both = merged(series(0, 100), series(90, 50, price=200.0))
    assert len(both) == 140
    assert both.values["close"][89] == pytest.approx(100 + 8.9)
    assert both.values["close"][90] == 200.0
    assert both.asked == ((START_MS, START_MS + 140 * MINUTE_MS),)
    with pytest.raises(ConfigurationError, match="do not splice"):
        merged(series(0, 10), series(10, 10, source="another"))


def test_what_cannot_be_used_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    store = MarketStore(tmp_path)
    path = store.save(MINUTES, series(0, 10))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ConfigurationError, match=r"BTC\.parquet.*download or import it anew"):
        store.load(MINUTES, "BTC")
    path.write_bytes(whole)
    pq.write_table(pq.read_table(path).replace_schema_metadata({}), path)
    with pytest.raises(ConfigurationError, match="cannot be read as stored data"):
        store.load(MINUTES, "BTC")
    path.write_bytes(whole)
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["volume"]), path)
    with pytest.raises(ConfigurationError, match="columns are ts, symbol, open, high, low, close, not"):
        store.load(MINUTES, "BTC")
    pq.write_table(table.take(list(range(9, -1, -1))), path)
    with pytest.raises(ConfigurationError, match="not rising in steps of 1 min"):
        store.load(MINUTES, "BTC")


def columns(
    closes: list[float], minutes: list[int] | None = None, volume: list[float] | None = None
) -> RecordedColumns:
    close = np.array(closes)
    ts = START_MS + MINUTE_MS * np.array(minutes or range(len(closes)), dtype=np.int64)
    amounts = np.ones(len(closes)) if volume is None else np.array(volume)
    return RecordedColumns(ts, close, close + 1, close - 1, close, amounts)


def calm(count: int) -> list[float]:
    return [100 + 0.05 * (-1) ** number for number in range(count)]


def test_gaps_are_counted_and_the_largest_comes_first() -> None:
    report = check_candles("BTC", columns(calm(6), [0, 1, 4, 5, 15, 16]))
    assert (report.missing, report.gap_count) == (11, 2)
    assert [(gap.from_ms, gap.bars) for gap in report.gaps] == [
        (START_MS + 6 * MINUTE_MS, 9),
        (START_MS + 2 * MINUTE_MS, 2),
    ]
    assert not report.clean


def test_a_spike_is_not_news() -> None:
    """News stays where it went; a price that is gone with the next bar may be none."""
    spike = [*calm(50), 130.0, *calm(50)]
    news = [*calm(50), *(price + 30 for price in calm(50))]
    found = check_candles("BTC", columns(spike))
    assert (found.jump_count, found.spike_count, found.clean) == (2, 1, False)
    assert found.jumps[0].at_ms == START_MS + 50 * MINUTE_MS
    assert found.jumps[0].change == pytest.approx(0.3, abs=0.01)
    told = check_candles("BTC", columns(news))
    assert (told.jump_count, told.spike_count, told.clean) == (1, 0, True)


def test_minutes_without_trades_are_told_only() -> None:
    report = check_candles("BTC", columns(calm(8), volume=[0, 1, 0, 0, 0, 1, 1, 0]))
    assert (report.empty, report.longest_empty, report.clean) == (5, 3, True)
    assert check_candles("BTC", columns([100.0])).clean


def test_only_a_symbol_of_its_own_is_refused_too() -> None:
    with pytest.raises(ConfigurationError, match="have the symbol PF_XBTUSD"):
        merged(series(0, 3), replace(series(3, 3), symbol="PI_XBTUSD"))
