"""``tradingbot check``."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Any

import click
import orjson
from rich.console import Console

from tradingbot.app.cli.shared import on_loop, options_of, source_options


@click.command("check")
@source_options
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(as_json: bool, **chosen: Any) -> None:
    """Run the pre-deployment checks; exit code 1 when a critical one fails."""
    from tradingbot.app.banner import print_banner
    from tradingbot.app.deployment_checks import critical_failures
    from tradingbot.app.launch import check_once

    options = options_of(**chosen)
    results = on_loop(lambda: check_once(options, os.environ))
    failed = critical_failures(results)
    if as_json:
        found = {"ok": not failed, "checks": [asdict(result) for result in results]}
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        print_banner(Console(), f"checks · {options.profile}", results)
    sys.exit(1 if failed else 0)
