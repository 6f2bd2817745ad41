"""The trades file is put together of pieces that are made once, and reads as if it were made anew."""

from __future__ import annotations

from pathlib import Path

from tests.builders_trades import a_trade
from tradingbot.clock import SystemClock
from tradingbot.engine.models import KeptTrades, TradesState
from tradingbot.storage.document import Document
from tradingbot.storage.writer import StorageWriter


def test_pieces_are_the_whole() -> None:
    """Byte for byte what the model would write, also after growing, also without any trade."""
    trades = [a_trade(trade_id=f"t-{n}", exit_context={"n": n, "advice": {"a": [1, 2.5]}}) for n in range(5)]
    grown = KeptTrades(trades[:2]).with_new(trades[2:3]).with_new(trades[3:])
    assert grown.encoded_json() == TradesState(trades=trades).model_dump_json().encode()
    assert KeptTrades().encoded_json() == TradesState().model_dump_json().encode()


def test_a_document_reads_them_back(tmp_path: Path) -> None:
    """With its envelope and hash."""
    document = Document(tmp_path / "trades.json", TradesState, 1, StorageWriter(SystemClock()))
    trades = [a_trade(trade_id="t-1"), a_trade(trade_id="t-2")]
    document.save(KeptTrades(trades))  # type: ignore[arg-type]
    found = document.load()
    assert found.value is not None
    assert found.value.trades == trades
    assert found.notes == ()
