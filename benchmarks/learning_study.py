"""Does learning leave a market without an edge alone, find a planted one, and take back what hurts? Many seeds each.

Each run lives thirty days (or `--days`): a meeting at the end of every day learns from what came until then; every
signal is valued under the levers that held when it came, against the levers of the settings. Nothing of a day is known
to the meeting before it.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import numpy as np

from benchmarks.made_signals import DAY_MIN, MadeMarket, made_signals
from tradingbot.app.learning_ground import flow_rules, gate_setting
from tradingbot.core.levers import NO_LEVERS, WEIGHTS, Levers
from tradingbot.core.types import utc_from_ms
from tradingbot.gates.params import GateParams
from tradingbot.learning.batch_means import Floats, batch_mean, blocks_of
from tradingbot.learning.exit_learner import Targets
from tradingbot.learning.flow_value import value_of
from tradingbot.learning.gate_learner import GATE_LEVERS
from tradingbot.learning.learner_params import LearnerParams
from tradingbot.learning.learners import Ground, Records
from tradingbot.learning.meta_learning import MetaState, Watch, meet
from tradingbot.learning.signal_table import SignalTable
from tradingbot.signals.params import SignalParams

GOOD, BAD = "btc_lead_lag", "whale_flow"
PLANTED = ((GOOD, 0.25), (BAD, -0.25))


@dataclass(frozen=True, slots=True)
class Run:
    """What one seed came to. Values are bps times size per signal; `gain` is learning less no learning."""

    seed: int
    generations: int
    reverted: int
    weights: dict[str, float]
    other_levers: int
    gain: float
    error: float
    base: float
    trials: int
    signals_until_taken_back: int = 0
    cost_until_taken_back: float = 0.0


def ground_of(symbols: Sequence[str], params: LearnerParams) -> Ground:
    """The default settings, an old venue, every symbol ready."""
    gates = GateParams()
    known = {one.setting: gate_setting(gates, one.setting) for one in GATE_LEVERS}
    rules = flow_rules(SignalParams(), gates)
    return Ground(rules, Targets(()), 480.0, known, {}, 0.2, frozenset(symbols), params)


def lived(table: SignalTable, params: LearnerParams) -> tuple[MetaState, Floats, Floats, int]:
    """State at the end, values with and without learning, how many changes were taken back."""
    ground = ground_of(table.symbols, params)
    state, reverted = MetaState(), 0
    first = int(table.time_ms[0])
    days = round((int(table.time_ms[-1]) - first) / (DAY_MIN * 60_000))
    with_learning, without = [], []
    for day in range(days):
        since, until = first + day * DAY_MIN * 60_000, first + (day + 1) * DAY_MIN * 60_000
        part = table.between(since, until)
        horizon = params.factors.horizon_min
        with_learning.append(value_of(part, ground.rules, state.levers, horizon))
        without.append(value_of(part, ground.rules, NO_LEVERS, horizon))
        now = utc_from_ms(until)
        known = _known(table.between(first, until), until)
        meeting = meet(Records(known), state, ground, now + timedelta(seconds=1))
        reverted += meeting.reversal is not None
        state = meeting.state
    return state, np.concatenate(with_learning), np.concatenate(without), reverted


def _known(table: SignalTable, now_ms: int) -> SignalTable:
    """Outcomes as they are known at a moment: the later ones are not there yet."""
    returns = table.returns_bps.copy()
    for column, horizon in enumerate((1, 5, 15, 30, 60)):
        returns[table.time_ms + horizon * 60_000 > now_ms, column] = np.nan
    return replace(table, returns_bps=returns)


def one_run(days: int, symbols: int, drift: tuple[tuple[str, float], ...], seed: int) -> Run:
    """A market of its own, and learning on it."""
    table = made_signals(MadeMarket(days, seed, symbols, drift))
    params = LearnerParams()
    state, learned, without, reverted = lived(table, params)
    gain = batch_mean(learned - without, np.ones(len(learned)), blocks_of(table.time_ms, 360))
    weights = state.levers.of(WEIGHTS) or SignalParams().weights.by_name
    others = sum(1 for name in state.levers.values if not name.startswith("weights."))
    base = float(np.nanmean(without))
    return Run(seed, state.newest, reverted, dict(weights), others, gain.mean, gain.error, base, state.trials)


def bad_run(days: int, symbols: int, drift: tuple[tuple[str, float], ...], seed: int) -> Run:
    """A learner with its sign turned: it raises what misleads and lowers what predicts, past every proof."""
    table = made_signals(MadeMarket(days, seed, symbols, drift))
    params = LearnerParams()
    ground = ground_of(table.symbols, params)
    settings = dict(ground.rules.weights)
    wrong = {**settings, GOOD: settings[GOOD] * 0.3, BAD: settings[BAD] * 1.8}
    total = math.fsum(wrong.values())
    levers = Levers(1, {f"weights.{name}": value / total for name, value in wrong.items()})
    began = utc_from_ms(int(table.time_ms[0]))
    state = MetaState(levers, 1, Watch("turned_weights", began, NO_LEVERS), began + timedelta(days=3650))
    known, first = 0, int(table.time_ms[0])
    for hour in range(1, days * 24):
        until = first + hour * 3_600_000
        part = _known(table.between(first, until), until)
        meeting = meet(Records(part), state, ground, utc_from_ms(until))
        state = meeting.state
        if meeting.reversal is not None:
            known = hour
            break
    lost = table.between(first, first + (known or days * 24) * 3_600_000)
    horizon = params.factors.horizon_min
    values = value_of(lost, ground.rules, levers, horizon) - value_of(lost, ground.rules, NO_LEVERS, horizon)
    gain = batch_mean(values, np.ones(len(values)), blocks_of(lost.time_ms, 360))
    traded = int((value_of(lost, ground.rules, levers, horizon) != 0).sum())
    return Run(
        seed, 1, int(known > 0), {}, 0, gain.mean, gain.error, 0.0, 0, traded, float(np.nansum(values))
    )  # fmt: skip


def table_of(title: str, runs: Sequence[Run], settings: dict[str, float]) -> str:
    """What a person reads of one study."""
    gains = np.array([run.gain for run in runs])
    held = sum(1 for run in runs if abs(run.gain) <= 1.96 * run.error or run.gain == 0)
    better = sum(1 for run in runs if run.gain > 1.96 * run.error and run.gain > 0)
    spread = float(gains.std(ddof=1)) / math.sqrt(len(gains)) if len(gains) > 1 else 0.0
    lines = [
        f"{title}: {len(runs)} seeds",
        f"  generations applied {sum(run.generations for run in runs)}, taken back {sum(run.reverted for run in runs)},"
        f" proposals judged {sum(run.trials for run in runs)},"
        f" other levers moved {sum(run.other_levers for run in runs)}",
        f"  gain per signal {gains.mean():+.4f} bps (standard error over seeds {spread:.4f});"
        f" without learning {np.mean([run.base for run in runs]):+.4f}",
        f"  gain within its own 95 % interval of 0 in {held} of {len(runs)}, above it in {better}",
        "  weight               settings    mean     least    most",
    ]
    for name, setting in settings.items():
        found = [run.weights[name] for run in runs]
        lines.append(f"  {name:20} {setting:8.4f} {np.mean(found):8.4f} {min(found):8.4f} {max(found):8.4f}")
    return "\n".join(lines)


def main() -> None:
    """Run the studies and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning_study")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--symbols", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    studies: dict[str, Callable[[int], Run]] = {
        "no edge": partial(one_run, asked.days, asked.symbols, ()),
        "planted": partial(one_run, asked.days, asked.symbols, PLANTED),
        "turned learner": partial(bad_run, asked.days, asked.symbols, PLANTED),
    }
    settings = dict(SignalParams().weights.by_name)
    with ProcessPoolExecutor(asked.workers) as pool:
        for title, study in studies.items():
            runs = list(pool.map(study, range(1, asked.seeds + 1)))
            if asked.json:
                print(json.dumps({"study": title, "runs": [run.__class__.__name__ and _plain(run) for run in runs]}))
            elif title == "turned learner":
                print(_turned(runs))
            else:
                print(table_of(title, runs, settings))


def _plain(run: Run) -> dict[str, object]:
    return {name: getattr(run, name) for name in run.__slots__}


def _turned(runs: Sequence[Run]) -> str:
    taken = [run for run in runs if run.reverted]
    signals = [run.signals_until_taken_back for run in taken]
    cost = [run.cost_until_taken_back for run in taken]
    if not taken:
        return f"turned learner: taken back in 0 of {len(runs)}"
    return (
        f"turned learner: taken back in {len(taken)} of {len(runs)}; traded signals until then: median"
        f" {np.median(signals):.0f} ({min(signals)} to {max(signals)}), cost median {-np.median(cost):.0f} bps x size"
        f" ({-max(cost):.0f} to {-min(cost):.0f})"
    )


if __name__ == "__main__":
    main()
