"""Timing intelligence (SPEC 8.1): each advice at its threshold and just beside it; the unknown advises nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exits.builders import RUNNING, facts
from tradingbot.exits.params import TimingParams
from tradingbot.exits.position_timing import Momentum, TimingAdvice, TimingWord, advise, read_momentum

T = TimingAdvice
HOUR = 60


def word(held_min: float = 10, return_pct: float = 0.0, **changes: Any) -> TimingWord:
    return advise(facts(held_min, return_pct, **changes), TimingParams())


def code(held_min: float = 10, return_pct: float = 0.0, **changes: Any) -> tuple[TimingAdvice, str]:
    found = word(held_min, return_pct, **changes)
    return found.advice, found.why.code


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"alignment": 0.75, "entry_alignment": 0.75, "trend_1m": 0.1, "trend_5m": 0.1}, T.HOLD_EXTENDED),
        ({"alignment": 0.749, "entry_alignment": 0.75, "trend_1m": 0.1, "trend_5m": 0.1}, T.HOLD),
        ({"alignment": 0.75, "entry_alignment": 0.75, "trend_1m": 0.09, "trend_5m": 0.1}, T.HOLD),  # weakening
        ({"alignment": 0.75, "entry_alignment": 0.75, "trend_1m": None, "trend_5m": None}, T.HOLD),  # unknown
        ({"alignment": None, "trend_1m": 0.9, "trend_5m": 0.9}, T.HOLD),
    ],
)
def test_a_running_move_is_held_longer(changes: dict[str, Any], expected: TimingAdvice) -> None:
    assert word(**changes).advice is expected


@pytest.mark.parametrize(
    ("now", "entry", "expected"),
    [
        (0.149, 0.3, (T.EXIT_NOW, "alignment_low")),
        (0.15, 0.3, (T.HOLD, "nothing_to_do")),
        (0.10, 0.15, (T.EXIT_NOW, "alignment_low")),
        (0.101, 0.15, (T.HOLD, "nothing_to_do")),  # a fall of less than the noise
        (0.10, 0.149, (T.HOLD, "nothing_to_do")),  # below from the start: that was the idea
        (0.349, 0.6, (T.EXIT_NOW, "alignment_dropped")),
        (0.35, 0.6, (T.HOLD, "nothing_to_do")),
        (0.05, None, (T.HOLD, "nothing_to_do")),
        (None, 0.9, (T.HOLD, "nothing_to_do")),
    ],
)
def test_a_fall_of_alignment_closes(now: float | None, entry: float | None, expected: tuple[TimingAdvice, str]) -> None:
    """Below its limit only when it fell there since entry; an unknown side of the comparison closes nothing."""
    assert code(alignment=now, entry_alignment=entry) == expected


@pytest.mark.parametrize(
    ("held_min", "trend", "entry", "expected"),
    [
        (5, -0.3, 0.6, T.EXIT_NOW),
        (4.99, -0.3, 0.6, T.HOLD),
        (5, -0.299, 0.6, T.HOLD),
        (5, -0.3, 0.5, T.EXIT_NOW),
        (5, -0.3, 0.49, T.HOLD),  # an entry against the trend: nothing has turned
        (5, -0.3, None, T.HOLD),
    ],
)
def test_a_reversal_of_momentum_closes_after_five_minutes(
    held_min: float, trend: float, entry: float | None, expected: TimingAdvice
) -> None:
    found = word(held_min, trend_1m=trend, trend_5m=trend, entry_alignment=entry, alignment=entry)
    assert (found.advice, found.momentum is Momentum.REVERSED) == (expected, trend <= -0.3)


@pytest.mark.parametrize(
    ("held_min", "return_pct", "trend", "expected"),
    [
        (5, 1.51, 0.05, T.TAKE_PROFIT),
        (5, 1.5, 0.05, T.HOLD),
        (4.99, 1.51, 0.05, T.HOLD),
        (5, 1.51, 0.1, T.HOLD),  # continuing
        (5, 1.51, None, T.HOLD),  # unknown
    ],
)
def test_a_gain_is_taken_when_momentum_weakens(
    held_min: float, return_pct: float, trend: float | None, expected: TimingAdvice
) -> None:
    assert word(held_min, return_pct, trend_1m=trend, trend_5m=trend).advice is expected


def test_a_reversed_market_takes_the_profit_of_an_entry_against_the_trend() -> None:
    """Its momentum was never with it; the gain is there all the same."""
    against = {"alignment": 0.4, "entry_alignment": 0.4, "trend_1m": -0.5, "trend_5m": -0.5}
    assert word(10, 1.6, **against).advice is T.TAKE_PROFIT


@pytest.mark.parametrize(
    ("peak_pct", "return_pct", "weakening"),
    [(2.0, 1.6, True), (2.0, 1.601, False), (0.5, 0.4, True), (0.499, 0.1, False), (0.0, -1.0, False)],
)
def test_giving_back_a_share_of_the_peak_is_weakening(peak_pct: float, return_pct: float, weakening: bool) -> None:
    """Also where no trend is known."""
    rising = facts(10, return_pct, peak_return_pct=peak_pct, trend_1m=0.5, trend_5m=0.5)
    assert (read_momentum(rising, TimingParams()) is Momentum.WEAKENING) == weakening
    blind = facts(10, return_pct, peak_return_pct=peak_pct, trend_1m=None, trend_5m=None)
    assert (read_momentum(blind, TimingParams()) is Momentum.WEAKENING) == weakening


def test_momentum_of_one_frame_is_that_frame() -> None:
    assert read_momentum(facts(trend_1m=None, trend_5m=-0.3), TimingParams()) is Momentum.REVERSED


@pytest.mark.parametrize(("return_pct", "expected"), [(-2.51, T.FORCE_EXIT), (-2.5, T.HOLD)])
def test_a_loss_beyond_its_limit_forces_the_exit(return_pct: float, expected: TimingAdvice) -> None:
    """At once: no five minutes."""
    assert word(0.5, return_pct).advice is expected


@pytest.mark.parametrize(
    ("held_min", "changes", "expected"),
    [
        (480, {}, T.HOLD),
        (480.1, {}, T.EXIT_SOONER),
        (30.1, {"optimal_hold_min": 30.0}, T.EXIT_SOONER),
        (480.1, {"optimal_hold_min": 490.0}, T.HOLD),
        (720, RUNNING, T.HOLD_EXTENDED),
        (720.1, RUNNING, T.EXIT_SOONER),
        (45.1, {**RUNNING, "optimal_hold_min": 30.0}, T.EXIT_SOONER),
    ],
)
def test_beyond_the_optimal_hold_it_is_left_sooner(
    held_min: float, changes: dict[str, Any], expected: TimingAdvice
) -> None:
    """The learned hold of symbol and direction, else the setting; half as long again while the market runs with it."""
    assert word(held_min, **changes).advice is expected


URGENT_FIRST: list[tuple[TimingAdvice, dict[str, Any]]] = [
    (T.FORCE_EXIT, {"return_pct": -3.0}),
    (T.EXIT_NOW, {"alignment": 0.2, "entry_alignment": 0.9}),
    (T.EXIT_SOONER, {"held_s": 500.0 * 60}),
]


@pytest.mark.parametrize("first", range(len(URGENT_FIRST)))
def test_the_more_urgent_advice_is_given(first: int) -> None:
    merged: dict[str, Any] = {}
    for _, changes in URGENT_FIRST[first:]:
        merged |= changes
    assert advise(facts(10, **merged), TimingParams()).advice is URGENT_FIRST[first][0]


def test_leaving_now_goes_before_taking_profit_and_that_before_leaving_sooner() -> None:
    fading = {"trend_1m": 0.0, "trend_5m": 0.0}
    assert word(500, 1.6, **fading).advice is T.TAKE_PROFIT
    assert word(500, 1.6, **fading, alignment=0.2, entry_alignment=0.9).advice is T.EXIT_NOW


def test_the_unknown_is_recorded_as_unknown() -> None:
    numbers = dict(word(alignment=None, trend_1m=None, trend_5m=None).why.numbers)
    names = ("alignment", "alignment_change", "trend", "momentum", "learned_hold_min")
    assert {numbers[name] for name in names} == {"unknown"}
    assert numbers["entry_alignment"] == 0.6


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="momentum cannot continue"):
        TimingParams(continuing_trend=-0.4, reversed_trend=0.3)
