"""``tradingbot run``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from tradingbot.app.cli.shared import on_loop, options_of, source_options


@click.command("run")
@source_options
@click.option("--cycles", type=click.IntRange(min=1), help="Stop after this many cycles, with exit code 0.")
@click.option("--confirm", default="", help="live only: yes-live")
@click.option(
    "--dashboard-port",
    type=click.IntRange(0, 65_535),
    help="Port of the web page; 0: any free one. Default: the setting (8787).",
)
@click.option("--no-dashboard", is_flag=True, help="Serve no web page.")
@click.option(
    "--log-format",
    type=click.Choice(["auto", "console", "json"]),
    default="auto",
    show_default=True,
    help="auto: readable on a terminal, JSON elsewhere.",
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def command(log_format: str, log_level: str, **chosen: Any) -> None:
    """Run the trading daemon until it is stopped (Ctrl-C, SIGTERM) or --cycles are done.

    Out of the box: paper trading on the embedded simulated venue; no network, no keys.
    """
    from tradingbot.app.launch import run_daemon

    style = ("console" if sys.stdout.isatty() else "json") if log_format == "auto" else log_format
    options = options_of(**chosen)
    sys.exit(on_loop(lambda: run_daemon(options, os.environ, style, log_level)))
