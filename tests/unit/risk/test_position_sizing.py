"""From a signal to USD: factors multiply, every cap bites, none is exceeded, each step is recorded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import BTC, ETH
from tradingbot.core.types import Direction, Symbol
from tradingbot.risk.exposure import Exposure, HeldRisk
from tradingbot.risk.params import RiskParams
from tradingbot.risk.position_sizing import SizeFactor, SizeRequest, SizeVerdict, size_entry

STOP = Decimal("0.025")
SOL = Symbol("SOLUSDT")


def held(symbol: str, usd: str = "1", heat: str = "0", direction: Direction = Direction.LONG) -> HeldRisk:
    return HeldRisk(Symbol(symbol), direction, Decimal(usd), Decimal(heat))


def sized(equity: str = "10000", multiplier: float = 1.0, **changes: Any) -> SizeVerdict:
    request: dict[str, Any] = {
        "symbol": ETH,
        "direction": Direction.LONG,
        "factors": (SizeFactor("signal_conviction", multiplier),),
        "confidence": 0.9,
        "stop_fraction": STOP,
        "wallet": "flex",
        "early": True,
        "rollout_share": 1.0,
        "cap_usd": None,
        "market": "futures",
        "max_leverage": Decimal(50),
        "price": Decimal(2000),
        "mark": Decimal(2000),
        "correlations": {},
    }
    available = changes.pop("available", {"flex": Decimal(9000)})
    exposure = Exposure(Decimal(equity), tuple(changes.pop("held", ())), available)
    params = changes.pop("params", RiskParams())
    return size_entry(SizeRequest(**{**request, **changes}), exposure, params)


def decisive(found: SizeVerdict) -> str:
    """The last step that changed the size."""
    sizes = [step.size_usd for step in found.steps]
    changed = [step.name for step, before in zip(found.steps[1:], sizes, strict=False) if step.size_usd != before]
    return changed[-1] if changed else "base"


def test_the_base_is_five_percent_of_equity() -> None:
    """500 USD of 10,000, at the early leverage cap of 3."""
    found = sized()
    assert (found.size_usd, found.leverage) == (Decimal(500), Decimal(3))


@pytest.mark.parametrize(
    ("changes", "size_usd", "step"),
    [
        ({"multiplier": 0.5}, 250, "signal_conviction"),
        ({"multiplier": 1.5}, 500, "early_days_cap"),
        ({"multiplier": 1.5, "early": False, "equity": "20000"}, 1000, "pair_cap"),
        ({"multiplier": 0.3}, 200, "early_days_floor"),
        ({"equity": "2000"}, 100, "pair_cap"),
        ({"confidence": 0.02}, 160, "trade_risk"),
        ({"held": [held("BTCUSDT", "200", "795")], "correlations": {BTC: 0.1}}, 200, "portfolio_heat"),
        ({"available": {"flex": Decimal(50)}}, 120, "free_margin"),
        ({"cap_usd": 333.0}, 333, "book_depth"),
        ({"multiplier": 0.7, "rollout_share": 0.4}, 140, "rollout"),
        ({"multiplier": 0.1, "rollout_share": 0.5}, 100, "early_days_floor"),
        ({"rollout_share": 0.1, "multiplier": 0.4}, 50, "early_days_floor"),
    ],
)
def test_each_step_bites(changes: dict[str, Any], size_usd: int, step: str) -> None:
    """The last step that changed anything names what decided."""
    found = sized(**changes)
    assert (found.size_usd, decisive(found)) == (size_usd, step)


def test_every_factor_is_a_step_with_its_number() -> None:
    """Also those that change nothing: the chain can be read from top to bottom."""
    found = sized(factors=(SizeFactor("a", 1.0), SizeFactor("b", 0.8)), early=False)
    chain = [(step.name, step.kind, step.number, step.size_usd) for step in found.steps[:4]]
    assert chain == [
        ("base", "base", Decimal(500), Decimal(500)),
        ("a", "factor", Decimal(1), Decimal(500)),
        ("b", "factor", Decimal("0.8"), Decimal(400)),
        ("rollout", "factor", Decimal(1), Decimal(400)),
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"held": [held(f"S{n}USDT") for n in range(6)]}, "too_many_pairs"),
        ({"held": [held("ETHUSDT")]}, "symbol_held"),
        ({"available": {}}, "below_minimum_trade"),
        ({"held": [held("BTCUSDT", "1", "800")]}, "below_minimum_trade"),
        ({"multiplier": 0.0}, "below_minimum_trade"),
        ({"price": Decimal(2101)}, "price_far_from_mark"),
        ({"price": Decimal(0)}, "price_not_positive"),
    ],
)
def test_no_trade_says_why(changes: dict[str, Any], code: str) -> None:
    """A refusal is a value with its numbers."""
    others = {item.symbol: 0.0 for item in changes.get("held", [])}
    found = sized(**{"correlations": others, **changes})
    assert found.size_usd == 0
    assert [why.code for why in found.refused] == [code]


def test_without_equity_there_is_no_trade() -> None:
    """An account that is not known or empty."""
    assert [why.code for why in sized(equity="0").refused] == ["no_equity", "below_minimum_trade"]


@pytest.mark.parametrize(
    ("direction", "correlation", "refused"),
    [
        (Direction.LONG, 0.7, False),
        (Direction.LONG, 0.701, True),
        (Direction.SHORT, 0.9, False),
        (Direction.SHORT, -0.71, True),
        (Direction.LONG, None, True),
        (Direction.SHORT, None, False),
    ],
)
def test_positions_that_win_together_are_limited(direction: Direction, correlation: Any, refused: bool) -> None:
    """0.7 is allowed, more is not; the other side is a hedge; what is unknown counts as whole."""
    found = sized(held=[held("BTCUSDT", direction=direction)], correlations={BTC: correlation})
    assert [why.code for why in found.refused] == (["too_correlated"] if refused else [])


def test_three_positions_may_be_half_of_what_all_may_be() -> None:
    """With pairs of 5 % and six of them, 15 % in three; with a smaller share the third is cut."""
    tight = RiskParams.model_validate({"limits": {"max_top3_concentration_pct": 40}})
    two = [held("BTCUSDT", "500"), held("SOLUSDT", "450")]
    far = {BTC: 0.0, SOL: 0.0}
    assert sized(held=two, correlations=far).size_usd == 500
    found = sized(held=two, correlations=far, params=tight)
    assert (found.size_usd, decisive(found)) == (250, "top3_concentration")
    three = [*two, held("XRPUSDT", "250")]
    assert sized(held=three, correlations={**far, Symbol("XRPUSDT"): 0.0}, params=tight).size_usd == 250


@pytest.mark.parametrize(
    ("changes", "leverage"),
    [
        ({"early": True}, 3),
        ({"early": False}, 5),
        ({"early": False, "max_leverage": Decimal(2)}, 2),
        ({"early": False, "market": "spot"}, 1),
    ],
)
def test_leverage_by_the_age_of_the_venue(changes: dict[str, Any], leverage: int) -> None:
    """SPEC 6.1: 3x for 14 days, then 5x, spot 1x, never more than the contract."""
    assert sized(**changes).leverage == leverage


@given(
    st.decimals(0, 1_000_000, places=2),
    st.lists(st.floats(0, 3), max_size=5),
    st.floats(0, 1),
    st.decimals(0, Decimal("0.12"), places=4),
    st.decimals(0, 20_000, places=2),
    st.booleans(),
    st.floats(0, 1),
)
def test_no_input_exceeds_a_limit(
    equity: Decimal,
    factors: list[float],
    confidence: float,
    heat: Decimal,
    available: Decimal,
    early: bool,
    rollout: float,
) -> None:
    """Pair cap, trade risk, symbol risk, heat, concentration and margin hold for whatever comes in (SPEC 6.2)."""
    both = [held("BTCUSDT", "100", str(heat * equity)), held("SOLUSDT", "100")]
    found = sized(
        str(equity),
        factors=tuple(SizeFactor(f"f{n}", value) for n, value in enumerate(factors)),
        confidence=confidence,
        held=both,
        available={"flex": available},
        early=early,
        rollout_share=rollout,
        correlations={BTC: 0.0, SOL: 0.0},
    )
    size = found.size_usd
    assert size == 0 or size >= 50
    assert size <= equity * Decimal("0.05")
    assert size * STOP <= equity * Decimal("0.02") * Decimal(repr(confidence)) + Decimal("1e-9")
    assert size == 0 or heat * equity + size * STOP <= equity * Decimal("0.08") + Decimal("1e-9")
    assert size <= available * Decimal("0.8") * found.leverage
    assert size == 0 or size + 200 <= equity * Decimal("0.15")
    assert not early or size <= 500
