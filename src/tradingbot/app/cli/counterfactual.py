"""``tradingbot counterfactual``."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tradingbot.app.cli.shared import MomentType, console_of, print_json
from tradingbot.app.home import home_folder

WAYS = {"blocks": "blocks", "alone": "alone", "taken": "traded"}


@click.command("counterfactual")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--since", type=MomentType(), help="Only signals of this moment or later, UTC. Default: four weeks.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def command(home: str | None, since: datetime | None, as_json: bool) -> None:
    """Show what blocked signals would have made, and what each gate saves or costs.

    Every signal with a side was carried forward by the rules of real positions, with the same fees and slippage. Reads
    files only, of a running or a stopped daemon, which adds to them nightly.
    """
    from tradingbot.app.bootstrap import load
    from tradingbot.app.counterfactual import read_counterfactual
    from tradingbot.app.options import RunOptions

    folder = home_folder(home, os.environ)
    settings, _ = load(RunOptions(home=folder), os.environ)
    facts = read_counterfactual(folder, since, settings.learning.counterfactual)
    if as_json:
        print_json(facts)
        return
    _print(console_of(165), facts)


def _print(console: Console, facts: dict[str, Any]) -> None:
    totals, agreement = facts["table"]["totals"], facts["agreement"]
    console.print(
        f"{totals['signals']:,} signals with a side since {facts['since']:%Y-%m-%d %H:%M} UTC in {facts['home']}: "
        f"{totals['taken']:,} traded, {_bps(totals['taken_net_bps'])} bps each; {totals['blocked']:,} blocked, "
        f"{_bps(totals['blocked_net_bps'])} bps each",
        highlight=False,
    )
    _gates(console, facts["table"]["rows"])
    console.print(
        f"in brackets the bounds of 95 % of what a bootstrap over blocks of {facts['block_h']:g} h drew; a verdict "
        f"needs {facts['min_episodes']} episodes, {facts['min_blocks']} blocks and bounds without 0",
        highlight=False,
    )
    _agreement(console, agreement)
    if facts["still_open"] is not None:
        console.print(
            f"{facts['still_open']:,} virtual positions are open; {facts['skipped']:,} signals had no price to enter "
            f"at, {facts['lost']:,} none to leave at",
            highlight=False,
        )


def _gates(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in ("gate", "did"):
        table.add_column(name, no_wrap=True)
    heads = ("signals", "episodes", "they made, bps", "it changed", "it chose", "saved USD", "cost USD")
    for name in heads:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in rows:
        table.add_row(
            row["gate"],
            WAYS.get(row["way"], f"x{row['mean_multiplier']:.2f}"),
            f"{row['signals']:,}",
            f"{row['episodes']:,}",
            _estimate(row["net_bps"]),
            "" if row["way"] == "taken" else _estimate(row["effect_bps"]),
            "" if row["choice_bps"] is None else _estimate(row["choice_bps"]),
            f"{row['saved_usd']:,.0f}",
            f"{row['cost_usd']:,.0f}",
            row["verdict"],
        )
    console.print(table)


def _agreement(console: Console, found: dict[str, Any]) -> None:
    if not found["trades"]:
        console.print("no trade has both a real and a virtual result yet")
        return
    console.print(
        f"{found['trades']:,} trades carried both ways: {found['median_bps']:.1f} bps apart at the median, "
        f"{found['p90_bps']:.1f} at the 90th percentile, {_bps(found['mean_bps'])} on average; "
        f"{found['same_rule']:,} ended by the same rule",
        highlight=False,
    )


def _estimate(one: dict[str, Any]) -> str:
    return _bps(one["mean"]) if one["low"] is None else f"{_bps(one['mean'])} ({_bps(one['low'])} {_bps(one['high'])})"


def _bps(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f}"
