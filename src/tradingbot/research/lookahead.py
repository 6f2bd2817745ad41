"""A proof that nothing knows its own future, and the counter-proof that the proof would notice.

A probe is anything that has a value at a moment of recorded inputs. Its value on everything that was ever recorded must
be the value on what had arrived by then, and the value when all that arrived later is garbage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from tradingbot.core.errors import TradingBotError
from tradingbot.research.recorded_inputs import RecordedInputs

Read = Callable[[RecordedInputs, datetime], object]
Change = Callable[[RecordedInputs], RecordedInputs]

CUT: Final = "cut"
POISON: Final = "poison"
POISON_SEED: Final = 20_260_101


@dataclass(frozen=True, slots=True)
class Probe:
    """Something with a value at a moment; `reach` is how far beyond it the value may look (0 unless it is a label).

    Values are compared by their `repr`: plain numbers, texts and frozen records of them, no arrays.
    """

    name: str
    read: Read
    reach: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Violation:
    """A value that depends on what had not arrived: at `moment`, found by ``cut`` or by ``poison``."""

    probe: str
    moment: datetime
    how: str
    whole: str
    other: str


def prove(
    probes: Sequence[Probe], store: RecordedInputs, moments: Iterable[datetime], poison_seed: int = POISON_SEED
) -> tuple[Violation, ...]:
    """Every difference between a probe on the whole store and on the same store cut or poisoned at moment + reach.

    What a probe raises on the whole store is raised; what it raises on the others is a violation.
    """
    found: list[Violation] = []
    for moment in moments:
        for reach in sorted({probe.reach for probe in probes}):
            others = {CUT: store.cut(moment + reach), POISON: store.poisoned(moment + reach, poison_seed)}
            for probe in probes:
                if probe.reach == reach:
                    found += _differences(probe, store, others, moment)
    return tuple(found)


def _differences(
    probe: Probe, store: RecordedInputs, others: dict[str, RecordedInputs], moment: datetime
) -> Iterable[Violation]:
    whole = repr(probe.read(store, moment))
    for how, other in others.items():
        seen = _told(probe, other, moment)
        if seen != whole:
            yield Violation(probe.name, moment, how, whole, seen)


def _told(probe: Probe, store: RecordedInputs, moment: datetime) -> str:
    try:
        return repr(probe.read(store, moment))
    except (TradingBotError, ValueError, ArithmeticError, LookupError) as error:
        return f"raised {error!r}"


@lru_cache(maxsize=8)
def _shifted(store: RecordedInputs) -> RecordedInputs:
    return store.shifted()


@lru_cache(maxsize=8)
def _at_once(store: RecordedInputs) -> RecordedInputs:
    return store.at_once()


def peeking(probe: Probe) -> Probe:
    """The same probe with a planted shift(-1): every input shows its next value one step early."""
    return Probe(probe.name, lambda store, moment: probe.read(_shifted(store), moment), probe.reach)


def impatient(probe: Probe) -> Probe:
    """The same probe with another planted fault: it takes values when they were true, not when they arrived."""
    return Probe(probe.name, lambda store, moment: probe.read(_at_once(store), moment), probe.reach)


def caught(violations: Iterable[Violation]) -> frozenset[str]:
    """Names of the probes that were found out."""
    return frozenset(violation.probe for violation in violations)
