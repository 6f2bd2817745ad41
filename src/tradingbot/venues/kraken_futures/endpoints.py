"""Every endpoint that is used: method, path, cost and pool, as documented by the venue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DERIVATIVES: Final = "derivatives"
HISTORY: Final = "history"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint. `path` starts after the host; `is_read` tells that asking twice does no harm."""

    method: str
    path: str
    cost: float = 0
    pool: str = DERIVATIVES
    signed: bool = True
    is_read: bool = True


def _public(path: str) -> Endpoint:
    return Endpoint("GET", path, signed=False)


_V3: Final = "/derivatives/api/v3"
_HISTORY: Final = "/api/history/v3"

INSTRUMENTS: Final = _public(f"{_V3}/instruments")
INSTRUMENTS_STATUS: Final = _public(f"{_V3}/instruments/status")
FEE_SCHEDULES: Final = _public(f"{_V3}/feeschedules")
TICKERS: Final = _public(f"{_V3}/tickers")
ORDERBOOK: Final = _public(f"{_V3}/orderbook")
PUBLIC_HISTORY: Final = _public(f"{_V3}/history")
HISTORICAL_FUNDING: Final = _public("/derivatives/api/v4/historicalfundingrates")
CHARTS: Final = _public("/api/charts/v1")

SENDORDER: Final = Endpoint("POST", f"{_V3}/sendorder", 10, is_read=False)
EDITORDER: Final = Endpoint("POST", f"{_V3}/editorder", 10, is_read=False)
CANCELORDER: Final = Endpoint("POST", f"{_V3}/cancelorder", 10, is_read=False)
CANCELALLORDERS: Final = Endpoint("POST", f"{_V3}/cancelallorders", 25, is_read=False)
CANCELALLORDERSAFTER: Final = Endpoint("POST", f"{_V3}/cancelallordersafter", 25, is_read=False)
BATCHORDER: Final = Endpoint("POST", f"{_V3}/batchorder", 9, is_read=False)
ORDERS_STATUS: Final = Endpoint("POST", f"{_V3}/orders/status", 1)
ACCOUNTS: Final = Endpoint("GET", f"{_V3}/accounts", 2)
OPENPOSITIONS: Final = Endpoint("GET", f"{_V3}/openpositions", 2)
OPENORDERS: Final = Endpoint("GET", f"{_V3}/openorders", 2)
FILLS: Final = Endpoint("GET", f"{_V3}/fills", 2)
LEVERAGE: Final = Endpoint("GET", f"{_V3}/leveragepreferences", 2)
SET_LEVERAGE: Final = Endpoint("PUT", f"{_V3}/leveragepreferences", 10, is_read=False)
NOTIFICATIONS: Final = Endpoint("GET", f"{_V3}/notifications", 2)
EXECUTIONS: Final = Endpoint("GET", f"{_HISTORY}/executions", 1, HISTORY)
ACCOUNT_LOG: Final = Endpoint("GET", f"{_HISTORY}/account-log", 3, HISTORY)

FILLS_PAGED_COST: Final = 25
"""Cost of `fills` when it is asked for an older page."""

_ACCOUNT_LOG_COSTS: Final = ((25, 1), (50, 2), (1000, 3), (5000, 6), (100_000, 10))


def account_log_cost(count: int) -> float:
    """Cost of asking for `count` rows of the account log."""
    return next((cost for limit, cost in _ACCOUNT_LOG_COSTS if count <= limit), 10)


def batch_cost(size: int) -> float:
    """Cost of a batch of `size` orders."""
    return BATCHORDER.cost + size
