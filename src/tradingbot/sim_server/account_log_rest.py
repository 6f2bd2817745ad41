"""/api/history: the account log, as JSON and as CSV."""

from __future__ import annotations

from typing import Any, Final

from tradingbot.sim_server.call import Answer, Call
from tradingbot.sim_server.past import Span
from tradingbot.sim_server.wire import iso, num, num_or_none
from tradingbot.simulator.records import LogRow

_MAX_ROWS: Final = 100_000


def log_json(row: LogRow) -> dict[str, Any]:
    """One row of the account log."""
    return {
        "asset": row.asset,
        "booking_uid": row.booking,
        "contract": row.contract,
        "date": iso(row.time_ms),
        "execution": row.execution,
        "fee": num_or_none(row.fee),
        "funding_rate": num_or_none(row.funding_rate),
        "id": row.id,
        "info": row.info,
        "margin_account": _margin_account(row),
        "mark_price": num_or_none(row.mark_price),
        "new_balance": num(row.new_balance),
        "old_balance": num(row.old_balance),
        "new_average_entry_price": num_or_none(row.new_average),
        "old_average_entry_price": num_or_none(row.old_average),
        "realized_funding": num_or_none(row.realized_funding),
        "realized_pnl": num_or_none(row.realized_pnl),
        "trade_price": num_or_none(row.trade_price),
        "collateral": None,
        "liquidation_fee": num_or_none(row.liquidation_fee),
    }


async def account_log(call: Call) -> Answer:
    """Booked rows: since/before in ms, from/to by row id (inclusive), sorted, counted."""
    last, info = call.integer("to"), call.text("info")
    span = Span(
        "log",
        call.moment_ms("since"),
        call.moment_ms("before"),
        call.integer("from"),
        lambda row: (last is None or row.id <= last) and (info is None or row.info == info),
    )
    count = call.integer("count")
    newest_first = (call.text("sort") or "desc").lower() != "asc"
    rows = await call.service.past.page(span, newest_first=newest_first, count=500 if count is None else max(0, count))
    return {"accountUid": call.service.venue.account.uid, "logs": [log_json(row) for row in rows]}


async def account_log_csv(call: Call) -> Answer:
    """The log as CSV text, newest first: no more rows than the JSON may have."""
    found = await call.service.past.page(Span("log"), newest_first=True, count=_MAX_ROWS)
    rows = [log_json(row) for row in found]
    columns = list(rows[0]) if rows else []
    lines = [",".join("" if row[name] is None else str(row[name]) for name in columns) for row in rows]
    return "\n".join([",".join(columns), *lines]) + "\n"


def log_cost(call: Call) -> int:
    """Dearer by the number of rows asked for."""
    count = call.integer("count") or 500
    for limit, cost in ((25, 1), (50, 2), (1000, 3), (5000, 6)):
        if count <= limit:
            return cost
    return 10


def _margin_account(row: LogRow) -> str:
    """Coin-margined wallets go by another name here: ``fi_xbtusd`` is ``f-xbt:usd``."""
    return f"f-{row.wallet[3:-3]}:usd" if row.wallet.startswith("fi_") else row.wallet
