"""From conviction to USD: every cap bites, none is exceeded, each step is recorded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import BTC, ETH
from tradingbot.risk.params import RiskParams
from tradingbot.risk.position_sizing import Exposure, SizeRequest, SizeVerdict, size_entry

STOP = Decimal("0.025")


def sized(
    equity: str = "10000", held: dict[Any, Decimal] | None = None, heat: str = "0", **changes: Any
) -> SizeVerdict:
    request: dict[str, Any] = {
        "conviction_multiplier": 1.0,
        "confidence": 0.9,
        "stop_fraction": STOP,
        "wallet": "flex",
        "early": True,
    }
    available = changes.pop("available", {"flex": Decimal(9000)})
    exposure = Exposure(held or {}, Decimal(heat), Decimal(equity), available)
    return size_entry(SizeRequest(**{**request, **changes}), exposure, RiskParams())


def test_the_base_is_five_percent_of_equity() -> None:
    """500 USD of 10,000, at the early leverage cap of 3."""
    found = sized()
    assert (found.size_usd, found.leverage) == (Decimal(500), Decimal(3))


@pytest.mark.parametrize(
    ("changes", "size_usd", "last_step"),
    [
        ({"conviction_multiplier": 0.5}, 250, "conviction"),
        ({"conviction_multiplier": 1.5}, 500, "early_days"),
        ({"conviction_multiplier": 1.5, "early": False, "equity": "20000"}, 1000, "pair_cap"),
        ({"conviction_multiplier": 0.3}, 200, "early_days"),
        ({"equity": "2000"}, 100, "pair_cap"),
        ({"confidence": 0.02}, 160, "trade_risk"),
        ({"heat": "0.0795"}, 200, "portfolio_heat"),
        ({"available": {"flex": Decimal(50)}}, 120, "free_margin"),
    ],
)
def test_each_cap_bites(changes: dict[str, Any], size_usd: int, last_step: str) -> None:
    """The last step of the chain names what decided."""
    found = sized(**changes)
    assert found.size_usd == size_usd
    assert found.steps[-1].name == last_step


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"held": {f"S{n}": Decimal(1) for n in range(6)}}, "too_many_pairs"),
        ({"available": {}}, "below_minimum_trade"),
        ({"heat": "0.08"}, "below_minimum_trade"),
        ({"conviction_multiplier": 0.0}, "below_minimum_trade"),
        ({"equity": "0"}, "below_minimum_trade"),
    ],
)
def test_no_trade_says_why(changes: dict[str, Any], code: str) -> None:
    """A refusal is a value with its numbers."""
    found = sized(**changes)
    assert found.size_usd == 0
    assert [why.code for why in found.refused] == [code]


@given(
    st.decimals(0, 1_000_000, places=2),
    st.floats(0, 3),
    st.floats(0, 1),
    st.decimals(0, Decimal("0.12"), places=4),
    st.decimals(0, 20_000, places=2),
    st.booleans(),
)
def test_no_input_exceeds_a_limit(
    equity: Decimal, multiplier: float, confidence: float, heat: Decimal, available: Decimal, early: bool
) -> None:
    """Pair cap, trade risk, heat and margin hold for whatever comes in (SPEC 6.2)."""
    held = {BTC: Decimal(100), ETH: Decimal(100)}
    exposure = Exposure(held, heat, equity, {"flex": available})
    found = size_entry(SizeRequest(multiplier, confidence, STOP, "flex", early), exposure, RiskParams())
    size = found.size_usd
    assert size == 0 or size >= 50
    assert size <= equity * Decimal("0.05")
    assert size * STOP <= equity * Decimal("0.02") * Decimal(repr(confidence)) + Decimal("1e-9")
    assert size == 0 or heat * equity + size * STOP <= equity * Decimal("0.08") + Decimal("1e-9")
    assert size <= available * Decimal("0.8") * found.leverage
    assert not early or size <= 500
