"""Who is active, with which share; an idea as an opinion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders_thinking import NOW, a_regime
from tradingbot.core.records import reason
from tradingbot.core.types import Direction, Regime
from tradingbot.strategies.ideas import no_entry, opinion_of
from tradingbot.strategies.params import OpinionParams, SelectorParams, StrategyParams
from tradingbot.strategies.selector import select
from tradingbot.strategies.strategy import EntryIdea
from tradingbot.strategies.table import strategies

PARAMS = StrategyParams()


@given(regime=st.sampled_from(Regime), confidence=st.floats(0, 1))
def test_shares_add_up_to_100_and_lie_within_their_bounds(regime: Regime, confidence: float) -> None:
    """SPEC 11.2: at most two; 30 to 70 % each, or one with everything; each is meant for the regime."""
    chosen = select(a_regime(regime, confidence), PARAMS)
    assert len(chosen) <= 2
    assert (chosen == ()) == (confidence < 0.05)
    if chosen:
        assert sum(item.share_pct for item in chosen) == 100.0
    if len(chosen) == 2:
        assert all(30 <= item.share_pct <= 70 for item in chosen)
    fitting = {strategy.name for strategy in strategies(PARAMS) if regime in strategy.regimes}
    assert {item.name for item in chosen} <= fitting
    assert chosen == select(a_regime(regime, confidence), PARAMS)


@pytest.mark.parametrize(
    ("regime", "names"),
    [
        (Regime.RISK_ON, ["TrendFollower", "VolatilitySwing"]),
        (Regime.NEUTRAL, ["MeanReversion", "VolatilitySwing"]),
        (Regime.RISK_OFF, ["DefensiveHedge"]),
        (Regime.PANIC, ["StableAllocator", "DefensiveHedge"]),
        (Regime.RECOVERY, ["Recovery"]),
    ],
)
def test_the_specialist_of_a_regime_comes_first(regime: Regime, names: list[str]) -> None:
    assert [item.name for item in select(a_regime(regime), PARAMS)] == names


def test_confidence_moves_capital_to_the_first() -> None:
    shares = [select(a_regime(Regime.RISK_ON, sure), PARAMS)[0].share_pct for sure in (0.05, 0.5, 1.0)]
    assert shares == [51.0, 60.0, 70.0]


def test_one_active_strategy_gets_everything() -> None:
    alone = StrategyParams(selector=SelectorParams(max_active=1))
    assert [item.share_pct for item in select(a_regime(Regime.PANIC), alone)] == [100.0]


def test_an_idea_becomes_an_opinion() -> None:
    """Short at strength 0.5: a twentieth below one half, a negative move."""
    idea = EntryIdea("Any", Direction.SHORT, 0.5, 40.0, 90.0, NOW, (reason("why"),))
    opinion = opinion_of(idea, 0.6, OpinionParams())
    assert opinion.probability == pytest.approx(0.45)
    assert (opinion.expected_move_bps, opinion.weight, opinion.source) == (-40.0, 0.6, "strategy:Any")


def test_no_idea_is_no_opinion() -> None:
    assert opinion_of(no_entry("Any", reason("why")), 0.6, OpinionParams()).probability == 0.5
