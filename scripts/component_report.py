"""What came of what each component said, out of the journals of one or more homes.

    python scripts/component_report.py --home HOME [--home ...] [--out PAGE] [--note TEXT] [--json]

Reads logs/predictive_signals.jsonl of every home with its rotated parts. Prints tables, or JSON; --out writes the page.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from tradingbot.research.component_report import ComponentReport, component_report
from tradingbot.research.component_report_text import (
    OUTCOME_HEADS,
    SPOKEN_HEADS,
    as_plain,
    markdown,
    outcome_cells,
    spoken_cells,
    verdict,
)
from tradingbot.research.signal_table import read_signals
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.rotation import parts

JOURNAL = Path("logs/predictive_signals.jsonl")


def lines_of(homes: Iterable[Path], readers: list[JournalReader]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(home, line) of every journal; `readers` is filled with what read them."""
    for home in homes:
        reader = JournalReader(home / JOURNAL)
        readers.append(reader)
        for row in reader:
            yield str(home), row


def table_of(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Rows as a table for a terminal."""
    table = Table(title=title)
    for column, head in enumerate(heads):
        table.add_column(head, justify="right" if column else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def print_report(report: ComponentReport) -> None:
    """Both tables and the verdict."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table_of("How often each voice spoke", SPOKEN_HEADS, map(spoken_cells, report.voices)))
    rows = [
        outcome_cells(voice, outcome)
        for voice in (report.baseline, *report.voices)
        for outcome in voice.outcomes
        if outcome.returns_bps
    ]
    console.print(table_of("What came of it", OUTCOME_HEADS, rows))
    console.print(verdict(report).replace("*", ""))
    if report.unusable or report.repeated:
        console.print(f"Left out: {report.unusable} unreadable lines, {report.repeated} repeated ones.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read, compute, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, action="append", required=True, help="home folder of a daemon; repeatable")
    parser.add_argument("--out", type=Path, help="page to write")
    parser.add_argument("--note", default="", help="what a reader of the page must know of the data")
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of tables")
    options = parser.parse_args(arguments)
    homes = list(dict.fromkeys(home.resolve() for home in options.home))
    for home in homes:
        if not ((home / JOURNAL).exists() or parts(home / JOURNAL)):
            parser.error(f"{home / JOURNAL} is not there; it is written by a running daemon")
    readers: list[JournalReader] = []
    report = component_report(read_signals(lines_of(homes, readers)))
    for reader in readers:
        for problem in (*reader.problems, *([f"{reader.bad_lines} lines are no JSON"] if reader.bad_lines else [])):
            print(f"{reader.path}: {problem}", file=sys.stderr)
    if options.out:
        options.out.write_text(markdown(report, options.note).rstrip() + "\n", encoding="utf-8")
    if options.json:
        print(orjson.dumps(as_plain(report), option=orjson.OPT_INDENT_2).decode())
    else:
        print_report(report)


if __name__ == "__main__":
    main()
