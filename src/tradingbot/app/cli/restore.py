"""``tradingbot restore``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tradingbot.app.cli.shared import print_json
from tradingbot.app.home import home_folder


@click.command("restore")
@click.argument("archive", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--confirm", default="", metavar="yes-restore", help="Needed: the home's files are replaced.")
@click.option("--force", is_flag=True, help="Also a backup of another installation.")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def command(archive: Path, confirm: str, force: bool, home: str | None, as_json: bool) -> None:
    """Put a backup in place of the home's files; the daemon must be stopped. Nothing is deleted.

    Every hash is verified before anything is touched. The files before are in `set-aside`.
    """
    from tradingbot.app.restoring import CONFIRMATION, restore
    from tradingbot.core.errors import ConfigurationError

    folder = home_folder(home, os.environ)
    if confirm != CONFIRMATION:
        raise ConfigurationError(f"this replaces the files of {folder}: repeat it with --confirm {CONFIRMATION}")
    done = restore(folder, archive, force=force)
    facts = {
        "home": str(folder),
        "set_aside": str(done.aside) if done.aside else None,
        "created_at": done.manifest.created_at,
        "instance": done.manifest.instance,
        "files": len(done.manifest.files),
    }
    if as_json:
        print_json(facts)
        return
    click.echo(f"{folder} is as of {done.manifest.created_at}: {facts['files']} files, every hash verified")
    if done.aside:
        click.echo(f"what was there before is in {done.aside}")
    click.echo("next: start the daemon, then compare with the venue: tradingbot status --reconcile")
