"""The pool of voices, its calibration, and the fit of the calibration."""

from __future__ import annotations

import importlib.util
import math
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders_thinking import ETH, NOW
from tradingbot.core.opinions import Opinion
from tradingbot.core.types import Conviction, Direction, iso_utc
from tradingbot.signals.calibration_fit import brier, fit_platt, reliability
from tradingbot.signals.ensemble import EnsembleParams, calibrated, ensemble, flow_probability
from tradingbot.signals.predictive_flow_engine import FlowSignal

PARAMS = EnsembleParams()
SHARP = EnsembleParams(calibration_slope=1.0)


def flow(direction: Direction = Direction.NEUTRAL, confidence: float = 0.0) -> FlowSignal:
    return FlowSignal(ETH, NOW, direction, confidence, 2, 0, Conviction.LOW, 0.5, ())


def voice(probability: float, source: str = "strategy:Any", weight: float = 1.0, horizon_min: float = 60.0) -> Opinion:
    sign = (probability > 0.5) - (probability < 0.5)
    direction = {1: Direction.LONG, -1: Direction.SHORT, 0: Direction.NEUTRAL}[sign]
    return Opinion(source, direction, probability, 0.0, horizon_min, weight, NOW, ())


def test_silence_is_one_half_and_no_move() -> None:
    found = ensemble(flow(), (voice(0.5),), 5.0, EnsembleParams(calibration_intercept=0.3))
    assert (found.probability, found.expected_move_bps, found.direction) == (0.5, 0.0, Direction.NEUTRAL)


@pytest.mark.parametrize("direction", [Direction.LONG, Direction.SHORT])
def test_the_flow_signal_decides_alone_when_nobody_else_speaks(direction: Direction) -> None:
    found = ensemble(flow(direction, 0.8), (), 5.0, PARAMS)
    assert found.direction is direction
    assert found.members[0].weight == 1.0
    assert flow_probability(flow(direction, 0.8), PARAMS) == pytest.approx(0.5 + direction.sign * 0.12)


def test_default_calibration_stays_near_one_half() -> None:
    """Everybody as sure as can be: not above 60 % until a fit has proven more."""
    loud = (voice(0.6), voice(0.99, "model:m1"))
    found = ensemble(flow(Direction.LONG, 1.0), loud, 5.0, PARAMS)
    assert 0.5 < found.probability < 0.6


def test_contributions_add_up_and_weights_are_shares() -> None:
    opinions = (voice(0.55, weight=0.6), voice(0.48, "strategy:Other", 0.4), voice(0.6, "model:m1"))
    found = ensemble(flow(Direction.LONG, 0.5), opinions, 5.0, PARAMS)
    assert sum(member.contribution for member in found.members) == pytest.approx(found.raw_logit)
    assert sum(member.weight for member in found.members) == pytest.approx(1.0)
    assert [member.weight for member in found.members] == pytest.approx([0.45, 0.18, 0.12, 0.25])


def test_a_missing_kind_gives_its_weight_to_the_others() -> None:
    found = ensemble(flow(Direction.LONG, 0.5), (voice(0.55),), 5.0, PARAMS)
    assert [member.weight for member in found.members] == pytest.approx([0.6, 0.4])


def test_a_voice_of_another_horizon_counts_less() -> None:
    """A quarter of the horizon, or four times as much: half."""
    same, short, long = (
        ensemble(flow(), (voice(0.6, horizon_min=minutes),), 5.0, PARAMS).raw_logit for minutes in (60.0, 15.0, 240.0)
    )
    assert short == pytest.approx(same / 2)
    assert long == pytest.approx(same / 2)


def test_expected_move_is_the_mean_move_times_the_edge() -> None:
    found = ensemble(flow(Direction.SHORT, 1.0), (), 5.0, SHARP)
    mean_move = 5.0 * math.sqrt(60) * math.sqrt(2 / math.pi)
    assert found.expected_move_bps == pytest.approx((2 * found.probability - 1) * mean_move)
    assert found.expected_move_bps < 0


sure = st.floats(0, 1)


@given(flow_confidence=st.floats(-1, 1), strategy=sure, model=sure, sigma=st.floats(0, 500))
def test_the_probability_is_bounded_and_mirrors(
    flow_confidence: float, strategy: float, model: float, sigma: float
) -> None:
    """In 0..1, the move has its sign, and the opposite voices give the opposite."""
    direction = Direction.LONG if flow_confidence > 0 else Direction.SHORT
    own, mirror = flow(direction, abs(flow_confidence)), flow(direction.opposite, abs(flow_confidence))
    found = ensemble(own, (voice(strategy), voice(model, "model:m1")), sigma, SHARP)
    other = ensemble(mirror, (voice(1 - strategy), voice(1 - model, "model:m1")), sigma, SHARP)
    assert 0.05 - 1e-9 <= found.probability <= 0.95 + 1e-9
    assert found.probability == pytest.approx(1 - other.probability)
    assert found.expected_move_bps * (found.probability - 0.5) >= 0
    assert found.expected_move_bps == pytest.approx(-other.expected_move_bps)


@given(low=sure, high=sure, rest=sure)
def test_a_surer_voice_never_lowers_the_probability(low: float, high: float, rest: float) -> None:
    below, above = sorted((low, high))
    one, other = (
        ensemble(flow(Direction.LONG, 0.3), (voice(p), voice(rest, "model:m1")), 5.0, SHARP) for p in (below, above)
    )
    assert one.probability <= other.probability + 1e-12


@pytest.mark.parametrize("source", ["flow", "oracle:x", ""])
def test_a_voice_of_an_unknown_kind_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"strategy:<name>"):
        ensemble(flow(), (voice(0.6, source),), 5.0, PARAMS)


@pytest.mark.parametrize("sigma", [-1.0, math.nan, math.inf])
def test_a_broken_volatility_is_refused(sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma_bps"):
        ensemble(flow(), (), sigma, PARAMS)


def test_a_broken_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="within 0 and 1"):
        ensemble(flow(), (voice(math.nan),), 5.0, PARAMS)


def test_without_any_weight_nobody_is_heard() -> None:
    """The flow has none and the others are silent; all three without weight is refused."""
    mute = EnsembleParams(flow_weight=0)
    assert ensemble(flow(Direction.LONG, 1.0), (), 5.0, mute).direction is Direction.NEUTRAL
    with pytest.raises(ValueError, match="at least one weight"):
        EnsembleParams(flow_weight=0, strategy_weight=0, model_weight=0)


# ---------------------------------------------------------------- fit


def made_up(slope: float, intercept: float, count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 1, count)
    return raw, (rng.random(count) < 1 / (1 + np.exp(-(slope * raw + intercept)))).astype(float)


def test_the_fit_finds_what_made_the_data() -> None:
    raw, up = made_up(0.7, -0.2, 20_000)
    fit = fit_platt(raw, up)
    assert fit.converged
    assert abs(fit.slope - 0.7) < 3 * fit.slope_error
    assert abs(fit.intercept + 0.2) < 3 * fit.intercept_error
    assert fit.slope_error == pytest.approx(0.0167, rel=0.1)
    assert brier(fit.probability(raw), up) < 0.25


def test_the_fit_is_the_top_of_the_posterior() -> None:
    """No neighbour is better."""
    raw, up = made_up(0.5, 0.1, 500)
    fit = fit_platt(raw, up, ridge=5.0)

    def posterior(slope: float, intercept: float) -> float:
        z = slope * raw + intercept
        return float(np.sum(up * z - np.logaddexp(0, z))) - 2.5 * (slope**2 + intercept**2)

    best = posterior(fit.slope, fit.intercept)
    for ds, di in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)):
        assert posterior(fit.slope + ds, fit.intercept + di) < best


def test_few_samples_say_little() -> None:
    """The prior holds the slope near zero, also when the data are separable."""
    separable = fit_platt([-1.0, -0.5, 0.5, 1.0], [0, 0, 1, 1])
    assert separable.converged
    assert 0 < separable.slope < 0.2


def test_errors_grow_when_samples_repeat_each_other() -> None:
    """Ten copies of one hundred samples are one hundred samples."""
    raw, up = made_up(0.5, 0.0, 100)
    copies = np.repeat(raw, 10), np.repeat(up, 10)
    naive = fit_platt(*copies, ridge=0.0)
    honest = fit_platt(*copies, ridge=0.0, clusters=np.repeat(np.arange(100), 10))
    single = fit_platt(raw, up, ridge=0.0)
    assert honest.slope == pytest.approx(single.slope)
    assert honest.slope_error == pytest.approx(single.slope_error, rel=0.3)
    assert naive.slope_error < 0.5 * honest.slope_error
    assert honest.clusters == 100


def test_errors_are_never_below_those_of_independent_samples() -> None:
    """Two huge clusters whose scores cancel by chance do not make the fit certain."""
    raw, up = made_up(0.5, 0.0, 400)
    alone = fit_platt(raw, up)
    lucky = fit_platt(raw, up, clusters=np.zeros(400))
    assert lucky.slope_error == pytest.approx(alone.slope_error, rel=0.2)


def test_the_fit_refuses_broken_input() -> None:
    for raw, up in (([1.0], [1]), ([1.0, 2.0], [1]), ([1.0, math.nan], [0, 1]), ([1.0, 2.0], [0, 2])):
        with pytest.raises(ValueError, match=r"fit needs|finite"):
            fit_platt(raw, up)


def test_reliability_bins_have_equal_count_and_rise() -> None:
    raw, up = made_up(1.0, 0.0, 1000)
    rows = reliability(fit_platt(raw, up).probability(raw), up, bins=5)
    assert [row.count for row in rows] == [200] * 5
    assert [row.predicted for row in rows] == sorted(row.predicted for row in rows)
    assert rows[-1].observed > rows[0].observed


# ---------------------------------------------------------------- script


def script() -> ModuleType:
    where = Path(__file__).resolve().parents[3] / "scripts" / "fit_ensemble.py"
    spec = importlib.util.spec_from_file_location("fit_ensemble", where)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["fit_ensemble"] = module
    spec.loader.exec_module(module)
    return module


def line(minute: int, price: float, raw_logit: float = 0.4, symbol: str = "ETHUSDT") -> bytes:
    as_of = iso_utc(NOW + timedelta(minutes=minute))
    return orjson.dumps({"as_of": as_of, "symbol": symbol, "raw_logit": raw_logit, "horizon_min": 10.0, "price": price})


def test_outcomes_come_from_the_first_later_line_of_the_symbol() -> None:
    """Found at the horizon, late within tolerance, or not at all; other symbols and unchanged prices do not count."""
    fit = script()
    lines = [line(0, 100), line(5, 110), line(10, 101, symbol="BTCUSDT"), line(12, 99), line(15, 110)]
    rows, unusable = fit.read_predictions([*map(orjson.loads, lines), {"symbol": "ETHUSDT"}])
    found = list(fit.outcomes(rows["ETHUSDT"], tolerance_min=5.0))
    assert unusable == 1
    assert [(item.raw_logit, item.went_up) for item in found] == [(0.4, False)]


def test_the_script_prints_a_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """End to end over a journal whose prices follow the predictions half of the time."""
    rng, price, lines = np.random.default_rng(1), 100.0, []
    for number in range(600):
        raw = float(rng.normal())
        lines.append(line(number * 10, price, raw))
        price *= math.exp(0.001 * (raw + float(rng.normal())))
    log = tmp_path / "ensemble_predictions.jsonl"
    log.write_bytes(b"\n".join(lines) + b"\n")
    monkeypatch.setattr("sys.argv", ["fit_ensemble", "--log", str(log)])
    script().main()
    printed = capsys.readouterr().out
    assert "calibration_slope      +1." in printed
    assert "not clearly above 0" not in printed


def test_calibration_is_platts_formula() -> None:
    settings = EnsembleParams(calibration_slope=0.5, calibration_intercept=0.1)
    assert calibrated(2.0, settings) == pytest.approx(1 / (1 + math.exp(-1.1)))
    assert calibrated(-800.0, SHARP) == pytest.approx(0.0)
