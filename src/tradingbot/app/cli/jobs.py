"""``tradingbot jobs``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from tradingbot.app.cli.listing import Listing
from tradingbot.app.cli.operating import finish, require_a_daemon_once, send
from tradingbot.app.cli.shared import console_of, print_json
from tradingbot.app.home import home_folder
from tradingbot.core.errors import ConfigurationError

ANSWER_S = 15.0
"""How much longer than the job's deadline is waited for the answer."""


@click.group("jobs", invoke_without_command=True)
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
@click.pass_context
def command(context: click.Context, home: str | None, as_json: bool) -> None:
    """Show every job of the timetable: when it runs, how the newest run went, and what was counted.

    Reads a file only, of a running or a stopped daemon. Counts go on over restarts. Took and longest are of the
    daemon's own clock, worked is the longest in real time.
    """
    if context.invoked_subcommand is not None:
        if home is not None or as_json:
            raise click.UsageError("--home and --json go behind `run`")
        return
    from tradingbot.app.job_book import jobs_of_home
    from tradingbot.app.status import is_running

    folder = home_folder(home, os.environ)
    require_a_daemon_once(folder)
    rows = jobs_of_home(folder)
    if as_json:
        print_json({"home": str(folder), "running": is_running(folder), "jobs": rows})
    else:
        _print(rows, folder, running=is_running(folder))


@command.command("run")
@click.argument("name")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), help="Seconds to wait. Default: the job's deadline.")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def run(name: str, reason: str, wait_s: float | None, home: str | None, as_json: bool) -> None:
    """Let the running daemon run the job NAME now, and wait for how it ended.

    Exit code 1 when it failed, overran, runs already or gave no answer; 2 when there is no such job or no daemon.
    """
    from tradingbot.app.job_book import deadline_s, name_problem
    from tradingbot.app.status import is_running

    folder = home_folder(home, os.environ)
    if problem := name_problem(name):
        raise ConfigurationError(problem)
    require_a_daemon_once(folder)
    if not is_running(folder):
        raise ConfigurationError(
            f"no daemon is running in {folder}, and jobs run inside of it; start it with: "
            f"tradingbot run --home {folder}"
        )
    wait_s = deadline_s(name) + ANSWER_S if wait_s is None else wait_s
    finish(send(folder, "run_job", reason, wait_s, job=name), as_json)


def _print(rows: list[dict[str, Any]], home: Path, *, running: bool) -> None:
    title = f"{len(rows)} jobs of {'the running' if running else 'a stopped'} daemon in {home}, times in UTC"
    columns = (
        "job",
        "when",
        "last run",
        "took",
        "longest",
        "worked",
        "next",
        "runs",
        "failed",
        "overran",
        "missed",
        "result",
    )
    table = Listing(escape(title), *columns)
    for row in rows:
        table.add_row(
            row["name"],
            row["when"],
            _moment(row["last_started_at"]),
            _seconds(row["last_duration_s"]),
            _seconds(row["longest_s"]),
            _seconds(row["longest_work_s"]),
            _moment(row["next_run_at"]) if running else "-",
            str(row["runs"]),
            str(row["failures"]),
            str(row["overruns"]),
            _missed(row),
            _result(row),
        )
    console_of(180).print(table)


def _moment(text: str | None) -> str:
    return "-" if text is None else str(text)[:16].replace("T", " ")


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g} s"


def _missed(row: dict[str, Any]) -> str:
    return f"{row['missed']} ({row['made_up']} made up)" if row["missed"] else "0"


def _result(row: dict[str, Any]) -> str:
    if row["running_since"]:
        return f"[cyan]running since {_moment(row['running_since'])}[/]"
    colour = {"ok": "green", "never": "default"}.get(row["last_result"], "red")
    return f"[{colour}]{escape(row['last_result'])}[/]"
