"""Each way a recording can be wrong has one clear message; a right one is read from either format."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tradingbot.core.errors import ConfigurationError
from tradingbot.sim_server.recorded_files import asset_of, read_recording
from tradingbot.simulator.recorded_market import RecordedMarket

T0 = 1_767_600_000_000


def frame(rows: int = 4, symbol: str = "BTCUSDT", **changes: object) -> pd.DataFrame:
    data: dict[str, object] = {
        "ts": [T0 + row * 60_000 for row in range(rows)],
        "symbol": [symbol] * rows,
        "open": [100.0] * rows,
        "high": [102.0] * rows,
        "low": [99.0] * rows,
        "close": [101.0] * rows,
        "volume": [5.0] * rows,
    }
    return pd.DataFrame(data | changes)


def save(path: Path, data: pd.DataFrame) -> Path:
    if path.suffix == ".parquet":
        data.to_parquet(path)
    else:
        data.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["r.parquet", "r.csv"])
def test_both_formats_give_the_same(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, pd.concat([frame(), frame(symbol="ETHUSDT")]))
    recording = read_recording(path)
    assert set(recording) == {"BTC", "ETH"}
    assert recording["BTC"].open_ms.tolist() == [T0, T0 + 60_000, T0 + 120_000, T0 + 180_000]
    assert recording["BTC"].step_ms == 60_000
    assert RecordedMarket(recording).minute(T0)["ETH"].close == 101.0


def test_a_folder_is_read_as_one_recording_whatever_its_files_are_called(tmp_path: Path) -> None:
    whole = frame(6)
    save(tmp_path / "b.csv", whole.iloc[:3])
    save(tmp_path / "a.parquet", whole.iloc[3:])
    (tmp_path / "notes.txt").write_text("not data")
    assert len(read_recording(tmp_path)["BTC"].open_ms) == 6


def test_only_the_wanted_assets_are_read(tmp_path: Path) -> None:
    path = save(tmp_path / "r.csv", pd.concat([frame(), frame(symbol="ETHUSDT")]))
    assert set(read_recording(path, ["ETH"])) == {"ETH"}


@pytest.mark.parametrize(
    ("symbol", "asset"),
    [
        ("BTC", "BTC"), ("BTCUSDT", "BTC"), ("XBTUSD", "BTC"), ("BTC/USDT:USDT", "BTC"), ("PF_XBTUSD", "BTC"),
        ("PI_XBTUSD", "BTC"), ("eth-usdt", "ETH"), ("MATICUSDT", "POL"), ("XDGUSD", "DOGE"), ("SOL_USD", "SOL"),
        ("BTC-PERP", "BTC"), ("USDT", "USDT"), (" LINK/USD ", "LINK"),
    ],
)  # fmt: skip
def test_symbols_map_to_assets(symbol: str, asset: str) -> None:
    assert asset_of(symbol) == asset


def replaced(name: str, place: int, value: object) -> pd.DataFrame:
    data = frame().astype({name: object}) if isinstance(value, str) else frame()
    data.loc[place, name] = value
    return data


BROKEN = {
    "missing column": (frame().drop(columns=["volume"]), r"column volume is missing; needed are ts, symbol"),
    "unsorted": (
        frame().iloc[[0, 2, 1, 3]],
        r"BTC: time 1767600060000 comes after a later time: the rows are not",
    ),
    "duplicate": (frame().iloc[[0, 1, 1, 2]], r"BTC: time 1767600060000 appears twice"),
    "nan": (replaced("close", 2, np.nan), r"row 3: close is not a finite number"),
    "infinite": (replaced("volume", 0, np.inf), r"row 1: volume is not a finite number"),
    "high below low": (replaced("high", 1, 98.0), r"row 2: high is below low"),
    "close outside": (replaced("close", 1, 103.0), r"row 2: open or close lies outside low..high"),
    "price zero": (replaced("low", 3, 0.0), r"row 4: a price is not above 0"),
    "negative volume": (replaced("volume", 3, -1.0), r"row 4: volume is negative"),
    "text": (replaced("open", 0, "many"), r"column open holds \w+, not numbers"),
    "seconds": (frame(ts=[1_767_600_000 + 60 * row for row in range(4)]), r"row 1: ts is not in milliseconds"),
    "empty": (frame().iloc[:0], r"there are no rows"),
    "half minutes": (frame(ts=[T0 + 30_000 * row for row in range(4)]), r"bars are 30 s long; whole minutes"),
    "off the grid": (frame(ts=[T0, T0 + 60_000, T0 + 150_000, T0 + 270_000]), r"does not lie on the grid of 1 minute"),
    "two spellings": (
        pd.concat([frame(), frame(symbol="XBTUSD")]),
        r"BTCUSDT and XBTUSD are both BTC; keep one of them",
    ),
}


@pytest.mark.parametrize("kind", list(BROKEN))
def test_a_broken_recording_names_file_place_and_fault(tmp_path: Path, kind: str) -> None:
    data, message = BROKEN[kind]
    path = save(tmp_path / "r.csv", data)
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_recording(path)
    assert str(path) in str(caught.value)


def test_unknown_kinds_missing_files_and_empty_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "r.xlsx").write_text("")
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("r.xlsx", r"unknown kind of file '\.xlsx'; recordings are \.parquet or \.csv"),
        ("absent.csv", "no such file or folder"),
        ("empty", "this folder holds no"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            read_recording(tmp_path / name)


@pytest.mark.parametrize(("name", "content"), [("r.parquet", b"PAR1 no"), ("r.csv", b""), ("r.csv", b"\xff\xfe\x00")])
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"cannot be read as|is missing"):
        read_recording(tmp_path / name)


def test_assets_that_are_not_in_the_file_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "r.csv", frame())
    with pytest.raises(ConfigurationError, match="no rows for SOL; it has BTC"):
        read_recording(path, ["BTC", "SOL"])


@pytest.mark.recorded
def test_a_real_recording_is_read(shared_data: Path) -> None:
    recording = read_recording(shared_data / "market" / "candles_1m_perp_2023.parquet", ["BTC", "DOGE", "POL"])
    market = RecordedMarket(recording)
    assert set(market.minute(market.start_ms)) == {"BTC", "DOGE", "POL"}
    assert len(market.history("BTC", market.start_ms, 1000)) == 1000


@pytest.fixture
def shared_data() -> Path:
    """The folder of recordings beside the checkout."""
    root = Path(__file__).resolve().parents[3]
    places = [Path(os.environ.get("TRADINGBOT_SHARED_DATA", "")), root / "../shared/data", root / "../../shared/data"]
    for place in places:
        if place.name and (place / "market").is_dir():
            return place
    pytest.skip("no recorded market data beside the checkout")
