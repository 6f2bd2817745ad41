"""The counterfactual ledger during a backtest: what every signal would have made, blocked ones too, gate by gate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tradingbot.core.types import epoch_ms
from tradingbot.counterfactual.lines import line_of
from tradingbot.counterfactual.model import Ledger
from tradingbot.counterfactual.step import step
from tradingbot.decision import DecisionParams
from tradingbot.engine.cycle_scribe import CycleSeen, Scribe
from tradingbot.learning.counterfactual_params import CounterfactualParams
from tradingbot.learning.gate_feedback import GateFeedback, GateTable, outcome_of
from tradingbot.learning.ledger_agreement import Agreement, TradedSignal, agreement_of
from tradingbot.learning.trade_facts import facts_of
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.research.run_report import STAGES


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What the gates saved or cost, and how far the ledger is from the trades of the same run.

    `still_open` virtual positions had not ended with the run, `skipped` signals had no price to enter at, `lost` ones
    none to leave at: none of them is in the table.
    """

    table: GateTable
    agreement: Agreement
    still_open: int
    skipped: int
    lost: int


class LedgerScribe:
    """Steps the ledger with every counted cycle, after `inner` has taken it down. Holds sums, not signals."""

    def __init__(self, inner: Scribe, decision: DecisionParams, own: CounterfactualParams, since_ms: int) -> None:
        self._inner = inner
        self._decision = decision
        self._own = own
        self._since_ms = since_ms
        self._ledger = Ledger()
        self._feedback = GateFeedback(own)
        self._taken: list[TradedSignal] = []

    def write(self, cycle: CycleSeen) -> None:
        """One cycle."""
        self._inner.write(cycle)
        if epoch_ms(cycle.snapshot.as_of) < self._since_ms:
            return
        self._ledger, closed = step(
            self._ledger, cycle.snapshot, cycle.decision, self._decision, self._own, cycle.learned
        )
        for one in closed:
            line = line_of(one, cycle.snapshot.as_of)
            self._feedback.add(outcome_of(line))
            if one.origin.taken:
                self._taken.append(TradedSignal(one.origin.signal_id, one.parts.net, one.rule))

    def result(self, trades: Sequence[ClosedTrade]) -> Counterfactual:
        """Held against the trades of the run."""
        return Counterfactual(
            table=self._feedback.table(STAGES),
            agreement=agreement_of(self._taken, traded_signals(trades)),
            still_open=self._ledger.count,
            skipped=self._ledger.skipped,
            lost=self._ledger.lost,
        )


def traded_signals(trades: Iterable[ClosedTrade]) -> list[TradedSignal]:
    """The real results of trades that know the signal that they were opened on."""
    return [
        TradedSignal(str(trade.signal_context["signal_id"]), facts_of(trade).net_bps, trade.exit_rule)
        for trade in trades
        if trade.signal_context.get("signal_id")
    ]
