"""``tradingbot learning list | show | diff | revert``."""

from __future__ import annotations

import os
from typing import Any

import click
from rich.markup import escape

from tradingbot.app.cli.listing import Listing
from tradingbot.app.cli.operating import confirm, finish, operating_options, require_a_daemon_once, send
from tradingbot.app.cli.shared import console_of, print_json
from tradingbot.app.home import home_folder

HOME = click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("learning")
def command() -> None:
    """Show what was learned and applied, compare generations, and take one back.

    A generation is everything that learning changed about decisions at one time. Generation 0 is the settings as they
    are.
    """


@command.command("list")
@HOME
@JSON
def list_(home: str | None, as_json: bool) -> None:
    """Every generation on file, whose proposal made it and why, and which one holds."""
    from tradingbot.app.learning_view import listed

    found = listed(_folder(home))
    if as_json:
        print_json(found)
        return
    console = console_of()
    if not found["generations"]:
        console.print("no generation is on file yet: a daemon makes the first one when it starts")
        return
    table = Listing("generations", "", "number", "made (UTC)", "after", "learner", "levers", "why")
    for row in found["generations"]:
        mark = "[green]●[/]" if row["in_force"] else ""
        if "damaged" in row:
            table.add_row(mark, str(row["generation"]), "", "", "", "", f"[red]{escape(row['damaged'])}[/]")
            continue
        table.add_row(
            mark,
            str(row["generation"]),
            str(row["created_at"])[:19],
            str(row["parent"]) if row["generation"] else "",
            escape(str(row["learner"])),
            str(row["levers"]),
            escape(str(row["why"])),
        )
    console.print(table)
    console.print(_standing(found))


def _standing(found: dict[str, Any]) -> str:
    watch = found["watch"]
    said = [f"generation {found['in_force']} holds", f"{found['trials']} proposals were judged"]
    if found["met_at"] is not None:
        said.append(f"last meeting {found['met_at'][:19]}")
    if watch is not None:
        said.append(
            f"watched since {watch['since'][:19]}: {watch['learner']}, {watch['before']} comes back if it hurts"
        )
    said += [f"{learner} must wait until {until[:19]}" for learner, until in found["quarantine"].items()]
    return "; ".join(said)


@command.command("show")
@click.argument("number", type=click.IntRange(min=0), required=False)
@HOME
@JSON
def show(number: int | None, home: str | None, as_json: bool) -> None:
    """One generation: who proposed it, on what evidence, its levers, and the hash of each file. Default: what holds."""
    from tradingbot.app.learning_view import shown

    found = shown(_folder(home), number)
    if as_json:
        print_json(found)
        return
    console = console_of()
    state = "holds" if found["in_force"] else "does not hold"
    console.print(
        f"generation {found['generation']} {state}; made {found['created_at'][:19]} UTC after {found['parent']}"
    )
    console.print(escape(f"{found['learner']}: {found['why']}"))
    evidence = found["evidence"].get("held_out")
    if evidence:
        mean, error = evidence["mean_bps"], evidence["error_bps"]
        console.print(f"gain on held-out signals {mean:+.4f} ± {error:.4f} bps, t {evidence['t']:.2f}")
    if found["values"]:
        table = Listing("levers", "lever", "setting", "value")
        for lever, value in sorted(found["values"].items()):
            setting = found["settings"].get(lever)
            table.add_row(lever, "" if setting is None else f"{setting:.6g}", f"{value:.6g}")
        console.print(table)
    else:
        console.print("no lever is moved: decisions follow the settings")
    for name, digest in found["hashes"].items():
        console.print(f"{name}  sha256 {digest}", highlight=False)


@command.command("diff")
@click.argument("first", type=click.IntRange(min=0))
@click.argument("second", type=click.IntRange(min=0), required=False)
@HOME
@JSON
def diff(first: int, second: int | None, home: str | None, as_json: bool) -> None:
    """Levers in which two generations differ. Default of the second: what holds."""
    from tradingbot.app.learning_view import difference

    found = difference(_folder(home), first, second)
    if as_json:
        print_json(found)
        return
    console = console_of()
    if not found["changes"]:
        console.print(f"generations {found['from']} and {found['to']} are the same")
        return
    table = Listing(f"{found['from']} to {found['to']}", "lever", "before", "after", "change")
    for row in found["changes"]:
        before, after = row["before"], row["after"]
        change = f"{100 * (after / before - 1):+.1f} %" if before and after is not None else ""
        table.add_row(row["lever"], _number(before), _number(after), change)
    console.print(table)


@command.command("revert")
@click.argument("number", type=click.IntRange(min=0))
@click.option("--yes", is_flag=True, help="Do not ask.")
@operating_options
def revert(number: int, yes: bool, reason: str, wait_s: float, home: str | None, as_json: bool) -> None:
    """Put a generation in force again, byte for byte, from the next cycle on; 0 takes everything back.

    Without a running daemon it waits for the next start, before the first decision.
    """
    from tradingbot.app.learning_view import shown

    folder = _folder(home)
    found = shown(folder, number)
    confirm(f"put generation {number} ({found['learner']}: {found['why']}) in force?", yes)
    finish(send(folder, "revert", reason, wait_s, generation=number), as_json)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _folder(home: str | None) -> Any:
    folder = home_folder(home, os.environ)
    require_a_daemon_once(folder)
    return folder
