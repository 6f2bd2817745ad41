"""Means of overlapping samples: the error is right where the answer is known, and never pretends independence."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tradingbot.research.overlap import LEAST_BLOCKS, chance_beyond, mean_over_blocks


def spelled_out(values: list[float], blocks: list[int]) -> float:
    """The same standard error, written as its definition says it, pair of samples by pair of samples."""
    mean = sum(values) / len(values)
    same = near = 0.0
    for one, its in zip(values, blocks, strict=True):
        for other, others in zip(values, blocks, strict=True):
            product = (one - mean) * (other - mean)
            same += product if its == others else 0.0
            near += product if abs(its - others) == 1 else 0.0
    groups = len(set(blocks))
    return math.sqrt(groups / (groups - 1) * (same + max(0.0, near))) / len(values)


def estimate_of(values: list[float], blocks: list[int]):  # type: ignore[no-untyped-def]
    found = mean_over_blocks(np.array(values, np.float64), np.array(blocks, np.int64))
    assert found is not None
    return found


def test_by_hand_two_blocks() -> None:
    """Deviations -2, -1 in one block and 1, 2 in another that is no neighbour: sums -3 and 3."""
    found = estimate_of([1.0, 2.0, 4.0, 5.0], [0, 0, 7, 7])
    assert found.mean == 3.0
    assert found.error == pytest.approx(math.sqrt(2 / 1 * (9 + 9)) / 4)
    assert (found.count, found.blocks, found.even_blocks) == (4, 2, 2.0)


def test_every_sample_its_own_block_gives_the_usual_error_of_a_mean() -> None:
    values = np.random.default_rng(2).normal(1, 3, 500)
    found = estimate_of(values.tolist(), (2 * np.arange(500)).tolist())
    assert found.error == pytest.approx(float(values.std(ddof=1)) / math.sqrt(500))
    assert found.t() == pytest.approx(float(values.mean()) / found.error)


@pytest.mark.parametrize("seed", range(6))
def test_the_error_is_that_of_an_independent_computation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = np.sort(rng.integers(0, 15, 120))
    values = rng.normal(0, 1, 120) + np.sin(blocks / 3)
    found = estimate_of(values.tolist(), blocks.tolist())
    assert found.error == pytest.approx(spelled_out(values.tolist(), blocks.tolist()))


def test_neighbours_that_move_together_make_the_error_larger_and_never_smaller() -> None:
    together, apart = [2.0, 2.0, -2.0, -2.0], [2.0, -2.0, 2.0, -2.0]
    lonely = estimate_of(together, [0, 2, 4, 6]).error
    assert estimate_of(together, [0, 1, 2, 3]).error > lonely
    assert estimate_of(apart, [0, 1, 2, 3]).error == lonely


def test_one_block_has_no_error_and_no_values_no_mean() -> None:
    assert estimate_of([1.0, 2.0], [3, 3]).error is None
    assert mean_over_blocks(np.empty(0), np.empty(0, np.int64)) is None


def test_few_blocks_or_one_that_holds_nearly_everything_give_no_t() -> None:
    values = np.random.default_rng(1).normal(0, 1, 200).tolist()
    assert estimate_of(values[: LEAST_BLOCKS - 1], list(range(LEAST_BLOCKS - 1))).t() is None
    assert estimate_of(values[:LEAST_BLOCKS], list(range(LEAST_BLOCKS))).t() is not None
    lopsided = estimate_of(values, [0] * 180 + list(range(1, 21)))
    assert lopsided.blocks == 21
    assert lopsided.even_blocks == pytest.approx(200**2 / (180**2 + 20))
    assert lopsided.t() is None


def test_equal_values_have_no_t() -> None:
    assert estimate_of([1.0] * 20, list(range(20))).t() is None


def test_always_long_on_a_random_walk_is_rarely_significant_although_its_windows_overlap() -> None:
    """Sixty-minute returns every minute: taken as independent, most walks would look like a discovery."""
    horizon, count, found, naive = 60, 1500, 0, 0
    for seed in range(200):
        walk = np.cumsum(np.random.default_rng(seed).normal(0, 1, count + horizon))
        forward = walk[horizon:] - walk[:-horizon]
        estimate = estimate_of(forward.tolist(), (np.arange(count) // horizon).tolist())
        found += abs(estimate.t() or 0.0) > 2
        naive += abs(forward.mean() / forward.std() * math.sqrt(count)) > 2
    assert naive > 100
    assert found < 30


@pytest.mark.parametrize(
    ("limit", "freedom", "chance"),
    [(1.0, 1, 0.5), (12.706, 1, 0.05), (2.228, 10, 0.05), (2.0, 100_000, 0.0455), (0.0, 5, 1.0)],
)
def test_the_chance_beyond_a_limit_is_that_of_students_table(limit: float, freedom: int, chance: float) -> None:
    assert chance_beyond(limit, freedom) == pytest.approx(chance, abs=2e-4)
