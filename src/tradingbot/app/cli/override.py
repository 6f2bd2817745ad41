"""``tradingbot override``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from tradingbot.app.cli.listing import Listing
from tradingbot.app.cli.operating import finish, require_a_daemon_once, send
from tradingbot.app.cli.shared import console_of, print_json
from tradingbot.app.home import home_folder
from tradingbot.core.errors import ConfigurationError

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class LengthType(click.ParamType[float]):
    """A length of time such as 90m, 24h or 3d, in seconds."""

    name = "LENGTH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A number and one of s, m, h, d."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is no length of time; write 90m, 24h or 3d", param, ctx)
        return float(match[1]) * _UNITS_S[match[2]]


_HOME = click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
_WAIT = click.option(
    "--wait", "wait_s", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds to wait."
)


@click.group("override")
def command() -> None:
    """Change a setting of the running daemon for a while; it is the profile's again by itself.

    Only some settings can be changed so, and none that bounds losses beyond what the profile allows.
    """


@command.command("set")
@click.argument("key")
@click.argument("value")
@click.option("--for", "for_s", type=LengthType(), required=True, help="How long, e.g. 90m, 24h, 3d; at most 14d.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept with it and in the audit.")
@_WAIT
@_HOME
@_JSON
def set_(key: str, value: str, for_s: float, reason: str, wait_s: float, home: str | None, as_json: bool) -> None:
    """Let KEY be VALUE from the next cycle on, until the time is over or it is cleared."""
    from tradingbot.app.bootstrap import load
    from tradingbot.app.overridable import problem_of
    from tradingbot.app.status import options_to_look

    folder = _with_a_daemon(home)
    settings, _ = load(options_to_look(folder), os.environ)
    if problem := problem_of(key, value, settings):
        raise ConfigurationError(problem)
    finish(send(folder, "set_override", _plain(reason), wait_s, key=key, value=value, for_s=for_s), as_json)


@command.command("clear")
@click.argument("key")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit.")
@_WAIT
@_HOME
@_JSON
def clear(key: str, reason: str, wait_s: float, home: str | None, as_json: bool) -> None:
    """End the override of KEY now."""
    finish(send(_with_a_daemon(home), "clear_override", _plain(reason), wait_s, key=key), as_json)


@command.command("list")
@_HOME
@_JSON
def list_(home: str | None, as_json: bool) -> None:
    """Show what is in force, of a running or a stopped daemon, by the daemon's own clock."""
    from tradingbot.app.overriding import overrides_of_home

    folder = home_folder(home, os.environ)
    require_a_daemon_once(folder)
    rows = overrides_of_home(folder)
    if as_json:
        print_json({"home": str(folder), "overrides": rows})
        return
    if not rows:
        console_of().print("no override is in force; `tradingbot override keys` lists what can be changed")
        return
    table = Listing(f"{len(rows)} overrides", "key", "value", "since (UTC)", "until (UTC)", "left", "by", "reason")
    for row in rows:
        table.add_row(
            escape(row["key"]),
            escape(row["value"]),
            str(row["since"])[:16],
            str(row["until"])[:16],
            left_text(row),
            escape(row["by"]),
            escape(row["reason"]),
        )
    console_of().print(table)


@command.command("keys")
@_HOME
@_JSON
def keys(home: str | None, as_json: bool) -> None:
    """Show what can be overridden, and how far."""
    from tradingbot.app.bootstrap import load
    from tradingbot.app.overriding import key_rows
    from tradingbot.app.status import options_to_look

    settings, _ = load(options_to_look(home_folder(home, os.environ)), os.environ)
    rows = key_rows(settings)
    if as_json:
        print_json({"keys": rows})
        sys.exit(0)
    table = Listing(f"{len(rows)} keys", "key", "allowed", "what it is")
    for row in rows:
        table.add_row(escape(row["key"]), escape(row["allowed"]), escape(row["text"]))
    console_of().print(table)


def left_text(row: dict[str, Any]) -> str:
    """How long yet, in the largest unit that is full."""
    if not row["holds"]:
        return "[yellow]over[/]"
    left_s = row["left_s"]
    unit = next((unit for unit in ("d", "h", "m") if left_s >= 2 * _UNITS_S[unit]), "s")
    text = f"{left_s / _UNITS_S[unit]:.0f} {unit}"
    return f"[yellow]{text}[/]" if row["near_end"] else text


def _plain(text: str) -> str:
    """Control characters become blanks: terminals of others will show this."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:500]


def _with_a_daemon(home: str | None) -> Path:
    from tradingbot.app.status import is_running

    folder = home_folder(home, os.environ)
    require_a_daemon_once(folder)
    if not is_running(folder):
        raise ConfigurationError(
            f"no daemon is running in {folder}, and an override holds for a running one only; start it with: "
            f"tradingbot run --home {folder}, or change the settings"
        )
    return folder
