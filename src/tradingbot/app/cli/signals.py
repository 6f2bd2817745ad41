"""``tradingbot signals``."""

from __future__ import annotations

import os
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tradingbot.app.cli.shared import console_of, print_json
from tradingbot.app.home import home_folder
from tradingbot.core.number_text import number_text

COLOURS = {"long": "green", "short": "red", "neutral": "dim"}


@click.command("signals")
@click.option("--symbol", help="One symbol or asset, e.g. BTCUSDT or BTC; without it every symbol in short.")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def command(symbol: str | None, home: str | None, as_json: bool) -> None:
    """Show what the newest cycle read: components, alignment, regime, strategies, ensemble.

    Works on the home of a running and of a stopped daemon. Ages are as of the cycle, whose time is in the first line.
    """
    from tradingbot.app.bootstrap import load
    from tradingbot.app.options import RunOptions
    from tradingbot.app.signals_view import market_facts, symbol_facts
    from tradingbot.market.universe import Universe

    folder = home_folder(home, os.environ)
    if symbol is None:
        facts = market_facts(folder)
    else:
        settings, _ = load(RunOptions(home=folder), os.environ)
        facts = symbol_facts(folder, Universe(settings.universe), symbol)
    if as_json:
        print_json(facts)
    elif symbol is None:
        _print_market(console_of(), facts)
    else:
        _print_symbol(console_of(), facts)


def reason_text(why: dict[str, Any]) -> str:
    """One reason as words and numbers."""
    numbers = ", ".join(f"{key} {_short(value)}" for key, value in why.items() if key != "code")
    text = str(why["code"]).replace("_", " ")
    return f"{text} ({numbers})" if numbers else text


def _short(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return number_text(value)


def age_text(age_s: float | None) -> str:
    """An age in the unit that fits it."""
    if age_s is None:
        return "-"
    for limit, unit in ((120.0, "s"), (7200.0, "min"), (172_800.0, "h")):
        if age_s < limit:
            return f"{age_s / {'s': 1, 'min': 60, 'h': 3600}[unit]:.0f} {unit}"
    return f"{age_s / 86_400:.0f} d"


def said_text(direction: str) -> str:
    """A direction in its colour."""
    return f"[{COLOURS[direction]}]{direction.upper()}[/]"


def _head(console: Console, facts: dict[str, Any]) -> None:
    state = "running" if facts["running"] else "stopped"
    console.print(f"cycle {facts['cycle_id']}  as of {str(facts['as_of'])[:19]} UTC  daemon {state}")


def _regime_line(regime: dict[str, Any]) -> str:
    metrics = ", ".join(f"{key} {_short(value)}" for key, value in regime["metrics"].items())
    strategies = ", ".join(f"{one['name']} {one['share_pct']:.0f} %" for one in regime["strategies"]) or "none active"
    return f"[bold]{regime['regime']}[/] confidence {regime['confidence']:.2f}  ({metrics})  strategies: {strategies}"


def _print_symbol(console: Console, facts: dict[str, Any]) -> None:
    _head(console, facts)
    table = Table(title=facts["symbol"], box=SIMPLE_HEAD)
    for name in ("component", "direction", "confidence", "value", "age"):
        table.add_column(name, no_wrap=True)
    table.add_column("reason")
    for item in facts["components"]:
        said = said_text(item["direction"]) if item["live"] else "[yellow]CANNOT JUDGE[/]"
        value = "-" if item["value"] is None else _short(float(item["value"]))
        why = "; ".join(reason_text(one) for one in item["reasons"])
        table.add_row(item["name"], said, f"{item['confidence']:.2f}", value, age_text(item["age_s"]), why)
    console.print(table)
    facing = Table.grid(padding=(0, 2))
    facing.add_row(
        "signal",
        f"{said_text(facts['direction'])} confidence {facts['confidence']:.2f}, {facts['aligned']} aligned, "
        f"{facts['opposed']} opposed, {facts['live']} can judge, conviction {facts['conviction']}, "
        f"ended at {facts['stage']}{_because(facts['reasons'])}",
    )
    facing.add_row("alignment", _alignment(facts["mtf"]))
    facing.add_row("book", _book(facts["microstructure"]))
    facing.add_row("intelligence", _intelligence(facts["intelligence"]))
    facing.add_row("regime", _regime_line(facts["regime"]))
    facing.add_row("", "; ".join(reason_text(one) for one in facts["regime"]["reasons"]))
    for idea in facts["strategies"]:
        why = "; ".join(reason_text(one) for one in idea["reasons"])
        facing.add_row(idea["name"], f"{said_text(idea['direction'])} strength {idea['strength']:.2f}  {why}")
    facing.add_row("ensemble", _ensemble(facts["ensemble"]))
    console.print(facing)


def _because(reasons: list[dict[str, Any]]) -> str:
    return f": {'; '.join(reason_text(one) for one in reasons)}" if reasons else ""


def _alignment(mtf: dict[str, Any]) -> str:
    trends = ", ".join(f"{frame} {trend:+.2f}" for frame, trend in mtf["trends"].items())
    missing = f"  missing: {', '.join(mtf['missing'])}" if mtf["missing"] else ""
    return f"long {mtf['long']:.2f}  short {mtf['short']:.2f}  ({trends or 'no timeframe'}){missing}"


def _book(found: dict[str, Any]) -> str:
    if found["spread_pct"] is None:
        return "no book"
    flow = found["flow"]
    said = "" if flow is None else f", order flow {flow['ofi']:+.2f}, pulse {flow['pulse']:+.2f}"
    depth = f"{found['bid_depth_usd']:,.0f} bid, {found['ask_depth_usd']:,.0f} ask USD within 1 %"
    return f"spread {found['spread_pct']:.4f} %, depth {depth}, imbalance {found['imbalance']:+.2f}{said}"


def _intelligence(score: dict[str, Any]) -> str:
    if score["score"] is None:
        return f"none: {', '.join(score['missing'])}"
    parts = ", ".join(f"{name} {value:+.2f}" for name, value in score["parts"].items())
    return f"{score['score']:+.2f} {score['label']}, coverage {score['coverage']:.0%} ({parts})"


def _ensemble(found: dict[str, Any]) -> str:
    members = ", ".join(f"{one['source']} {one['probability']:.3f}" for one in found["members"])
    return (
        f"{said_text(found['direction'])} probability up {found['probability']:.4f}, expected move "
        f"{found['expected_move_bps']:+.2f} bps in {found['horizon_min']:.0f} min ({members})"
    )


def _print_market(console: Console, facts: dict[str, Any]) -> None:
    _head(console, facts)
    console.print(_regime_line(facts["regime"]))
    columns = ("symbol", "signal", "confidence", "can judge", "conviction", "stage", "alignment", "ensemble")
    table = Table(*columns, box=SIMPLE_HEAD)
    for name, one in facts["symbols"].items():
        table.add_row(
            name,
            said_text(one["direction"]),
            f"{one['confidence']:.2f}",
            f"{one['live']}/{len(one['components'])}",
            one["conviction"],
            one["stage"],
            f"{one['mtf']['long']:.2f}",
            f"{one['ensemble']['probability']:.4f}",
        )
    console.print(table)
    feeds = Table("feed", "holds for", "problems", title="Market intelligence", box=SIMPLE_HEAD)
    for row in facts["feeds"]:
        problems = ", ".join(f"{code} x{count}" for code, count in row["problems"].items())
        feeds.add_row(row["feed"], f"{row['ok']}/{row['of']}", problems or "[green]none[/]")
    console.print(feeds)
    for line in facts["left_out"]:
        console.print(f"left out: {line}")
