"""What commands to a running daemon share: leave a request, wait for the answer, say what happened."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from tradingbot.app.cli.shared import on_loop, print_json
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.engine.catalog import document_path
from tradingbot.engine.operator_desk import Command
from tradingbot.guards.switch_state import SwitchName
from tradingbot.storage.lock import LOCK_NAME

F = TypeVar("F", bound=Callable[..., Any])

POLL_S = 0.1
MAX_REASON = 500
MAX_USER = 100


def operating_options(command: F) -> F:
    """``--reason --wait --home --json``."""
    decorators = [
        click.option("--reason", default="", metavar="TEXT", callback=_one_line, help="Why; kept in the audit."),
        click.option(
            "--wait", "wait_s", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds to wait."
        ),
        click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout."),
        click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
    ]
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def _one_line(_: click.Context, __: click.Parameter, text: str) -> str:
    """Control characters become blanks: terminals of others will show this."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if len(plain) > MAX_REASON:
        raise click.BadParameter(f"{len(plain)} characters are too many; at most {MAX_REASON} are kept")
    return plain


def require_a_daemon_once(home: Path) -> None:
    """Refuse a folder in which no daemon has ever run. Raises ConfigurationError."""
    instance = document_path(home, "instance")
    if not (home / LOCK_NAME).exists() and not any(instance.parent.glob(f"{instance.name}*")):
        raise ConfigurationError(
            f"no daemon has run in {home}; name its folder with --home, or start one with: tradingbot run --home {home}"
        )


def confirm(question: str, yes: bool) -> None:
    """Ask on a terminal; elsewhere --yes is needed. Raises ConfigurationError, and click.Abort for a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("this asks for confirmation, and there is no terminal to ask on: add --yes")
    click.confirm(question, abort=True, err=True)


def send(
    home: Path,
    command: Command,
    reason: str,
    wait_s: float,
    *,
    switches: tuple[SwitchName, ...] = (),
    every: bool = False,
    issue: str = "",
    job: str = "",
    generation: int = 0,
    key: str = "",
    value: str = "",
    for_s: float = 0.0,
) -> dict[str, Any]:
    """Leave the request; the daemon's answer, or what becomes of the request without one."""
    from tradingbot.app.operator import OperatorRequest, leave_request
    from tradingbot.app.status import is_running

    running = is_running(home)
    request = OperatorRequest(
        command=command,
        at=SystemClock().now(),
        reason=reason,
        switches=switches,
        every=every,
        issue=issue,
        job=job,
        generation=generation,
        key=key,
        value=value,
        for_s=for_s,
        user=_user(),
        pid=os.getpid(),
    )
    name = leave_request(home, request)
    if not running:
        text = f"no daemon is running in {home}; will be carried out at its next start, before its first decision"
        return {"command": command, "done": False, "left": name, "text": text, "lines": []}
    answer = _waited(home, command, name, wait_s)
    if answer is not None:
        return answer
    text = (
        f"the daemon in {home} has not answered within {wait_s:g} s; the request stays in its inbox and is carried out "
        f"as soon as it can; look with `tradingbot status`, or remove {home / 'state' / 'inbox' / name} to withdraw it"
    )
    return {"command": command, "done": False, "text": text, "lines": []}


def _user() -> str:
    try:
        return getpass.getuser()[:MAX_USER]
    except (KeyError, OSError):
        return str(os.getuid())


def _waited(home: Path, command: str, name: str, wait_s: float) -> dict[str, Any] | None:
    from tradingbot.app.operator import take_answer, withdraw

    async def wait() -> dict[str, Any] | None:
        clock = SystemClock()
        deadline_s = clock.monotonic_s() + wait_s
        while (answer := take_answer(home, name)) is None and clock.monotonic_s() < deadline_s:
            await clock.sleep(POLL_S)
        return answer

    console = Console(stderr=True)
    spinner = console.status(f"{command}: waiting for the daemon") if console.is_terminal else nullcontext()
    with spinner:
        try:
            return on_loop(wait)
        except KeyboardInterrupt:
            taken_back = withdraw(home, name)
            click.echo("\nthe request was taken back" if taken_back else "\nit is being carried out already", err=True)
            raise click.Abort from None


def finish(answer: dict[str, Any], as_json: bool) -> None:
    """Print and exit: 0 done or left for the next start, 1 not done."""
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{answer['command']}: {answer['text']}")
        for line in answer["lines"]:
            click.echo(f"  {line}")
    sys.exit(0 if answer["done"] or answer.get("left") else 1)
