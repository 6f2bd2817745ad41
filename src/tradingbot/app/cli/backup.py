"""``tradingbot backup``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tradingbot.app.cli.shared import print_json
from tradingbot.app.home import home_folder


@click.command("backup")
@click.option("--to", type=click.Path(path_type=Path), help="File to make, or folder. Default: backups of the home.")
@click.option("--keep", type=click.IntRange(min=1), help="Delete older backups of this home beyond so many.")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def command(to: Path | None, keep: int | None, home: str | None, as_json: bool) -> None:
    """Copy state, logs and feature_store into one verified file; the daemon may run.

    Keys are not in it. `tradingbot restore` puts it back.
    """
    from tradingbot.app.backup import make_backup

    made = make_backup(home_folder(home, os.environ), to, keep)
    facts = {
        "path": str(made.path),
        "size_bytes": made.path.stat().st_size,
        "deleted": [str(one) for one in made.deleted],
        **made.manifest.model_dump(mode="json", exclude={"files"}),
        "files": len(made.manifest.files),
        "unpacked_bytes": made.manifest.size_bytes,
    }
    if as_json:
        print_json(facts)
        return
    click.echo(f"{made.path}: {facts['files']} files, {facts['size_bytes']:,} bytes, every hash verified")
    for note in made.manifest.notes:
        click.echo(f"  note: {note}")
    for one in made.deleted:
        click.echo(f"  deleted: {one}")
