"""``tradingbot data``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tradingbot.app.cli.shared import MomentType, console_of, on_loop, options_of, print_json
from tradingbot.app.home import home_folder

TO_FOLDER = click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the data lies. Default: market_data of the home."
)
HOME = click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")


@click.group("data")
def command() -> None:
    """History of the market for research: download, import, check.

    Candles and funding lie as one parquet file per asset; `--source recorded --data FOLDER/candles_1m` plays them.
    """


@command.command("download")
@click.option("--symbols", default="", metavar="A,B", help="Only these, e.g. BTC,ETHUSDT. Default: all enabled ones.")
@click.option("--from", "since", type=MomentType(), help="First minute, UTC. Default: 30 days before the end.")
@click.option("--to", "until", type=MomentType(), help="End, UTC. Default: now.")
@click.option("--no-funding", is_flag=True, help="Candles only.")
@click.option("--venue-url", help="REST base URL, ending in /derivatives. Default: the venue of the settings.")
@TO_FOLDER
@HOME
@AS_JSON
def download_command(
    symbols: str,
    since: datetime | None,
    until: datetime | None,
    no_funding: bool,
    venue_url: str | None,
    folder: Path | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Fetch minute candles and hourly funding from the venue, without keys.

    What is there already is not asked for again: after an interruption, or a month later, the same command goes on.
    """
    from tradingbot.app.market_data import Wanted, download

    options = options_of(
        home=home, profile="paper", source="kraken", data=None, symbols=symbols, speed=None, seed=None,
        venue_url=venue_url, venue_ws_url=None,
    )  # fmt: skip
    wanted = Wanted(_folder(folder, home), since, until, not no_funding)
    with _progress(as_json) as told:
        rows = on_loop(lambda: download(options, os.environ, wanted, told))
    if as_json:
        print_json({"folder": str(wanted.folder), "assets": rows})
        return
    table = Table("asset", "contract", "candles", "new", "first", "last", "missing", "funding", "new")
    for row in rows:
        report = row["report"] or {"first": "-", "last": "-", "missing": 0}
        span = (str(report["first"])[:16], str(report["last"])[:16], f"{report['missing']:,}")
        counts = (f"{row['candles']:,}", f"{row['new_candles']:,}")
        rates = (f"{row['funding']:,}", f"{row['new_funding']:,}")
        table.add_row(row["asset"], row["contract"], *counts, *span, *rates)
    console_of(140).print(table)
    click.echo(f"{wanted.folder}; missing minutes are those that the venue itself does not have")


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--symbol", default="", help="Whose candles a file holds that does not say it, e.g. BTC.")
@TO_FOLDER
@HOME
@AS_JSON
def import_command(files: Sequence[Path], symbol: str, folder: Path | None, home: str | None, as_json: bool) -> None:
    """Take candles out of CSV or parquet FILES, under the usual names of columns.

    Every row is checked; a file with one wrong row changes nothing.
    """
    from tradingbot.app.market_data import import_files

    rows = import_files(files, _folder(folder, home), symbol)
    if as_json:
        print_json(rows)
        return
    _print_reports([row["report"] for row in rows])
    for name in dict.fromkeys(str(Path(row["file"]).parent) for row in rows):
        click.echo(name)


@command.command("check")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@HOME
@AS_JSON
def check_command(path: Path | None, home: str | None, as_json: bool) -> None:
    """Look for bars that are missing, empty or out of all proportion in a file or folder of candles.

    PATH defaults to market_data/candles_1m of the home. Exit code 1 when something is missing or jumps.
    """
    from tradingbot.app.market_data import check

    reports = check(path or _folder(None, home) / "candles_1m")
    if as_json:
        print_json(reports)
    else:
        _print_reports(reports)
    sys.exit(0 if all(report["clean"] for report in reports) else 1)


def _print_reports(reports: Sequence[dict[str, Any]]) -> None:
    table = Table(
        "asset", "bars", "of", "first", "last", "missing", "gaps", "largest gap", "no trades", "jumps", "spikes"
    )
    for one in reports:
        largest = f"{one['gaps'][0]['bars']:,} from {one['gaps'][0]['from'][:16]}" if one["gaps"] else "-"
        counts = [f"{one[name]:,}" for name in ("empty", "jump_count", "spike_count")]
        span = (f"{one['step_ms'] // 60_000} min", one["first"][:16], one["last"][:16])
        gaps = (f"{one['missing']:,}", f"{one['gap_count']:,}", largest)
        table.add_row(one["asset"], f"{one['bars']:,}", *span, *gaps, *counts)
    console_of(140).print(table)


@contextmanager
def _progress(silent: bool) -> Iterator[Any]:
    """A bar per asset with the time that is left, on standard error; nothing where that is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=silent or not console.is_terminal) as shown:
        bars: dict[str, Any] = {}

        def told(asset: str, done: int, of: int) -> None:
            if asset not in bars:
                bars[asset] = shown.add_task(asset, total=of)
            shown.update(bars[asset], completed=done, total=of)

        yield told


def _folder(chosen: Path | None, home: str | None) -> Path:
    from tradingbot.app.market_data import FOLDER

    return chosen or home_folder(home, os.environ) / FOLDER
