"""Signals with what came of them, in columns: what learners learn from. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradingbot.learning.batch_means import Ints
from tradingbot.learning.outcomes import HORIZONS_MIN

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SignalTable:
    """n signals, oldest first.

    `said` (n, components): direction times confidence, -1..1, 0 without an opinion; `returns_bps` (n, horizons): how
    far the price moved, NaN where it is not known; `composite` (n, parts): the parts of the conviction gate's score,
    0..1, NaN where it was not asked; `cost_bps`: round trip expected; `symbol`: its place in `symbols`.
    """

    symbols: tuple[str, ...]
    components: tuple[str, ...]
    parts: tuple[str, ...]
    time_ms: Ints
    symbol: NDArray[np.int16]
    said: Singles
    returns_bps: Singles
    composite: Singles
    cost_bps: Singles

    def __len__(self) -> int:
        return len(self.time_ms)

    def between(self, since_ms: int, until_ms: int) -> SignalTable:
        """The signals from `since_ms` on, before `until_ms`."""
        first, last = (int(found) for found in np.searchsorted(self.time_ms, (since_ms, until_ms)))
        return self.taken(slice(first, last))

    def taken(self, rows: Any) -> SignalTable:
        """Some of the rows, in their order."""
        return SignalTable(
            self.symbols,
            self.components,
            self.parts,
            self.time_ms[rows],
            self.symbol[rows],
            self.said[rows],
            self.returns_bps[rows],
            self.composite[rows],
            self.cost_bps[rows],
        )

    def returns(self, horizon_min: int) -> Singles:
        """Price moves over one of `HORIZONS_MIN`."""
        return self.returns_bps[:, HORIZONS_MIN.index(horizon_min)]
