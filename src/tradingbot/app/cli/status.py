"""``tradingbot status``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tradingbot.app.cli.listing import Listing
from tradingbot.app.cli.shared import console_of, on_loop, print_json
from tradingbot.app.home import home_folder
from tradingbot.app.plain_text import plain_facts, plain_text
from tradingbot.core.number_text import number_text


@click.command("status")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
@click.option("--reconcile", is_flag=True, help="Compare orders, fills, positions and balance with the venue.")
@click.option("--watch", is_flag=True, help="Show it anew every few seconds, until Ctrl-C.")
@click.option("--every", "every_s", type=click.FloatRange(0.5, 3600), help="Seconds between two looks. Default: 2.")
def command(home: str | None, as_json: bool, reconcile: bool, watch: bool, every_s: float | None) -> None:
    """Show the state of a running or stopped daemon.

    With --reconcile: exit code 0 only when our files and the venue agree in everything; every difference is listed.
    """
    from tradingbot.app.status import reconcile_home

    folder = home_folder(home, os.environ)
    if watch:
        _watch(folder, every_s, as_json or reconcile)
        return
    if every_s is not None:
        raise click.UsageError("--every goes with --watch")
    facts = read_facts(folder)
    if reconcile:
        facts["reconcile"] = on_loop(lambda: reconcile_home(folder, os.environ))
    if as_json:
        print_json(facts)
    else:
        print_status(facts, console_of())
    if reconcile and not facts["reconcile"]["agree"]:
        sys.exit(1)
    sys.exit(0 if facts["known"] else 1)


def read_facts(home: Path) -> dict[str, Any]:
    """All that is shown, from the files alone. Raises StateError when an essential one cannot be read."""
    from tradingbot.app.status import read_learning, read_status

    return {**read_status(home), **read_learning(home, os.environ)}


def _watch(home: Path, every_s: float | None, more: bool) -> None:
    from tradingbot.app.cli.watching import EVERY_S, watch

    if more:
        raise click.UsageError("--watch goes with neither --json nor --reconcile")
    watch(lambda: read_facts(home), print_status, EVERY_S if every_s is None else every_s)


def print_status(facts: dict[str, Any], console: Console) -> None:
    """The view for people; text of files cannot steer the terminal."""
    if not facts["known"]:
        home = escape(plain_text(facts["home"]))
        console.print(
            f"No daemon has run in {home}; start one with: tradingbot run --home {home}",
            soft_wrap=True,
            highlight=False,
        )
        return
    facts = plain_facts(facts)
    _summary(console, facts)
    _intelligence(console, facts)
    _positions(console, facts["positions"])
    _trades(console, facts["trades"], facts["trade_count"])
    _learning(console, facts)
    if "reconcile" in facts:
        _reconcile(console, facts["reconcile"])


def _summary(console: Console, facts: dict[str, Any]) -> None:
    runtime = facts["runtime"]
    table = Table.grid(padding=(0, 2))
    state = "[green]running[/]" if facts["running"] else f"[yellow]stopped[/] ({runtime['stopped'] or 'killed'})"
    table.add_row("daemon", f"{state}  pid {runtime['pid']}  profile {runtime['profile']}  source {runtime['source']}")
    table.add_row("venue", f"{runtime['venue']}  {runtime['venue_url']}")
    table.add_row(
        "cycle",
        f"{runtime['cycle_id']}  {runtime['cycles']} done, {runtime['failed_cycles']} failed, "
        f"last {runtime['last_cycle_ms']:.0f} ms",
    )
    _profit(table, facts["profit"], facts["running"])
    blocks = [*runtime["entry_blocks"], *(f"{k}: {v}" for k, v in runtime["blocked_symbols"].items())]
    table.add_row("entries", "[green]free[/]" if not blocks else f"[red]blocked[/]: {', '.join(blocks)}")
    if runtime["entries_left_today"] is not None:
        table.add_row("", f"{runtime['entries_left_today']} more allowed today (UTC)")
    if runtime["margin_short"]:
        table.add_row("margin", f"[red]short[/]: {_numbers(runtime['margin_short'])}")
    for switch in facts["kill_switches"]:
        table.add_row("kill switch", _switch(switch))
    if runtime["exchange_health"] == "degraded":
        table.add_row("exchange", f"[red]degraded[/] since {str(runtime['exchange_health_since'])[:19]} UTC")
    for row in runtime["overrides"]:
        until = f"until {str(row['until'])[:16].replace('T', ' ')} UTC: {escape(row['reason'])}"
        table.add_row("override", f"[yellow]{escape(row['key'])}={escape(row['value'])}[/] {until}")
    for issue in facts["issues"]:
        table.add_row("issue", _issue(issue))
    table.add_row("jobs", _jobs(facts["jobs"]))
    for name in facts["requests_waiting"]:
        table.add_row("waiting", f"[yellow]{escape(name)}[/] is not carried out yet")
    table.add_row("storage", "ok" if runtime["storage_ok"] else f"[red]unavailable[/]: {runtime['storage_detail']}")
    for difference in runtime["differences"]:
        table.add_row("difference", f"[red]{difference}[/]")
    console.print(table)


def _jobs(rows: list[dict[str, Any]]) -> str:
    """How many there are, which is next, and which did not end well."""
    from tradingbot.app.job_book import failing

    due = min(((row["next_run_at"], row["name"]) for row in rows if row["next_run_at"]), default=None)
    text = f"{len(rows)}" + (f", next {due[1]} {str(due[0])[:16].replace('T', ' ')} UTC" if due else "")
    bad = failing(rows)
    return f"{text}, [yellow]not well: {', '.join(bad)}[/] (tradingbot jobs)" if bad else f"{text}, all well"


def _profit(table: Table, profit: dict[str, Any], running: bool) -> None:
    """Does it make or lose money?"""
    equity = profit["equity_usd"]
    table.add_row("equity", "not known" if equity is None else f"{float(equity):,.2f} USD")
    table.add_row("today" if running else profit["day"], _change(profit["today"], "%H:%M"))
    table.add_row("since start", _change(profit["since_start"], "%Y-%m-%d %H:%M"))
    rest = profit["not_from_trading_usd"]
    if rest is not None and abs(float(rest)) >= 1:
        table.add_row("", f"{_coloured(rest)} of it not from trades: price of coins held as margin, deposits")
    count, gain = profit["open_positions"], profit["unrealised_usd"]
    noun = "position" if count == 1 else "positions"
    worth = "" if not count else f", unrealised {_coloured(gain)} before costs"
    table.add_row("open", f"{count or 'no'} {noun}{worth}")


def _change(found: dict[str, Any], since: str) -> str:
    text = _coloured(found["change_usd"])
    if found["change_pct"] is not None:
        text += f" ({found['change_pct']:+.2f} %) since {found['since']:{since}} UTC"
    if not found["trades"]:
        return f"{text}; no trade finished"
    noun = "trade" if found["trades"] == 1 else "trades"
    return f"{text}; {found['trades']} {noun} finished, {found['won']} won, net {_coloured(found['net_pnl_usd'])}"


def _coloured(usd: str | None) -> str:
    if usd is None:
        return "not known"
    value = round(float(usd), 2) + 0.0
    colour = "green" if value > 0 else "red" if value < 0 else "default"
    return f"[{colour}]{value:+,.2f} USD[/]"


def _switch(row: dict[str, Any]) -> str:
    until = f" (not before {str(row['lifts_at'])[:19]} UTC)" if row["lifts_at"] else ""
    why = f"{row['reason'].replace('_', ' ')}: {_numbers(row['numbers'])}"
    return f"[red]{row['switch']}[/] since {str(row['since'])[:19]} UTC, {escape(why)}; lifts {row['lifts']}{until}"


def _issue(row: dict[str, Any]) -> str:
    colour = "yellow" if row["severity"] == "warning" else "red"
    known = ", acknowledged" if row["acknowledged_at"] else ""
    return f"[{colour}]{escape(row['id'])}[/] since {str(row['since'])[:19]} UTC{known}: {escape(row['title'])}"


def _numbers(numbers: dict[str, Any]) -> str:
    shown = {key: number_text(value, 6) if isinstance(value, float) else value for key, value in numbers.items()}
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in shown.items() if value != "")


def _intelligence(console: Console, facts: dict[str, Any]) -> None:
    """Regime, and everything that cannot judge with the reason."""
    if facts["regime"] is None:
        return
    regime = facts["regime"]
    strategies = ", ".join(f"{one['name']} {one['share_pct']:.0f} %" for one in regime["strategies"]) or "none active"
    table = Table.grid(padding=(0, 2))
    table.add_row("regime", f"{regime['regime']}  confidence {regime['confidence']:.2f}  strategies: {strategies}")
    for row in facts["silent_components"]:
        why = ", ".join(f"{code.replace('_', ' ')} x{count}" for code, count in row["reasons"].items())
        table.add_row("neutral", f"[yellow]{row['component']}[/] in {row['symbols']} of {row['of']}: {why}")
    for row in facts["feeds"]:
        if row["problems"] and row["last_error"]:
            table.add_row("feed", f"[yellow]{row['feed']}[/]: {row['last_error']}")
    for line in facts["left_out"]:
        table.add_row("left out", line)
    console.print(table)


def _positions(console: Console, positions: list[dict[str, Any]]) -> None:
    if not positions:
        return
    columns = ("explain with", "direction", "size", "entry", "now", "USD", "stop", "stop order")
    table = Listing("Open positions", *columns)
    for row in positions:
        stop = "[red]none[/]" if row["stop_order_id"] is None else "resting"
        table.add_row(
            _signal_id(row["position_id"]),
            row["direction"],
            str(row["size"]),
            _price(row["entry_price"]),
            _price(row["newest_price"]),
            _coloured(row["unrealised_usd"]).replace(" USD", ""),
            _price(row["stop_price"]),
            stop,
        )
    console.print(table)


def _trades(console: Console, trades: list[dict[str, Any]], count: int) -> None:
    if not trades:
        return
    columns = ("explain with", "direction", "entry", "exit", "rule", "return %", "net USD")
    table = Listing(f"Newest {len(trades)} of {count} finished trades", *columns)
    for row in trades:
        table.add_row(
            _signal_id(row["trade_id"]),
            row["direction"],
            _price(row["entry_price"]),
            _price(row["exit_price"]),
            row["exit_rule"],
            f"{float(row['return_fraction']) * 100:+.3f}",
            _coloured(row["net_pnl_usd"]).replace(" USD", ""),
        )
    console.print(table)


def _learning(console: Console, facts: dict[str, Any]) -> None:
    """Which venue is learned from, since when, and which symbols may be judged."""
    known, rows = facts["learning"], facts["sample_readiness"]
    if known is None:
        return
    left = known["early_days_left"]
    early = f"[yellow]new for {left:.1f} more days[/]" if known["is_new"] else "no longer new"
    line = f"learning at {known['venue']} since {str(known['since'])[:19]} UTC, period {known['period']}: {early}"
    console.print(f"{line}; {known['trades_learned']} trades learned")
    if known["migration_text"]:
        console.print(f"  migrated: {escape(known['migration_text'])}")
    if not rows:
        return
    table = Listing("Sample readiness", "symbol", "trades", "days", "ready %", "missing", "share")
    for row in rows:
        ready = "[green]nothing: ready[/]" if row["ready"] else row["missing"]
        pct, share = f"{row['sample_readiness_pct']:.0f}", f"{row['allocation_multiplier']:.2f}"
        table.add_row(row["symbol"], str(row["trade_count"]), f"{row['days_active']:.1f}", pct, ready, share)
    console.print(table)


def _signal_id(trade_id: str) -> str:
    """The signal that a trade came from: `tradingbot explain` takes it, and it is short and has the symbol in it."""
    return escape("-".join(trade_id.split("-")[3:5]) or trade_id)


def _price(value: Any) -> str:
    return "-" if value is None else number_text(float(value), 6)


def _reconcile(console: Console, found: dict[str, Any]) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in found["counts"].items())
    if found["agree"]:
        console.print(f"[green]✓ our files and the venue agree[/] ({counts})")
        return
    table = Table("what", "where", "ours", "venue", "detail", title="Differences", title_style="red")
    for row in found["differences"]:
        table.add_row(row["kind"], row["symbol"], row["ours"], row["venue"], row["detail"])
    console.print(table)
