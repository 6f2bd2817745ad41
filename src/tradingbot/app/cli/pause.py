"""``tradingbot pause``."""

from __future__ import annotations

import os

import click

from tradingbot.app.cli.operating import finish, operating_options, require_a_daemon_once, send
from tradingbot.app.home import home_folder


@click.command("pause")
@operating_options
def command(reason: str, wait_s: float, home: str | None, as_json: bool) -> None:
    """Stop entries until `tradingbot resume`; exits and protective stops go on.

    Without a running daemon the request waits for the next start. Exit code 1 when the daemon does not answer.
    """
    folder = home_folder(home, os.environ)
    require_a_daemon_once(folder)
    finish(send(folder, "pause", reason, wait_s), as_json)
