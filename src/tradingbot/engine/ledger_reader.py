"""`logs/counterfactual.jsonl` as columns: what each gate took away, with what would have come of it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from tradingbot.core.types import epoch_ms
from tradingbot.learning.gate_feedback import SignalOutcome, outcome_of
from tradingbot.learning.ledger_table import LedgerTable


def ledger_table(lines: Iterable[Mapping[str, Any]], since: datetime, until: datetime) -> tuple[LedgerTable, int]:
    """Signals of [since, until) that a gate alone stopped, or shrank; and how many lines were of another shape.

    A signal that two gates stopped tells nothing of either: without the one it would still not have been traded.
    """
    gates: dict[str, int] = {}
    times, places, nets, shares = array("q"), array("h"), array("d"), array("d")
    bad = 0
    for line in lines:
        try:
            one = outcome_of(line)
        except (KeyError, TypeError, ValueError):
            bad += 1
            continue
        if not since <= one.as_of < until:
            continue
        for gate, share in _taken_away(one):
            times.append(epoch_ms(one.as_of))
            places.append(gates.setdefault(gate, len(gates)))
            nets.append(one.net_bps)
            shares.append(share)
    order = np.argsort(np.frombuffer(times, dtype=np.int64), kind="stable")
    return LedgerTable(
        tuple(gates),
        np.frombuffer(times, dtype=np.int64)[order],
        np.frombuffer(places, dtype=np.int16)[order],
        np.frombuffer(nets, dtype=np.float64)[order],
        np.frombuffer(shares, dtype=np.float64)[order],
    ), bad


def _taken_away(one: SignalOutcome) -> list[tuple[str, float]]:
    """By gate, the part of the size that it took."""
    if one.weak or len(one.blockers) > 1:
        return []
    if one.blockers:
        return [(one.blockers[0], 1.0)]
    return [(gate, 1.0 - factor) for gate, factor in one.multipliers.items() if factor < 1.0]
