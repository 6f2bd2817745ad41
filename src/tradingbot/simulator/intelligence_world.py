"""What all parts of the simulated market intelligence share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.coinglass_params import PublicationDelays
from tradingbot.simulator.intelligence_columns import CLOSE, HOUR_MS, MINUTE_MS
from tradingbot.simulator.intelligence_noise import Noise
from tradingbot.simulator.intelligence_scale import Scale
from tradingbot.simulator.intelligence_tables import Tables
from tradingbot.simulator.scan import FloatArray

RECORDED: Final = "recorded"
DERIVED: Final = "derived"
SYNTHETIC: Final = "synthetic"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Series:
    """A recorded series, oldest first: when each value held, and from when on it could be known, both in ms."""

    time_ms: NDArray[np.int64]
    known_ms: NDArray[np.int64]
    values: FloatArray

    def known(self, now_ms: int) -> int:
        """How many of the values could be known."""
        return int(np.searchsorted(self.known_ms, now_ms, side="right"))

    def newest(self, now_ms: int, max_age_ms: int) -> tuple[int, float] | None:
        """Time and value of the newest that could be known, unless it held longer ago than this."""
        count = self.known(now_ms)
        if not count or now_ms - int(self.known_ms[count - 1]) > max_age_ms:
            return None
        return int(self.time_ms[count - 1]), float(self.values[count - 1])


@dataclass(frozen=True, slots=True)
class Recordings:
    """What was recorded beside the candles. `funding` is by asset and exchange, fractions per 8 hours.

    `reserves` are coins on exchanges by asset; `interest_usd` is open interest on all exchanges by asset.
    """

    fear_greed: Series | None = None
    funding: Mapping[str, Mapping[str, Series]] = field(default_factory=dict)
    reserves: Mapping[str, Series] = field(default_factory=dict)
    interest_usd: Mapping[str, Series] = field(default_factory=dict)


class Memory:
    """Results of the last questions, so that one that is asked again in the same minute costs nothing."""

    def __init__(self, kept: int = 512) -> None:
        self._kept = kept
        self._known: OrderedDict[Hashable, object] = OrderedDict()

    def recall(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What `make` gave for this key, or gives now."""
        if key in self._known:
            return self._known[key]  # type: ignore[return-value]
        made = make()
        self._known[key] = made
        if len(self._known) > self._kept:
            self._known.popitem(last=False)
        return made

    def forget(self) -> None:
        """Start anew."""
        self._known.clear()


@dataclass(frozen=True, slots=True)
class World:
    """Market, noise, scale, delays and recordings. `origin` is that of values that are not recorded."""

    tables: Tables
    noise: Noise
    scale: Scale
    origin: str
    delays: PublicationDelays = field(default_factory=PublicationDelays)
    recordings: Recordings = field(default_factory=Recordings)
    memory: Memory = field(default_factory=Memory)

    def has(self, asset: str) -> bool:
        """Whether the market has this asset."""
        return asset in self.tables.assets

    def price(self, asset: str, now_ms: int) -> float:
        """The last close; 0 before the first."""
        rows = self.tables.of(asset, now_ms).minutes(now_ms // MINUTE_MS, 1)
        return float(rows[CLOSE, -1]) if rows.shape[1] else 0.0

    def past_price(self, asset: str, hour_ms: int) -> float:
        """The close of the hour that ended then, however long ago; 0 before the first."""
        rows = self.tables.lasting(asset, hour_ms).hours(hour_ms // HOUR_MS, 1)
        return float(rows[CLOSE, -1]) if rows.shape[1] else 0.0


def published(now_ms: int, delay_s: float, step_ms: int = MINUTE_MS) -> int:
    """The last end of a whole step that is published by now."""
    return (now_ms - round(delay_s * 1000)) // step_ms * step_ms
