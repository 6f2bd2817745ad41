"""``tradingbot analyze``."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tradingbot.app.cli.listing import Listing
from tradingbot.app.cli.shared import MomentType, console_of, print_json
from tradingbot.app.home import home_folder
from tradingbot.core.number_text import number_text

WHAT = ("trades", "exits", "fees", "timing", "duration", "symbols", "execution", "calibration", "faults")
SHOWN_FAULTS = 20


@click.command("analyze")
@click.argument("what", required=False, type=click.Choice(WHAT))
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
@click.option("--since", type=MomentType(), help="Only what closed at or after this date or time, UTC.")
@click.option("--until", type=MomentType(), help="Only what closed before this date or time, UTC.")
def command(what: str | None, home: str | None, as_json: bool, since: datetime | None, until: datetime | None) -> None:
    """Show what finished trades and executed orders teach; without WHAT everything in short.

    Reads files only, of a running or a stopped daemon. Beside every mean stand its count and standard error; a star
    marks a sample too small to conclude anything from.
    """
    from tradingbot.app.analysis import read_analysis
    from tradingbot.app.bootstrap import load
    from tradingbot.app.options import RunOptions

    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since must be before --until")
    folder = home_folder(home, os.environ)
    settings, _ = load(RunOptions(home=folder), os.environ)
    facts = read_analysis(folder, settings.learning, what, since, until)
    if as_json:
        print_json(facts)
        return
    _print(console_of(), facts, what)


def _print(console: Console, facts: dict[str, Any], what: str | None) -> None:
    console.print(
        f"{facts['trade_count']} trades, {facts['order_count']} executed orders in {facts['home']}"
        f"  (* fewer than {facts['small_sample_trades']}: no conclusion)"
    )
    printers: dict[str, Callable[[Console, Any, bool], None]] = {
        "trades": _trades,
        "faults": _faults,
        "fees": _fees,
        "exits": _exits,
        "timing": _timing,
        "duration": _duration,
        "symbols": _symbols,
        "execution": _execution,
        "calibration": _calibration,
    }
    for name, show in printers.items():
        if name in facts:
            show(console, facts[name], what is not None)
    if facts["rollout"] is not None and what in (None, "trades"):
        _rollout(console, facts["rollout"])


def sample_text(found: dict[str, Any], digits: int = 1) -> str:
    """``+3.2 ±1.1 (40)``: mean, standard error, count; a star when that is too few."""
    if found["mean"] is None:
        return "-"
    error = found["standard_error"]
    give = f" ±{error:.{digits}f}" if error is not None else ""
    return f"{found['mean']:+.{digits}f}{give} ({found['count']}{'*' if found['small'] else ''})"


def _rate(found: dict[str, Any]) -> str:
    if found["mean"] is None:
        return "-"
    error = found["standard_error"]
    give = f" ±{error * 100:.0f}" if error is not None else ""
    return f"{found['mean'] * 100:.0f}{give} % ({found['count']}{'*' if found['small'] else ''})"


def _usd(value: Any) -> str:
    return f"{float(value):+.2f}"


def _trades(console: Console, found: dict[str, Any], _: bool) -> None:
    ours, inverse, advice = found["all"], found["inverse"], found["advice"]
    table = Table.grid(padding=(0, 2))
    table.add_row("net", f"{_usd(ours['net_usd'])} USD in {ours['trades']} trades")
    table.add_row("per trade", f"{sample_text(ours['net_bps'])} bps, won {_rate(ours['won'])}")
    if advice["signal_bps"] is not None:
        table.add_row(
            "of which",
            f"signal {advice['signal_bps']:+.1f}, execution {advice['execution_bps']:+.1f}, "
            f"fees {-advice['fee_bps']:+.1f}, funding {advice['funding_bps']:+.1f} bps",
        )
    table.add_row(
        "inverse",
        f"{inverse['inverse_won']} of {inverse['trades']} would have won, {_usd(inverse['inverse_net_usd'])} USD, "
        f"{sample_text(inverse['advantage_bps'])} bps against ours",
    )
    table.add_row("advice", "; ".join(_reason(why) for why in advice["advice"]))
    console.print(table)


def _reason(why: dict[str, Any]) -> str:
    numbers = ", ".join(f"{key.replace('_', ' ')} {number_text(value)}" for key, value in why["numbers"])
    return f"{why['code'].replace('_', ' ')} ({numbers})"


def _rollout(console: Console, found: dict[str, Any]) -> None:
    console.print(
        f"simulated against actual, all {found['trades']} trades: {_usd(found['simulated_pnl_usd'])} against "
        f"{_usd(found['actual_pnl_usd'])} USD, gap {found['gap_bps']:+.2f} bps "
        f"({found['legs_without_decision']} orders without a decided price)"
    )


def _faults(console: Console, found: dict[str, Any], whole: bool) -> None:
    star = " *" if found["small"] else ""
    table = Table("fault", "trades", "net USD", title=f"Why losing trades lost{star}", box=SIMPLE_HEAD)
    for name, row in found["counted"].items():
        table.add_row(name, str(row["trades"]), _usd(row["net_usd"]))
    console.print(table)
    if whole:
        each = Listing("Trades", "trade", "rule", "fault", "net USD", "decided bps", "peak bps", "cost bps")
        for one in found["trades"][:SHOWN_FAULTS]:
            peak = "-" if one["peak_bps"] is None else f"{one['peak_bps']:+.1f}"
            sure = "" if one["at_decided_prices"] else " ?"
            name = f"{one['symbol']} {one['direction']}"
            numbers = (_usd(one["net_usd"]), f"{one['decided_bps']:+.1f}{sure}", peak, f"{one['cost_bps']:.1f}")
            each.add_row(name, one["exit_rule"], one["fault"], *numbers)
        console.print(each)


def _fees(console: Console, found: dict[str, Any], _: bool) -> None:
    share = "-" if found["share_of_gross"] is None else f"{found['share_of_gross']:.0%}"
    console.print(
        f"fees {float(found['fees_usd']):.2f} USD, funding {_usd(found['funding_usd'])} USD of gross "
        f"{_usd(found['gross_usd'])} USD: {share} of what winning prices gave; break-even at "
        f"{sample_text(found['break_even_bps'])} bps; {found['lost_to_fees']} winners became losers"
    )


def _exits(console: Console, groups: list[dict[str, Any]], _: bool) -> None:
    columns = {
        "net bps": "net_bps",
        "return bps": "return_bps",
        "left on the table bps": "left_bps",
        "execution bps": "edge_bps",
    }
    _group_table(console, "Exit rules", groups, columns, efficiency=True)


def _timing(console: Console, groups: list[dict[str, Any]], _: bool) -> None:
    columns = {"held min": "held_min", "best after min": "best_min", "left on the table bps": "left_bps"}
    _group_table(console, "When trades were best", groups, columns, efficiency=True)


def _duration(console: Console, groups: list[dict[str, Any]], _: bool) -> None:
    _group_table(console, "Duration against profit", groups, {"net bps": "net_bps", "return bps": "return_bps"})


def _symbols(console: Console, groups: list[dict[str, Any]], _: bool) -> None:
    _group_table(console, "Symbols", groups, {"net bps": "net_bps", "execution bps": "edge_bps"})


def _group_table(
    console: Console, title: str, groups: list[dict[str, Any]], columns: dict[str, str], efficiency: bool = False
) -> None:
    last = ("efficiency",) if efficiency else ()
    table = Listing(title, "", "trades", "net USD", "won", *columns, *last)
    for group in groups:
        cells = [sample_text(group[key]) for key in columns.values()]
        cells += [_rate(group["efficiency"])] if efficiency else []
        table.add_row(group["name"], str(group["trades"]), _usd(group["net_usd"]), _rate(group["won"]), *cells)
    console.print(table)


def _execution(console: Console, symbols: dict[str, Any], whole: bool) -> None:
    columns = ("symbol", "purpose", "part", "orders", "mean bps", "deviation", "p10", "p50", "p90")
    table = Listing("What orders cost, bps (positive: a cost)", *columns)
    for symbol, one in symbols.items():
        for purpose, parts in one["purposes"].items():
            for name, part in parts.items():
                if whole or name in ("total", "gap"):
                    star = "*" if part["small"] else ""
                    numbers = (f"{part[key]:+.2f}" for key in ("mean", "deviation", "p10", "p50", "p90"))
                    table.add_row(symbol, purpose, name, f"{part['count']}{star}", *numbers)
    console.print(table)


def _calibration(console: Console, found: dict[str, Any], whole: bool) -> None:
    title = f"Predicted against realised ({found['unpredicted']} trades without a prediction)"
    table = Table("direction", "trades", "said", "came", "Brier", "expected bps", "realised bps", title=title)
    for name, sums in found["directions"].items():
        count, moves = max(1, sums["count"]), max(1, sums["moves"])
        table.add_row(
            name,
            f"{sums['count']}{'*' if sums['small'] else ''}",
            f"{sums['said'] / count:.3f}",
            f"{sums['came'] / count:.3f}",
            f"{sums['brier']:.4f}",
            f"{sums['expected_bps'] / moves:+.1f}",
            f"{sums['realised_bps'] / moves:+.1f}",
        )
    console.print(table)
    if whole and "all" in found["directions"]:
        bins = Table("probability from", "trades", "said", "came", box=SIMPLE_HEAD)
        for one in found["directions"]["all"]["bins"]:
            if one["count"]:
                said, came = one["said"] / one["count"], one["came"] / one["count"]
                bins.add_row(f"{one['low']:.1f}", str(one["count"]), f"{said:.3f}", f"{came:.3f}")
        console.print(bins)
