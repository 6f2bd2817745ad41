"""A backtest with everything that says how far it can be believed: other costs, other warm-up, no future, variants."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from tradingbot.app.backtest import BacktestRequest, Costs, Told, plan_of, run, run_all, with_cores
from tradingbot.core.errors import ConfigurationError
from tradingbot.research.backtest.compare import compare, matrix_of, warm_up_of
from tradingbot.research.backtest.look_ahead import differences
from tradingbot.research.backtest.model import Honesty, Overfitting
from tradingbot.research.backtest.overfitting import overfitting_of, spread_of
from tradingbot.research.backtest.plan import Span
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.research.backtest.walk_forward import Window, joined, windows

AS_SET: Final = "as set"
STRESS: Final = (
    ("2x fees", Costs(fees=2.0)),
    ("2x slippage", Costs(slippage=2.0)),
    ("2x latency", Costs(latency=2.0)),
)
LONGER_WARM_UP: Final = 4
LONGER: Final = "longer warm-up"
CUTS: Final = 2
CUT: Final = "without the future from "
MINUTE: Final = timedelta(minutes=1)

Variants = Mapping[str, Mapping[str, str]]
"""Settings by dotted name, by the name of the variant."""


@dataclass(frozen=True, slots=True)
class Studied:
    """The result, what was done to see how far it can be believed, and how many variants it was chosen among."""

    result: BacktestResult
    honesty: Honesty
    trials: int = 1


@dataclass(frozen=True, slots=True)
class Forward:
    """Windows of a walk-forward, days. `anchored`: every training begins at the begin."""

    train_days: float
    test_days: float
    anchored: bool = False


def read_variants(path: Path) -> Variants:
    """``{"bold": {"signals.min_aligned_components": 2}}``. Raises ConfigurationError."""
    try:
        found = orjson.loads(path.read_bytes())
        if not isinstance(found, dict) or not found:
            raise TypeError("an object of variants is needed")
        if AS_SET in found:
            raise ValueError(f"{AS_SET!r} is the name of the settings as they are")
        return {name: {key: _text(value) for key, value in changes.items()} for name, changes in found.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f'{path}: cannot be read as variants ({error}); write {{"name": {{"section.setting": value}}}}'
        ) from error


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def study_alone(request: BacktestRequest, workers: int, told: Told) -> Studied:
    """The run itself, in this process. Raises ConfigurationError."""
    return Studied(run(with_cores(request, workers), lambda done, total: told(request.name, done, total)), Honesty())


async def study_honestly(request: BacktestRequest, workers: int, told: Told) -> Studied:
    """The run with its costs doubled one by one, with a longer warm-up, and without its future.

    Raises ConfigurationError, WorkerError.
    """
    span = plan_of(request).span
    exact = replace(request, since=span.since, until=span.until)
    runs = [replace(exact, name=AS_SET)]
    runs += [replace(exact, name=name, costs=costs) for name, costs in STRESS]
    runs.append(replace(exact, name=LONGER, warm_up_min=request.warm_up_min * LONGER_WARM_UP))
    found = await _named(runs + _cuts(exact, span), workers, told)
    base = found[AS_SET]
    cuts = [result for name, result in found.items() if name.startswith(CUT)]
    honesty = Honesty(
        look_ahead=tuple(line for cut in cuts for line in differences(base, cut)) if cuts else None,
        stress=compare({name: found[name] for name in (AS_SET, *(name for name, _ in STRESS))}),
        warm_up=warm_up_of(base, found[LONGER]),
    )
    return Studied(_renamed(base, request.name), honesty)


def _cuts(request: BacktestRequest, span: Span) -> list[BacktestRequest]:
    """Runs to a moment from which on the future is garbage; only a recording has one that can be exchanged.

    The last cycle runs within the minute before: each later candle is one that nothing may know.
    """
    if request.data is None:
        return []
    part = (span.until - span.since) / (CUTS + 1)
    moments = [(span.since + part * number).replace(second=0, microsecond=0) for number in range(1, CUTS + 1)]
    return [replace(request, name=f"{CUT}{at:%Y-%m-%d %H:%M}", until=at, poisoned_after=at - MINUTE) for at in moments]


async def study_variants(request: BacktestRequest, variants: Variants, workers: int, told: Told) -> Studied:
    """All variants over the same time; the best by its Sharpe ratio, with what chance may have had to do with it."""
    found = await _named(_varied(request, variants), workers, told)
    best = _best(found)
    returns = matrix_of(list(found.values()))
    honesty = Honesty(variants=compare(found), overfitting=_overfitting(returns), trial_spread=spread_of(returns))
    return Studied(_renamed(found[best], f"{request.name}: {best}"), honesty, len(found))


def _overfitting(returns: Any) -> Overfitting | None:
    """None where the days are too few for the usual number of blocks, or for any."""
    for blocks in (16, 8, 4):
        if len(returns) >= 2 * blocks:
            return overfitting_of(returns, blocks)
    return None


async def study_forward(
    request: BacktestRequest, wanted: Forward, variants: Variants, workers: int, told: Told
) -> Studied:
    """Walk-forward: in every window the variant that was best in training is tested, with its settings frozen.

    Every window begins with a fresh account and nothing learned. Without variants the settings stand as they are.
    Raises ConfigurationError when the data has no room for a window.
    """
    span = plan_of(request).span
    try:
        found = windows(span.since, span.until, wanted.train_days, wanted.test_days, anchored=wanted.anchored)
    except ValueError as error:
        raise ConfigurationError(f"--walk-forward: {error}; choose shorter windows or more data") from error
    varied = _varied(request, variants)
    trained, chosen = await _trained(varied, found, workers, told) if len(varied) > 1 else ([], [])
    by_name = {one.name: one for one in varied}
    tests = [
        _between(by_name[chosen[place] if chosen else AS_SET], f"test {one.number}", one.test_since, one.test_until)
        for place, one in enumerate(found)
    ]
    results = list((await _named(tests, workers, told)).values())
    forward = joined(results, request.name, trained=trained, chosen=chosen)
    return Studied(forward.result, Honesty(windows=forward.windows), len(varied))


async def _trained(
    varied: Sequence[BacktestRequest], found: Sequence[Window], workers: int, told: Told
) -> tuple[list[BacktestResult], list[str]]:
    """Each window's best training and the name of its variant."""
    runs = [
        _between(one, f"training {window.number}: {one.name}", window.train_since, window.train_until)
        for window in found
        for one in varied
    ]
    results = list((await _named(runs, workers, told)).values())
    best, names = [], []
    for place in range(len(found)):
        part = results[place * len(varied) : (place + 1) * len(varied)]
        own = dict(zip([one.name for one in varied], part, strict=True))
        names.append(_best(own))
        best.append(own[names[-1]])
    return best, names


def _varied(request: BacktestRequest, variants: Variants) -> list[BacktestRequest]:
    """The settings as they are, and every variant of them."""
    changed = [replace(request, name=name, settings={**request.settings, **own}) for name, own in variants.items()]
    return [replace(request, name=AS_SET), *changed]


def _between(request: BacktestRequest, name: str, since: datetime, until: datetime) -> BacktestRequest:
    return replace(request, name=name, since=since, until=until)


def _best(found: Mapping[str, BacktestResult]) -> str:
    """By the Sharpe ratio; one without a ratio comes last, the first of equals is taken."""
    rows = compare(found)
    return max(rows, key=lambda row: float("-inf") if row.sharpe is None else row.sharpe).name


async def _named(runs: Sequence[BacktestRequest], workers: int, told: Told) -> dict[str, BacktestResult]:
    with tempfile.TemporaryDirectory(prefix="tradingbot-backtest-") as folder:
        results = await run_all(runs, Path(folder), workers, told)
    return {one.name: result for one, result in zip(runs, results, strict=True)}


def _renamed(result: BacktestResult, name: str) -> BacktestResult:
    return replace(result, facts=replace(result.facts, name=name))
