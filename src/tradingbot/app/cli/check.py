"""``tradingbot check``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from rich.console import Console

from tradingbot.app.cli.shared import on_loop, options_of, print_json, source_options


@click.command("check")
@source_options
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(as_json: bool, **chosen: Any) -> None:
    """Run the pre-deployment checks; exit code 1 when a critical one fails."""
    from tradingbot.app.banner import print_banner
    from tradingbot.app.deployment_checks import critical_failures
    from tradingbot.app.pre_deployment import as_facts, check_and_record

    options = options_of(**chosen)
    results = on_loop(lambda: check_and_record(options, os.environ, "tradingbot check"))
    failed = critical_failures(results)
    if as_json:
        print_json(as_facts(results))
    else:
        print_banner(Console(), f"checks · {options.profile}", results)
    sys.exit(1 if failed else 0)
