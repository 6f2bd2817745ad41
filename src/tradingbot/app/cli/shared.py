"""Options that several commands share, and what they mean."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import orjson

from tradingbot.app.home import home_folder
from tradingbot.app.options import PROFILES, SOURCES, RunOptions

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class SpeedType(click.ParamType[float]):
    """A positive factor of real time, or ``max``."""

    name = "N|max"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """0 stands for as fast as possible."""
        if str(value).lower() == "max":
            return 0.0
        try:
            speed = float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor 'max'", param, ctx)
        if not 0 < speed < 1e6:
            self.fail(f"{value} is not above 0 (use 'max' for as fast as possible)", param, ctx)
        return speed


class MomentType(click.ParamType[datetime]):
    """A date or a moment in UTC."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Without a zone it is UTC; a date is its first moment."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-01-31 or 2026-01-31T12:00", param, ctx)
        try:
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError:
            self.fail(f"{value!r} is out of range", param, ctx)


def source_options(command: F) -> F:
    """``--profile --source --data --symbols --speed --seed --home --venue-url --venue-ws-url``."""
    decorators = [
        click.option(
            "--profile", type=click.Choice(PROFILES), default="paper", show_default=True, help="Mode of operation."
        ),
        click.option(
            "--source",
            type=click.Choice(SOURCES),
            help="Market that paper trades on. Default: the setting.",
        ),
        click.option(
            "--data",
            type=click.Path(path_type=Path),
            help="Candles for --source recorded: a parquet or CSV file, or a folder of them.",
        ),
        click.option("--symbols", default="", metavar="A,B", help="Trade only these, e.g. BTC,ETHUSDT."),
        click.option(
            "--speed",
            type=SpeedType(),
            help="Factor of real time, or max. Default: 60 for simulated and recorded markets, else 1.",
        ),
        click.option("--seed", type=click.IntRange(min=0), help="Seed of the simulated market and venue."),
        click.option(
            "--home", help="Folder of state, logs and feature_store. Default: TRADINGBOT_HOME, else the checkout."
        ),
        click.option("--venue-url", help="REST base URL of the venue, ending in /derivatives (testnet, live)."),
        click.option("--venue-ws-url", help="WebSocket URL of the venue (testnet, live)."),
    ]
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def options_of(
    *,
    home: str | None,
    profile: str,
    source: str | None,
    data: Path | None,
    symbols: str,
    speed: float | None,
    seed: int | None,
    venue_url: str | None,
    venue_ws_url: str | None,
    cycles: int | None = None,
    confirm: str = "",
    dashboard_port: int | None = None,
    no_dashboard: bool = False,
) -> RunOptions:
    """The options of a run as one value."""
    return RunOptions(
        home=home_folder(home, os.environ),
        profile=profile,
        source=source or "",
        data=data,
        symbols=tuple(part for name in symbols.split(",") if (part := name.strip())),
        speed=speed,
        cycles=cycles,
        seed=seed,
        venue_url=venue_url,
        venue_ws_url=venue_ws_url,
        confirm=confirm,
        dashboard_port=-1 if no_dashboard else dashboard_port,
    )


def on_loop(work: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine on a uvloop event loop."""
    import uvloop

    async def whole() -> T:
        return await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole())


def print_json(facts: object) -> None:
    """Facts for programs: indented JSON, decimals and moments as text."""
    click.echo(orjson.dumps(facts, default=str, option=orjson.OPT_INDENT_2).decode())


def console_of(width: int = 150) -> Console:
    """As wide as the terminal; wide enough for the tables where there is none."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=width)
