"""Identifiers, enums and unit-bearing aliases.

Money, prices and sizes that reach a venue are `Decimal`; `exact` is the one bridge from a wire number to it.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NewType

Symbol = NewType("Symbol", str)
"""Internal symbol, e.g. ``BTCUSDT``; every venue's own spelling stays inside its adapter."""
Asset = NewType("Asset", str)
"""Canonical asset, e.g. ``BTC``."""
ClientOrderId = NewType("ClientOrderId", str)
VenueOrderId = NewType("VenueOrderId", str)
FillId = NewType("FillId", str)


class Side(StrEnum):
    """Side of an order or a fill."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for buy, -1 for sell."""
        return 1 if self is Side.BUY else -1


class Direction(StrEnum):
    """What a signal or a position is: up, down or neither. `sign` is +1 long, -1 short, 0 neutral."""

    LONG = "long"
    SHORT = "short"
    NEUTRAL = "neutral"

    def __init__(self, word: str) -> None:
        self.sign = {"long": 1, "short": -1, "neutral": 0}[word]

    @property
    def opposite(self) -> Direction:
        """Long for short and the reverse; neutral stays."""
        if self is Direction.NEUTRAL:
            return self
        return Direction.SHORT if self is Direction.LONG else Direction.LONG

    @property
    def entry_side(self) -> Side:
        """The side that opens this direction. Raises ValueError for NEUTRAL."""
        if self is Direction.NEUTRAL:
            raise ValueError("a neutral direction has no entry side")
        return Side.BUY if self is Direction.LONG else Side.SELL


class OrderKind(StrEnum):
    """Order types the daemon uses, in trading terms; adapters translate them."""

    MARKET = "market"
    LIMIT = "limit"
    IOC = "ioc"
    POST_ONLY = "post_only"
    STOP = "stop"
    TAKE_PROFIT = "take_profit"


class TriggerSignal(StrEnum):
    """Which price fires a stop or take-profit order."""

    MARK = "mark"
    INDEX = "index"
    LAST = "last"


class ContractKind(StrEnum):
    """How a contract's profit is computed. SPOT is the asset itself, reckoned as linear and never levered."""

    LINEAR = "linear"
    INVERSE = "inverse"
    SPOT = "spot"


class Timeframe(StrEnum):
    """Candle lengths (SPEC 3.1), in `seconds` and in `ms`."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    def __init__(self, word: str) -> None:
        self.seconds = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400}[word]
        self.ms = self.seconds * 1000


class Conviction(StrEnum):
    """Conviction of the raw signal (SPEC 4.5)."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    NONE = "NONE"


class Regime(StrEnum):
    """State of the whole market (SPEC 11.1)."""

    RISK_ON = "RISK_ON"
    NEUTRAL = "NEUTRAL"
    RISK_OFF = "RISK_OFF"
    PANIC = "PANIC"
    RECOVERY = "RECOVERY"


def signal_id_of(cycle_id: str, symbol: str) -> str:
    """``20260105T0801-BTCUSDT``: the name of one signal in all logs."""
    return f"{cycle_id}-{symbol}"


def exact(number: Decimal | int | float | str) -> Decimal:
    """A wire number as `Decimal`, digit for digit as it was written.

    A float passes through its shortest representation, so 0.1 becomes ``Decimal("0.1")``.
    Raises ValueError for NaN, infinities and text that is no number.
    """
    if isinstance(number, bool):
        raise ValueError(f"not a number: {number!r}")
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueError(f"not a finite number: {number!r}")
    try:
        value = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    except ArithmeticError as error:
        raise ValueError(f"not a number: {number!r}") from error
    if not value.is_finite():
        raise ValueError(f"not a finite number: {number!r}")
    return value


def plain(number: Decimal) -> str:
    """A Decimal as plain text without exponent or trailing zeros: ``1E+3`` is ``1000``."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def utc_from_ms(epoch_ms: int | float) -> datetime:
    """Aware UTC moment of epoch milliseconds."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


@lru_cache(maxsize=256)
def epoch_ms(moment: datetime) -> int:
    """Epoch milliseconds (rounded) of an aware moment. Raises ValueError for a naive one.

    A cycle asks it of the same few moments many times; equal moments have equal milliseconds in any time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment must carry its time zone")
    return round(moment.timestamp() * 1000)


def iso_utc(moment: datetime) -> str:
    """``2026-01-31T12:00:00.000Z``: the one spelling of a moment in files and on wires."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_utc(text: str) -> datetime:
    """The aware UTC moment of an ISO-8601 text. Raises ValueError for text without a time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without a zone: {text!r}")
    return moment.astimezone(UTC)
