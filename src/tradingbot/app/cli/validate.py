"""``tradingbot validate``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tradingbot.app.cli.shared import on_loop, options_of, print_json, source_options


@click.command("validate")
@source_options
@click.option("--update-config", is_flag=True, help="Write enabled and suppressed_reason into asset_universe.json.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(update_config: bool, as_json: bool, **chosen: Any) -> None:
    """Check every symbol at the venue: listed, book, depth, spread, fresh candles.

    Writes feature_store/venue_symbol_status.json. Exit code 1 when no symbol is valid.
    """
    from tradingbot.app.validation import validate_once

    report = on_loop(lambda: validate_once(options_of(**chosen), os.environ, update_config))
    if as_json:
        print_json(report)
    else:
        _print(report)
    sys.exit(0 if report["summary"]["valid"] else 1)


def _print(report: dict[str, Any]) -> None:
    table = Table(
        "symbol", "status", "spread %", "depth USD", "last candle", "reasons", title="Venue symbol validation"
    )
    for symbol, row in report["symbols"].items():
        metrics = row["metrics"]
        colour = {"valid": "green", "suppressed": "yellow"}.get(row["status"], "red")
        table.add_row(
            symbol,
            f"[{colour}]{row['status']}[/]",
            _number(metrics.get("spread_pct"), ".4f"),
            _number(_depth(metrics), ",.0f"),
            _number(metrics.get("candle_age_s"), ".0f", " s"),
            ", ".join(why["code"] for why in row["reasons"]),
        )
    summary = report["summary"]
    Console().print(table)
    click.echo(", ".join(f"{summary[name]} {name}" for name in ("valid", "invalid", "suppressed", "total")))


def _depth(metrics: dict[str, float]) -> float | None:
    sides = [metrics[name] for name in ("bid_depth_usd", "ask_depth_usd") if name in metrics]
    return min(sides, default=None)


def _number(value: Any, form: str, unit: str = "") -> str:
    return "-" if value is None else f"{float(value):{form}}{unit}"
