"""Settings of the cycle: rhythm, orders, freshness (SPEC 3.1, 7)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.exits.params import GraceParams


class FreshnessParams(Params):
    """Older than this is stale, is shown as stale, and cannot open a position (SPEC 3.1)."""

    ticker_s: float = Field(default=30.0, gt=0, le=3600, description="Age of prices, seconds.")
    book_s: float = Field(default=15.0, gt=0, le=3600, description="Age of the order book, seconds.")
    candle_delay_s: float = Field(
        default=90.0, gt=0, le=3600, description="Delay of the newest candle's close, seconds."
    )


class OrderParams(Params):
    """How orders are sent (SPEC 7.3)."""

    entry_kind: Literal["market", "limit"] = Field(default="market", description="market, or a marketable limit (IOC).")
    limit_offset_bps: float = Field(
        default=5.0, ge=0, le=200, description="How far a limit may pay beyond the touch, bps."
    )
    lifetime_s: float = Field(
        default=10.0, ge=1, le=300, description="The venue refuses an order that reaches it later than this."
    )
    unknown_grace_s: float = Field(
        default=15.0, ge=2, le=600, description="An order absent everywhere so long after sending was never accepted."
    )
    fill_wait_s: float = Field(default=2.0, gt=0, le=60, description="Wait for the stream to bring an order's fills.")
    stop_trigger: Literal["mark", "index", "last"] = Field(default="mark", description="Price that fires the stop.")
    dead_man_switch_s: float = Field(
        default=60.0, ge=10, le=3600, description="Armed only while entries rest, seconds."
    )


class InputParams(Params):
    """The journal of inputs, from which `tradingbot replay` decides again (SPEC 17)."""

    record: bool = Field(default=True, description="Write down what every decision was made of.")
    nightly_replay: bool = Field(default=True, description="Decide the last day again every night, and compare.")
    keyframe_min: int = Field(
        default=120,
        ge=5,
        le=120,
        description="Minutes between lines that stand for themselves; a damaged line costs the cycles up to the next.",
    )


class EngineParams(Params):
    """The cycle."""

    cycle_s: float = Field(default=60.0, ge=1, le=3600, description="Seconds between cycles.")
    cycle_offset_s: float = Field(
        default=2.0, ge=0, le=60, description="Seconds after the full cycle, for candles to close."
    )
    cycle_deadline_s: float = Field(default=45.0, gt=0, le=3600, description="A cycle that takes longer is given up.")
    read_budget_s: float = Field(
        default=6.0,
        gt=0,
        le=600,
        description="What one of the cycle's five questions to the venue may take, seconds; "
        "a venue that hangs must not keep exits waiting.",
    )
    candle_count: int = Field(default=1000, ge=100, le=10_000, description="1-minute candles that a snapshot holds.")
    higher_candle_count: int = Field(
        default=300, ge=10, le=2000, description="Candles of each timeframe from 5m to 1d that a snapshot holds."
    )
    higher_series_per_cycle: int = Field(
        default=10, ge=1, le=1000, description="Series of 5m to 1d candles that one cycle asks for at most."
    )
    book_sample_s: float = Field(default=5.0, ge=0.5, le=60, description="Seconds between samples of the order book.")
    book_samples: int = Field(default=240, ge=10, le=10_000, description="Samples that a snapshot holds.")
    orders: OrderParams = OrderParams()
    freshness: FreshnessParams = FreshnessParams()
    grace: GraceParams = GraceParams()
    inputs: InputParams = InputParams()

    @model_validator(mode="after")
    def _orders_expire_before_they_are_given_up(self) -> EngineParams:
        if self.orders.unknown_grace_s <= self.orders.lifetime_s:
            raise contradiction(
                "an order must have expired before its absence proves anything",
                "orders.unknown_grace_s",
                "orders.lifetime_s",
            )
        return self

    @model_validator(mode="after")
    def _reads_leave_time_for_exits(self) -> EngineParams:
        if 5 * self.read_budget_s >= self.cycle_deadline_s:
            raise contradiction(
                "five questions must take less than the cycle may, or a venue that hangs keeps exits waiting",
                "read_budget_s",
                "cycle_deadline_s",
            )
        return self

    @model_validator(mode="after")
    def _fits_the_cycle(self) -> EngineParams:
        if self.cycle_offset_s + self.cycle_deadline_s > self.cycle_s:
            raise contradiction(
                "a cycle must be over before the next begins", "cycle_offset_s", "cycle_deadline_s", "cycle_s"
            )
        return self
