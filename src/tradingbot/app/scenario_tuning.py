"""The scenario tuner: the last day's recorded cycles carried forward under other exits, signal by signal (SPEC 14).

Entries are those that were decided; each variant closes the same virtual positions by its own exits, so differences are
paired. It advises and applies nothing: one day is one sample. Every variant counts as a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from tradingbot.clock import SystemClock
from tradingbot.core.levers import TARGET_SCALE, Levers
from tradingbot.core.types import epoch_ms, iso_utc, parse_utc
from tradingbot.counterfactual.model import Closed, Ledger
from tradingbot.counterfactual.step import step
from tradingbot.decision import DecisionParams, decide
from tradingbot.learning.batch_means import batch_mean, blocks_of
from tradingbot.learning.counterfactual_params import CounterfactualParams
from tradingbot.research.replay.cycles_on_file import CycleOnFile, CyclesOnFile
from tradingbot.tuned import tuned

Variant = Callable[[DecisionParams], DecisionParams]
DAY: Final = timedelta(days=1)
BLOCK_MIN: Final = 240.0
PROOF: Final = 2.5
"""Standard errors of a difference from which a variant is named better or worse: several are looked at together."""


def _scaled(scale: float) -> Variant:
    def made(params: DecisionParams) -> DecisionParams:
        levers = {**params.levers.values, TARGET_SCALE: scale}
        targets = tuned(replace(params, levers=Levers()), Levers(0, {TARGET_SCALE: scale}))
        return replace(params, exits=targets.exits, levers=Levers(params.levers.number, levers))

    return made


def _nearer_stop(params: DecisionParams) -> DecisionParams:
    exits = params.exits
    return replace(params, exits=exits.model_copy(update={"stop_loss_pct": exits.stop_loss_pct * 0.8}))


def _shorter(params: DecisionParams) -> DecisionParams:
    exits = params.exits
    rows = tuple(one.model_copy(update={"after_min": one.after_min * 0.5}) for one in exits.time_exits)
    return replace(params, exits=exits.model_copy(update={"time_exits": rows}))


VARIANTS: Final[Mapping[str, Variant]] = {
    "targets and rungs at 0.8 of the profit": _scaled(0.8),
    "targets and rungs at 1.25 of the profit": _scaled(1.25),
    "stop at 0.8 of the distance": _nearer_stop,
    "time limits at half the age": _shorter,
}
AS_IT_IS: Final = "as it is"


@dataclass(slots=True)
class _Branch:
    """One variant while it runs."""

    ledger: Ledger
    closed: dict[tuple[str, str], Closed]


def scenarios_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The day of `home` before `until` under every variant, as far as `limit_s` real seconds reach."""
    home, until = Path(asked["home"]), parse_utc(asked["until"])
    own = CounterfactualParams.model_validate(asked["params"])
    since = max(parse_utc(asked["venue_since"]), until - DAY)
    clock, branches = SystemClock(), {name: _Branch(Ledger(), {}) for name in (AS_IT_IS, *VARIANTS)}
    started_s, cycles, behind = clock.perf_s(), 0, False
    on_file = CyclesOnFile(home, since, until)
    known: dict[int, tuple[DecisionParams, dict[str, DecisionParams]]] = {}
    for one in on_file:
        _take(one, branches, own, known)
        cycles += 1
        if clock.perf_s() - started_s > float(asked["limit_s"]):
            behind = True
            break
    return {
        "since": iso_utc(since),
        "until": iso_utc(until),
        "cycles": cycles,
        "left_out": dict(on_file.left_out),
        "behind": behind,
        "took_s": round(clock.perf_s() - started_s, 1),
        "signals": len(branches[AS_IT_IS].closed),
        "variants": {name: compared(branches[AS_IT_IS].closed, branches[name].closed) for name in VARIANTS},
    }


def _take(
    one: CycleOnFile,
    branches: Mapping[str, _Branch],
    own: CounterfactualParams,
    known: dict[int, tuple[DecisionParams, dict[str, DecisionParams]]],
) -> None:
    inputs, params = one.inputs, one.params.decision
    if id(params) not in known:
        known[id(params)] = params, {AS_IT_IS: params, **{name: make(params) for name, make in VARIANTS.items()}}
    decision = decide(inputs.snapshot, inputs.book, params, inputs.permission, inputs.learned)
    for name, branch in branches.items():
        varied = known[id(params)][1][name]
        branch.ledger, closed = step(branch.ledger, inputs.snapshot, decision, varied, own, inputs.learned)
        for ended in closed:
            branch.closed[ended.origin.signal_id, iso_utc(ended.origin.as_of)] = ended


def compared(base: Mapping[Any, Closed], other: Mapping[Any, Closed]) -> dict[str, Any]:
    """What a variant made more, per signal that both have closed, bps; and whether that is beyond luck."""
    names = sorted(base.keys() & other.keys(), key=lambda name: (base[name].origin.as_of, name))
    gains = np.array([other[name].parts.net - base[name].parts.net for name in names])
    times = np.array([epoch_ms(base[name].origin.as_of) for name in names], dtype=np.int64)
    mean = batch_mean(gains, np.ones(len(gains)), blocks_of(times, BLOCK_MIN))
    if mean.blocks < 3:
        verdict = "not enough data"
    else:
        verdict = "better" if mean.t > PROOF else "worse" if mean.t < -PROOF else "no difference beyond luck"
    return {
        "signals": mean.count,
        "changed": int((np.abs(gains) > 1e-9).sum()) if len(gains) else 0,
        "gain_bps": round(mean.mean, 4),
        "error_bps": round(mean.error, 4) if mean.blocks > 1 else None,
        "t": round(mean.t, 3),
        "blocks": mean.blocks,
        "verdict": verdict,
    }
