"""Files of other programs become our candles, whatever they call their columns; wrong ones are refused by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tradingbot.app.market_data import check, import_files
from tradingbot.core.errors import ConfigurationError
from tradingbot.research.importing import imported
from tradingbot.research.market_store import MINUTE_MS, MarketStore, candles_of

START = pd.Timestamp("2024-03-01T00:00:00Z")
COUNT = 90


def frame(**changes: Any) -> pd.DataFrame:
    close = 100 + np.arange(COUNT) * 0.01
    rows = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": np.ones(COUNT)}
    times = pd.date_range(START, periods=COUNT, freq="min")
    return pd.DataFrame({"date": times, **rows}).assign(**changes)


START_MS = int(START.value // 10**6)
MILLISECONDS = START_MS + MINUTE_MS * np.arange(COUNT, dtype=np.int64)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(MILLISECONDS // 1000, id="seconds"),
        pytest.param(MILLISECONDS, id="milliseconds"),
        pytest.param(MILLISECONDS * 1000, id="microseconds"),
        pytest.param(MILLISECONDS * 10**6, id="nanoseconds"),
        pytest.param((MILLISECONDS / 1000).astype(float), id="seconds with a point"),
        pytest.param(frame()["date"].dt.strftime("%Y-%m-%d %H:%M:%S"), id="text without a zone"),
        pytest.param(frame()["date"].dt.tz_convert("Asia/Tokyo").map(str), id="text of another zone"),
    ],
)
def test_times_of_every_usual_kind(times: Any, tmp_path: Path) -> None:
    path = tmp_path / "ETH_USDT-1m.csv"
    frame(date=times).to_csv(path, index=False)
    ((series, _),) = imported(path)
    assert (series.asset, series.symbol) == ("ETH", "ETH")
    assert np.array_equal(series.ts, MILLISECONDS)
    assert series.values["close"][1] == pytest.approx(100.01)


def test_names_of_columns_case_and_order_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    other = frame().rename(columns={"date": "Open_Time", "volume": "Vol", "open": "O", "close": "C"})
    other.iloc[::-1].assign(Pair="XBT/USD").to_parquet(path)
    ((series, _),) = imported(path)
    assert (series.asset, series.symbol) == ("BTC", "XBT/USD")
    assert np.array_equal(series.ts, MILLISECONDS)


def test_the_store_grows_by_each_file_and_can_be_checked(tmp_path: Path) -> None:
    first, second = tmp_path / "BTC-march.csv", tmp_path / "BTC-later.csv"
    frame().head(40).to_csv(first, index=False)
    frame().tail(40).to_csv(second, index=False)
    store = tmp_path / "data"
    rows = import_files([first, second], store, "")
    assert [row["candles"] for row in rows] == [40, 80]
    (report,) = check(store / "candles_1m")
    assert (report["asset"], report["missing"], report["gaps"][0]["bars"], report["clean"]) == ("BTC", 10, 10, False)
    assert report["gaps"][0]["from"] == "2024-03-01T00:40:00.000Z"


def test_longer_bars_have_a_place_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "SOL.csv"
    frame(date=pd.date_range(START, periods=COUNT, freq="4h")).to_csv(path, index=False)
    import_files([path], tmp_path / "data", "")
    found = MarketStore(tmp_path / "data").load(candles_of(240 * MINUTE_MS), "SOL")
    assert found is not None
    assert (tmp_path / "data" / "candles_4h" / "SOL.parquet").exists()


@pytest.mark.parametrize(
    ("changes", "name", "text"),
    [
        ({"high": 0.0}, "BTC.csv", "row 1"),
        ({"close": np.where(np.arange(COUNT) == 5, np.nan, 100.0)}, "BTC.csv", "row 6: close is not a finite number"),
        ({"date": "soon"}, "BTC.csv", "times cannot be read"),
        ({"date": -5}, "BTC.csv", "no times since 1970"),
        ({"date": MILLISECONDS[0]}, "BTC.csv", "appears twice"),
        ({"volume": -1.0}, "BTC.csv", "volume is negative"),
        ({}, "2024.csv", "say which one it is with --symbol"),
        ({}, "BTC.txt", "unknown kind of file"),
    ],
)
def test_a_wrong_file_is_refused_and_changes_nothing(
    changes: dict[str, Any], name: str, text: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    frame(**changes).to_csv(path, index=False)
    with pytest.raises(ConfigurationError, match=text) as error:
        import_files([path], tmp_path / "data", "")
    assert str(path) in str(error.value)
    assert not (tmp_path / "data").exists()


def test_a_missing_column_is_named_with_what_it_may_be_called(tmp_path: Path) -> None:
    path = tmp_path / "BTC.csv"
    frame().drop(columns="volume").to_csv(path, index=False)
    with pytest.raises(ConfigurationError, match=r"no column for volume.*vol, v.*it has date, open"):
        imported(path)
