"""Each gate at its thresholds and just beside them, and the fold of all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingbot.core.types import Direction, Regime
from tradingbot.gates import (
    conviction,
    correlation_throttle,
    ensemble_agreement,
    fee_aware,
    intelligence,
    microstructure,
    policy,
    pre_entry,
)
from tradingbot.gates.conviction import ConvictionView
from tradingbot.gates.correlation_throttle import ClusterMember, CorrelationView
from tradingbot.gates.fee_aware import FeeView
from tradingbot.gates.gate import GateTrail, GateVerdict, blocks, passes
from tradingbot.gates.params import FeeGateParams, GateParams
from tradingbot.gates.pre_entry import PreEntryView

PARAMS = GateParams()


def codes(verdict: GateVerdict) -> list[str]:
    return [why.code for why in verdict.reasons]


# ---------------------------------------------------------------- fold


def test_a_trail_keeps_every_verdict_and_names_the_first_that_blocks() -> None:
    """Multipliers multiply, the smallest cap holds."""
    trail = GateTrail(
        (
            passes("a", None, multiplier=0.5, cap_usd=300.0),
            blocks("b", None),
            passes("c", None, cap_usd=200.0),
            blocks("d", None),
        )
    )
    assert trail.blocker is not None
    assert (trail.blocker.gate, trail.multiplier, trail.cap_usd) == ("b", 0.0, 200.0)
    assert trail.of("c").passed
    with pytest.raises(KeyError):
        trail.of("e")


# ---------------------------------------------------------------- policy, ensemble


def test_policy_blocks_with_every_reason() -> None:
    """SPEC 5.1."""
    found = policy.judge(policy.PolicyView(("alpha_trading_disabled", "not_in_enabled_symbols")), PARAMS)
    assert (found.passed, codes(found)) == (False, ["alpha_trading_disabled", "not_in_enabled_symbols"])
    assert policy.judge(policy.PolicyView(()), PARAMS).passed


@pytest.mark.parametrize(
    ("probability", "passed", "code"),
    [(0.449, False, "ensemble_against"), (0.45, True, "ensemble_doubts"), (0.51, True, "ensemble_agrees")],
)
def test_the_ensemble_blocks_what_it_speaks_clearly_against(probability: float, passed: bool, code: str) -> None:
    """SPEC 5.2."""
    found = ensemble_agreement.judge(ensemble_agreement.EnsembleView(probability, 1.0), PARAMS)
    assert (found.passed, codes(found)) == (passed, [code])


# ---------------------------------------------------------------- conviction


def conviction_view(**changes: Any) -> ConvictionView:
    view = ConvictionView(
        direction=Direction.LONG,
        flow_confidence=0.5,
        aligned=2,
        opposed=0,
        alignment=0.5,
        side_probability=0.5,
        intelligence=0.0,
        history_net_bps=None,
        edge_bps=0.0,
        cascade=False,
        regime=Regime.NEUTRAL,
    )
    return replace(view, **changes)


def score(**changes: Any) -> float:
    return conviction.composite_score(conviction_view(**changes), PARAMS.conviction)[0]


def test_the_composite_is_the_weighted_mean_of_its_parts() -> None:
    """0.4 x 0.5 + 0.2 x 1 + (0.15 + 0.15 + 0.1) x 0.5."""
    assert score() == pytest.approx(0.6)
    assert score(alignment=None, intelligence=None) == pytest.approx(0.6)
    assert score(opposed=2) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"history_net_bps": 50.0}, 0.72),
        ({"history_net_bps": -25.0}, 0.54),
        ({"history_net_bps": -5000.0}, 0.48),
        ({"edge_bps": 50.0}, 0.6),
        ({"edge_bps": 50.1}, 0.7),
        ({"cascade": True}, 0.7),
        ({"regime": Regime.RISK_ON}, 0.66),
        ({"regime": Regime.PANIC}, 0.42),
        ({"regime": Regime.PANIC, "direction": Direction.SHORT}, 0.63),
        ({"cascade": True, "edge_bps": 99.0, "regime": Regime.RISK_ON}, 0.88),
    ],
)
def test_history_boosts_and_regime_change_the_score(changes: dict[str, Any], expected: float) -> None:
    """SPEC 5.3, each alone and together."""
    assert score(**changes) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "name", "size"),
    [
        (0.85, "ULTRA", 2.5),
        (0.849, "HIGH", 1.8),
        (0.70, "HIGH", 1.8),
        (0.699, "MEDIUM", 1.3),
        (0.549, "BASELINE", 1.0),
        (0.399, "LOW", 0.7),
        (0.249, "MINIMUM", 0.4),
        (0.0, "MINIMUM", 0.4),
    ],
)
def test_levels_and_their_sizes(value: float, name: str, size: float) -> None:
    """SPEC 5.3."""
    found = conviction.level_of(value, PARAMS.conviction)
    assert (found.name, found.size_multiplier) == (name, size)


unit = st.floats(0, 1)


VIEWS = st.builds(
    ConvictionView,
    direction=st.sampled_from([Direction.LONG, Direction.SHORT]),
    flow_confidence=unit,
    aligned=st.integers(0, 10),
    opposed=st.integers(0, 10),
    alignment=st.none() | unit,
    side_probability=unit,
    intelligence=st.none() | st.floats(-1, 1),
    history_net_bps=st.none() | st.floats(-1e4, 1e4),
    edge_bps=st.floats(-1e4, 1e4),
    cascade=st.booleans(),
    regime=st.sampled_from(list(Regime)),
)


@given(VIEWS)
def test_conviction_never_blocks(view: ConvictionView) -> None:
    """SPEC 5.3: whatever comes, it only scales."""
    found = conviction.judge(view, PARAMS)
    assert found.passed
    assert 0.4 <= found.multiplier <= 2.5


# ---------------------------------------------------------------- fee


def fee_view(**changes: Any) -> FeeView:
    view = FeeView(Direction.LONG, 1.0, 30.0, 1.0, 2.0, 0.0, 90.0)
    return replace(view, **changes)


def test_costs_of_a_round_trip() -> None:
    """Two fees of 5, two half spreads of 1, two slippages of 2, 90 minutes of 0.08 % per 8 hours."""
    costs = fee_aware.costs_of(fee_view(funding_8h=0.0008), FeeGateParams())
    assert (costs.fees_bps, costs.spread_bps, costs.slippage_bps) == (10.0, 2.0, 4.0)
    assert costs.funding_bps == pytest.approx(1.5)
    assert costs.total_bps == pytest.approx(17.5)
    short = fee_aware.costs_of(fee_view(funding_8h=0.0008, direction=Direction.SHORT), FeeGateParams())
    assert short.funding_bps == pytest.approx(-1.5)


@pytest.mark.parametrize(
    ("move", "passed", "code"),
    [(19.0, True, "edge"), (18.999, False, "edge_too_small"), (0.0, False, "edge_too_small")],
)
def test_the_edge_must_reach_its_minimum(move: float, passed: bool, code: str) -> None:
    """SPEC 5.4: 16 bps of costs and 3 bps of edge."""
    found = fee_aware.judge(fee_view(reachable_move_bps=move), PARAMS)
    assert (found.passed, codes(found)) == (passed, [code])


def test_live_asks_for_a_proven_edge() -> None:
    """The same signal on the calibrated basis."""
    strict = GateParams(fee=FeeGateParams(basis="calibrated"))
    assert not fee_aware.judge(fee_view(), strict).passed
    assert fee_aware.judge(fee_view(calibrated_move_bps=19.0), strict).passed


def test_an_unknown_spread_blocks() -> None:
    """No costs without a book."""
    assert codes(fee_aware.judge(fee_view(half_spread_bps=None), PARAMS)) == ["spread_unknown"]


# ---------------------------------------------------------------- correlation


@pytest.mark.parametrize(
    ("usd", "passed", "multiplier"),
    [(510.0, True, 1.0), (1005.0, True, 0.5), (1252.0, True, 0.25), (1260.0, False, 0.0), (1500.0, False, 0.0)],
)
def test_a_cluster_shrinks_then_blocks(usd: float, passed: bool, multiplier: float) -> None:
    """SPEC 5.5: limit 1,500 USD of 10,000; whole up to 510, a straight line from there."""
    found = correlation_throttle.judge(CorrelationView(10_000.0, (ClusterMember("BTCUSDT", usd, 0.8),)), PARAMS)
    assert found.passed is passed
    assert found.multiplier == pytest.approx(multiplier, abs=0.01)


def test_hedges_make_room() -> None:
    """Long 1,500 and short 1,200 in one cluster are 300."""
    members = (ClusterMember("BTCUSDT", 1500.0, 0.8), ClusterMember("ETHUSDT", -1200.0, None))
    assert correlation_throttle.judge(CorrelationView(10_000.0, members), PARAMS).multiplier == 1.0
    assert correlation_throttle.judge(CorrelationView(0.0, ()), PARAMS).passed


# ---------------------------------------------------------------- intelligence


@pytest.mark.parametrize(
    ("score_seen", "code", "multiplier"),
    [
        (-0.6, "strong_conflict", 0.4),
        (-0.59, "moderate_conflict", 0.6),
        (-0.35, "moderate_conflict", 0.6),
        (-0.34, "weak_conflict", 0.8),
        (-0.1, "weak_conflict", 0.8),
        (-0.09, "neutral", 0.85),
        (0.09, "neutral", 0.85),
        (0.1, "aligned", 1.0),
        (0.59, "aligned", 1.0),
        (0.6, "aligned_boost", 1.3),
        (None, "no_intelligence", 0.85),
    ],
)
def test_intelligence_scales(score_seen: float | None, code: str, multiplier: float) -> None:
    """SPEC 5.6; it never blocks."""
    found = intelligence.judge(intelligence.IntelligenceView(score_seen, 1.0), PARAMS)
    assert (found.passed, codes(found), found.multiplier) == (True, [code], multiplier)


# ---------------------------------------------------------------- microstructure


@pytest.mark.parametrize(
    ("spread", "passed", "multiplier"),
    [(8.0, True, 1.0), (34.0, True, 0.5), (49.0, True, 0.2115), (50.0, False, 0.0), (500.0, False, 0.0)],
)
def test_a_wide_spread_weighs_down_and_stops(spread: float, passed: bool, multiplier: float) -> None:
    """SPEC 5.7: whole up to 8 bps, nothing at 60, stopped below a fifth."""
    found = microstructure.judge(microstructure.MicrostructureView(spread, 1e6, None), PARAMS)
    assert found.passed is passed
    assert found.multiplier == pytest.approx(multiplier, abs=0.001)


def test_a_thin_book_caps_the_size() -> None:
    """2 % of what rests within 1 % of mid; without a book nothing."""
    assert microstructure.judge(microstructure.MicrostructureView(1.0, 5000.0, 0.1), PARAMS).cap_usd == 100.0
    assert codes(microstructure.judge(microstructure.MicrostructureView(None, None, None), PARAMS)) == ["no_book"]


# ---------------------------------------------------------------- pre-entry

FINE = PreEntryView(
    aligned=2,
    min_aligned=2,
    held="",
    leaving=False,
    stale=(),
    has_book=True,
    has_mark=True,
    live=5,
    quorum=5,
    market="futures",
    open_for_orders=True,
    volume_24h_usd=1e6,
    min_volume_24h_usd=1e6,
    spread_bps=50.0,
    max_spread_bps=50.0,
    against=(),
    entries_left=1,
    net_bps=-20.0,
    intelligence=None,
    coverage=0.0,
)


def test_at_the_limits_an_entry_passes() -> None:
    """Every number exactly at its limit."""
    assert pre_entry.judge(FINE, PARAMS).passed
    unknown = replace(FINE, volume_24h_usd=None, spread_bps=None, entries_left=None, net_bps=None)
    assert pre_entry.judge(unknown, PARAMS).passed


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"aligned": 1}, ["too_few_aligned"]),
        ({"held": "long"}, ["position_open"]),
        ({"leaving": True}, ["position_closing"]),
        ({"stale": ("book", "ticker")}, ["stale_book", "stale_ticker"]),
        ({"has_book": False}, ["no_book"]),
        ({"has_mark": False}, ["no_mark_price"]),
        ({"live": 4}, ["too_few_live_components"]),
        ({"market": "spot"}, ["futures_only"]),
        ({"open_for_orders": False}, ["market_closed"]),
        ({"volume_24h_usd": 999_999.0}, ["volume_too_low"]),
        ({"spread_bps": 50.01}, ["spread_too_wide"]),
        ({"against": ("daily_loss", "downtime")}, ["daily_loss", "downtime"]),
        ({"entries_left": 0}, ["trades_per_day"]),
        ({"entries_left": 0, "against": ("trades_per_day",)}, ["trades_per_day"]),
        ({"net_bps": -20.01}, ["loses_here"]),
        (
            {"held": "short", "live": 0, "entries_left": -1},
            ["position_open", "too_few_live_components", "trades_per_day"],
        ),
    ],
)
def test_every_reason_against_an_entry_is_named(changes: dict[str, Any], expected: list[str]) -> None:
    """SPEC 5.8, 7.1."""
    found = pre_entry.judge(replace(FINE, **changes), PARAMS)
    assert (found.passed, codes(found)) == (False, expected)


def test_spot_is_traded_where_the_profile_says_so() -> None:
    """SPEC 5.8: venue enforcement."""
    free = GateParams.model_validate({"pre_entry": {"futures_only": False}})
    assert pre_entry.judge(replace(FINE, market="spot"), free).passed


@pytest.mark.parametrize(
    "broken",
    [
        {"conviction": {"levels": [{"name": "A", "min_score": 0.5, "size_multiplier": 1}]}},
        {"conviction": {"weights": {"flow": 0.5}}},
        {"intelligence": {"aligned_above": 0.7}},
        {"microstructure": {"spread_zero_bps": 5}},
    ],
)
def test_settings_that_cannot_hold_together_are_refused(broken: dict[str, Any]) -> None:
    """Each with one message."""
    with pytest.raises(ValueError, match=r"must|weights"):
        GateParams.model_validate(broken)
