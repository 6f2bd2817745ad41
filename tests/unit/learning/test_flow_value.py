"""Whole columns of signals follow the rules that single decisions follow."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders_signals import market, rules
from tradingbot.core.levers import NO_LEVERS, Levers
from tradingbot.core.types import Direction
from tradingbot.gates.conviction import level_of
from tradingbot.gates.params import GateParams
from tradingbot.learning.flow_value import earned_bps, flow_of, value_of
from tradingbot.learning.outcomes import HORIZONS_MIN
from tradingbot.learning.signal_table import SignalTable
from tradingbot.signals.component import ComponentReading
from tradingbot.signals.params import SignalParams
from tradingbot.signals.predictive_flow_engine import aligned_confidence, conviction_of, majority
from tradingbot.signals.table import COMPONENTS

NAMES = tuple(COMPONENTS)
WORD = st.just(0.0) | st.floats(0.0625, 1.0, width=32) | st.floats(-1.0, -0.0625, width=32)


def _table(said: list[list[float]], composite: list[float] | None = None) -> SignalTable:
    count = len(said)
    parts = ("flow", "agreement", "alignment", "probability", "intelligence")
    return SignalTable(
        ("BTCUSDT",),
        NAMES,
        parts,
        np.arange(count, dtype=np.int64) * 60_000,
        np.zeros(count, dtype=np.int16),
        np.array(said, dtype=np.float32),
        np.tile(np.array([1.0, 2.0, 3.0, 4.0, 5.0], dtype=np.float32), (count, 1)),
        np.full((count, 5), np.nan if composite is None else 0, dtype=np.float32)
        + (0 if composite is None else np.array(composite, dtype=np.float32)),
        np.full(count, 2.0, dtype=np.float32),
    )


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(WORD, min_size=len(NAMES), max_size=len(NAMES)), min_size=1, max_size=8))
def test_as_the_decision_does(said: list[list[float]]) -> None:
    """Direction, confidence, level and size of every row are those of `predictive_flow_engine`."""
    own = SignalParams()
    found = flow_of(_table(said), rules(composite=False))
    sizes = {"HIGH": 0, "MEDIUM": 1, "LOW": 2, "NONE": -1}
    for row, words in enumerate(said):
        readings = [
            ComponentReading(
                name, Direction.LONG if word > 0 else Direction.SHORT if word < 0 else Direction.NEUTRAL,
                abs(word), None, datetime(2026, 1, 1, tzinfo=UTC), (),
            )
            for name, word in zip(NAMES, words, strict=True)
        ]  # fmt: skip
        direction, aligned, _ = majority(readings, own.min_aligned_components)
        confidence = aligned_confidence(readings, direction, own.weights.by_name)
        level, size = conviction_of(aligned, confidence, own.conviction)
        assert found.direction[row] == direction.sign
        assert found.confidence[row] == pytest.approx(confidence, abs=1e-6)
        if all(abs(confidence - edge) > 1e-6 for edge in (0.3, 0.4, 0.6)):
            assert (found.level[row], found.size[row]) == (sizes[level.value], size)


def test_levers_change_weights_sizes_and_sides() -> None:
    """Each kind of lever has its effect, and value is size times the move our way less its costs."""
    words = [0.0] * len(NAMES)
    words[NAMES.index("hurst")] = words[NAMES.index("ofi_momentum")] = 0.5
    words[NAMES.index("whale_flow")] = -1.0
    table, own = _table([words]), rules(composite=False)
    plain = flow_of(table, own)
    assert plain.direction[0] == 1
    assert plain.level[0] == -1  # whale flow outweighs the two
    weights = {**own.weights, "hurst": 0.28, "whale_flow": 0.0}
    levers = Levers(1, {**{f"weights.{name}": value for name, value in weights.items()}, "conviction.low": 0.25})
    tuned = flow_of(table, own.with_levers(levers))
    assert tuned.level[0] == 2
    assert tuned.size[0] == 0.25
    sided = Levers(2, {**levers.values, "direction.BTCUSDT:long": 0.5})
    for horizon, moved in zip(HORIZONS_MIN, (1.0, 2.0, 3.0, 4.0, 5.0), strict=True):
        assert value_of(table, own, sided, horizon)[0] == pytest.approx(0.25 * 0.5 * (moved - 2.0))
    assert value_of(table, own, NO_LEVERS, 30)[0] == 0.0
    assert earned_bps(table, tuned, 30)[0] == pytest.approx(2.0)


@pytest.mark.parametrize("parts", [[0.9, 1.0, 0.8, 0.6, 0.5], [0.3, 0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0, 0.0]])
def test_the_composite_sizes_as_the_gate_does(parts: list[float]) -> None:
    """The score of the parts finds the level that the conviction gate finds before its adjustments."""
    gate, words = GateParams().conviction, [0.8] * len(NAMES)
    weights = list(gate.weights.model_dump().values())
    score = float(np.dot(np.array(parts, dtype=np.float32).astype(float), weights))
    expected = level_of(score, gate).size_multiplier * 1.5
    assert flow_of(_table([words], parts), rules()).size[0] == pytest.approx(expected)


def test_an_outcome_that_is_not_known_is_no_zero() -> None:
    """The last hour of a market has no outcomes: their value is not a number."""
    table = market(1, 3)
    values = value_of(table, rules(), NO_LEVERS, 60)
    flow = flow_of(table, rules())
    late = table.time_ms > table.time_ms[-1] - 59 * 60_000
    assert np.isnan(values[late & (flow.direction != 0)]).all()
    assert np.isfinite(values[~late & (flow.direction != 0)][:1000]).all()
