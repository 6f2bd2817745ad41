"""Exit rules at their numbers, and their precedence."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.unit.exits.builders import AGAINST, LEAVE, RUNNING, STRONG, facts, rule, verdict
from tradingbot.core.types import Conviction, Direction
from tradingbot.exits.exit_engine import GRACELESS, RULES, judge
from tradingbot.exits.params import ExitParams, Rung, TimingParams

WHOLE = ExitParams(ladder=())
"""Settings without a ladder."""


@pytest.mark.parametrize(
    ("held_min", "return_pct", "expected"),
    [
        (1, -2.5, "hard_stop"),  # also within the grace window
        (10, -2.499, None),
        (29.9, 0.5, None),
        (30, 0.5, "profit_target"),
        (30, 0.499, None),
        (60, 0.499, None),
        (10, 2.0, "profit_target"),
        (1, 2.0, None),  # grace
        (119.9, -0.51, None),
        (120, -0.51, "time_exit"),
        (120, -0.5, None),
        (239.9, 0.19, None),
        (240, 0.19, "time_exit"),
        (240, 0.2, None),
        (480, 0.49, "time_exit"),
        (479.9, 0.49, None),
        (480, 0.5, "profit_target"),
    ],
)
def test_rules_fire_at_their_numbers(held_min: float, return_pct: float, expected: str | None) -> None:
    """SPEC 8.3, 8.4, 8.5, 7.5: with the shipped settings, as long as nothing was learned and nothing makes haste."""
    assert rule(held_min, return_pct, WHOLE) == expected


def test_the_lowest_target_that_the_age_allows_counts() -> None:
    """Older positions do not need more: 0.5 % suffices from 30 minutes on."""
    assert [rule(minutes, 0.5, WHOLE) for minutes in (29, 31, 61, 89)] == [None, *["profit_target"] * 3]


@pytest.mark.parametrize("strength", [STRONG, {**STRONG, "flow_conviction": Conviction.HIGH}, RUNNING])
def test_a_gain_runs_while_the_market_is_strong(strength: dict[str, Any]) -> None:
    """Below the top target a strong flow in our direction, or timing, holds the position."""
    assert rule(31, 0.6, WHOLE, **strength) is None
    assert rule(31, 2.0, WHOLE, **strength) == "profit_target"


def test_a_weak_or_opposite_flow_lets_nothing_run() -> None:
    assert rule(31, 0.6, WHOLE, **{**STRONG, "flow_conviction": Conviction.LOW}) == "profit_target"
    assert rule(31, 0.6, WHOLE, **{**STRONG, "flow_direction": Direction.SHORT}) == "profit_target"


def test_a_reversed_flow_ends_the_position() -> None:
    """SPEC 8.6: the signal that opened it has turned."""
    assert rule(10, 0.1, **AGAINST) == "signal_reversal"
    assert rule(1, 0.1, **AGAINST) is None
    assert rule(10, 0.1, **{**AGAINST, "flow_confidence": 0.3}) == "signal_reversal"
    assert rule(10, 0.1, **{**AGAINST, "flow_confidence": 0.299}) is None
    assert rule(10, 0.1, **{**AGAINST, "flow_conviction": Conviction.NONE}) is None


CROSSED: dict[str, Any] = {"ema_gap_pct": -0.01, "ema_best_gap_pct": 0.0}


@pytest.mark.parametrize(
    ("gap_pct", "best_pct", "expected"),
    [
        (-0.01, 0.0, "time_exit"),
        (0.0, 0.1, None),
        (-0.01, -0.001, None),  # against us from the start: nothing has turned
        (None, 0.1, None),
        (-0.1, None, None),
    ],
)
def test_an_ema_cross_against_the_position_makes_haste(
    gap_pct: float | None, best_pct: float | None, expected: str | None
) -> None:
    """SPEC 8.6: time limits are halved by default."""
    assert rule(60, -0.6, WHOLE, ema_gap_pct=gap_pct, ema_best_gap_pct=best_pct) == expected


def test_haste_halves_ages_of_targets_and_of_rungs() -> None:
    assert (rule(15, 0.5, WHOLE), rule(15, 0.5, WHOLE, **CROSSED)) == (None, "profit_target")
    assert (rule(5, 0.8), rule(5, 0.8, **CROSSED)) == (None, "ladder")
    assert (rule(4.9, 0.8, **CROSSED), rule(14.9, 0.5, WHOLE, **CROSSED)) == (None, None)


def test_beyond_the_optimal_hold_the_clocks_run_fast_too() -> None:
    """EXIT_SOONER by itself closes nothing."""
    late = {"optimal_hold_min": 50.0}
    assert rule(60, -0.6, WHOLE) is None
    assert rule(60, -0.6, WHOLE, **late) == "time_exit"
    assert rule(60, -0.4, WHOLE, **late) is None
    assert rule(60, -0.6, WHOLE, **late, **CROSSED) == "time_exit"
    assert rule(59.9, -0.6, WHOLE, **late, **CROSSED) is None  # once, not twice


def test_the_factor_is_a_setting() -> None:
    slow = ExitParams(ladder=(), acceleration=0.9)
    assert (rule(107.9, -0.6, slow, **CROSSED), rule(108, -0.6, slow, **CROSSED)) == (None, "time_exit")


def test_an_extended_hold_stretches_the_time_limits() -> None:
    """A learned hold that long, else the limits come first; an EMA cross halves what was stretched."""
    running = {**RUNNING, "optimal_hold_min": 500.0}
    assert rule(179.9, -0.6, WHOLE, **running) is None
    assert rule(180, -0.6, WHOLE, **running) == "time_exit"
    assert rule(90, -0.6, WHOLE, **running, **CROSSED) == "time_exit"


def test_only_stops_act_within_grace() -> None:
    """SPEC 7.5; what the others want is recorded all the same."""
    assert frozenset({"hard_stop", "force_exit"}) == GRACELESS
    found = verdict(1, 2.5, **AGAINST, **LEAVE, alignment=0.1)
    assert found.rule is None
    fired = {item.rule for item in found.advice if item.exit_now}
    assert fired == {"exit_now", "profit_target", "strategy", "signal_reversal"}
    assert rule(1, -2.6) == "hard_stop"


# ------------------------------------------------------------ precedence

FIRING: dict[str, dict[str, Any]] = {
    "hard_stop": {"return_pct": -2.5},
    "force_exit": {"return_pct": -2.6},
    "exit_now": {"alignment": 0.1},
    "profit_target": {"return_pct": 2.1},
    "time_exit": {"held_s": 500 * 60.0},
    "strategy": LEAVE,
    "signal_reversal": AGAINST,
    "take_profit": {"return_pct": 1.6, "trend_1m": 0.0, "trend_5m": 0.0, "held_s": 601.0},
    "ladder": {"return_pct": 0.9},
}
"""What makes each rule fire."""
TARGET_HIGH = ExitParams(
    profit_targets=(ExitParams().profit_targets[-1],),
    time_exits=(ExitParams().time_exits[0].model_copy(update={"after_min": 480.0, "min_profit_pct": 5.0}),),
    timing=TimingParams(force_exit_loss_pct=2.5),
)


def test_the_table_of_this_test_is_the_precedence() -> None:
    assert [item.rule for item in judge(facts(), ExitParams()).advice] == list(FIRING)
    assert len(RULES) == len(FIRING)


@pytest.mark.parametrize("name", FIRING)
def test_each_rule_decides_when_it_fires_alone_or_is_the_first(name: str) -> None:
    found = judge(facts(12, **FIRING[name]), TARGET_HIGH)
    fired = [item.rule for item in found.advice if item.exit_now]
    assert name in fired
    assert found.rule == fired[0]


def test_the_documentation_has_the_same_table() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "exits.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \d+ \| `(\w+)` \|", page, flags=re.MULTILINE) == list(FIRING)


def test_the_first_of_every_pair_of_rules_decides() -> None:
    """Every pair that can fire together."""
    names, seen = list(FIRING), set()
    for first, second in combinations(names, 2):
        found = judge(facts(12, **{**FIRING[second], **FIRING[first]}), TARGET_HIGH)
        other = judge(facts(12, **{**FIRING[first], **FIRING[second]}), TARGET_HIGH)
        for one in (found, other):
            fired = [item.rule for item in one.advice if item.exit_now]
            if {first, second} <= set(fired):
                seen.add((first, second))
                assert one.rule == fired[0] == min(fired, key=names.index)
    losing = {"hard_stop", "force_exit"}
    winning = {"profit_target", "take_profit", "ladder"}
    never = {(a, b) for a, b in combinations(names, 2) if a in losing and b in winning}
    never |= {("exit_now", "take_profit"), ("force_exit", "exit_now")}  # timing gives one piece of advice
    assert set(combinations(names, 2)) - seen == never


def test_a_stop_beyond_reach_leaves_the_loss_to_timing() -> None:
    """With the stop and the forced exit at the same distance the stop is named; the record shows both."""
    found = verdict(10, -2.6)
    assert [(i.rule, i.exit_now) for i in found.advice][:2] == [("hard_stop", True), ("force_exit", True)]


def test_every_rule_s_advice_is_kept_with_its_numbers() -> None:
    """SPEC 8.8: competing recommendations are recorded."""
    found = verdict(130, -3.0, **AGAINST)
    assert found.rule == "hard_stop"
    assert {item.rule for item in found.advice if item.exit_now} == {
        "hard_stop",
        "force_exit",
        "time_exit",
        "signal_reversal",
    }
    assert all(item.why.code and item.why.numbers for item in found.advice if item.rule != "strategy")
    assert found.timing.advice.value == "FORCE_EXIT"


# ------------------------------------------------------------ parts


def test_the_ladder_takes_its_rungs() -> None:
    """SPEC 8.7: 25 % at +0.8 % after 10 min; further rungs at once when the price has run past them."""
    first = verdict(10, 0.8)
    assert (first.rule, first.part, first.rung) == ("ladder", Decimal("0.25"), 0)
    assert rule(9.9, 0.8) is None
    assert rule(10, 0.799) is None
    both = verdict(21, 1.4)
    assert (both.rule, both.part, both.rung) == ("ladder", Decimal("0.75"), 1)
    last = verdict(21, 1.4, size=Decimal("0.75"))
    assert (last.part, last.rung) == (Decimal("0.50"), 1)


def test_the_last_rung_closes_what_is_left() -> None:
    only = ExitParams(profit_targets=())
    last = verdict(30, 2.0, only, size=Decimal("0.25"))
    assert (last.rule, last.part, last.rung) == ("ladder", None, 2)


def test_an_extended_hold_suppresses_the_ladder() -> None:
    found = verdict(10, 0.8, **RUNNING)
    assert (found.rule, found.timing.advice.value) == (None, "HOLD_EXTENDED")
    assert found.advice[-1].why.code == "suppressed"


FADING: dict[str, Any] = {"trend_1m": 0.0, "trend_5m": 0.0}


def test_take_profit_takes_the_next_rung_whatever_it_asks_for() -> None:
    """Age and target of the rung do not matter."""
    far = ExitParams(
        ladder=(Rung(share_pct=40, profit_pct=5, after_min=999), Rung(share_pct=60, profit_pct=9, after_min=999))
    )
    found = verdict(6, 1.6, far, **FADING)
    assert (found.rule, found.part, found.rung) == ("take_profit", Decimal("0.4"), 0)
    rest = verdict(6, 1.6, far, **FADING, size=Decimal("0.6"))
    assert (rest.rule, rest.part, rest.rung) == ("take_profit", None, 1)


def test_take_profit_without_a_ladder_closes_the_whole() -> None:
    found = verdict(6, 1.6, WHOLE, **FADING)
    assert (found.rule, found.part, found.rung) == ("take_profit", None, None)
    tiny = {"entry_size": Decimal("0.001"), "size": Decimal("0.001")}
    assert verdict(6, 1.6, **FADING, **tiny).part is None


def test_leaving_now_closes_all_that_is_left() -> None:
    found = verdict(21, 1.45, alignment=0.1, size=Decimal("0.75"))
    assert (found.rule, found.part) == ("exit_now", None)


def test_a_short_sees_the_market_the_other_way_round() -> None:
    """Facts are signed for us; only the flow's direction is not."""
    short = replace(facts(31, 0.6), direction=Direction.SHORT, **STRONG)
    assert judge(short, WHOLE).rule == "profit_target"
    assert judge(replace(short, return_pct=0.4), WHOLE).rule == "signal_reversal"
    agreeing = replace(short, flow_direction=Direction.SHORT)
    assert judge(agreeing, WHOLE).rule is None
