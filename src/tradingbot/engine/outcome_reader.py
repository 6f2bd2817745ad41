"""`logs/signal_outcomes.jsonl` as columns that learners take: one pass, a few dozen bytes per signal."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.types import epoch_ms, parse_utc
from tradingbot.engine.outcome_desk import COMPOSITE_PARTS
from tradingbot.learning.outcomes import HORIZONS_MIN
from tradingbot.learning.signal_table import SignalTable

KEYS: Final = tuple(str(minutes) for minutes in HORIZONS_MIN)
NAN: Final = math.nan


class _Columns:
    """Grows line by line."""

    def __init__(self, components: Sequence[str]) -> None:
        self.places = {name: place for place, name in enumerate(components)}
        self.symbols: dict[str, int] = {}
        self.time_ms = array("q")
        self.symbol = array("h")
        self.said = array("f")
        self.returns = array("f")
        self.composite = array("f")
        self.cost = array("f")

    def add(self, line: Mapping[str, Any], at_ms: int) -> None:
        """One line. Raises KeyError, TypeError, ValueError for one of another shape; nothing is added then."""
        words, returns = [0.0] * len(self.places), line["returns_bps"]
        for name, (sign, confidence) in line["components"].items():
            words[self.places[name]] = sign * confidence
        moved = [NAN if returns[key] is None else float(returns[key]) for key in KEYS]
        parts = line.get("composite") or (NAN,) * len(COMPOSITE_PARTS)
        cost = line.get("cost_bps")
        self.time_ms.append(at_ms)
        self.symbol.append(self.symbols.setdefault(str(line["symbol"]), len(self.symbols)))
        self.said.extend(words)
        self.returns.extend(moved)
        self.composite.extend(parts)
        self.cost.append(NAN if cost is None else cost)

    def table(self, default_cost_bps: float) -> SignalTable:
        """All of it; rows without a cost of their own have the default."""
        count = len(self.time_ms)
        cost = np.frombuffer(self.cost, dtype=np.float32)
        return SignalTable(
            tuple(self.symbols),
            tuple(self.places),
            COMPOSITE_PARTS,
            np.frombuffer(self.time_ms, dtype=np.int64),
            np.frombuffer(self.symbol, dtype=np.int16),
            _rows(self.said, count, len(self.places)),
            _rows(self.returns, count, len(KEYS)),
            _rows(self.composite, count, len(COMPOSITE_PARTS)),
            np.where(np.isnan(cost), np.float32(default_cost_bps), cost),
        )


def signal_table(
    lines: Iterable[Mapping[str, Any]],
    components: Sequence[str],
    since: datetime,
    until: datetime,
    default_cost_bps: float,
) -> tuple[SignalTable, int]:
    """The signals of [since, until), oldest first, each once; and how many lines were of another shape."""
    columns, first, last, bad = _Columns(components), epoch_ms(since), epoch_ms(until), 0
    newest_ms, ids, moments = -1, set[str](), dict[str, int]()
    for line in lines:
        try:
            text = str(line["as_of"])
            at_ms = moments.get(text, -1)
            if at_ms < 0:
                moments = {text: epoch_ms(parse_utc(text))}  # all signals of a cycle share it
                at_ms = moments[text]
            if not first <= at_ms < last or at_ms < newest_ms:
                continue
            if at_ms > newest_ms:
                newest_ms, ids = at_ms, set()
            if (name := str(line["signal_id"])) in ids:
                continue
            columns.add(line, at_ms)
            ids.add(name)
        except (KeyError, TypeError, ValueError):
            bad += 1
    return columns.table(default_cost_bps), bad


def _rows(values: array[float], count: int, width: int) -> NDArray[np.float32]:
    return np.frombuffer(values, dtype=np.float32).reshape(count, width)  # no copy: there may be millions of rows
