"""The probability of overfitting is what constructed cases demand, and what the definition gives step by step."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from tradingbot.research.backtest.overfitting import overfitting_of, spread_of


def noise(seed: int, days: int = 320, variants: int = 20) -> np.ndarray:
    return 0.01 * np.random.default_rng(seed).standard_normal((days, variants))


def test_it_is_what_the_definition_gives_step_by_step() -> None:
    returns = noise(1, days=49, variants=7) + 0.002
    blocks = np.array_split(returns[1:], 6)
    ranks, there_all = [], []
    for chosen in combinations(range(6), 3):
        here = np.concatenate([blocks[place] for place in chosen])
        there = np.concatenate([blocks[place] for place in range(6) if place not in chosen])
        best = int((here.mean(0) / here.std(0, ddof=1)).argmax())
        proven = there.mean(0) / there.std(0, ddof=1)
        ranks.append(stats.rankdata(proven)[best] / 8)
        there_all.append(proven[best])
    found = overfitting_of(returns, blocks=6)
    assert (found.variants, found.days, found.splits) == (7, 48, 20)
    assert found.probability == pytest.approx(np.mean([np.log(rank / (1 - rank)) <= 0 for rank in ranks]))
    assert found.median_rank == pytest.approx(np.median(ranks))
    assert found.probability_of_loss == pytest.approx(np.mean(np.array(there_all) < 0))


def test_a_choice_among_noise_is_as_good_as_drawing_lots() -> None:
    found = [overfitting_of(noise(seed), blocks=10).probability for seed in range(40)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.07)


def test_a_variant_that_is_truly_better_is_no_overfitting() -> None:
    returns = noise(3)
    returns[:, 4] += 0.004
    found = overfitting_of(returns)
    assert (found.probability, found.probability_of_loss, found.splits) == (0.0, 0.0, 12_870)


def test_variants_that_are_best_in_one_half_alone_are_all_overfitting() -> None:
    """Each shines in some blocks by exactly what it loses in the others: the better here, the worse there."""
    returns = noise(5, days=320, variants=16)
    for place in range(16):
        returns[:, place] -= returns[:, place].mean()
    found = overfitting_of(returns, blocks=8)
    assert found.probability > 0.8
    assert found.slope is not None
    assert found.slope < 0


def test_equal_variants_share_a_rank_and_still_ones_have_no_ratio() -> None:
    same = np.repeat(noise(2, variants=1), 4, axis=1)
    assert overfitting_of(same, blocks=4).median_rank == 0.5
    still = overfitting_of(np.zeros((40, 3)), blocks=4)
    assert (still.probability, still.slope) == (1.0, None)


def test_the_spread_over_variants_is_that_of_their_ratios() -> None:
    returns = noise(6, variants=5)
    returns[:, 4] = 0.0
    moved = returns[:, :4]
    assert spread_of(returns) == pytest.approx(np.std(moved.mean(0) / moved.std(0, ddof=1), ddof=1))
    assert spread_of(returns[:, 4:]) == 0.0


def test_what_cannot_be_examined_is_refused() -> None:
    for returns, blocks, said in (
        (np.zeros((40, 1)), 4, "two variants"),
        (np.zeros(40), 4, "two variants"),
        (np.zeros((40, 3)), 5, "even number"),
        (np.zeros((7, 3)), 4, "7 days"),
        (np.full((40, 3), np.nan), 4, "not a number"),
    ):
        with pytest.raises(ValueError, match=said):
            overfitting_of(returns, blocks)
