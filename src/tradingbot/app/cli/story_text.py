"""A story of ``explain`` and ``why`` as text: what was seen, said, sized, sent, filled, advised, earned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from tradingbot.app.cli.listing import Listing
from tradingbot.app.cli.shared import console_of
from tradingbot.app.cli.signals import age_text, reason_text, said_text
from tradingbot.core.number_text import number_text

Facts = Mapping[str, Any]


def print_story(facts: Facts) -> None:
    """All parts that there are."""
    console = console_of()
    console.print(f"[bold]{facts['headline']}[/]")
    console.print(f"signal {facts['signal_id']}  as of {str(facts['as_of'])[:19]} UTC  mark {_number(facts['price'])}")
    if facts["trade_id"]:
        console.print(f"trade {facts['trade_id']}")
    parts: tuple[tuple[str, Callable[[], None]], ...] = (
        ("signal", lambda: _print_components(console, facts["signal"])),
        ("gates", lambda: _print_gates(console, facts["gates"], facts["blocked_by"])),
        ("size", lambda: _print_size(console, facts["size"], facts["order"])),
        ("life", lambda: _print_life(console, facts["life"])),
        ("held", lambda: _print_held(console, facts["held"])),
        ("exit", lambda: _print_exit(console, facts["exit"])),
        ("result", lambda: _print_result(console, facts["result"])),
    )
    for name, show in parts:
        if facts[name]:
            try:
                show()
            except (KeyError, TypeError, ValueError, ArithmeticError) as error:
                console.print(f"[yellow]{name}: records of another version of the program: {escape(repr(error))}[/]")
    _print_check(console, facts["check"])


def _print_components(console: Console, signal: Facts) -> None:
    table = Listing("Components", "component", "vote", "confidence", "value", "age", "why")
    for item in signal["components"]:
        vote = said_text(item["direction"]) if item["live"] else "[yellow]CANNOT JUDGE[/]"
        why = "; ".join(reason_text(one) for one in item["reasons"])
        age = age_text(item["age_s"])
        table.add_row(item["name"], vote, f"{item['confidence']:.2f}", _number(item["value"]), age, why)
    console.print(table)
    console.print(
        f"together {said_text(signal['direction'])}: {signal['aligned']} agree, {signal['opposed']} oppose, confidence "
        f"{signal['confidence']:.3f}, conviction {signal['conviction']}; regime {signal['regime']}, ensemble up "
        f"{signal['ensemble']['probability']:.4f}"
    )


def _print_gates(console: Console, gates: Sequence[Facts], blocked_by: str | None) -> None:
    table = Listing("Gates", "gate", "verdict", "size x", "why")
    for item in gates:
        verdict = "[green]pass[/]" if item["passed"] else "[red]BLOCK[/]"
        why = "; ".join(reason_text(one) for one in item["reasons"])
        style = "bold" if item["gate"] == blocked_by else None
        table.add_row(item["gate"], verdict, f"{item['multiplier']:.3g}" if item["passed"] else "-", why, style=style)
    console.print(table)


def _print_size(console: Console, size: Facts, order: Facts | None) -> None:
    table = Listing("Size", "step", "", "number", "USD after it")
    before: float | None = None
    for step in size["steps"]:
        after = float(step["size_usd"])
        sign = {"base": "=", "factor": "x", "floor": "at least", "cap": "at most"}[step["kind"]]
        style = "bold" if before is not None and after != before else None
        number = step["number"] if step["kind"] == "factor" else f"{float(step['number']):,.2f}"
        table.add_row(step["name"], sign, number, f"{after:,.2f}", style=style)
        before = after
    console.print(table)
    if size["refused"]:
        console.print(f"refused: {'; '.join(reason_text(why) for why in size['refused'])}")
    if order is not None and order["contracts"]:
        console.print(
            f"{order['contracts']} contracts worth {float(order['adjusted_usd']):,.2f} USD at "
            f"{size['request']['price']}, leverage {size['leverage']}"
        )


def _print_life(console: Console, life: Facts) -> None:
    table = Listing("Orders", "time", "order", "what", "size", "outcome")
    for order in life["orders"]:
        outcome = order["outcomes"][-1] if order["outcomes"] else {"status": "unknown"}
        text = str(outcome["status"]) + (f" {escape(str(outcome['venue_text']))}" if outcome.get("venue_text") else "")
        what = f"{order['purpose']} {order['side']} {order['kind']}" + (f" ({order['rule']})" if order["rule"] else "")
        table.add_row(_time(order["created_at"]), order["client_order_id"], what, order["size"], text)
    console.print(table)
    for change in life["stop_changes"]:
        if change["what"] != "protect":
            console.print(
                f"  stop {_time(change['as_of'])} {change['what']} {change['status']} {escape(change['detail'])}"
            )
    fills = Listing("Fills", "time", "what", "size", "price", "fee", "effect")
    for fill in life["fills"]:
        what = f"{fill['purpose']} {fill['side']}"
        fills.add_row(_time(fill["time"]), what, fill["size"], fill["price"], str(fill["fee"]), fill["effect"])
    console.print(fills)
    for one in life["executions"]:
        console.print(f"  {_execution(one)}")


def _execution(one: Facts) -> str:
    parts = ", ".join(f"{name.removesuffix('_bps')} {value:+.2f}" for name, value in _bps(one))
    return f"execution of the {one.get('purpose', '')} in bps: {parts or 'nothing is known'}"


def _bps(one: Facts) -> list[tuple[str, float]]:
    """Parts that are known; the journal keeps them as decimals in text."""
    return [(name, float(value)) for name, value in one.items() if name.endswith("_bps") and value is not None]


def _print_held(console: Console, held: Facts) -> None:
    facts = held["facts"]
    state = f"return {facts['return_pct']:+.3f} %, held {facts['held_s'] / 60:.0f} min, timing {held['timing']}"
    table = Listing(f"Position held then ({state})", "rule", "says", "why")
    for item in held["advice"]:
        rest = {key: value for key, value in item.items() if key not in ("rule", "exit")}
        table.add_row(item["rule"], "[red]leave[/]" if item["exit"] else "hold", reason_text(rest))
    console.print(table)


def _print_exit(console: Console, end: Facts) -> None:
    table = Listing(f"Exit: {end['rule']}", "rule", "said", "why")
    for rule, item in end.get("advice", {}).items():
        rest = {key: value for key, value in item.items() if key != "exit"}
        style = "bold" if rule == end["rule"] else None
        table.add_row(rule, "[red]leave[/]" if item["exit"] else "hold", reason_text(rest), style=style)
    console.print(table)


def _print_result(console: Console, result: Facts) -> None:
    currency = result["settlement_currency"]
    console.print(
        f"gross {result['gross_pnl']} - fees {result['fees']} + funding {result['funding']} = net "
        f"[bold]{result['net_pnl']} {currency}[/] ({float(result['net_pnl_usd']):+,.2f} USD); "
        f"{result['entry_price']} to {result['exit_price']} in {result['duration_s'] / 60:.0f} min"
    )


def _print_check(console: Console, check: Facts) -> None:
    if check["agrees"]:
        again = check["recomputed"]
        contracts = "" if again["contracts"] is None else f", {again['contracts']} contracts"
        console.print(f"[green]computed again from the records: {again['direction'].upper()}{contracts}, the same[/]")
    for problem in check["problems"]:
        console.print(f"[yellow]cannot be computed again: {escape(problem)}[/]")
    for item in check["mismatches"]:
        console.print(f"[red]differs: {_plain(item)}[/]")


def _plain(item: Facts) -> str:
    return escape(f"{item['what']}: stored {item['stored']}, computed {item['computed']}")


def _time(moment: object) -> str:
    return str(moment)[5:19].replace("T", " ")


def _number(value: object) -> str:
    if isinstance(value, float):
        return number_text(value, 6)
    return "-" if value is None else str(value)
