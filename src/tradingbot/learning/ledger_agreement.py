"""How far the counterfactual ledger is from reality: signals that were traded, carried both ways (SPEC 10.4). Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TradedSignal:
    """A signal's result in bps of the notional at entry, and the rule that ended it, as one of both tells it."""

    signal_id: str
    net_bps: float
    rule: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One trade as it came out and as the ledger has it; `difference_bps` is the ledger's less the real one."""

    signal_id: str
    ledger_bps: float
    real_bps: float
    ledger_rule: str
    real_rule: str

    @property
    def difference_bps(self) -> float:
        """Above 0 the ledger was too kind."""
        return self.ledger_bps - self.real_bps


@dataclass(frozen=True, slots=True)
class Agreement:
    """`trades` were compared; `median_bps` and `p90_bps` are of absolute differences, `mean_bps` is signed.

    `same_rule` of them ended by the same rule. `only_real` have no line in the ledger, because their virtual position
    is still open or there was no price; `only_ledger` were decided and not, or not yet, traded to their end. `worst`
    are the pairs that are furthest apart.
    """

    trades: int
    median_bps: float | None
    p90_bps: float | None
    mean_bps: float | None
    same_rule: int
    only_real: int
    only_ledger: int
    worst: tuple[Pair, ...] = ()


def agreement_of(ledger: Iterable[TradedSignal], real: Iterable[TradedSignal], shown: int = 5) -> Agreement:
    """Both held against each other, by signal."""
    virtual: Mapping[str, TradedSignal] = {one.signal_id: one for one in ledger}
    traded = {one.signal_id: one for one in real}
    pairs = [
        Pair(name, virtual[name].net_bps, one.net_bps, virtual[name].rule, one.rule)
        for name, one in traded.items()
        if name in virtual
    ]
    apart = sorted(abs(pair.difference_bps) for pair in pairs)
    return Agreement(
        trades=len(pairs),
        median_bps=statistics.median(apart) if apart else None,
        p90_bps=apart[min(len(apart) - 1, int(0.9 * len(apart)))] if apart else None,
        mean_bps=statistics.fmean(pair.difference_bps for pair in pairs) if pairs else None,
        same_rule=sum(pair.ledger_rule == pair.real_rule for pair in pairs),
        only_real=len(traded) - len(pairs),
        only_ledger=len(virtual) - len(pairs),
        worst=tuple(sorted(pairs, key=lambda pair: -abs(pair.difference_bps))[:shown]),
    )
