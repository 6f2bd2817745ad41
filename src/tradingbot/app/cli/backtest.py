"""``tradingbot backtest``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from tradingbot.app.cli.shared import MomentType, console_of, print_json
from tradingbot.app.home import home_folder
from tradingbot.app.options import PROFILES

if TYPE_CHECKING:
    from tradingbot.app.backtest import BacktestRequest
    from tradingbot.app.backtest_study import Studied


class WindowsType(click.ParamType[tuple[float, float]]):
    """``TRAIN:TEST`` in days."""

    name = "TRAIN:TEST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Both above 0."""
        if isinstance(value, tuple):
            return value
        train, _, test = str(value).partition(":")
        try:
            days = float(train), float(test)
        except ValueError:
            self.fail(f"{value!r} is not TRAIN:TEST in days, e.g. 21:7", param, ctx)
        if not all(0 < one < 10_000 for one in days):
            self.fail(f"{value!r}: both must be above 0 days", param, ctx)
        return days


@click.command("backtest")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Candles: a parquet or CSV file, a folder of them, or one of `tradingbot data`. Default: a made market.",
)
@click.option("--from", "since", type=MomentType(), help="First moment that counts, UTC. Default: as early as it can.")
@click.option("--to", "until", type=MomentType(), help="End, UTC. Default: the data's end; 7 days of a made market.")
@click.option("--symbols", default="", metavar="A,B", help="Trade only these, e.g. BTC,ETHUSDT.")
@click.option("--profile", type=click.Choice(PROFILES), default="paper", show_default=True, help="Whose thresholds.")
@click.option(
    "--warm-up", "warm_up_min", type=click.IntRange(0, 100_000), default=360, show_default=True,
    help="Minutes before --from in which nothing is opened, so that windows are full.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the made market, of the venue and its latency.")
@click.option("--no-intelligence", is_flag=True, help="Without what the simulated CoinGlass derives from the candles.")
@click.option("--ignore-switches", is_flag=True, help="Open positions though a kill switch would hold them back.")
@click.option("--counterfactual", is_flag=True, help="Also what each gate saves and costs; takes twice as long.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="A setting of this run, by dotted name.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes at once. Default: all cores.")
@click.option("--honest", is_flag=True, help="Also with costs doubled, a longer warm-up, and the future taken away.")
@click.option("--variants", type=click.Path(path_type=Path), help="JSON of settings by name; the best is reported.")
@click.option("--walk-forward", "windows", type=WindowsType(), help="Rolling windows in days: choose, freeze, test.")
@click.option("--anchored", is_flag=True, help="Every training of --walk-forward begins at the begin.")
@click.option("--trials", type=click.IntRange(min=1), help="Variants tried before. Default: those of this run.")
@click.option("--name", default="backtest", show_default=True, help="What the report calls it.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for report.html, report.json and the result.")
@click.option("--home", help="Folder whose configs are used. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(**given: Any) -> None:
    """Play the daemon's own cycle over candles, in simulated time, and report what came of it.

    The same decisions, orders, matching, fees, funding, slippage, latency and liquidation as in paper trading. Equal
    data, settings and seed give equal results, on any number of workers.
    """
    from tradingbot.app.backtest import quiet

    quiet()
    request = _request(given)
    with _progress(given["as_json"]) as told:
        studied = _study(request, given, told)
    _report(studied, given)


def _request(given: dict[str, Any]) -> BacktestRequest:
    from tradingbot.app.backtest import BacktestRequest

    return BacktestRequest(
        home=str(home_folder(given["home"], os.environ)),
        name=given["name"],
        profile=given["profile"],
        data=str(given["data"]) if given["data"] else None,
        symbols=tuple(part for name in given["symbols"].split(",") if (part := name.strip())),
        since=given["since"],
        until=given["until"],
        warm_up_min=given["warm_up_min"],
        seed=given["seed"],
        intelligence=not given["no_intelligence"],
        obey_switches=not given["ignore_switches"],
        counterfactual=given["counterfactual"],
        settings=_changes(given["changes"]),
    )


def _changes(texts: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"--set {text!r} is not NAME=VALUE, e.g. risk.limits.max_trades_per_day=50")
        found[name.strip()] = value.strip()
    return found


def _study(request: BacktestRequest, given: dict[str, Any], told: Any) -> Studied:
    from tradingbot.app import backtest_study as studies

    workers = given["workers"] or os.cpu_count() or 1
    variants = studies.read_variants(given["variants"]) if given["variants"] else {}
    if given["windows"] is not None:
        forward = studies.Forward(given["windows"][0], given["windows"][1], given["anchored"])
        return asyncio.run(studies.study_forward(request, forward, variants, workers, told))
    if variants:
        return asyncio.run(studies.study_variants(request, variants, workers, told))
    if given["honest"]:
        return asyncio.run(studies.study_honestly(request, workers, told))
    return studies.study_alone(request, workers, told)


def _report(studied: Studied, given: dict[str, Any]) -> None:
    from tradingbot.research.backtest.report import as_html, as_json, render, report_of
    from tradingbot.research.backtest.result_file import save_result

    report = report_of(studied.result, trials=given["trials"] or studied.trials, honesty=studied.honesty)
    folder: Path | None = given["out"]
    if folder is not None:
        import orjson

        save_result(studied.result, folder)
        (folder / "report.html").write_text(as_html(report), encoding="utf-8")
        (folder / "report.json").write_bytes(orjson.dumps(as_json(report), option=orjson.OPT_INDENT_2) + b"\n")
    if given["as_json"]:
        print_json(as_json(report))
        return
    render(console_of(150), report)
    if folder is not None:
        click.echo(f"report: {folder / 'report.html'}")
    else:
        click.echo("no report was kept; name a folder with --out", err=True)


@contextmanager
def _progress(silent: bool) -> Iterator[Any]:
    """A bar per run with the time that is left, on standard error; a line now and then where that is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=silent or not console.is_terminal) as shown:
        bars: dict[str, Any] = {}
        tenths: dict[str, int] = {}

        def told(name: str, done: int, of: int) -> None:
            if name not in bars:
                bars[name] = shown.add_task(name, total=of)
            shown.update(bars[name], completed=done, total=of)
            tenth = 10 * done // of if of else 10
            if not silent and not console.is_terminal and tenth > tenths.get(name, 0):
                tenths[name] = tenth
                click.echo(f"{name}: {10 * tenth} %", err=True)

        yield told
