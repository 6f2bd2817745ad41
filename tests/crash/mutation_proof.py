"""The proof that the harness can fail: with one thing taken away, the section that guards it must report violations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
    """Every mutation; exit code 1 when one was not noticed, or when the whole program is complained of too."""
    table = Table("taken away", "section", "kills", "violations", "first of them")
    names = [name for name in MUTATIONS if any(fnmatch(name, one) for one in glob.split(","))]
    sound = True
    for of in dict.fromkeys(MUTATIONS[name].section for name in names):
        ledger = whole(of, order).ledger
        sound = sound and not ledger.violations
        first = str(ledger.violations[0])[:160] if ledger.violations else ""
        table.add_row("nothing", of, str(ledger.kills), str(len(ledger.violations)), first)
    if not sound:
        Console().print(table)
        return 1
    proofs = [attempt(name, order) for name in names]
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
    mine = replace(order, folder=order.folder / f"without-{name}", mutation=name)
    section = _section(mutation.section, mine, mutation.points, TIMES)
    order.say(f"[mutation] {name}: {len(section.ledger.violations)} violations")
    return Proof(name, mutation, section)


def whole(of: str, order: Order) -> Section:
    """A section with nothing taken away: what it complains of then is the harness's own fault."""
    order.say(f"[mutation] nothing taken away: {of}")
    points = tuple(point for one in MUTATIONS.values() if one.section == of for point in one.points)
    return _section(of, replace(order, folder=order.folder / f"whole-{of}"), tuple(dict.fromkeys(points)), 1)


def _section(of: str, order: Order, points: Sequence[str], times: int) -> Section:
    mine = replace(order, glob="*", lanes=1, random_cuts=3)
    match of:
        case "power":
            return sections.power(replace(mine, cut_at=(tuple(points) or sections.CUT_AT[:4]) * times))
        case "points":
            reached = Reached({point: {"trading": 8} for point in points})
            return sections.points(replace(mine, seeds=times, every=True), reached)
        case "damage":
            return sections.damage(mine)
        case _:
            return sections.switches(mine)
