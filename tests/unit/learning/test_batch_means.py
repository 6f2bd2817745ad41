"""The error of a mean of values that overlap is that of its blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tradingbot.learning.batch_means import NOTHING, batch_mean, blocks_of, soft


def test_one_value_per_block_is_the_ordinary_error() -> None:
    """With blocks of one the ratio estimator is the textbook's standard error."""
    values = np.array([1.0, 4.0, -2.0, 3.0, 0.5])
    found = batch_mean(values, np.ones(5), np.arange(5))
    assert found.mean == pytest.approx(values.mean())
    assert found.error == pytest.approx(values.std(ddof=1) / math.sqrt(5))
    assert found.t == pytest.approx(found.mean / found.error)
    assert found.interval()[0] == pytest.approx(found.mean - 1.96 * found.error)


def test_repeated_values_do_not_count_as_more() -> None:
    """Sixty copies of a value within a block make the mean no surer than one."""
    chance = np.random.Generator(np.random.PCG64(5))
    values = chance.standard_normal(40)
    one = batch_mean(values, np.ones(40), np.arange(40))
    many = batch_mean(np.repeat(values, 60), np.ones(2400), np.repeat(np.arange(40), 60))
    assert many.error == pytest.approx(one.error)
    assert (many.count, many.blocks) == (2400, 40)


def test_intervals_hold_what_they_promise() -> None:
    """Of overlapping sums of a walk without drift, about 95 % of intervals hold 0; counting rows they would not."""
    held = naive = 0
    for seed in range(200):
        chance = np.random.Generator(np.random.PCG64(seed))
        steps = chance.standard_normal(60 * 100 + 30)
        sums = np.convolve(steps, np.ones(30), mode="valid")[: 60 * 100]
        found = batch_mean(sums, np.ones(len(sums)), np.arange(len(sums)) // 60)
        held += abs(found.t) < 1.96
        naive += abs(sums.mean() / (sums.std() / math.sqrt(len(sums)))) < 1.96
    assert held >= 176
    assert naive < 120


def test_nothing_is_known_of_nothing() -> None:
    """No value, no weight, no number: no mean; one block: no error."""
    nan = np.array([math.nan, 1.0])
    assert batch_mean(nan, np.array([1.0, 0.0]), np.arange(2)) == NOTHING
    alone = batch_mean(np.ones(3), np.ones(3), np.zeros(3, dtype=np.int64))
    assert (alone.error, alone.t, alone.blocks) == (math.inf, 0.0, 1)
    assert blocks_of(np.array([0, 3_599_999, 3_600_000]), 60).tolist() == [0, 0, 1]
    assert (soft(3.0, 1.0), soft(-3.0, 1.0), soft(0.5, 1.0)) == (2.0, -2.0, 0.0)
