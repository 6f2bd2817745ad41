"""``tradingbot doctor``."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from tradingbot.app.cli.shared import console_of, on_loop, print_json
from tradingbot.app.home import home_folder

MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "problem": "[red]✗[/]"}


@click.command("doctor")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--offline", is_flag=True, help="Do not ask the venue.")
@click.option("--json", "as_json", is_flag=True, help="Print all findings as JSON.")
def command(home: str | None, offline: bool, as_json: bool) -> None:
    """Look at program, settings, keys, files, daemon and venue; change nothing.

    Exit codes: 0 all is well, 1 a warning, 2 a problem.
    """
    from tradingbot.app.doctor import examine
    from tradingbot.app.findings import worst

    folder = home_folder(home, os.environ)
    findings = on_loop(lambda: examine(folder, os.environ, offline))
    code = worst(findings)
    rows = [asdict(one) for one in findings]
    if as_json:
        print_json({"home": str(folder), "worst": ("ok", "warning", "problem")[code], "findings": rows})
    else:
        _print(rows)
    sys.exit(code)


def _print(rows: list[dict[str, Any]]) -> None:
    """What is wrong comes last, where the eye is; each with remedy and page."""
    table = Table.grid(padding=(0, 1))
    for row in rows:
        table.add_row(MARKS[row["level"]], row["area"], f"[bold]{escape(row['subject'])}[/]", escape(row["detail"]))
    console = console_of()
    console.print(table)
    wrong = [row for row in rows if row["level"] != "ok"]
    for row in wrong:
        console.print(f"{MARKS[row['level']]} [bold]{escape(row['subject'])}[/]: {escape(row['detail'])}")
        console.print(f"    remedy: {escape(row['remedy'])}   ({row['runbook']})", highlight=False)
    if not wrong:
        console.print("[green]all is well[/]")
