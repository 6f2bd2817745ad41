"""The ladder (SPEC 8.7): sizes on contract steps, and what follows from sizes alone."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.exits.builders import facts
from tradingbot.exits.ladder import Part, open_parts, rung_sizes
from tradingbot.exits.params import ExitParams, Rung

D = Decimal
RUNGS = ExitParams().ladder


def ladder_of(*shares: float) -> tuple[Rung, ...]:
    return tuple(Rung(share_pct=share, profit_pct=n + 1, after_min=0) for n, share in enumerate(shares))


@pytest.mark.parametrize(
    ("entry", "step", "minimum", "expected"),
    [
        ("1", "0.001", "0.001", ["0.25", "0.5", "0.25"]),
        ("0.003", "0.001", "0.001", ["0", "0.002", "0.001"]),  # the first rung is too small and joins the next
        ("0.001", "0.001", "0.001", ["0", "0", "0.001"]),
        ("0.007", "0.001", "0.001", ["0.001", "0.004", "0.002"]),  # rounded down, the last takes the rest
        ("10", "1", "3", ["0", "7", "3"]),
        ("10", "1", "4", ["0", "10", "0"]),  # what the second would leave is too small: it takes all
        ("4", "1", "4", ["0", "0", "4"]),
        ("100", "10", "10", ["20", "50", "30"]),
        ("0", "1", "1", ["0", "0", "0"]),
    ],
)
def test_rungs_obey_step_and_minimum(entry: str, step: str, minimum: str, expected: list[str]) -> None:
    assert list(rung_sizes(D(entry), D(step), D(minimum), RUNGS)) == [D(size) for size in expected]


def test_no_rungs_no_sizes() -> None:
    assert rung_sizes(D(1), D("0.1"), D("0.1"), ()) == ()


@given(
    st.integers(1, 5_000),
    st.sampled_from(["0.0001", "0.001", "0.1", "1", "10"]),
    st.integers(1, 50),
    st.lists(st.floats(0.5, 100), min_size=1, max_size=6),
)
def test_rungs_always_add_up_to_the_entry(steps: int, step: str, minimum_steps: int, weights: list[float]) -> None:
    """Exactly, in steps, none too small for an order unless the whole is."""
    shares = [weight / sum(weights) * 100 for weight in weights]
    entry, minimum = steps * D(step), minimum_steps * D(step)
    sizes = rung_sizes(entry, D(step), minimum, ladder_of(*shares))
    assert len(sizes) == len(shares)
    assert sum(sizes) == entry
    assert all(size % D(step) == 0 for size in sizes)
    assert all(size == 0 or size >= min(minimum, entry) for size in sizes)


def parts(size: str, entry: str = "1", **changes: object) -> tuple[Part, ...]:
    return open_parts(facts(size=D(size), entry_size=D(entry), **changes), RUNGS)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("1", [(0, "0.25"), (1, "0.75"), (2, "1")]),
        ("0.9", [(0, "0.15"), (1, "0.65"), (2, "0.9")]),  # the first was filled in part
        ("0.75", [(1, "0.5"), (2, "0.75")]),
        ("0.25", [(2, "0.25")]),
        ("0.1", [(2, "0.1")]),
    ],
)
def test_what_is_next_follows_from_what_is_left(size: str, expected: list[tuple[int, str]]) -> None:
    """Whoever closed it: a fill of a rung, a person, the stop."""
    assert parts(size) == tuple(Part(rung, D(part)) for rung, part in expected)


def test_an_entry_that_grew_late_makes_rungs_due_again() -> None:
    """Half of the enlarged position's first rung is taken already."""
    assert parts("1.75", "2")[0] == Part(0, D("0.25"))


def test_a_part_too_small_for_an_order_waits_for_the_next_rung() -> None:
    assert [part.rung for part in parts("0.7505", min_size=D("0.001"), size_step=D("0.0001"))] == [1, 2]


def test_a_rung_that_would_leave_too_little_closes_everything() -> None:
    """After the second rung 0.25 would be left, less than the smallest order."""
    assert open_parts(facts(min_size=D("0.3")), RUNGS) == (Part(1, D(1)),)
    assert open_parts(facts(size=D("0.4"), min_size=D("0.25")), RUNGS) == (Part(2, D("0.4")),)


@given(st.integers(1, 400), st.integers(0, 400), st.integers(1, 60))
def test_parts_grow_up_to_all_that_is_open(entry: int, gone: int, minimum: int) -> None:
    """Never more than is open, never an order that the venue would refuse, the last one closes all."""
    size = D(entry - min(gone, entry - 1))
    found = open_parts(facts(size=size, entry_size=D(entry), size_step=D(1), min_size=D(minimum)), RUNGS)
    assert found[-1].size == size
    assert all(one.size <= two.size and one.rung < two.rung for one, two in pairwise(found))
    assert all(part.size == size or min(part.size, size - part.size) >= minimum for part in found)
