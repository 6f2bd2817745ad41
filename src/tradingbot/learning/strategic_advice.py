"""The hourly advice on the profitability gap: what a trade brings, where it goes, and what would close the gap. Pure.

The mean result of a trade is taken apart without rest: what the signal gave at the decided prices, what execution took,
fees, funding. Trades without decided prices count their fills' prices, and then execution shows as nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tradingbot.core.records import Reason, reason
from tradingbot.learning.samples import Sample, sample
from tradingbot.learning.trade_facts import TradeFacts
from tradingbot.learning.trade_review import Fault, decided_bps, fault_of, left_on_the_table_bps


@dataclass(frozen=True, slots=True)
class Advice:
    """`net_bps` = `signal_bps` + `execution_bps` - `fee_bps` + `funding_bps`, means per trade; None without any.

    `gap_bps` is what a trade lacks to break even, 0 when it does; `left_bps` what exits left on the table. `advice` is
    ordered, the costliest first; below the least sample it is ``sample_too_small`` alone.
    """

    trades: int
    net_bps: Sample
    signal_bps: float | None
    execution_bps: float | None
    fee_bps: float | None
    funding_bps: float | None
    left_bps: float | None
    gap_bps: float | None
    advice: tuple[Reason, ...]


def strategic_advice(trades: Sequence[TradeFacts], small_below: int) -> Advice:
    """The advice that these trades give."""
    net = sample([facts.net_bps for facts in trades], small_below)
    signal, fees = _mean([decided_bps(facts) for facts in trades]), _mean([facts.fee_bps for facts in trades])
    funding = _mean([facts.funding_bps for facts in trades])
    left = _mean([value for facts in trades if (value := _left_by_exits(facts)) is not None])
    execution = None
    if net.mean is not None and signal is not None and fees is not None and funding is not None:
        execution = net.mean - signal + fees - funding
    gap = None if net.mean is None else max(0.0, -net.mean)
    advice = _advice(trades, net, signal, execution, fees, left)
    return Advice(len(trades), net, signal, execution, fees, funding, left, gap, advice)


def _advice(
    trades: Sequence[TradeFacts],
    net: Sample,
    signal: float | None,
    execution: float | None,
    fees: float | None,
    left: float | None,
) -> tuple[Reason, ...]:
    if net.small or net.mean is None or signal is None or execution is None or fees is None:
        return (reason("sample_too_small", trades=len(trades)),)
    error = net.standard_error or 0.0
    if net.mean > 2 * error:
        return (reason("profitable", net_bps=net.mean, standard_error_bps=error),)
    found = []
    if signal <= 0:
        wrong = sum(1 for facts in trades if fault_of(facts) is Fault.SIGNAL)
        found.append((-signal, reason("signal_without_edge", signal_bps=signal, wrong_directions=wrong)))
    if 0 < signal <= fees - execution:
        found.append((fees, reason("fees_exceed_edge", signal_bps=signal, fee_bps=fees)))
    if execution < -fees / 2:
        found.append((-execution, reason("execution_costs", execution_bps=execution)))
    if left is not None and left > fees:
        given_back = sum(1 for facts in trades if fault_of(facts) is Fault.EXIT)
        found.append((left, reason("exits_leave_profit", left_bps=left, given_back=given_back)))
    found.sort(key=lambda item: -item[0])
    return tuple(why for _, why in found) or (reason("not_distinguishable_from_zero", net_bps=net.mean),)


def _left_by_exits(facts: TradeFacts) -> float | None:
    """A trade that was never worth its costs left nothing behind that an exit could have taken."""
    return 0.0 if fault_of(facts) is Fault.SIGNAL else left_on_the_table_bps(facts)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
