"""``tradingbot explain``."""

from __future__ import annotations

import os
import sys

import click

from tradingbot.app.cli.shared import print_json
from tradingbot.app.home import home_folder


@click.command("explain")
@click.argument("name", metavar="TRADE_OR_SIGNAL")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def command(name: str, home: str | None, as_json: bool) -> None:
    """Tell the whole story of one trade or signal, and compute it again from its records.

    TRADE_OR_SIGNAL is a trade id (t-tb-...-entry), an order id (tb-...) or a signal id (20260105T0801-BTCUSDT).
    Exit code 0 when size and direction, every gate, the exits and the result come out as they were stored; 1 when not,
    or when records are missing.
    """
    from tradingbot.app.cli.story_text import print_story
    from tradingbot.app.explaining import story_of

    facts = story_of(home_folder(home, os.environ), name)
    if as_json:
        print_json(facts)
    else:
        print_story(facts)
    sys.exit(0 if facts["check"]["agrees"] else 1)
