"""One position before the exit rules: its facts, timing's word, and how fast its clocks run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tradingbot.exits.facts import ExitAdvice, ExitFacts
from tradingbot.exits.params import ExitParams
from tradingbot.exits.position_timing import TimingAdvice, TimingWord, advise


@dataclass(frozen=True, slots=True)
class Case:
    """What every rule gets. `crossed`: the EMAs turned against the position since entry; None is unknown."""

    facts: ExitFacts
    timing: TimingWord
    crossed: bool | None

    @property
    def extended(self) -> bool:
        """Timing wants it held longer."""
        return self.timing.advice is TimingAdvice.HOLD_EXTENDED

    @property
    def accelerated(self) -> bool:
        """Something speaks against waiting: the optimal hold is over, or the EMAs crossed."""
        return self.timing.advice is TimingAdvice.EXIT_SOONER or self.crossed is True

    def pace(self, params: ExitParams) -> float:
        """Factor of the ages that profit targets and rungs ask for."""
        return params.acceleration if self.accelerated else 1.0

    def patience(self, params: ExitParams) -> float:
        """Factor of the time limits: the pace, stretched while timing holds longer."""
        return self.pace(params) * (params.timing.hold_extension if self.extended else 1.0)


ExitRule = Callable[[Case, ExitParams], ExitAdvice]
"""A rule: pure, and it says why whatever it advises."""


def case_of(facts: ExitFacts, params: ExitParams) -> Case:
    """The case that the facts make."""
    return Case(facts, advise(facts, params.timing), crossed_against(facts))


def crossed_against(facts: ExitFacts) -> bool | None:
    """The fast EMA is on the wrong side of the slow one now and was not all the time since entry (SPEC 8.6)."""
    if facts.ema_gap_pct is None or facts.ema_best_gap_pct is None:
        return None
    return facts.ema_gap_pct < 0 <= facts.ema_best_gap_pct
