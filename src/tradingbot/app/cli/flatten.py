"""``tradingbot flatten``."""

from __future__ import annotations

import os

import click

from tradingbot.app.cli.operating import confirm, finish, operating_options, require_a_daemon_once, send
from tradingbot.app.home import home_folder
from tradingbot.core.errors import ConfigurationError


@click.command("flatten")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--when-started", is_flag=True, help="Without a running daemon: let its next start do it.")
@operating_options
def command(yes: bool, when_started: bool, reason: str, wait_s: float, home: str | None, as_json: bool) -> None:
    """Pause entries and close every open position of ours at market; positions of others are reported, not touched.

    Exit code 0 only when nothing of ours is left. It does not wait for the next cycle.
    """
    from tradingbot.app.status import is_running, open_position_lines

    folder = home_folder(home, os.environ)
    require_a_daemon_once(folder)
    if not when_started and not is_running(folder):
        raise ConfigurationError(
            f"no daemon is running in {folder}, so nothing can be closed now; open positions are protected by their "
            f"stops at the exchange; start it with: tradingbot run --home {folder}, or add --when-started to have "
            f"its next start close them"
        )
    if not yes:
        lines = open_position_lines(folder)
        click.echo(
            "this closes at market:" if lines else "no position of ours is open, as far as the files say", err=True
        )
        for line in lines:
            click.echo(f"  {line}", err=True)
    confirm("close all of them?", yes)
    finish(send(folder, "flatten", reason, wait_s), as_json)
