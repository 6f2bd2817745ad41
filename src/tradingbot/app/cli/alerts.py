"""``tradingbot alerts``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from rich.markup import escape

from tradingbot.app.cli.listing import Listing
from tradingbot.app.cli.shared import console_of, on_loop, print_json
from tradingbot.app.home import home_folder


@click.command("alerts")
@click.argument("what", required=False, default="list", type=click.Choice(("list", "test")))
@click.option("--channel", metavar="NAME", default="", help="With test: send to this channel only.")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def command(what: str, channel: str, home: str | None, as_json: bool) -> None:
    """Show who is told of issues, what waits and what was sent last; or send a test message to every channel.

    Addresses are never shown. With test: exit code 1 when a channel could not be reached.
    """
    from tradingbot.app.alerting import alert_facts, send_test
    from tradingbot.app.bootstrap import load
    from tradingbot.app.status import options_to_look

    folder = home_folder(home, os.environ)
    options = options_to_look(folder)
    settings, secrets = load(options, os.environ)
    if what == "list":
        if channel:
            raise click.UsageError("--channel goes with test")
        facts = alert_facts(folder, settings, secrets)
        print_json(facts) if as_json else _print(facts)
        return
    rows = on_loop(lambda: send_test(settings, secrets, channel, f"tradingbot {options.profile}"))
    if as_json:
        print_json({"tests": rows})
    else:
        for row in rows:
            said = f"[red]failed[/]: {escape(row['error'])}" if row["error"] else "[green]delivered[/]"
            console_of().print(f"{row['channel']}  {said}")
    sys.exit(1 if any(row["error"] for row in rows) else 0)


def _print(facts: dict[str, Any]) -> None:
    console = console_of()
    if not facts["enabled"]:
        console.print("[yellow]alerts are switched off[/] (alerts.enabled)")
    if not facts["channels"]:
        console.print("nobody is told: no channel; set TRADINGBOT_ALERT_URL_NAME (docs/alerts.md)")
        return
    table = Listing("Channels", "channel", "address", "from", "events", "waits", "sent", "last")
    for row in facts["channels"]:
        table.add_row(
            row["channel"],
            escape(row["address"]) if row["address"] == "set" else f"[red]{escape(row['address'])}[/]",
            row["min_severity"],
            ", ".join(row["events"]) + (", digest" if row["digest"] else ""),
            str(row["pending"] + row["held_back"] + row["left_out"]),
            str(row["sent"]),
            _last(row),
        )
    console.print(table)
    for one in facts["pending"]:
        why = f" [red]{escape(one['last_error'])}[/]" if one["last_error"] else ""
        next_at = str(one["next_at"])[:19]
        line = f"waits for {one['channel']}: {escape(one['title'])} (tried {one['attempts']} x, next {next_at})"
        console.print(line + why)


def _last(row: dict[str, Any]) -> str:
    if row["last_error"]:
        return f"[red]failing[/]: {escape(row['last_error'])}"
    return f"{str(row['last_sent_at'])[:19]} {escape(row['last_title'])}" if row["last_sent_at"] else "nothing yet"
