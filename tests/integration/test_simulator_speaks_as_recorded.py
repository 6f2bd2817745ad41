"""Every recorded field of the real venue's messages is in the simulated venue's, with the same kind of value."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.builders_sim import SineFeed, running_venue
from tests.unit.sim_server.test_websocket_protocol import stream

XBT = "PF_XBTUSD"
pytestmark = pytest.mark.recorded


def recorded(name: str) -> Any:
    """A recorded payload; the test is skipped where the recordings are absent."""
    root = Path(__file__).resolve().parents[2]
    places = [root.parent / "shared" / "data", root.parent.parent / "shared" / "data"]
    if "TRADINGBOT_SHARED_DATA" in os.environ:
        places.insert(0, Path(os.environ["TRADINGBOT_SHARED_DATA"]))
    for place in places:
        path = place / "venues" / "kraken_futures" / name
        if path.exists():
            return orjson.loads(path.read_bytes())
    pytest.skip(f"recorded payload {name} is not beside this checkout")


def differences(theirs: Any, ours: Any, where: str = "") -> list[str]:
    """Fields that are missing in `ours` or of another kind; of lists the first entries are compared."""
    if theirs is None or ours is None:
        return []
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [f"{where}: not an object"]
        missing = [f"{where}.{name} is missing" for name in theirs if name not in ours]
        return missing + [
            d for name in theirs if name in ours for d in differences(theirs[name], ours[name], f"{where}.{name}")
        ]
    if isinstance(theirs, list):
        if not isinstance(ours, list):
            return [f"{where}: not a list"]
        return differences(theirs[0], ours[0], f"{where}[0]") if theirs and ours else []
    number = (int, float)
    same = isinstance(ours, number) if isinstance(theirs, number) else isinstance(ours, type(theirs))
    return [] if same else [f"{where}: {type(theirs).__name__} there, {type(ours).__name__} here"]


@pytest.mark.parametrize(
    ("file", "path", "query"),
    [
        ("nautilus/http_futures_instruments.json", "instruments", ""),
        ("nautilus/http_futures_tickers.json", "tickers", ""),
        ("nautilus/http_futures_orderbook.json", "orderbook", "symbol=PF_XBTUSD"),
        ("nautilus/http_futures_open_positions.json", "openpositions", ""),
        ("nautilus/http_futures_open_orders.json", "openorders", ""),
        ("nautilus/http_futures_historical_funding_rates.json", "historical-funding-rates", "symbol=PF_XBTUSD"),
    ],
)
async def test_rest_answers(tmp_path: Path, file: str, path: str, query: str) -> None:
    theirs = recorded(file)
    async with running_venue(tmp_path, feed=SineFeed(premium=0.001)) as run:
        await run.clock.advance(61)
        await run.rest.order("mkt", XBT, "buy", 0.01)
        await run.rest.order("lmt", XBT, "buy", 0.01, limitPrice=59000)
        ours = await run.rest.send("GET", f"/derivatives/api/v3/{path}", query)
    found = [d for d in differences(theirs, ours) if not d.endswith((".isin is missing", ".underlying is missing"))]
    assert found == []


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("nautilus/http_futures_candles_trade.json", "trade"),
        ("nautilus/http_futures_candles_mark.json", "mark"),
        ("nautilus/http_futures_candles_spot.json", "spot"),
    ],
)
async def test_candles(tmp_path: Path, file: str, path: str) -> None:
    theirs = recorded(file)
    async with running_venue(tmp_path) as run:
        ours = await run.rest.send("GET", f"/api/charts/v1/{path}/PF_XBTUSD/1h")
    assert [d for d in differences(theirs, ours) if "volume" not in d] == []


async def test_account_log_and_position_history(tmp_path: Path) -> None:
    log, positions = (
        recorded("docs_examples/rest_account_log.json"),
        recorded("docs_examples/history_v3_positions.json"),
    )
    orders = recorded("docs_examples/history_v3_orders_full_fill.json")
    triggers = recorded("docs_examples/history_v3_triggers.json")
    rejected = recorded("docs_examples/rest_sendorder_reject_ioc.json")
    async with running_venue(tmp_path) as run:
        refusal = await run.rest.post("sendorder", orderType="ioc", symbol=XBT, side="buy", size=0.01, limitPrice=59000)
        await run.rest.order("mkt", XBT, "buy", 0.01)
        await run.rest.order("stp", XBT, "sell", 0.01, stopPrice=58000, triggerSignal="mark")
        history = "/api/history/v3/"
        our_log = await run.rest.send("GET", history + "account-log")
        our_positions = await run.rest.send("GET", history + "positions")
        our_orders = await run.rest.send("GET", history + "orders")
        our_triggers = await run.rest.send("GET", history + "triggers")
    assert differences(rejected, refusal) == []
    assert differences(log, our_log) == []
    assert differences(positions["elements"], our_positions["elements"]) == []
    event = orders["elements"][0]["event"]["OrderUpdated"]
    ours = our_orders["elements"][0]["event"]["OrderUpdated"]
    stamps = ("timestamp", "lastUpdateTimestamp")
    assert [d for d in differences(event, ours) if not any(stamp in d for stamp in stamps)] == []
    placed = triggers["elements"][1]["event"]["OrderTriggerPlaced"]
    made = our_triggers["elements"][0]["event"]["OrderTriggerPlaced"]
    kept = [d for d in differences(placed, made) if not any(stamp in d for stamp in (*stamps, "accountId"))]
    assert kept == []


PUBLIC = {
    "ticker": "nautilus/ws_futures_ticker.json",
    "book_snapshot": "nautilus/ws_futures_book_snapshot.json",
    "book": "nautilus/ws_futures_book_delta.json",
    "trade": "nautilus/ws_futures_trade.json",
    "trade_snapshot": "nautilus/ws_futures_trade_snapshot.json",
}
PRIVATE = {
    "fills": "nautilus/ws_futures_fills_delta.json",
    "open_orders": "nautilus/ws_futures_open_orders_delta.json",
    "open_positions": "docs_examples/ws_open_positions.json",
    "balances_snapshot": "docs_examples/ws_balances_snapshot.json",
    "account_log": "docs_examples/ws_account_log_delta.json",
    "account_log_snapshot": "docs_examples/ws_account_log_snapshot.json",
}


async def test_streams(tmp_path: Path) -> None:
    theirs = {feed: recorded(file) for feed, file in (PUBLIC | PRIVATE).items()}
    seen: dict[str, Any] = {}
    async with running_venue(tmp_path, feed=SineFeed(premium=0.001)) as run, stream(run) as client:
        await run.clock.advance(30)
        for feed in ("ticker", "book", "trade"):
            await client.say(event="subscribe", feed=feed, product_ids=["PI_XBTUSD"])
        signed = await client.credentials()
        for feed in ("fills", "open_orders", "open_positions", "balances", "account_log"):
            await client.say(event="subscribe", feed=feed, **signed)
        await client.until(feed="account_log_snapshot")
        await run.rest.order("mkt", "PI_XBTUSD", "buy", 100, cliOrdId="c")
        await run.rest.order("lmt", "PI_XBTUSD", "buy", 100, limitPrice=59000)
        await run.clock.advance(20)
        await client.say(event="ping")
        await client.until(event="pong")
        for message in client.seen:
            if "event" not in message:
                seen[message["feed"]] = message
    assert set(theirs) <= set(seen)
    allowed = ("cli_ord_id is missing", "username", ".USDT", ".GBP", ".USDC", ".XBT", ".EUR", ".ETH", ".LTC", ".BCH",
               ".XRP", ".PF_ETHUSD", "collateral:", "holding")  # fmt: skip
    found = [d for feed in theirs for d in differences(theirs[feed], seen[feed], feed)]
    assert [d for d in found if not any(part in d for part in allowed)] == []
