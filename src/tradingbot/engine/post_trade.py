"""The post-trade handler: everything that follows from a finished trade, in one order, once per trade (SPEC 9).

The trade itself is recorded and taken out of the book first, durably (`PortfolioKeeper.settle`). Every further step
owns one file, and the file says which trades are in it: after a crash between two steps, or a lost file, the steps that
lack a trade are given it again, in the order in which trades were recorded, and the files come out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import structlog

from tradingbot.core.parameters import LearnedParameters
from tradingbot.engine.cycle_record import digest_of
from tradingbot.engine.execution_quality import ExecutionQuality
from tradingbot.engine.learning_models import LearnedParametersState, LearningState, VenueMetadata
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.engine.signal_desk import Kept
from tradingbot.engine.trade_archive import ArchivedTrades
from tradingbot.learning.allocation import Allocations, Readiness, allocated, judged
from tradingbot.learning.attribution import Attribution, attributed
from tradingbot.learning.calibration import Calibration, calibrated
from tradingbot.learning.counter_signal import CounterOutcomes, countered
from tradingbot.learning.expectancy import ExpectancyLedger, entered_in_ledger
from tradingbot.learning.learned import learned_parameters
from tradingbot.learning.meta_buckets import MetaBuckets, bucketed
from tradingbot.learning.params import LearningParams
from tradingbot.learning.rollout import Rollout, rolled_out
from tradingbot.learning.timing import TimingOutcomes, timed
from tradingbot.learning.trade_facts import TradeFacts, facts_of
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.ports import Clock

log = structlog.get_logger(__name__)

EMPTY: Final[Mapping[str, Any]] = {
    "attribution": Attribution(),
    "expectancy": ExpectancyLedger(),
    "calibration": Calibration(),
    "meta_buckets": MetaBuckets(),
    "timing": TimingOutcomes(),
    "counter_signal": CounterOutcomes(),
    "allocation": Allocations(),
    "rollout": Rollout(),
}
"""Content of each step's file before the first trade, in the order of the steps."""

Apply = Callable[[Any, TradeFacts], Any]


def step_functions(
    venue: str, params: LearningParams, readiness: Readiness, taker_fee_bps: float
) -> Mapping[str, Apply]:
    """What each step makes of its content and one more trade."""
    return {
        "attribution": lambda known, facts: attributed(known, facts.trade, venue),
        "expectancy": lambda known, facts: entered_in_ledger(known, facts, params.half_life_days),
        "calibration": calibrated,
        "meta_buckets": lambda known, facts: bucketed(known, facts, params),
        "timing": lambda known, facts: timed(known, facts, params),
        "counter_signal": lambda known, facts: countered(known, facts.trade),
        "allocation": lambda known, facts: allocated(known, facts, readiness, params.allocation),
        "rollout": lambda known, facts: rolled_out(known, facts, params, taker_fee_bps),
    }


class LearningStep:
    """One file, and the pure function that adds a trade to it."""

    def __init__(self, name: str, file: Kept, state: LearningState[Any], apply: Apply) -> None:
        self.name = name
        self.state = state
        self._file = file
        self._apply = apply

    def holds(self, trade: ClosedTrade) -> bool:
        """Whether the trade is in the file, or older than everything that was learned at this venue."""
        since = self.state.venue_metadata.since
        return trade.exit_time < since or self.state.handled.holds(trade.trade_id, trade.exit_time)

    def add(self, facts: TradeFacts) -> None:
        """Add one trade; content and mark are one value, so that neither is ever written without the other."""
        state = self._with(facts)
        self._file.put(state)
        self.state = state

    def take_in(self, facts: TradeFacts) -> None:
        """Add one trade, not yet to the file."""
        self.state = self._with(facts)

    def keep(self) -> None:
        """Write what was taken in."""
        self._file.put(self.state)

    def _with(self, facts: TradeFacts) -> LearningState[Any]:
        trade = facts.trade
        handled = self.state.handled.with_one(trade.trade_id, trade.exit_time)
        return self.state.model_copy(update={"content": self._apply(self.state.content, facts), "handled": handled})

    def lacks(self, gone: ArchivedTrades, trades: Sequence[ClosedTrade]) -> bool:
        """Whether trades that are kept as sums alone are missing here, as after the loss of the file."""
        since, handled = self.state.venue_metadata.since, self.state.handled
        if gone.oldest_entry_time is None or gone.newest_exit_time is None or gone.newest_exit_time < since:
            return False
        if since > gone.oldest_entry_time:  # some of them are of another venue's time: they cannot be counted
            return not handled.times or max(handled.times) < gone.newest_exit_time
        ids, until = set(handled.newest), handled.until
        kept = sum(1 for one in trades if one.trade_id in ids or (until is not None and one.exit_time <= until))
        return handled.count - kept < gone.count


class PostTrade:
    """Runs the steps for every trade that lacks one, and keeps what was learned for the next cycle."""

    def __init__(
        self,
        keeper: PortfolioKeeper,
        clock: Clock,
        files: Mapping[str, Kept],
        states: Mapping[str, LearningState[Any]],
        quality: ExecutionQuality,
        params: LearningParams,
        readiness: Readiness,
        taker_fee_bps: float,
    ) -> None:
        """`files` and `states` by the names of `EMPTY`; `files` has ``learned`` too.

        `taker_fee_bps` is the fee that simulated results assume: the fee gate's setting.
        """
        venue = states["attribution"].venue_metadata
        functions = step_functions(venue.venue, params, readiness, taker_fee_bps)
        self.steps = tuple(LearningStep(name, files[name], states[name], functions[name]) for name in EMPTY)
        self._by_name = {step.name: step for step in self.steps}
        self._keeper = keeper
        self._clock = clock
        self._quality = quality
        self._params = params
        self._readiness = readiness
        self._venue = venue
        self._learned_file = files["learned"]
        self._done: set[str] = set()
        self._failing: set[str] = set()
        self._hash = ""
        self._learned = LearnedParameters()
        keeper.listen_to_fills(quality.note)
        keeper.archive_when(lambda trade: trade.trade_id in self._done)

    @property
    def venue(self) -> VenueMetadata:
        """Where and since when it is learned."""
        return self._venue

    def learned(self) -> LearnedParameters:
        """What the next decision may know of the past."""
        return self._learned

    def handle(self) -> int:
        """Bring every file up to the trades that are recorded, and measure orders; how many trades were new."""
        before = self._quality.gap
        self._guarded("execution_quality", "", self._measure)
        trades = self._keeper.trades
        waiting = [trade for trade in trades if trade.trade_id not in self._done]
        complete = {trade.trade_id for trade in waiting if self._handle_one(trade)}
        if waiting:
            self._done = (self._done & {trade.trade_id for trade in trades}) | complete
        if waiting or self._quality.gap is not before or not self._hash:
            self._guarded("learned", "", self._learn)
        return len(waiting)

    @property
    def lacking(self) -> tuple[LearningStep, ...]:
        """Steps that miss trades which only the journal of executed trades still has."""
        return tuple(step for step in self.steps if step.lacks(self._keeper.archived, self._keeper.trades))

    def catch_up(self, trades: Iterable[ClosedTrade]) -> int:
        """Give every step what it lacks of these trades, in the order of the journal; how many some step took.

        For files that were lost, before `handle`: it takes long. A trade that cannot be read is passed over.
        """
        kept = {trade.trade_id: trade for trade in self._keeper.trades}
        taken, lacking = 0, self.lacking
        for trade in trades:
            one = kept.get(trade.trade_id, trade)
            missing = [step for step in lacking if not step.holds(one)]
            for known in self._facts(one) if missing else ():
                for step in missing:
                    self._guarded(step.name, one.trade_id, partial(step.take_in, known))
                taken += 1
        for step in lacking:
            step.keep()
        return taken

    def _measure(self) -> int:
        held = {position.position_id for position in self._keeper.book.positions}
        return self._quality.write_complete(self._clock.now(), held)

    def _handle_one(self, trade: ClosedTrade) -> bool:
        missing = [step for step in self.steps if not step.holds(trade)]
        facts = self._facts(trade) if missing else []
        good = not missing or bool(facts)
        for known in facts:
            for step in missing:
                good = self._guarded(step.name, trade.trade_id, partial(step.add, known)) and good
        self._keeper.journal_trade(trade, self._clock.now())
        return good

    def _facts(self, trade: ClosedTrade) -> list[TradeFacts]:
        """The facts, or nothing where they cannot be found."""
        facts: list[TradeFacts] = []
        self._guarded("facts", trade.trade_id, lambda: facts.append(facts_of(trade)))
        return facts

    def _guarded(self, step: str, trade_id: str, work: Callable[[], object]) -> bool:
        """What comes after a trade must never end the cycle: a failing step is said once and tried again next time."""
        try:
            work()
        except Exception as error:
            if step not in self._failing:
                log.exception("post_trade.step_failed", step=step, trade_id=trade_id, error=str(error))
            self._failing.add(step)
            return False
        self._failing.discard(step)
        return True

    def _learn(self) -> None:
        content = {name: step.state.content for name, step in self._by_name.items()}
        allocations = judged(content["allocation"], self._readiness, self._params.allocation)
        learned = learned_parameters(
            content["expectancy"], content["timing"], allocations, self._quality.gap, self._params
        )
        digest = digest_of(learned)
        if digest != self._hash:
            self._learned, self._hash = learned, digest
            state = LearnedParametersState(venue_metadata=self._venue, parameters=learned, hash=digest)
            self._learned_file.put(state)
