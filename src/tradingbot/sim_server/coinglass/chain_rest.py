"""Balances of exchanges, transfers on chain, whales."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from tradingbot.sim_server.coinglass.call import Answer, Call, Endpoint
from tradingbot.simulator.intelligence_flows import HOLDINGS, Balance
from tradingbot.simulator.intelligence_transfers import INFLOW, INTERNAL, OUTFLOW, Transfer

_NAMES: Final = {"BTC": "Bitcoin", "ETH": "Ethereum", "USDT": "Tether", "USDC": "USD Coin"}
_WALLET_PARTS: Final = (0.42, 0.27, 0.19, 0.12)


def _coin(call: Call) -> str:
    """The coin without its chain: ``USDT(ETH)`` is ``USDT``."""
    return call.required("symbol").upper().split("(")[0]


def balances(call: Call) -> Answer:
    """What each exchange holds of a coin."""
    found, origin = call.intelligence.flows.balances(_coin(call), call.now_ms)
    return Answer([_balance_row(one) for one in sorted(found, key=lambda one: -one.total)], origin)


def _balance_row(one: Balance) -> dict[str, Any]:
    row: dict[str, Any] = {"exchange_name": one.exchange, "total_balance": round(one.total, 6)}
    for window, change in one.change.items():
        before = one.total - change
        row[f"balance_change_{window}"] = round(change, 6)
        row[f"balance_change_percent_{window}"] = round(100.0 * change / before, 2) if before else 0.0
    return row


def balance_chart(call: Call) -> Answer:
    """Balances of a coin by day."""
    coin = _coin(call)
    chart = call.intelligence.flows.chart(coin, call.now_ms)
    _, origin = call.intelligence.flows.balances(coin, call.now_ms)
    data = {"time_list": chart.times, "price_list": chart.prices, "data_map": chart.held}
    return Answer(data, origin, message=False)


def assets(call: Call) -> Answer:
    """Wallets of one exchange."""
    exchange = call.required("exchange")
    rows: list[dict[str, Any]] = []
    for coin in HOLDINGS:
        price = _price(call, coin, call.now_ms)
        found, _ = call.intelligence.flows.balances(coin, call.now_ms)
        held = next((one.total for one in found if one.exchange == exchange), 0.0)
        rows += [_wallet(exchange, coin, part * held, price, number) for number, part in enumerate(_WALLET_PARTS)]
    rows = [row for row in rows if row["balance"] > 0]
    return Answer(call.page(sorted(rows, key=lambda row: -float(row["balance_usd"]))), call.origin)


def _wallet(exchange: str, coin: str, held: float, price: float, number: int) -> dict[str, Any]:
    digest = hashlib.sha256(f"{exchange}:{coin}:{number}".encode()).hexdigest()
    return {
        "wallet_address": f"3{digest[:33]}" if coin == "BTC" else f"0x{digest[:40]}",
        "balance": round(held, 2),
        "balance_usd": round(held * price, 2),
        "symbol": coin,
        "assets_name": _NAMES[coin],
        "price": price,
    }


def _price(call: Call, coin: str, at_ms: int) -> float:
    if not call.intelligence.world.has(coin):
        return 1.0
    return call.intelligence.world.price(coin, at_ms)


def transfers(call: Call) -> Answer:
    """Transfers of tokens to and from exchanges."""
    symbol, since_ms = call.text("symbol"), call.integer("start_time", 0)
    least = call.number("min_usd", 0.0)
    found = call.intelligence.transfers.on_exchanges(symbol, since_ms, call.now_ms, least)
    return Answer([_transfer_row(one, symbol) for one in call.page(found)], call.origin)


def _transfer_row(one: Transfer, symbol: str | None) -> dict[str, Any]:
    return {
        "transaction_hash": one.transaction,
        "asset_symbol": symbol or one.asset,
        "amount_usd": round(one.usd, 8),
        "asset_quantity": round(one.quantity, 8),
        "exchange_name": one.exchange,
        "transfer_type": one.direction,
        "from_address": one.sender,
        "to_address": one.receiver,
        "transaction_time": one.time_ms // 1000,
    }


def whale_transfers(call: Call) -> Answer:
    """Transfers of at least 10 million USD."""
    since_ms, until_ms = call.integer("start_time", 0), call.integer("end_time", call.now_ms)
    found = call.intelligence.transfers.whales(call.text("symbol"), since_ms, until_ms, call.now_ms)
    return Answer([_whale_row(one) for one in found[:1_000]], call.origin, message=False)


def _whale_row(one: Transfer) -> dict[str, Any]:
    outside = "unknown wallet"
    return {
        "transaction_hash": one.transaction,
        "amount_usd": f"{one.usd:.9f}",
        "asset_quantity": f"{one.quantity:.9f}",
        "asset_symbol": one.asset,
        "from": one.exchange if one.direction in (OUTFLOW, INTERNAL) else outside,
        "to": one.exchange if one.direction in (INFLOW, INTERNAL) else outside,
        "blockchain_name": one.chain,
        "block_height": one.block,
        "block_timestamp": one.time_ms // 1000,
    }


def whale_alert(call: Call) -> Answer:
    """Large positions on Hyperliquid."""
    rows = [
        {
            "user": one.user,
            "symbol": one.asset,
            "position_size": round(one.size, 5),
            "entry_price": float(f"{one.entry_price:.7g}"),
            "liq_price": float(f"{one.liquidation_price:.7g}"),
            "position_value_usd": round(one.usd, 4),
            "position_action": one.action,
            "create_time": one.time_ms,
        }
        for one in call.intelligence.transfers.positions(call.now_ms)
    ]
    return Answer(rows, call.origin)


CHAIN_ENDPOINTS: Final = {
    "/api/exchange/balance/list": Endpoint(balances),
    "/api/exchange/balance/chart": Endpoint(balance_chart),
    "/api/exchange/assets": Endpoint(assets),
    "/api/exchange/chain/tx/list": Endpoint(transfers),
    "/api/chain/v2/whale-transfer": Endpoint(whale_transfers, "STARTUP"),
    "/api/hyperliquid/whale-alert": Endpoint(whale_alert, "STARTUP"),
}
