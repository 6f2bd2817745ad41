"""What is carried over to another venue: means at a share of their weight, all else at zero under its keys. Pure.

Counts that a mean divides by are scaled with its sum, so that the mean stays. Whole counts that something is judged by
("at least five trades") are rounded down. Money that states what was earned is never scaled: it is set to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from tradingbot.learning.allocation import Allocations, SymbolAllocation
from tradingbot.learning.attribution import Attribution, Share
from tradingbot.learning.calibration import Calibration, CalibrationSums, ReliabilityBin
from tradingbot.learning.counter_signal import CounterOutcomes, CounterSums
from tradingbot.learning.decay import DecayedMean
from tradingbot.learning.exact_sums import scaled
from tradingbot.learning.expectancy import Expectancy, ExpectancyLedger
from tradingbot.learning.meta_buckets import Bucket, MetaBuckets
from tradingbot.learning.reality_gap import Distribution, RealityGap, SymbolGap
from tradingbot.learning.timing import TimingOutcomes, TimingPair

VENUE: Final = "venue"


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


def emptied_counter(known: CounterOutcomes) -> CounterOutcomes:
    """The same pairs without a trade."""
    return CounterOutcomes(_each(known.pairs, lambda _: CounterSums()))


def emptied_allocations(known: Allocations) -> Allocations:
    """The same symbols, none of them ready."""
    return Allocations(_each(known.symbols, lambda _: SymbolAllocation()))


def emptied_gap(known: RealityGap) -> RealityGap:
    """The same symbols, purposes and parts without a value."""

    def one(old: SymbolGap) -> SymbolGap:
        return SymbolGap(0, {name: _each(parts, lambda _: Distribution()) for name, parts in old.purposes.items()})

    return RealityGap(_each(known.symbols, one))


def _each(known: Mapping[Any, Any], change: Callable[[Any], Any]) -> dict[Any, Any]:
    return {key: change(value) for key, value in known.items()}
