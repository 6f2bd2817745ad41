"""Correlations of pairs against numpy's, with holes; clusters through others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support import BTC, ETH, candles_of
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.market.candles import Candles
from tradingbot.market.comovement import Correlations, correlations

SOL = Symbol("SOLUSDT")


def hours(symbol: Symbol, returns: np.ndarray) -> Candles:
    return candles_of(100 * np.exp(np.cumsum(np.concatenate(([0.0], returns)))), symbol, timeframe=Timeframe.H1)


def test_they_are_pearsons() -> None:
    """Of the newest 168 returns, to rounding."""
    rng = np.random.default_rng(1)
    one = rng.normal(0, 0.01, 200)
    two = 0.5 * one + rng.normal(0, 0.01, 200)
    found = correlations({BTC: hours(BTC, one), ETH: hours(ETH, two)}, 168, 48)
    assert found.of(BTC, ETH) == pytest.approx(np.corrcoef(one[-168:], two[-168:])[0, 1], abs=1e-9)
    assert found.of(ETH, BTC) == found.of(BTC, ETH)
    assert found.of(BTC, BTC) == 1.0


def test_holes_are_left_out_pair_by_pair() -> None:
    """A missing hour takes two returns of its symbol away, nothing else."""
    rng = np.random.default_rng(2)
    one, two = rng.normal(0, 0.01, (2, 200))
    whole, holed = hours(BTC, one), hours(ETH, two)
    keep = np.arange(len(holed)) != 150
    columns = ("open_ms", "open", "high", "low", "close", "volume")
    cut = replace(holed, **{name: getattr(holed, name)[keep] for name in columns})
    both = np.ones(200, dtype=bool)
    both[[149, 150]] = False
    both[: 200 - 168] = False
    found = correlations({BTC: whole, ETH: cut}, 168, 48)
    assert found.of(BTC, ETH) == pytest.approx(np.corrcoef(one[both], two[both])[0, 1], abs=1e-9)


def test_what_is_too_short_or_does_not_move_is_unknown() -> None:
    """No number is made up."""
    rng = np.random.default_rng(3)
    one = rng.normal(0, 0.01, 200)
    found = correlations({BTC: hours(BTC, one), ETH: hours(ETH, np.zeros(200)), SOL: hours(SOL, one[:40])}, 168, 48)
    assert (found.of(BTC, ETH), found.of(BTC, SOL), found.of(BTC, Symbol("XUSDT"))) == (None, None, None)
    assert correlations({}, 168, 48).of(BTC, ETH) is None


def test_a_cluster_reaches_through_others() -> None:
    """BTC - ETH - SOL are linked although BTC and SOL are not; an unknown symbol is linked with all."""
    matrix = np.array(((1.0, 0.8, 0.1), (0.8, 1.0, 0.75), (0.1, 0.75, 1.0)))
    found = Correlations({BTC: 0, ETH: 1, SOL: 2}, matrix)
    assert found.cluster(BTC, 0.7, frozenset({ETH, SOL})) == {ETH, SOL}
    assert found.cluster(BTC, 0.7, frozenset({SOL})) == frozenset()
    assert found.cluster(BTC, 0.7, frozenset({Symbol("XUSDT")})) == {"XUSDT"}
