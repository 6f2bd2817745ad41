"""What gates save or cost: exact sums, honest bounds, and no verdict without enough that is independent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingbot.core.resampling import drawn_means, interval
from tradingbot.learning.counterfactual_params import CounterfactualParams
from tradingbot.learning.gate_feedback import (
    ALONE,
    BLOCKS,
    COSTS,
    RESIZES,
    SAVES,
    TAKEN,
    TOO_LITTLE,
    GateFeedback,
    GateRow,
    SignalOutcome,
)
from tradingbot.learning.ledger_agreement import TradedSignal, agreement_of

START = datetime(2026, 1, 5, tzinfo=UTC)
PARAMS = CounterfactualParams()


def one(net_bps: float, minute: float = 0, **changes: object) -> SignalOutcome:
    """A signal that the fee gate blocked."""
    known = SignalOutcome(
        START + timedelta(minutes=minute), "BTCUSDT", "long", "fee", ("fee",), {}, False, False, 1000.0, net_bps
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def rows_of(outcomes: Iterable[SignalOutcome], params: CounterfactualParams = PARAMS) -> dict[tuple[str, str], GateRow]:
    feedback = GateFeedback(params)
    feedback.add_all(outcomes)
    return {(row.gate, row.way): row for row in feedback.table(("policy", "fee", "signal", "sizing")).rows}


def test_saved_and_cost_are_told_apart_in_bps_and_usd() -> None:
    """Losses that were avoided, and gains that were given away."""
    row = rows_of([one(-30), one(10), one(-5, notional_usd=200.0)])["fee", BLOCKS]
    assert (row.signals, row.saved_bps, row.cost_bps) == (3, 35.0, 10.0)
    assert (row.saved_usd, row.cost_usd) == (pytest.approx(3.1), pytest.approx(1.0))
    assert row.net_bps.mean == pytest.approx(-25 / 3)
    assert row.effect_bps.mean == pytest.approx(25 / 3)


def test_a_signal_ends_at_one_gate_and_is_alone_there_only_without_others() -> None:
    """A second gate against it, or a weak signal, would have stopped it all the same."""
    found = rows_of([one(1), one(1, blockers=("fee", "pre_entry")), one(1, weak=True)])
    assert (found["fee", BLOCKS].signals, found["fee", ALONE].signals) == (3, 1)
    weak = rows_of([one(1, stage="signal", weak=True, blockers=()), one(1, stage="signal", weak=True)])
    assert (weak["signal", BLOCKS].signals, weak["signal", ALONE].signals) == (2, 1)
    sized = rows_of([one(1, stage="contract_size", blockers=()), one(1, stage="sizing", blockers=())])
    assert sized["sizing", ALONE].signals == 2


def test_a_resizing_gate_changes_its_share_of_the_unchanged_size() -> None:
    """Half of a loss of 40 bps was saved; of 500 USD at x0.5 the unchanged size is 1,000."""
    taken = {"stage": "entered", "blockers": (), "taken": True, "notional_usd": 500.0}
    found = rows_of([one(-40, multipliers={"intelligence": 0.5}, **taken), one(10, **taken)])
    row = found["intelligence", RESIZES]
    assert (row.signals, row.effect_bps.mean, row.mean_multiplier) == (1, 20.0, 0.5)
    assert row.saved_usd == pytest.approx(2.0)
    assert found["entered", TAKEN].net_bps.mean == -15
    larger = rows_of([one(-40, multipliers={"conviction": 2.0}, **taken)])["conviction", RESIZES]
    assert (larger.cost_bps, larger.cost_usd) == (40.0, pytest.approx(1.0))
    assert rows_of([one(-40, multipliers={"intelligence": 0.5})])["intelligence", RESIZES].saved_usd == 0


def spread_out(mean_bps: float, noise_bps: float, days: int = 12, seed: int = 1) -> list[SignalOutcome]:
    """One signal every ten minutes."""
    rng = np.random.default_rng(seed)
    return [one(float(mean_bps + rng.normal(0, noise_bps)), 10 * n) for n in range(days * 144)]


def test_a_verdict_needs_bounds_that_leave_out_zero() -> None:
    """A clear loser is rightly blocked, a clear winner wrongly; in between nothing is said."""
    assert rows_of(spread_out(-20, 30))["fee", BLOCKS].verdict == SAVES
    assert rows_of(spread_out(20, 30))["fee", BLOCKS].verdict == COSTS
    assert rows_of(spread_out(0, 30))["fee", BLOCKS].verdict == TOO_LITTLE


def test_many_signals_of_few_hours_are_little_evidence() -> None:
    """A thousand signals of one afternoon are a handful of episodes, however clear they are."""
    row = rows_of([one(-20 - n % 3, n / 5) for n in range(1000)])["fee", BLOCKS]
    assert (row.signals, row.episodes, row.blocks, row.verdict) == (1000, 1, 1, TOO_LITTLE)
    assert row.net_bps.low is None


def test_signals_of_one_moment_do_not_narrow_the_bounds() -> None:
    """Ten symbols that move together tell no more than one: the bounds stay as wide."""
    alone = spread_out(-5, 60)
    together = [replace(found, symbol=f"S{n}") for found in alone for n in range(10)]
    narrow, wide = rows_of(alone)["fee", BLOCKS].net_bps, rows_of(together)["fee", BLOCKS].net_bps
    assert (narrow.mean, narrow.low, narrow.high) == pytest.approx((wide.mean, wide.low, wide.high))


def test_the_bounds_hold_the_truth_as_often_as_they_say() -> None:
    """Of 200 samples of 60 blocks of dependent signals about 95 % have the true mean within their bounds."""
    rng, held = np.random.default_rng(5), 0
    for _ in range(200):
        counts = rng.integers(5, 60, 60).astype(float)
        sums = counts * (2.0 + rng.normal(0, 10, 60))  # the whole block moves together
        low, high = interval(drawn_means(sums, counts, seed=1, resamples=400))
        held += low <= 2.0 <= high
    assert 178 <= held <= 198


@given(st.permutations(range(12)))
def test_the_order_of_outcomes_does_not_matter(order: list[int]) -> None:
    """They come as positions close, not as signals were made."""
    every = [one(float(n * 7 % 11 - 5), 60 * n) for n in range(12)]
    known, other = rows_of(every)["fee", BLOCKS], rows_of([every[n] for n in order])["fee", BLOCKS]
    assert other.net_bps == known.net_bps
    assert other.saved_bps == pytest.approx(known.saved_bps)


def test_agreement_is_of_the_same_signals() -> None:
    """The median of absolute differences, a signed mean, and what has no counterpart."""
    ledger = [TradedSignal(name, bps, "exit_now") for name, bps in (("a", 10.0), ("b", -4.0), ("c", 7.0), ("x", 0.0))]
    real = [TradedSignal(name, bps, "exit_now") for name, bps in (("a", 12.0), ("b", -3.0), ("c", 0.0))]
    found = agreement_of(ledger, [*real, TradedSignal("y", 1.0, "time_exit")])
    assert (found.trades, found.median_bps, found.only_real, found.only_ledger) == (3, 2.0, 1, 1)
    assert found.mean_bps == pytest.approx((-2 - 1 + 7) / 3)
    assert found.worst[0].signal_id == "c"
    assert found.same_rule == 3
    assert agreement_of([], real).median_bps is None


def test_choice_tells_a_judge_from_a_toll() -> None:
    """All signals lose 20 bps; one gate blocks just any of them, another one those that lose 30 more."""
    rng = np.random.default_rng(3)
    taken = {"stage": "entered", "blockers": (), "taken": True}
    every = [one(float(-20 + rng.normal(0, 10)), 10 * n) for n in range(12 * 144)]
    traded = [replace(found, net_bps=float(-20 + rng.normal(0, 10)), **taken) for found in every]  # type: ignore[arg-type]
    toll = rows_of([*every, *traded])["fee", BLOCKS]
    judge = rows_of([*(replace(found, net_bps=found.net_bps - 30) for found in every), *traded])["fee", BLOCKS]
    assert toll.verdict == judge.verdict == SAVES
    assert toll.choice_bps is not None
    assert judge.choice_bps is not None
    assert (toll.choice_bps.low or 1) < 0 < (toll.choice_bps.high or -1)
    assert judge.choice_bps.mean == pytest.approx(30, abs=1)
    assert (judge.choice_bps.low or 0) > 0
    assert rows_of(every)["fee", BLOCKS].choice_bps is None


def test_to_resize_well_is_to_make_the_better_ones_larger() -> None:
    """Half of the worse and double of the better signals, though all of them lose."""
    outcomes = []
    for n in range(12 * 144):
        good = n % 2 == 0
        multiplier = 2.0 if good else 0.5
        outcomes.append(one(-10.0 if good else -40.0, 10 * n, multipliers={"conviction": multiplier}))
    row = rows_of(outcomes)["conviction", RESIZES]
    assert row.choice_bps is not None
    assert row.choice_bps.mean == pytest.approx((0.75 * -10 + -0.75 * -40) / 2)
    assert (row.choice_bps.low or 0) > 0
    same = rows_of([replace(found, multipliers={"conviction": 0.5}) for found in outcomes])["conviction", RESIZES]
    assert same.choice_bps is not None
    assert same.choice_bps.mean == pytest.approx(0)
