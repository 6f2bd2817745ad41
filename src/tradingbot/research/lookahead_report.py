"""The proof and its counter-proofs over many probes, one row for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradingbot.research.lookahead import CUT, POISON, Probe, Violation, impatient, peeking, prove
from tradingbot.research.recorded_inputs import RecordedInputs


@dataclass(frozen=True, slots=True)
class ProofRow:
    """One probe: whether cutting and poisoning the future left it alone, and which planted faults were caught, how.

    It was asked at so many `moments` and had a value at `valued` of them.
    `shift_caught` and `early_caught` hold ``cut`` and ``poison`` as far as either found the planted shift(-1), and the
    planted use of values before they arrived; empty when the fault went unnoticed. A label is not asked for the latter.
    """

    probe: str
    moments: int
    valued: int
    cut_equal: bool
    poison_equal: bool
    shift_caught: tuple[str, ...]
    early_caught: tuple[str, ...]

    @property
    def proven(self) -> bool:
        """Knows no future, and would have been found out if it did."""
        return self.cut_equal and self.poison_equal and bool(self.shift_caught)


@dataclass(frozen=True, slots=True)
class Proof:
    """All rows, and every difference that was found without a planted fault."""

    rows: tuple[ProofRow, ...]
    violations: tuple[Violation, ...]


def run_proof(
    probes: Sequence[Probe], store: RecordedInputs, moments: Sequence[datetime], unarrived: Sequence[datetime] = ()
) -> Proof:
    """The proof at all moments, the counter-proofs beside it.

    `unarrived` are moments just after a close whose candle has not arrived. Labels are not asked there: their price is
    the last close, whether or not it had arrived.
    """
    deciding = [probe for probe in probes if probe.reach == timedelta(0)]
    honest = (*prove(probes, store, moments), *prove(deciding, store, unarrived))
    shifted = prove([peeking(probe) for probe in probes], store, moments)
    early = prove([impatient(probe) for probe in deciding], store, (*moments, *unarrived))
    valued = Counter(probe.name for at in moments for probe in probes if probe.read(store, at) is not None)
    valued.update(probe.name for at in unarrived for probe in deciding if probe.read(store, at) is not None)
    rows = []
    for probe in probes:
        wrong = _ways(probe, honest)
        asked = len(moments) + (len(unarrived) if probe.reach == timedelta(0) else 0)
        ways = _ways(probe, shifted), _ways(probe, early)
        rows.append(ProofRow(probe.name, asked, valued[probe.name], CUT not in wrong, POISON not in wrong, *ways))
    return Proof(tuple(rows), honest)


def _ways(probe: Probe, violations: Iterable[Violation]) -> tuple[str, ...]:
    return tuple(sorted({one.how for one in violations if one.probe == probe.name}))
