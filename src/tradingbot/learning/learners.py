"""All learners, run on one set of records: each gives one proposal. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tradingbot.core.levers import Levers
from tradingbot.core.types import epoch_ms
from tradingbot.learning.exit_learner import Targets, learn_holds, learn_targets
from tradingbot.learning.factor_learner import learn_directions, learn_sizes, learn_strategies
from tradingbot.learning.flow_value import FlowRules
from tradingbot.learning.gate_learner import learn_gates
from tradingbot.learning.learner_params import LearnerParams
from tradingbot.learning.ledger_table import NO_LEDGER, LedgerTable
from tradingbot.learning.proposal import Proposal
from tradingbot.learning.signal_table import SignalTable
from tradingbot.learning.trade_facts import TradeFacts
from tradingbot.learning.weight_learner import learn_gate_weights, learn_weights


@dataclass(frozen=True, slots=True)
class Records:
    """What can be learned from: signals with outcomes, finished trades (oldest first), the counterfactual ledger."""

    table: SignalTable
    trades: tuple[TradeFacts, ...] = ()
    ledger: LedgerTable = NO_LEDGER

    def between(self, since: datetime, until: datetime) -> Records:
        """Records from `since` on, before `until`."""
        first, last = epoch_ms(since), epoch_ms(until)
        trades = tuple(one for one in self.trades if since <= one.trade.exit_time < until)
        return replace(
            self, table=self.table.between(first, last), trades=trades, ledger=self.ledger.between(first, last)
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """What the settings say and what holds now.

    `clamp`: largest relative change at once, 0..1, by the age of the venue; `ready`: symbols that are sample-ready;
    `hold_min`: optimal hold of the settings; `gates`: each gate lever's setting; `strategies`: by name, the key of its
    size factor and the factor.
    """

    rules: FlowRules
    targets: Targets
    hold_min: float
    gates: Mapping[str, float]
    strategies: Mapping[str, tuple[str, float]]
    clamp: float
    ready: frozenset[str]
    params: LearnerParams


def proposals(records: Records, levers: Levers, ground: Ground) -> Sequence[Proposal]:
    """One proposal of every learner, in a fixed order."""
    table, rules, own = records.table, ground.rules, ground.params
    block, long_block, clamp = own.meta.block_min, own.meta.ledger_block_min, ground.clamp
    blocked = records.ledger.by_gate(long_block)
    least = own.factors.min_blocks
    return (
        learn_weights(table, rules, levers, clamp, block, own.weights),
        learn_gate_weights(table, rules, levers, clamp, block, own.weights),
        learn_directions(table, rules, levers, clamp, block, ground.ready, own.factors),
        learn_sizes(table, rules, levers, clamp, block, own.factors),
        learn_holds(table, rules, levers, block, ground.hold_min, ground.ready, least, own.exits),
        learn_targets(records.trades, levers, ground.targets, clamp, long_block, own.exits),
        learn_strategies(records.trades, ground.strategies, levers, clamp, long_block, own.strategies),
        learn_gates(blocked, ground.gates, levers, own.gates),
    )
