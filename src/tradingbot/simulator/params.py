"""Settings of the simulated venue."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from tradingbot.core.params import Params
from tradingbot.simulator.coinglass_params import CoinglassSimParams
from tradingbot.simulator.faults import FaultSpec

DEFAULT_CONTRACTS = (
    "PI_XBTUSD",
    "PI_ETHUSD",
    "PF_XBTUSD",
    "PF_ETHUSD",
    "PF_SOLUSD",
    "PF_XRPUSD",
    "PF_ADAUSD",
    "PF_DOTUSD",
    "PF_LINKUSD",
    "PF_DOGEUSD",
    "PF_POLUSD",
    "PF_AVAXUSD",
    "PF_LTCUSD",
    "PF_BCHUSD",
    "PF_ATOMUSD",
    "PF_UNIUSD",
    "PF_ARBUSD",
    "PF_PEPEUSD",
)


class SimulatorParams(Params):
    """How the simulated venue behaves. Fractions unless the name says otherwise."""

    seed: int = Field(default=7, description="Seed of everything that looks random.")
    starting_equity_usd: Decimal = Field(default=Decimal(10_000), gt=0, description="Worth of a new account, USD.")
    maker_fee: Decimal = Field(default=Decimal("0.0002"), description="Fee of resting orders, fraction of notional.")
    taker_fee: Decimal = Field(default=Decimal("0.0005"), description="Fee of immediate orders, fraction of notional.")
    slippage_bps: float = Field(
        default=5.0,
        gt=0,
        le=50,
        description="Distance between resting levels: what a taker pays per further level, bps.",
    )
    latency_min_ms: int = Field(default=50, ge=0, description="Shortest time from receipt of an order to matching, ms.")
    latency_max_ms: int = Field(default=500, ge=0, description="Longest time from receipt of an order to matching, ms.")
    tick_interval_s: float = Field(default=10.0, ge=0.5, le=60, description="Time between market refreshes, s.")
    testnet_spreads: bool = Field(default=False, description="Extreme, thin books as the old demo venue had.")
    contracts: tuple[str, ...] = Field(
        default=DEFAULT_CONTRACTS, description="Venue symbols to list; those whose asset the market lacks are left out."
    )
    traded_contracts: tuple[str, ...] = Field(
        default=(),
        description="Contracts whose wallets share the starting equity; empty means every listed contract's.",
    )
    price_collar: Decimal = Field(
        default=Decimal("0.1"), gt=0, description="A limit may cross the mark by this fraction."
    )
    market_protection: Decimal = Field(default=Decimal("0.01"), gt=0, description="Price protection of market orders.")
    max_open_orders: int = Field(default=200, ge=1, description="Resting orders and triggers per contract.")
    small_order_usd: Decimal = Field(
        default=Decimal(1), ge=0, description="Orders below this notional count as small, USD."
    )
    max_small_orders: int = Field(default=20, ge=0, description="Small resting orders per contract.")
    max_batch: int = Field(default=100, ge=1, description="Instructions in one batch request.")
    level_count: int = Field(default=20, ge=2, le=500, description="Resting levels per side of the synthetic book.")
    tape_prints_per_minute: int = Field(default=24, ge=2, le=600, description="Public trades per contract and minute.")
    history_days: int = Field(default=120, ge=1, description="How far back charts reach, days.")
    funding_history_days: int = Field(default=30, ge=1, description="How far back funding history reaches, days.")
    funding_coefficient: int = Field(default=8, ge=1, description="Hours over which the premium is paid.")
    max_relative_funding: float = Field(default=0.005, gt=0, description="Largest hourly funding rate, fraction.")
    order_memory_s: float = Field(default=5.0, ge=0, description="How long finished orders stay in orders/status, s.")
    rest_budget: int = Field(default=500, ge=1, description="Cost units per window of the trading endpoints.")
    rest_window_s: float = Field(default=10.0, gt=0, description="Window of the trading budget, s.")
    history_budget: int = Field(default=100, ge=1, description="Cost units per window of the history endpoints.")
    history_window_s: float = Field(default=600.0, gt=0, description="Window of the history budget, s.")
    ws_max_connections: int = Field(default=100, ge=1, description="Concurrent WebSocket connections.")
    ws_max_requests_per_s: int = Field(default=100, ge=1, description="Client messages per second and connection.")
    ws_idle_s: float = Field(default=60.0, gt=0, description="A silent client is dropped after this, s.")
    heartbeat_s: float = Field(default=5.0, gt=0, description="Period of the heartbeat feed, s.")
    ticker_interval_s: float = Field(
        default=1.0, gt=0, description="Shortest time between two tickers of a product, s."
    )
    live_max_age_s: float = Field(
        default=15.0, gt=0, le=300, description="A quote of a real market older than this is no market, s."
    )
    nonce_tolerance: int = Field(
        default=10_000, ge=0, description="How far below the highest nonce one may still arrive."
    )
    reopen_post_only_s: float = Field(default=30.0, ge=0, description="Post-only time after maintenance, s.")
    faults: tuple[FaultSpec, ...] = Field(default=(), description="Faults that are on from the start.")
    coinglass: CoinglassSimParams = Field(
        default_factory=CoinglassSimParams, description="The market-data service beside the venue."
    )
