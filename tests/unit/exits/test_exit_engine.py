"""Exit rules and their precedence."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support import NOW, a_fill, a_plan
from tradingbot.core.types import Conviction, Direction
from tradingbot.exits.exit_engine import ExitView, judge
from tradingbot.exits.params import ExitParams
from tradingbot.portfolio.book import Book, apply_fill

POSITION = apply_fill(Book(), a_fill(), a_plan())[0].open_positions[0]


def verdict(held_min: float, return_pct: float, **flow: Any) -> str | None:
    price = POSITION.entry_price * (1 + Decimal(str(return_pct)) / 100)
    return judge(ExitView(POSITION, NOW + timedelta(minutes=held_min), price, **flow), ExitParams()).rule


@pytest.mark.parametrize(
    ("held_min", "return_pct", "rule"),
    [
        (1, -2.6, "hard_stop"),  # also within the grace window
        (10, -2.4, None),
        (29, 0.6, None),
        (31, 0.6, "profit_target"),
        (31, 0.4, None),
        (10, 2.1, "profit_target"),
        (1, 2.1, None),  # grace
        (119, -0.6, None),
        (121, -0.6, "time_exit"),
        (121, -0.4, None),
        (241, 0.1, "time_exit"),
        (241, 0.3, None),
        (481, 0.4, "time_exit"),
    ],
)
def test_rules_fire_at_their_numbers(held_min: float, return_pct: float, rule: str | None) -> None:
    """SPEC 8.3, 8.4, 8.5, 7.5."""
    assert verdict(held_min, return_pct) == rule


def test_a_gain_runs_while_the_flow_is_strong() -> None:
    """Below the top target a strong flow in our direction holds the position."""
    strong = {"flow_direction": Direction.LONG, "flow_conviction": Conviction.MEDIUM, "flow_confidence": 0.5}
    assert verdict(31, 0.6, **strong) is None
    assert verdict(31, 2.1, **strong) == "profit_target"


def test_a_reversed_flow_ends_the_position() -> None:
    """The signal that opened it has turned."""
    against = {"flow_direction": Direction.SHORT, "flow_conviction": Conviction.LOW, "flow_confidence": 0.35}
    assert verdict(10, 0.1, **against) == "signal_reversal"
    assert verdict(1, 0.1, **against) is None


def test_every_rule_s_advice_is_kept() -> None:
    """SPEC 8.8: competing recommendations are recorded."""
    view = ExitView(POSITION, NOW + timedelta(minutes=130), POSITION.entry_price * Decimal("0.97"))
    result = judge(view, ExitParams())
    assert result.rule == "hard_stop"
    assert {item.rule: item.exit_now for item in result.advice} == {
        "hard_stop": True,
        "profit_target": False,
        "time_exit": True,
        "strategy": False,
        "signal_reversal": False,
    }
