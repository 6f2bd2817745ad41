"""A small CoinGlass on loopback with its habits: errors with HTTP 200, rate headers, plans, odd shapes, faults."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.unit.intel.options import SUMMARIES, options
from tradingbot.core.types import epoch_ms
from tradingbot.intel.endpoints import HISTORIES, Endpoint, HistoryKind
from tradingbot.ports import Clock

KEY = "key-0123456789abcdef"
UPGRADE = {"code": "401", "msg": "Upgrade plan"}
STARTUP_UP = (Endpoint.LIQUIDATION_COINS, Endpoint.WHALE_TRANSFERS)
Fault = Callable[[], web.StreamResponse] | str


class FakeCoinglass:
    """Answers every endpoint with plausible data; `faults` by path are answered instead, one each time."""

    def __init__(self, clock: Clock, level: str = "HOBBYIST", limit: int = 30) -> None:
        self.clock = clock
        self.level = level
        self.limit = limit
        self.key = KEY
        self.origin = ""
        self.calls: list[tuple[float, str, dict[str, str]]] = []
        self.faults: dict[str, list[Any]] = defaultdict(list)
        self.always: dict[str, Any] = {}
        self.url = ""
        self.free_value = "20"
        self.mood_age_s = 3600.0

    def count(self) -> Counter[str]:
        """Calls by path."""
        return Counter(path for _, path, _ in self.calls)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.calls.append((self.clock.monotonic_s(), path, dict(request.query)))
        fault = self.faults[path].pop(0) if self.faults[path] else self.always.get(path, self.always.get("*"))
        if fault is not None:
            return await self._fault(fault)
        if path == "/fng/":
            at = round(self.clock.now().timestamp()) - 60
            return web.json_response({"data": [{"value": self.free_value, "timestamp": str(at)}], "metadata": {}})
        if path == SUMMARIES:
            return web.json_response({"result": options(request.query["currency"], self.clock.now())})
        if path.startswith("/api/v2/public"):
            now = epoch_ms(self.clock.now())
            return web.json_response({"result": {"data": [[now, 0.4, 0.5, 0.4, 0.47]], "continuation": None}})
        if path == "/vix.csv":
            return web.Response(text="DATE,OPEN,HIGH,LOW,CLOSE\n01/02/2026,14,15,13,14.5\n")
        return self._json(self._body(request, path))

    async def _fault(self, fault: Any) -> web.StreamResponse:
        if fault == "slow":
            with self.clock.parked():
                await self.clock.sleep(120)
            return self._json({"code": "0"})
        if fault == "html":
            return web.Response(text="<html>maintenance</html>", content_type="text/html")
        if fault == "truncated":
            return web.Response(text='{"code": "0", "data": [', content_type="application/json")
        if isinstance(fault, tuple):
            return self._json(fault[1], fault[0])
        return self._json(fault)

    def _json(self, body: Any, status: int = 200) -> web.Response:
        if self.origin and isinstance(body, dict):
            body = {**body, "origin": self.origin}
        headers = {"API-KEY-MAX-LIMIT": str(self.limit), "API-KEY-USE-LIMIT": "1"}
        return web.json_response(body, status=status, headers=headers)

    def _body(self, request: web.Request, path: str) -> dict[str, Any]:
        sent = request.headers.get("CG-API-KEY")
        if sent is None:
            return {"code": "401", "msg": "API key missing."}
        if sent != self.key:
            return {"code": "400", "msg": f"Invalid API key provided: {sent}"}
        if path in STARTUP_UP and self.level == "HOBBYIST":
            return UPGRADE
        return {"code": "0", "data": self.data(path, dict(request.query))}

    def data(self, path: str, query: dict[str, str]) -> Any:
        symbol, now = query.get("symbol", ""), self.clock.now().timestamp()
        if path in list(HISTORIES):
            return self._bars(HISTORIES[Endpoint(path)], int(query["limit"]), now)
        return (
            (self._market(path, symbol) or self._chain(path, symbol, now))
            if path != Endpoint.FEAR_GREED
            else {
                "data_list": [30, 71],
                "price_list": [],
                "time_list": [1517443200000, (now - self.mood_age_s) * 1e3],
            }
        )

    def _market(self, path: str, symbol: str) -> Any:
        sides = {"long_liquidation_usd": 300.0, "short_liquidation_usd": 100.0}
        match path:
            case Endpoint.SUBSCRIPTION:
                return {"level": self.level, "expire_time": 1805943491000, "expired": False}
            case Endpoint.TAKER:
                return {"symbol": symbol, "buy_vol_usd": 1200.5, "sell_vol_usd": 1000}
            case Endpoint.LIQUIDATION_EXCHANGES:
                return [{"exchange": "All", **sides}, {"exchange": "Bybit", **sides}]
            case Endpoint.LIQUIDATION_COINS:
                windows = {f"{k}_{w}": v for k, v in sides.items() for w in ("1h", "4h", "24h")}
                return [{"symbol": name, **windows} for name in ("BTC", "ETH", "SOL", "NOBODY")]
            case Endpoint.OPEN_INTEREST:
                change = {"open_interest_change_percent_1h": 2.27, "open_interest_change_percent_24h": -1.0}
                return [{"exchange": "All", "symbol": symbol, "open_interest_usd": 5e9, **change}]
            case Endpoint.FUNDING:
                rates = [{"exchange": "Binance", "funding_rate_interval": 8, "funding_rate": 0.01}]
                return [{"symbol": name, "stablecoin_margin_list": rates} for name in ("BTC", "ETH", "SOL")]
        return None

    @staticmethod
    def _chain(path: str, symbol: str, now: float) -> Any:
        match path:
            case Endpoint.BALANCE_LIST:
                return [{"exchange_name": "Coinbase", "balance_change_1d": -10.0}]
            case Endpoint.BALANCE_CHART:
                days = [(now - 86_400 * back) * 1e3 for back in range(9, -1, -1)]
                balances = [100.0 + (index % 3) for index in range(10)]
                return {"time_list": days, "price_list": [50.0] * 10, "data_map": {"huobi": balances}}
            case Endpoint.TOKEN_TRANSFERS:
                moved = {"asset_symbol": symbol, "amount_usd": 2e6, "transfer_type": 1}
                return [{**moved, "transaction_time": int(now) - 60}]
        sides = {"from": "unknown wallet", "to": "Binance"}
        return [{**sides, "amount_usd": "2e7", "block_timestamp": int(now) - 9}]

    def _bars(self, kind: HistoryKind, limit: int, now: float) -> list[dict[str, Any]]:
        newest = now // 14_400 * 14_400
        rows = []
        for back in range(limit - 1, -1, -1):
            swing = back % 2
            columns = {
                HistoryKind.OPEN_INTEREST: {"close": str(1e9 + 1e7 * swing)},
                HistoryKind.FUNDING: {"close": str(0.005 + 0.001 * swing)},
                HistoryKind.LONG_SHORT: {"global_account_long_percent": 60.0},
                HistoryKind.TAKER: {"aggregated_buy_volume_usd": 5.0, "aggregated_sell_volume_usd": 4.0},
                HistoryKind.LIQUIDATIONS: {
                    "aggregated_long_liquidation_usd": 7.0,
                    "aggregated_short_liquidation_usd": 3.0,
                },
            }[kind]
            rows.append({"time": (newest - back * 14_400) * 1000, **columns})
        return rows


@asynccontextmanager
async def served(fake: FakeCoinglass) -> AsyncIterator[FakeCoinglass]:
    """The fake on a free port; its address is `url`."""
    app = web.Application()
    app.router.add_get("/{tail:.*}", fake.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()
