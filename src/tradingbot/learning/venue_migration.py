"""What becomes of each learning file when another venue is traded: one rule per file (SPEC 10.6, 10.7). Pure.

What the market does is much the same elsewhere: its means stay, and weigh a share of what they did (``decay``). What is
counted towards a judgement, what was paid or earned, and what orders cost is the venue's own: it begins at nothing, for
the same symbols (``reset``). What follows from other files is made again from them (``derive``).

Counts that a mean divides by are scaled with its sum, so that the mean stays. Whole counts that something is judged by
("at least five trades") are rounded down. Money that states what was earned is never scaled: it is set to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from tradingbot.core.parameters import LearnedParameters
from tradingbot.learning.allocation import Allocations, SymbolAllocation
from tradingbot.learning.attribution import Attribution, Share
from tradingbot.learning.calibration import Calibration, CalibrationSums, ReliabilityBin
from tradingbot.learning.counter_signal import CounterOutcomes, CounterSums
from tradingbot.learning.decay import DecayedMean
from tradingbot.learning.exact_sums import scaled
from tradingbot.learning.expectancy import Expectancy, ExpectancyLedger
from tradingbot.learning.meta_buckets import Bucket, MetaBuckets
from tradingbot.learning.reality_gap import Distribution, RealityGap, SymbolGap
from tradingbot.learning.rollout import Rollout
from tradingbot.learning.timing import TimingOutcomes, TimingPair

Body = Mapping[str, Any]
"""A learning file's own fields by name: all but `_venue_metadata` and `handled`."""

VENUE: Final = "venue"


class Rule(StrEnum):
    """What is done with a file."""

    DECAY = "decay"
    RESET = "reset"
    DERIVE = "derive"


@dataclass(frozen=True, slots=True)
class Carry:
    """From which venue and period, when, and the share 0..1 of its weight that a decayed statistic keeps."""

    venue: str
    period: int
    at: datetime
    share: Decimal

    @property
    def factor(self) -> float:
        """The share as a float."""
        return float(self.share)

    def whole(self, count: int) -> int:
        """The share of a whole count, rounded down: no threshold is reached by rounding."""
        return int(count * self.share)


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


def carried_mean(known: DecayedMean, carry: Carry) -> DecayedMean:
    """The same mean and spread at a share of the weight."""
    factor = carry.factor
    return DecayedMean(
        known.as_of,
        carry.whole(known.count),
        known.weight * factor,
        known.total * factor,
        known.squares * factor,
    )


def carried_expectancy(known: ExpectancyLedger, carry: Carry) -> ExpectancyLedger:
    """Means at a share of their weight; no trade and no money of this venue yet."""

    def one(old: Expectancy) -> Expectancy:
        return Expectancy(
            newest_at=old.newest_at,
            net_bps=carried_mean(old.net_bps, carry),
            edge_bps=carried_mean(old.edge_bps, carry),
            efficiency=carried_mean(old.efficiency, carry),
            won=carried_mean(old.won, carry),
        )

    return ExpectancyLedger(_each(known.pairs, one), _each(known.strategies, one))


def carried_calibration(known: Calibration, carry: Carry) -> Calibration:
    """Every sum of the predicted trades at the same share, so that Brier score and bins stay what they are."""
    factor = carry.factor

    def row(old: ReliabilityBin) -> ReliabilityBin:
        return ReliabilityBin(old.low, old.count * factor, old.said * factor, old.came * factor)

    def one(old: CalibrationSums) -> CalibrationSums:
        return CalibrationSums(
            count=old.count * factor,
            came=old.came * factor,
            said=old.said * factor,
            squared_errors=old.squared_errors * factor,
            moves=old.moves * factor,
            expected_bps=old.expected_bps * factor,
            realised_bps=old.realised_bps * factor,
            absolute_error_bps=old.absolute_error_bps * factor,
            bins=tuple(row(bin_) for bin_ in old.bins),
        )

    return Calibration(_each(known.directions, one))


def carried_buckets(known: MetaBuckets, carry: Carry) -> MetaBuckets:
    """Trades, wins and the net result beside them at the same share: win rate and net per trade stay."""

    def one(old: Bucket) -> Bucket:
        return Bucket(old.trades * carry.factor, old.wins * carry.factor, scaled(old.net_usd, carry.share))

    return MetaBuckets({name: _each(buckets, one) for name, buckets in known.circumstances.items()})


def carried_timing(known: TimingOutcomes, carry: Carry) -> TimingOutcomes:
    """Means at a share of their weight; no trade of this venue yet, and none listed."""

    def one(old: TimingPair) -> TimingPair:
        return TimingPair(
            held_min=carried_mean(old.held_min, carry),
            best_min=carried_mean(old.best_min, carry),
            left_bps=carried_mean(old.left_bps, carry),
        )

    return TimingOutcomes(_each(known.pairs, one))


def closed_attribution(known: Attribution, carry: Carry) -> Attribution:
    """Every share at zero; what the old venue brought stays, to the digit, under the name of its closed period."""
    zeroed = {name: _each(members, lambda _: Share()) for name, members in known.dimensions.items() if name != VENUE}
    venues = {
        closed_period(carry.venue, carry.period) if member == carry.venue else member: share
        for member, share in known.dimensions.get(VENUE, {}).items()
    }
    return Attribution({**zeroed, VENUE: venues} if known.dimensions else {})


def closed_period(venue: str, period: int) -> str:
    """The name under which a finished period stays in the attribution: ``blofin, period 1``."""
    return f"{venue}, period {period}"


def emptied_gap(known: RealityGap) -> RealityGap:
    """The same symbols, purposes and parts without a value."""

    def one(old: SymbolGap) -> SymbolGap:
        return SymbolGap(0, {name: _each(parts, lambda _: Distribution()) for name, parts in old.purposes.items()})

    return RealityGap(_each(known.symbols, one))


def _each(known: Mapping[Any, Any], change: Callable[[Any], Any]) -> dict[Any, Any]:
    return {key: change(value) for key, value in known.items()}


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
        lambda known, _: CounterOutcomes(_each(known.pairs, lambda _one: CounterSums())),
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
        lambda known, _: Allocations(_each(known.symbols, lambda _one: SymbolAllocation())),
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
