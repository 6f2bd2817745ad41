"""What gates stopped or shrank, with what would have come of it, in columns. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.learning.batch_means import BatchMean, Floats, Ints, batch_mean, blocks_of


@dataclass(frozen=True, slots=True)
class LedgerTable:
    """n results of the counterfactual ledger that a gate had a say in, oldest first.

    `gate`: its place in `gates`; `net_bps`: the virtual trade after all costs; `share`: the part of the size that the
    gate took away, 1 when it blocked.
    """

    gates: tuple[str, ...]
    time_ms: Ints
    gate: NDArray[np.int16]
    net_bps: Floats
    share: Floats

    def __len__(self) -> int:
        return len(self.time_ms)

    def between(self, since_ms: int, until_ms: int) -> LedgerTable:
        """The results from `since_ms` on, before `until_ms`."""
        first, last = (int(found) for found in np.searchsorted(self.time_ms, (since_ms, until_ms)))
        rows: Any = slice(first, last)
        return LedgerTable(self.gates, self.time_ms[rows], self.gate[rows], self.net_bps[rows], self.share[rows])

    def by_gate(self, block_min: float) -> Mapping[str, BatchMean]:
        """The mean result of what each gate took away; gates that took nothing are left out."""
        blocks = blocks_of(self.time_ms, block_min)
        found = {}
        for number, name in enumerate(self.gates):
            rows = self.gate == number
            if rows.any():
                found[name] = batch_mean(self.net_bps[rows], self.share[rows], blocks[rows])
        return found


def _empty() -> LedgerTable:
    nothing = np.empty(0)
    return LedgerTable((), nothing.astype(np.int64), nothing.astype(np.int16), nothing, nothing)


NO_LEDGER: Final = _empty()
