"""``tradingbot replay``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tradingbot.app.cli.shared import MomentType, console_of, print_json
from tradingbot.app.home import home_folder

SHOWN = 20


@click.command("replay")
@click.option("--from", "since", type=MomentType(), help="First cycle, UTC. Default: a day before the end.")
@click.option("--to", "until", type=MomentType(), help="Last cycle, UTC. Default: the newest one.")
@click.option("--limit", type=click.IntRange(min=1), help="So many cycles at most, the oldest first.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that share it.")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def command(
    since: datetime | None, until: datetime | None, limit: int | None, workers: int, home: str | None, as_json: bool
) -> None:
    """Decide recorded cycles again from their recorded inputs, and compare.

    Names the first stage that differs, and damaged lines. Reads files only, of a running or a stopped daemon. Exit
    code 1 when anything differs or is damaged, or when no cycle could be replayed.
    """
    from tradingbot.app.replaying import replay_facts, span_of

    folder = home_folder(home, os.environ)
    first, last = span_of(folder, since, until)
    with _progress(as_json) as told:
        facts = replay_facts(folder, first, last, limit, workers, told)
    if as_json:
        print_json(facts)
    else:
        _print(console_of(120), facts)
    sys.exit(0 if facts["replayed"] and facts["replayed"] == facts["equal"] and not facts["damaged"] else 1)


def _print(console: Console, facts: dict[str, Any]) -> None:
    console.print(f"{facts['home']}, {facts['since'][:16]} to {facts['until'][:16]} UTC, program {facts['program']}")
    table = Table("cycles", "replayed", "equal", "different", "damaged lines", "took", "real time", box=SIMPLE_HEAD)
    speed = "-" if facts["speed"] is None else f"{facts['speed']:,.0f} x"
    counts = [f"{facts[name]:,}" for name in ("cycles", "replayed", "equal", "mismatched", "damaged")]
    table.add_row(*counts, f"{facts['took_s']:.1f} s", speed)
    console.print(table)
    if not facts["cycles"]:
        console.print("no cycle of this time is on file")
    for why, count in facts["left_out"].items():
        console.print(f"{count:,} not replayed: {why}", highlight=False)
    if facts["orphans"]:
        console.print(f"{facts['orphans']:,} inputs belong to no recorded cycle")
    _print_damages(console, facts)
    _print_mismatches(console, facts)


def _print_damages(console: Console, facts: dict[str, Any]) -> None:
    if not facts["damages"]:
        return
    table = Table("damaged line", "cycle", "in", box=SIMPLE_HEAD)
    for one in facts["damages"][:SHOWN]:
        table.add_row(f"{one['file']}:{one['line']}", one["cycle_id"] or "?", "\n".join(one["parts"][:6]))
    console.print(table)


def _print_mismatches(console: Console, facts: dict[str, Any]) -> None:
    if not facts["mismatches"]:
        return
    table = Table("cycle", "first in", "also in", "what", "recorded by", box=SIMPLE_HEAD)
    for one in facts["mismatches"][:SHOWN]:
        by = one["version"] + ("" if one["same_program"] else " (other code)")
        table.add_row(one["cycle_id"], one["stage"], ", ".join(one["stages"][1:]), "\n".join(one["values"][:4]), by)
    console.print(table)
    if facts["mismatched"] > SHOWN:
        console.print(f"and {facts['mismatched'] - SHOWN:,} more; --json lists {len(facts['mismatches'])}")
    stages = ", ".join(f"{name} {count:,}" for name, count in facts["stages"].items())
    console.print(f"first differing stage: {stages}")
    if facts["otherwise"]:
        console.print(
            f"{facts['otherwise']:,} of them were recorded by a program with other deciding code: "
            "what was changed on purpose differs on purpose"
        )


@contextmanager
def _progress(silent: bool) -> Iterator[Any]:
    """One bar with the time that is left, on standard error; nothing where that is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=silent or not console.is_terminal) as shown:
        bar = shown.add_task("cycles", total=None)
        yield lambda done, of: shown.update(bar, completed=done, total=of or None)
