"""What becomes of each learning file when another venue is traded: one rule per file (SPEC 10.6, 10.7). Pure.

What the market does is much the same elsewhere: its means stay, and weigh a share of what they did (``decay``). What is
counted towards a judgement, what was paid or earned, and what orders cost is the venue's own: it begins at nothing, for
the same symbols (``reset``). What follows from other files is made again from them (``derive``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from tradingbot.core.parameters import LearnedParameters
from tradingbot.learning.allocation import Allocations
from tradingbot.learning.attribution import Attribution
from tradingbot.learning.calibration import Calibration, CalibrationSums
from tradingbot.learning.carried import (
    Carry,
    carried_buckets,
    carried_calibration,
    carried_expectancy,
    carried_timing,
    closed_attribution,
    emptied_allocations,
    emptied_counter,
    emptied_gap,
)
from tradingbot.learning.counter_signal import CounterOutcomes
from tradingbot.learning.expectancy import ExpectancyLedger
from tradingbot.learning.meta_buckets import MetaBuckets
from tradingbot.learning.meta_learning import MetaState
from tradingbot.learning.reality_gap import RealityGap
from tradingbot.learning.rollout import Rollout
from tradingbot.learning.timing import TimingOutcomes

Body = Mapping[str, Any]
"""A learning file's own fields by name: all but `_venue_metadata` and `handled`."""


class Rule(StrEnum):
    """What is done with a file."""

    DECAY = "decay"
    RESET = "reset"
    DERIVE = "derive"


@dataclass(frozen=True, slots=True)
class FileRule:
    """One file's rule: what its body becomes, a new body, figures to compare; and all of that in words.

    `scaled` and `zeroed` name fields; `why` says why this is the rule.
    """

    rule: Rule
    migrate: Callable[[Body, Carry], Body]
    new: Callable[[datetime], Body]
    figures: Callable[[Body], Mapping[str, float]]
    scaled: str
    zeroed: str
    why: str


# ------------------------------------------------------------ figures


def _expectancy_figures(known: ExpectancyLedger) -> Mapping[str, float]:
    every = known.pairs.values()
    return {
        "entries": len(every) + len(known.strategies),
        "trades": sum(one.trades for one in every),
        "weight": sum(one.net_bps.weight for one in every),
    }


def _calibration_figures(known: Calibration) -> Mapping[str, float]:
    return {"entries": len(known.directions), "weight": known.directions.get("all", CalibrationSums()).count}


def _bucket_figures(known: MetaBuckets) -> Mapping[str, float]:
    entries = sum(len(buckets) for buckets in known.circumstances.values())
    return {"entries": entries, "weight": sum(one.trades for one in known.circumstances.get("hour", {}).values())}


def _timing_figures(known: TimingOutcomes) -> Mapping[str, float]:
    every = known.pairs.values()
    weight = sum(one.held_min.weight for one in every)
    return {"entries": len(every), "trades": sum(one.trades for one in every), "weight": weight}


def _attribution_figures(known: Attribution) -> Mapping[str, float]:
    return {
        "entries": sum(len(members) for members in known.dimensions.values()),
        "trades": sum(share.trades for share in known.dimensions.get("direction", {}).values()),
    }


def _counted(entries: Iterable[Any], field: str) -> Mapping[str, float]:
    every = list(entries)
    return {"entries": len(every), "trades": sum(getattr(one, field) for one in every)}


# ------------------------------------------------------------ the table


def _content(
    rule: Rule,
    empty: Callable[[], Any],
    migrate: Callable[[Any, Carry], Any],
    figures: Callable[[Any], Mapping[str, float]],
    scaled_fields: str,
    zeroed_fields: str,
    why: str,
) -> FileRule:
    """The rule of a file that grows trade by trade: its one field is `content`."""
    return FileRule(
        rule,
        lambda body, carry: {"content": migrate(body["content"], carry)},
        lambda _: {"content": empty()},
        lambda body: figures(body["content"]),
        scaled_fields,
        zeroed_fields,
        why,
    )


REPORTS: Final = {
    "attribution_horizons": "trades that were made elsewhere",
    "missed_opportunities": "signals and moves that were seen elsewhere",
    "gate_complexity": "signals that were reviewed elsewhere",
    "weekly_analysis": "trades that were made elsewhere",
    "weight_evolution": "signals that were seen elsewhere",
    "strategy_tuning": "trades that were made elsewhere",
    "scenario_tuning": "signals that were carried forward elsewhere",
    "enhanced_learnings": "what mattered elsewhere",
}
"""Reports that a job makes anew each time, and what they are of."""


def _report(of: str) -> FileRule:
    return FileRule(
        Rule.RESET,
        lambda _body, carry: {"as_of": carry.at, "report": {}},
        lambda at: {"as_of": at, "report": {}},
        lambda body: {"entries": len(body["report"])},
        "",
        "everything; made again by its job, over what happened at this venue",
        f"a report of {of}",
    )


RULES: Final[Mapping[str, FileRule]] = {
    "attribution": _content(
        Rule.RESET,
        Attribution,
        closed_attribution,
        _attribution_figures,
        "",
        "trades, wins, net_usd and net of every dimension; what the old venue brought stays as its closed period",
        "a statement of money that was earned at a venue: a tenth of it was never earned anywhere",
    ),
    "expectancy": _content(
        Rule.DECAY,
        ExpectancyLedger,
        carried_expectancy,
        _expectancy_figures,
        "weights and sums of net_bps, edge_bps, efficiency, won",
        "trades, wins, net_usd",
        "what a kind of trade brings on average is mostly the market's doing; trades here outweigh it soon",
    ),
    "calibration": _content(
        Rule.DECAY,
        Calibration,
        carried_calibration,
        _calibration_figures,
        "every count and sum of directions and bins",
        "unpredicted",
        "how the ensemble's probabilities come true depends on prices, which are nearly the same everywhere",
    ),
    "meta_buckets": _content(
        Rule.DECAY,
        MetaBuckets,
        carried_buckets,
        _bucket_figures,
        "trades, wins, net_usd (exactly: the mean per trade stays)",
        "",
        "hour, weekday and regime are the market's; spread and fees are the venue's, so little weight is right",
    ),
    "timing": _content(
        Rule.DECAY,
        TimingOutcomes,
        carried_timing,
        _timing_figures,
        "weights and sums of held_min, best_min, left_bps",
        "trades; the list of newest trades",
        "when a trade is at its best is the market's doing",
    ),
    "counter_signal": _content(
        Rule.RESET,
        CounterOutcomes,
        lambda known, _: emptied_counter(known),
        lambda known: {
            "entries": len(known.pairs),
            "trades": sum(one.trades for key, one in known.pairs.items() if key != "all"),
        },
        "",
        "everything",
        "two results in money, fees and funding of the venue in both: whether the inverse would win is decided by them",
    ),
    "allocation": _content(
        Rule.RESET,
        Allocations,
        lambda known, _: emptied_allocations(known),
        lambda known: _counted(known.symbols.values(), "trade_count"),
        "",
        "everything: readiness 0 %, multiplier 1",
        "no symbol is judged before it has enough trades and days here",
    ),
    "rollout": _content(
        Rule.RESET,
        Rollout,
        lambda _known, _carry: Rollout(),
        lambda known: _counted([known], "trades"),
        "",
        "everything",
        "actual against simulated money since the rollout began, and it begins anew",
    ),
    "reality_gap": _content(
        Rule.RESET,
        RealityGap,
        lambda known, _: emptied_gap(known),
        lambda known: {
            "entries": len(known.symbols),
            "orders": sum(one.orders for one in known.symbols.values()),
        },
        "",
        "everything",
        "spread, depth, delay and fees are the venue's own",
    ),
    "generation": _content(
        Rule.RESET,
        MetaState,
        lambda known, _: MetaState(newest=known.newest, trials=known.trials),
        lambda known: {"entries": len(known.levers.values), "trials": known.trials},
        "",
        "every lever: the settings hold again; numbers of generations and of trials go on",
        "levers were proven on signals, costs and fills of the old venue; they are proven again here or not used",
    ),
    "counterfactual": FileRule(
        Rule.RESET,
        lambda _body, carry: {"handled_until": carry.at},
        lambda at: {"handled_until": at},
        lambda body: {"entries": getattr(body.get("ledger"), "count", 0)},
        "",
        "everything; signals are carried forward from the change on",
        "a virtual position pays the spread, the fees and the funding of the venue that it was opened at",
    ),
    "gate_feedback": FileRule(
        Rule.RESET,
        lambda _body, carry: {"as_of": carry.at},
        lambda at: {"as_of": at},
        lambda body: {"entries": len(getattr(body.get("table"), "rows", ()))},
        "",
        "everything; made again over signals of this venue by the nightly job",
        "what a gate saves depends on what trading costs, and that is the venue's own",
    ),
    "learned": FileRule(
        Rule.DERIVE,
        lambda _body, _carry: {"parameters": LearnedParameters(), "hash": ""},
        lambda _: {"parameters": LearnedParameters(), "hash": ""},
        lambda body: {"entries": len(body["parameters"].records)},
        "",
        "everything; made again from the other files before the first cycle",
        "it is only what follows from the others",
    ),
    "trade_analysis": FileRule(
        Rule.RESET,
        lambda _body, carry: {"as_of": carry.at, "analyses": {}},
        lambda at: {"as_of": at, "analyses": {}},
        lambda body: {"entries": len(body["analyses"])},
        "",
        "everything; made again over trades of this venue by the nightly job",
        "an analysis of trades that were made elsewhere",
    ),
    **{name: _report(of) for name, of in REPORTS.items()},
}
"""By name of the catalogue. The one place to extend when a learning file is added."""


def migrated(name: str, body: Body, carry: Carry) -> Body:
    """The body of a learning file at the new venue."""
    return RULES[name].migrate(body, carry)


def share_of(retain_pct: float) -> Decimal:
    """Per cent as an exact share."""
    return Decimal(repr(retain_pct)) / 100


def figures_of(name: str, body: Body) -> dict[str, float]:
    """What a person compares before and after: entries, trades, weight."""
    return {key: round(float(value), 9) for key, value in RULES[name].figures(body).items()}
