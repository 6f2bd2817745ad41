"""``tradingbot resume``."""

from __future__ import annotations

import os

import click

from tradingbot.app.cli.operating import confirm, finish, operating_options, require_a_daemon_once, send
from tradingbot.app.home import home_folder
from tradingbot.guards.switch_state import SwitchName


@click.command("resume")
@click.option(
    "--switch",
    "names",
    multiple=True,
    type=click.Choice([name.value for name in SwitchName]),
    help="Lift this kill switch; repeatable. Default: operator_pause.",
)
@click.option("--all", "every", is_flag=True, help="Lift every kill switch that is tripped.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@operating_options
def command(
    names: tuple[str, ...], every: bool, yes: bool, reason: str, wait_s: float, home: str | None, as_json: bool
) -> None:
    """Lift the pause, or kill switches by name, and say what still holds entries back.

    What a lifted switch measures begins anew: after `drawdown` the next known equity is the new peak.
    """
    from tradingbot.app.status import tripped_switches
    from tradingbot.engine.operator_desk import switch_line

    folder = home_folder(home, os.environ)
    require_a_daemon_once(folder)
    if every and names:
        raise click.UsageError("give either --switch or --all")
    wanted = tuple(SwitchName(name) for name in names) or (SwitchName.OPERATOR_PAUSE,)
    if not yes:
        lifted = [switch for switch in tripped_switches(folder) if every or switch.name in wanted]
        click.echo("this lifts:" if lifted else "none of these switches is tripped, as far as the files say", err=True)
        for switch in lifted:
            click.echo(f"  {switch_line(switch)}", err=True)
    confirm("lift?", yes)
    finish(send(folder, "resume", reason, wait_s, switches=() if every else wanted, every=every), as_json)
