"""The components that need candles and books only, and what all components add up to."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import BTC, ETH, a_snapshot, a_symbol, candles_of, samples_of
from tradingbot.core.types import Conviction, Direction
from tradingbot.market.indicators import order_flow_imbalance
from tradingbot.market.log_ticks import log_ticks
from tradingbot.market.minute_features import hurst_of_sums, hurst_sums
from tradingbot.signals.btc_lead_lag import btc_lead_lag
from tradingbot.signals.component import ComponentReading
from tradingbot.signals.hurst import hurst
from tradingbot.signals.ofi_momentum import ofi_momentum
from tradingbot.signals.params import ConvictionParams, LeadLagParams, SignalParams
from tradingbot.signals.predictive_flow_engine import aligned_confidence, conviction_of, flow_signal, majority


def walk(seed: int, count: int, persistence: float = 0.0) -> np.ndarray:
    """A price path whose minute returns follow each other by `persistence`."""
    noise = np.random.default_rng(seed).normal(0, 0.001, count)
    steps = np.zeros(count)
    for i in range(1, count):
        steps[i] = persistence * steps[i - 1] + noise[i]
    return 2000 * np.exp(np.cumsum(steps))


def reading(name: str, direction: Direction, confidence: float = 0.5) -> ComponentReading:
    return ComponentReading(name, direction, confidence, None, None, ())


# ---------------------------------------------------------------- hurst


@pytest.mark.parametrize(("persistence", "low", "high"), [(0.0, 0.42, 0.58), (0.6, 0.6, 1.0), (-0.6, 0.0, 0.4)])
def test_hurst_knows_trend_from_reversion(persistence: float, low: float, high: float) -> None:
    """A random walk is at one half, a persistent one above, a reverting one below."""
    logs = log_ticks(walk(7, 2000, persistence))
    exponent = hurst_of_sums(hurst_sums(logs, 20), len(logs))
    assert exponent is not None
    assert low < exponent < high


def test_hurst_follows_a_persistent_rise_and_fades_a_reverting_one() -> None:
    """SPEC 4.3."""
    rising = walk(1, 400, 0.7) * np.exp(np.concatenate((np.zeros(370), np.linspace(0, 0.02, 30))))
    assert hurst(a_snapshot(a_symbol(closes=rising)), ETH, SignalParams()).direction is Direction.LONG
    choppy = walk(2, 400, -0.7)
    choppy[-30:] *= np.exp(np.linspace(0, 0.01, 30))
    assert hurst(a_snapshot(a_symbol(closes=choppy)), ETH, SignalParams()).direction is Direction.SHORT


@pytest.mark.parametrize(("count", "code"), [(50, "too_few_candles"), (400, "flat_prices")])
def test_hurst_says_why_it_is_silent(count: int, code: str) -> None:
    """Too little or constant data is NEUTRAL with the reason."""
    said = hurst(a_snapshot(a_symbol(closes=(2000.0,) * count)), ETH, SignalParams())
    assert (said.direction, said.confidence, said.reasons[0].code) == (Direction.NEUTRAL, 0.0, code)


# ---------------------------------------------------------------- lead-lag


def lagging_pair(lag: int, last_btc_moves: list[float]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    btc = rng.normal(0, 0.001, 400)
    btc[-len(last_btc_moves) :] = last_btc_moves
    eth = rng.normal(0, 0.0005, 400)
    eth[lag:] += btc[:-lag]
    return 50_000 * np.exp(np.cumsum(btc)), 2000 * np.exp(np.cumsum(eth))


@pytest.mark.parametrize(("move", "direction"), [(0.004, Direction.LONG), (-0.004, Direction.SHORT)])
def test_lead_lag_expects_what_btc_did(move: float, direction: Direction) -> None:
    """The symbol follows BTC two minutes late; BTC has just moved."""
    btc, eth = lagging_pair(2, [move, move])
    snapshot = a_snapshot(a_symbol(BTC, btc), a_symbol(ETH, eth))
    said = btc_lead_lag(snapshot, ETH, SignalParams())
    assert said.direction is direction
    assert dict(said.reasons[0].numbers)["lag_min"] == 2


def test_lead_lag_is_silent_without_significance() -> None:
    """Independent walks give no opinion."""
    snapshot = a_snapshot(a_symbol(BTC, walk(11, 400)), a_symbol(ETH, walk(12, 400)))
    assert (
        btc_lead_lag(snapshot, ETH, SignalParams(lead_lag=LeadLagParams(min_t_statistic=4))).reasons[0].code
        == "no_significant_lag"
    )


def test_the_leader_does_not_lead_itself() -> None:
    """BTC has no lead over BTC."""
    assert btc_lead_lag(a_snapshot(a_symbol(BTC)), BTC, SignalParams()).reasons[0].code == "is_the_leader"


def test_lead_lag_uses_common_minutes_only() -> None:
    """A gap in one series does not shift the other."""
    btc, eth = lagging_pair(2, [0.004, 0.004])
    gap = candles_of(eth)
    keep = np.ones(len(gap), dtype=bool)
    keep[100:110] = False
    cut = type(gap)(
        gap.symbol,
        gap.timeframe,
        *(getattr(gap, n)[keep] for n in ("open_ms", "open", "high", "low", "close", "volume")),
    )
    snapshot = a_snapshot(a_symbol(BTC, btc), a_symbol(ETH, eth, candles=cut))
    assert btc_lead_lag(snapshot, ETH, SignalParams()).direction is Direction.LONG


# ---------------------------------------------------------------- order flow


def test_order_flow_imbalance_counts_cont_kukanov_stoikov() -> None:
    """A higher bid adds its size, a lower one takes the old size away; the ask mirrors it."""
    flow = order_flow_imbalance(
        np.array([100.0, 101.0, 101.0]),
        np.array([5.0, 7.0, 4.0]),
        np.array([102.0, 102.0, 103.0]),
        np.array([3.0, 3.0, 6.0]),
    )
    assert flow.tolist() == [7.0, -3.0 + 3.0]


@pytest.mark.parametrize(("sign", "direction"), [(1, Direction.LONG), (-1, Direction.SHORT)])
def test_rising_pressure_at_the_touch_is_momentum(sign: int, direction: Direction) -> None:
    """Bids that grow in the last minute are buying pressure."""
    growing, flat = [10.0] * 20 + [16, 22, 28, 34, 40, 46], [10.0] * 26
    bid, ask = (growing, flat) if sign > 0 else (flat, growing)
    said = ofi_momentum(a_snapshot(a_symbol(samples=samples_of(bid, ask))), ETH, SignalParams())
    assert said.direction is direction
    assert 0 < said.confidence <= 1


def test_order_flow_is_silent_without_samples() -> None:
    """No samples, no opinion."""
    assert ofi_momentum(a_snapshot(a_symbol()), ETH, SignalParams()).reasons[0].code == "too_few_book_samples"


# ---------------------------------------------------------------- alignment, confidence, conviction

L, S, N = Direction.LONG, Direction.SHORT, Direction.NEUTRAL


@pytest.mark.parametrize(
    ("votes", "expected"),
    [((L, L, N), L), ((L, S, N), N), ((L, N, N), N), ((S, S, L), S), ((N, N, N), N)],
)
def test_the_majority_of_at_least_two_decides(votes: tuple[Direction, ...], expected: Direction) -> None:
    """SPEC 4.4: a tie and a single vote are NEUTRAL."""
    names = ("ofi_momentum", "hurst", "btc_lead_lag")
    assert majority([reading(n, v) for n, v in zip(names, votes, strict=True)], 2)[0] is expected


def test_confidence_nets_the_opposition() -> None:
    """(0.06 x 0.9 + 0.08 x 0.5 - 0.08 x 0.4) / 0.22."""
    readings = [reading("ofi_momentum", L, 0.9), reading("hurst", L, 0.5), reading("btc_lead_lag", S, 0.4)]
    assert aligned_confidence(readings, L, SignalParams().weights.model_dump()) == pytest.approx(
        (0.054 + 0.04 - 0.032) / 0.22
    )


@pytest.mark.parametrize(
    ("aligned", "confidence", "expected"),
    [
        (4, 0.6, Conviction.HIGH),
        (4, 0.59, Conviction.MEDIUM),
        (3, 0.4, Conviction.MEDIUM),
        (3, 0.39, Conviction.LOW),
        (2, 0.3, Conviction.LOW),
        (2, 0.29, Conviction.NONE),
        (1, 1.0, Conviction.NONE),
    ],
)
def test_conviction_levels(aligned: int, confidence: float, expected: Conviction) -> None:
    """SPEC 4.5."""
    assert conviction_of(aligned, confidence, ConvictionParams())[0] is expected


def test_a_signal_is_a_function_of_its_snapshot() -> None:
    """The same snapshot gives the same signal, whatever ran before."""
    btc, eth = lagging_pair(1, [0.004, 0.004])
    snapshot = a_snapshot(a_symbol(BTC, btc), a_symbol(ETH, eth))
    assert flow_signal(snapshot, ETH, SignalParams()) == flow_signal(snapshot, ETH, SignalParams())
