"""The table of one run as a page of the documentation."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.crash.places import meaning
from tests.crash.points import Reached
from tests.crash.sections import Order, Section

HEAD = """# Crash points

One run, written by `make crash ARGS="--write docs/crash-points.md"`; [crash safety](crash-safety.md) says how.
"""


def write_page(path: Path, done: Sequence[Section], reached: Reached, order: Order) -> None:
    """Sections, then every point."""
    parts = [HEAD, f"Speed {order.speed:g}, seeds {order.seeds}, lanes {order.lanes}.\n", _sections(done)]
    for section in done:
        if section.facts:
            parts.append(f"## {section.name}\n\n" + "\n".join(f"- {fact}" for fact in section.facts) + "\n")
        if section.points:
            parts.append(f"## {section.name}, point by point\n\n" + _points(section, reached))
    path.write_text("\n".join(parts), encoding="utf-8")


def _sections(done: Sequence[Section]) -> str:
    rows = []
    for section in done:
        ledger = section.ledger
        median_s = statistics.median(ledger.restarts_s or [0])
        numbers = (
            ledger.kills,
            ledger.under_way,
            ledger.positions_at_kills,
            f"{median_s:.2f}",
            f"{section.took_s:.0f}",
        )
        rows.append((section.name, *numbers, len(ledger.violations)))
    heads = ("section", "kills", "order under way", "positions at kills", "restart p50 s", "took s", "violations")
    return _table(heads, rows)


def _points(section: Section, reached: Reached) -> str:
    rows = []
    for name, row in sorted(section.points.items()):
        times = ", ".join(f"{phase} {count}" for phase, count in reached.counts.get(name, {}).items())
        said = meaning(name) if name in reached.counts else ""
        rows.append((f"`{name}`", said, row.kills, row.missed or "", times, row.violations))
    return _table(("point", "what", "kills", "not reached", "reached in discovery", "violations"), rows)


def _table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    titles = list(heads)
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
