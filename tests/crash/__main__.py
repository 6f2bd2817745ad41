"""``python -m tests.crash``: every section, a table, exit code 1 on any violation. `--help` shows the options."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.crash import disks, sections
from tests.crash.mutation_proof import prove
from tests.crash.places import meaning
from tests.crash.points import Reached, discover
from tests.crash.report import write_page
from tests.crash.sections import Order, Section

SECTIONS = {
    "points": sections.points,
    "kills": sections.kills,
    "freezes": sections.freezes,
    "power": sections.power,
    "disk": disks.disk,
    "damage": sections.damage,
    "switches": sections.switches,
}


def main() -> int:
    """Run what was asked for."""
    chosen = _options()
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="crash-"))
    order = Order(
        folder,
        chosen.seeds,
        chosen.lanes,
        chosen.kills,
        chosen.speed,
        chosen.points,
        chosen.every,
        say=_say(chosen.quiet),
    )
    try:
        if chosen.mutations:
            return prove(order, chosen.points)
        wanted = chosen.only or list(SECTIONS)
        reached = Reached()
        if chosen.list or "points" in wanted:
            reached = discover(folder / "discovery", 1, chosen.speed)
        if chosen.list:
            for point in reached.points(chosen.points, every=True):
                print(f"{point:<48} {meaning(point)}; {_times(reached.counts[point])}")
            return 0
        done = [_timed(name, order, reached) for name in wanted]
    finally:
        if chosen.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    _show(done)
    if chosen.write is not None:
        write_page(chosen.write, done, reached, order)
    return 1 if any(section.ledger.violations for section in done) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--points", default="*", metavar="GLOB", help="only these points (or mutations), comma between")
    parser.add_argument("--every", action="store_true", help="also points at which the disk is as at the next one")
    parser.add_argument("--seeds", type=int, default=1, help="homes per section, moments per point")
    parser.add_argument("--kills", type=int, default=20, help="kills at random moments")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="only this section; repeatable")
    parser.add_argument("--lanes", type=int, default=2, help="venues and daemons at the same time")
    parser.add_argument("--speed", type=float, default=120.0, help="factor of real time")
    parser.add_argument("--list", action="store_true", help="show the points with their meaning and end")
    parser.add_argument("--mutations", action="store_true", help="take one thing away at a time: each must be noticed")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the whole table as Markdown")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave homes and logs there")
    parser.add_argument("--quiet", action="store_true", help="no line per kill")
    return parser.parse_args()


def _say(quiet: bool) -> sections.Say:
    return (lambda text: None) if quiet else lambda text: print(text, flush=True)


def _times(phases: dict[str, int]) -> str:
    return ", ".join(f"{phase} {count}" for phase, count in phases.items())


def _timed(name: str, order: Order, reached: Reached) -> Section:
    started_s = time.monotonic()
    section = SECTIONS[name](replace(order, folder=order.folder / name), reached)
    section.took_s = time.monotonic() - started_s
    return section


def _show(done: list[Section]) -> None:
    heads = ("section", "kills", "not reached", "order under way", "positions at kills", "restart p50 s", "took s")
    table = Table(*heads, "violations")
    for section in done:
        ledger = section.ledger
        missed = sum(row.missed for row in section.points.values())
        cells = (section.name, ledger.kills, missed, ledger.under_way, ledger.positions_at_kills)
        median_s = statistics.median(ledger.restarts_s or [0])
        table.add_row(*map(str, cells), f"{median_s:.2f}", f"{section.took_s:.0f}", str(len(ledger.violations)))
        for violation in ledger.violations:
            print(f"{section.name}: {violation}", file=sys.stderr)
    Console().print(table)
    for section in done:
        for fact in section.facts:
            print(f"{section.name}: {fact}")


if __name__ == "__main__":
    sys.exit(main())
