"""``tradingbot issues``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from rich.markup import escape

from tradingbot.app.cli.listing import Listing
from tradingbot.app.cli.operating import finish, operating_options, require_a_daemon_once, send
from tradingbot.app.cli.shared import console_of, print_json
from tradingbot.app.home import home_folder

COLOURS = {"warning": "yellow", "error": "red", "critical": "bold red"}


@click.command("issues")
@click.option("--ack", metavar="ID", default="", help="Take note of an issue; it stays open until it is over.")
@operating_options
def command(ack: str, reason: str, wait_s: float, home: str | None, as_json: bool) -> None:
    """Show what is wrong now, the worst first, with what to do; or acknowledge an issue.

    Exit code 1 while an issue that nobody acknowledged is open, so that a script can ask.
    """
    from tradingbot.app.status import open_issues

    folder = home_folder(home, os.environ)
    require_a_daemon_once(folder)
    if ack:
        finish(send(folder, "acknowledge", reason, wait_s, issue=ack), as_json)
    rows = open_issues(folder)
    if as_json:
        print_json({"issues": rows})
    else:
        _print(rows)
    sys.exit(1 if any(row["acknowledged_at"] is None for row in rows) else 0)


def _print(rows: list[dict[str, Any]]) -> None:
    console = console_of()
    if not rows:
        console.print("[green]✓ no open issue[/]")
        return
    table = Listing(f"{len(rows)} open issues", "id", "severity", "since (UTC)", "seen", "what", "what to do")
    for row in rows:
        colour = COLOURS[row["severity"]]
        known = f"\nacknowledged by {row['acknowledged_by']}" if row["acknowledged_at"] else ""
        table.add_row(
            escape(row["id"]),
            f"[{colour}]{row['severity']}[/]",
            str(row["since"])[:19],
            f"{row['count']} x",
            escape(f"{row['title']}: {row['detail']}" if row["detail"] else row["title"]) + escape(known),
            escape(f"{row['remedy']} ({row['runbook']})"),
        )
    console.print(table)
