"""Below 30 trades and 7 days nothing is decided about a symbol, and what is missing is said (SPEC 10.7)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders_trades import a_trade
from tests.support import ETH, NOW
from tradingbot.engine.learning_models import VenueMetadata
from tradingbot.learning.allocation import Allocations, Readiness, SymbolAllocation, allocated, judged
from tradingbot.learning.params import AllocationLearningParams, VenueAgeParams
from tradingbot.learning.sample_readiness import missing, sample_readiness
from tradingbot.learning.trade_facts import facts_of
from tradingbot.learning.venue_period import clamped, venue_period

NEED, PARAMS = Readiness(30, 7.0), AllocationLearningParams()


def after(nets: list[int], days: float) -> Allocations:
    """The allocations after trades that are spread evenly over some days."""
    known, gap = Allocations(), timedelta(days=days) / max(1, len(nets) - 1)
    for number, net in enumerate(nets):
        facts = facts_of(a_trade(number, str(net), closed=NOW + gap * number))
        known = allocated(known, facts, NEED, PARAMS)
    return known


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40), st.floats(0, 20))
def test_the_share_moves_only_with_thirty_trades_and_seven_days(nets: list[int], days: float) -> None:
    known = after(nets, days)
    one = sample_readiness(known, NOW, NEED)[ETH]
    enough = len(nets) >= 30 and known.symbols[ETH].days_active >= 7
    assert one.ready is enough
    assert (one.missing == "") is enough
    assert (one.sample_readiness_pct == 100) is enough
    for share in (one.allocation_multiplier, known.symbols[ETH].allocation_multiplier):
        assert PARAMS.min_multiplier <= share <= PARAMS.max_multiplier
        assert enough or share == 1.0


@given(st.integers(0, 29), st.floats(0, 400), st.floats(-1e4, 1e4))
def test_a_file_that_claims_readiness_is_not_believed(trades: int, days: float, total_bps: float) -> None:
    """Of an older requirement, or edited: today's requirement judges."""
    claimed = SymbolAllocation(trades, NOW, NOW, days, 100.0, True, 1.5, total_bps=total_bps, squares_bps=total_bps**2)
    book = Allocations({ETH: claimed})
    assert judged(book, NEED, PARAMS).symbols[ETH].allocation_multiplier == 1.0
    assert not judged(book, NEED, PARAMS).symbols[ETH].ready
    assert sample_readiness(book, NOW, NEED)[ETH].allocation_multiplier == 1.0


def test_judging_again_by_the_same_requirement_changes_nothing() -> None:
    known = after([5, -3] * 20, 9)
    assert known.symbols[ETH].allocation_multiplier != 1.0
    assert judged(known, NEED, PARAMS) == known


@pytest.mark.parametrize(
    ("trades", "days", "text"),
    [
        (18, 3.8, "12 trades, 3.2 days"),
        (29, 8.0, "1 trade"),
        (30, 6.99, "0.1 days"),
        (0, 0.0, "30 trades, 7.0 days"),
        (30, 7.0, ""),
    ],
)
def test_what_is_missing_is_said(trades: int, days: float, text: str) -> None:
    assert missing(trades, days, NEED) == text


def test_days_since_the_last_trade_are_counted_to_now() -> None:
    one = sample_readiness(after([1, 2], 2.0), NOW + timedelta(days=5), NEED)[ETH]
    assert (one.trade_count, one.days_active, one.days_since_last) == (2, pytest.approx(2.0), pytest.approx(3.0))
    assert one.first_trade_at == NOW


# ------------------------------------------------------------ age of the venue

METADATA = VenueMetadata(venue="kraken_futures", since=NOW, period=2)
AGE = VenueAgeParams()


def at(days: float) -> datetime:
    return NOW + timedelta(days=days)


@pytest.mark.parametrize(
    ("days", "is_new", "clamp_pct"), [(0, True, 10), (13.99, True, 10), (14, False, 20), (400, False, 20)]
)
def test_the_first_fortnight_is_careful(days: float, is_new: bool, clamp_pct: float) -> None:
    found = venue_period(METADATA, at(days), 14, AGE)
    assert (found.is_new, found.clamp_pct, found.period, found.venue) == (is_new, clamp_pct, 2, "kraken_futures")
    assert found.days == pytest.approx(days)
    assert found.early_days_left == pytest.approx(max(0.0, 14 - days))


def test_a_moment_before_the_beginning_is_its_beginning() -> None:
    assert venue_period(METADATA, at(-1), 14, AGE).days == 0.0


@given(st.floats(-5, 5), st.floats(-5, 5), st.sampled_from([10.0, 20.0]))
def test_a_weight_moves_at_most_by_the_clamp(old: float, wanted: float, clamp_pct: float) -> None:
    new = clamped(old, wanted, clamp_pct)
    room = abs(old) * clamp_pct / 100
    assert abs(new - old) <= room + 1e-12
    assert new == wanted or abs(new - old) == pytest.approx(room)


def test_the_early_clamp_must_be_the_smaller_one() -> None:
    with pytest.raises(ValueError, match="early clamp"):
        VenueAgeParams(early_clamp_pct=30)
