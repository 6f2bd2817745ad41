"""``tradingbot why``."""

from __future__ import annotations

import os
import sys

import click

from tradingbot.app.cli.shared import print_json
from tradingbot.app.home import home_folder


@click.command("why")
@click.argument("symbol")
@click.option(
    "--at",
    "moment",
    help="A time such as 2026-01-05T08:01Z or 08:01 (UTC, day of the newest cycle); default: the newest cycle.",
)
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def command(symbol: str, moment: str | None, home: str | None, as_json: bool) -> None:
    """Say why SYMBOL was traded, or was not, in the newest cycle or the last one before a time.

    Shows components, votes, every gate, the size chain, and what the exit rules say of a position that is held. Exit
    code as of `explain`.
    """
    from tradingbot.app.cli.story_text import print_story
    from tradingbot.app.explaining import story_at

    facts = story_at(home_folder(home, os.environ), symbol, moment, os.environ)
    if as_json:
        print_json(facts)
    else:
        print_story(facts)
    sys.exit(0 if facts["check"]["agrees"] else 1)
