"""``tradingbot digest``."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from tradingbot.app.cli.shared import print_json
from tradingbot.app.home import home_folder


@click.command("digest")
@click.option("--date", metavar="D", help="The digest that was written on this day (2026-01-31), UTC.")
@click.option("--html", "as_html", is_flag=True, help="Print the page that mail programs show.")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def command(date: str | None, as_html: bool, home: str | None, as_json: bool) -> None:
    """Print what the 24 hours up to the newest cycle were like, or a nightly digest as it was written.

    Reads files only, of a running or a stopped daemon; sends nothing.
    """
    from tradingbot.alerts import digest_text
    from tradingbot.app.bootstrap import load
    from tradingbot.app.digesting import digest_now, plain, stored_digest
    from tradingbot.app.status import options_to_look

    if as_html and as_json:
        raise click.UsageError("--html and --json exclude each other")
    folder = home_folder(home, os.environ)
    if date is not None:
        ending = "html" if as_html else "json" if as_json else "txt"
        click.echo(stored_digest(folder, _day(date), ending).rstrip("\n"))
        return
    settings, _ = load(options_to_look(folder), os.environ)
    found = digest_now(folder, settings)
    if as_json:
        print_json(plain(found))
    else:
        click.echo((digest_text.as_html if as_html else digest_text.as_text)(found).rstrip("\n"))


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise click.UsageError(f"--date {text!r} is no day; write 2026-01-31") from None
