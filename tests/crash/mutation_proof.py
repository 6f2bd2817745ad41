"""The proof that the harness can fail: with one thing taken away, the section that guards it must report violations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fnmatch import fnmatch

from rich.console import Console
from rich.table import Table

from tests.crash import sections
from tests.crash.mutations import MUTATIONS, Mutation
from tests.crash.points import Reached
from tests.crash.sections import Order, Section

TIMES = 6
"""Kills at each point of a mutation at most; the first violation ends it."""


@dataclass(frozen=True)
class Proof:
    """What was noticed of one mutation."""

    name: str
    mutation: Mutation
    section: Section

    @property
    def caught(self) -> bool:
        """Whether anything was noticed."""
        return bool(self.section.ledger.violations)

    @property
    def said(self) -> str:
        """The violation that came most often, as it was said first."""
        found = self.section.ledger.violations
        kinds = Counter(one.what.split(":")[0][:40] for one in found)
        return str(next(one for one in found if one.what.startswith(kinds.most_common(1)[0][0]))) if found else ""


def prove(order: Order, glob: str = "*") -> int:
    """Every mutation; exit code 1 when one was not noticed."""
    table = Table("taken away", "section", "kills", "violations", "first of them")
    proofs = [attempt(name, order) for name in MUTATIONS if any(fnmatch(name, one) for one in glob.split(","))]
    for proof in proofs:
        ledger = proof.section.ledger
        count = str(len(ledger.violations)) if proof.caught else "[red]0: NOT NOTICED[/]"
        table.add_row(proof.mutation.what, proof.mutation.section, str(ledger.kills), count, proof.said[:160])
    Console().print(table)
    return 0 if all(proof.caught for proof in proofs) else 1


def attempt(name: str, order: Order) -> Proof:
    """Run the section that must notice, with the mutation in the daemon."""
    mutation = MUTATIONS[name]
    order.say(f"[mutation] {name}: {mutation.what}")
    folder = order.folder / f"without-{name}"
    mine = replace(order, folder=folder, glob="*", mutation=name, lanes=1, random_cuts=3)
    match mutation.section:
        case "power":
            section = sections.power(replace(mine, cut_at=(mutation.points or sections.CUT_AT[:4]) * TIMES))
        case "points":
            section = _at_points(mine, mutation)
        case "damage":
            section = sections.damage(mine)
        case _:
            section = sections.switches(mine)
    order.say(f"[mutation] {name}: {len(section.ledger.violations)} violations")
    return Proof(name, mutation, section)


def _at_points(order: Order, mutation: Mutation) -> Section:
    reached = Reached({point: {"trading": 8} for point in mutation.points})
    return sections.points(replace(order, seeds=TIMES, every=True), reached)
