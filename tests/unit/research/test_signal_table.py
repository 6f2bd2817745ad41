"""Lines of the signal journal become columns, and what cannot be understood is counted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pytest

from tests.unit.research.journals import START, a_line
from tradingbot.decision import decide
from tradingbot.engine.cycle_record import signal_records
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.portfolio.book import Book
from tradingbot.research.probes import DECISION, seen
from tradingbot.research.signal_table import ENSEMBLE, FLOW, INTELLIGENCE, STRATEGY, SignalTable, read_signals
from tradingbot.research.synthetic_inputs import synthetic_inputs, synthetic_moments
from tradingbot.signals.table import COMPONENTS


def table_of(*rows: Any, home: str = "a") -> SignalTable:
    return read_signals((home, row) for row in rows)


def test_every_voice_is_read_with_direction_confidence_and_whether_it_could_judge() -> None:
    line = a_line(
        0,
        2000.0,
        {"hurst": "short"},
        direction="long",
        confidence=0.7,
        intelligence={"score": -0.4, "label": "bearish"},
        ensemble={"direction": "short", "probability": 0.45},
        strategies=[{"name": "Recovery", "direction": "long", "strength": 0.6}],
    )
    line["components"][0]["live"] = False
    table = table_of(line)
    read = {name: (int(v.sign[0]), float(v.confidence[0]), bool(v.live[0])) for name, v in table.voices.items()}
    assert read["hurst"] == (-1, 0.5, True)
    assert read["liquidation_cascade"] == (0, 0.0, False)
    assert read[FLOW] == (1, 0.7, True)
    assert read[INTELLIGENCE] == (-1, 0.4, True)
    assert read[ENSEMBLE] == (-1, pytest.approx(0.1), True)
    assert read[STRATEGY + "Recovery"] == (1, 0.6, True)
    assert table.at_s.tolist() == [START.timestamp()]


def test_a_voice_that_comes_late_was_not_asked_before_nor_after() -> None:
    recovery = [{"name": "Recovery", "direction": "short", "strength": 0.6}]
    table = table_of(a_line(0, 1.0), a_line(1, 1.0, strategies=recovery), a_line(2, 1.0))
    assert table.voices[STRATEGY + "Recovery"].live.tolist() == [False, True, False]
    assert table.voices[STRATEGY + "Recovery"].sign.tolist() == [0, -1, 0]


def test_an_intelligence_without_a_score_could_not_judge() -> None:
    assert table_of(a_line(0, 1.0)).voices[INTELLIGENCE].live.tolist() == [False]


def test_lines_are_ordered_by_market_and_time_and_homes_are_apart() -> None:
    rows = [("b", a_line(1, 3.0)), ("a", a_line(1, 2.0)), ("b", a_line(0, 4.0)), ("a", a_line(0, 1.0, symbol="X"))]
    table = read_signals(rows)
    assert table.price.tolist() == [4.0, 3.0, 2.0, 1.0]
    assert [table.markets[number] for number in table.market.tolist()] == [
        ("b", "ETHUSDT"),
        ("b", "ETHUSDT"),
        ("a", "ETHUSDT"),
        ("a", "X"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"as_of": "yesterday"},
        {"as_of": None},
        {"price": -1.0},
        {"price": "high"},
        {"confidence": 2.0},
        {"direction": "up"},
        {"components": None},
        {"components": [{"name": "hurst"}]},
        {"ensemble": None},
        {"intelligence": "bullish"},
        {"live": None},
    ],
)
def test_a_line_that_cannot_be_understood_is_counted_and_left_out(changes: dict[str, Any]) -> None:
    table = table_of(a_line(0, 1.0) | changes, a_line(1, 1.0))
    assert (len(table), table.unusable) == (1, 1)
    assert all(len(voice.sign) == 1 for voice in table.voices.values())


def test_a_moment_told_twice_counts_once() -> None:
    table = table_of(a_line(0, 1.0), a_line(0, 2.0), a_line(0, 3.0, symbol="BTCUSDT"))
    assert (len(table), table.repeated) == (2, 1)


def test_an_unknown_price_is_kept_as_unknown() -> None:
    assert np.isnan(table_of(a_line(0, None)).price).tolist() == [True]


def test_no_lines_give_an_empty_table() -> None:
    assert len(table_of()) == 0


def test_what_the_daemon_writes_can_be_read() -> None:
    store, rows = synthetic_inputs(), []
    for moment in synthetic_moments()[4:]:
        snapshot = seen(store, moment)
        decision = decide(replace(snapshot, equity_usd=Decimal(10_000)), Book(), DECISION, EntryPermission())
        rows += [orjson.loads(orjson.dumps(row, default=str)) for row in signal_records(snapshot, decision)]
    table = table_of(*rows)
    assert (len(table), table.unusable, table.repeated) == (len(rows), 0, 0)
    assert set(COMPONENTS) | {FLOW, INTELLIGENCE, ENSEMBLE} <= set(table.voices)
    assert STRATEGY + "TrendFollower" in table.voices
    assert np.isfinite(table.price).all()
    assert table.at_s.max() == synthetic_moments()[-1].timestamp()
