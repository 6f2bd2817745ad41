"""Journals as columns for learners: each line once, in order, and what does not fit is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from tests.builders_signals import market, outcome_lines
from tradingbot.core.types import iso_utc, utc_from_ms
from tradingbot.engine.ledger_reader import ledger_table
from tradingbot.engine.outcome_reader import signal_table

TABLE = market(1, 31)
SINCE = utc_from_ms(int(TABLE.time_ms[0]))
UNTIL = SINCE + timedelta(days=2)


def test_a_table_comes_back_from_its_lines() -> None:
    """Every column, to the precision of its type."""
    found, bad = signal_table(outcome_lines(TABLE), TABLE.components, SINCE, UNTIL, 99.0)
    assert (bad, found.symbols, found.parts) == (0, TABLE.symbols, TABLE.parts)
    for name in ("time_ms", "symbol", "said", "returns_bps", "composite", "cost_bps"):
        np.testing.assert_array_equal(getattr(found, name), getattr(TABLE, name), err_msg=name)


def test_lines_twice_of_other_times_and_of_other_shapes() -> None:
    """A repeated line counts once, one outside the span not at all, a damaged one is counted as such."""
    lines = list(outcome_lines(TABLE))[:6]
    broken: list[dict[str, Any]] = [
        {**lines[4], "returns_bps": None},
        {**lines[4], "components": {"moon": [1, 0.5]}},
        {},
    ]
    late = {**lines[5], "as_of": iso_utc(UNTIL)}
    bare = {**lines[5], "cost_bps": None, "composite": None}
    found, bad = signal_table([*lines[:4], *lines[2:4], *broken, late, bare], TABLE.components, SINCE, UNTIL, 7.5)
    assert (len(found), bad) == (5, 3)
    assert found.cost_bps[-1] == pytest.approx(7.5)
    assert np.isnan(found.composite[-1]).all()


def _line(minute: int, blockers: list[str], multipliers: dict[str, float], net_bps: float, weak: bool = False) -> Any:
    return {
        "as_of": iso_utc(SINCE + timedelta(minutes=minute)),
        "symbol": "BTCUSDT",
        "direction": "long",
        "stage": "x",
        "blockers": blockers,
        "multipliers": multipliers,
        "weak": weak,
        "taken": False,
        "notional_usd": 500.0,
        "net_bps": net_bps,
    }


def test_what_each_gate_took_away() -> None:
    """A signal that one gate stopped is its own, one that two stopped nobody's; shrinking counts by its share."""
    lines = [
        _line(9, ["fee"], {}, -8.0),
        _line(3, ["fee", "policy"], {}, 50.0),
        _line(5, [], {"intelligence": 0.6, "microstructure": 1.0}, 10.0),
        _line(6, ["fee"], {}, 50.0, weak=True),
        {"as_of": "never"},
    ]
    found, bad = ledger_table(lines, SINCE, UNTIL)
    assert bad == 1
    assert [found.gates[place] for place in found.gate] == ["intelligence", "fee"]
    assert found.net_bps.tolist() == [10.0, -8.0]
    assert found.share.tolist() == pytest.approx([0.4, 1.0])
    assert found.by_gate(60)["fee"].mean == -8.0
    assert len(ledger_table([], SINCE, UNTIL)[0]) == 0
