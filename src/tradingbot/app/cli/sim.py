"""``tradingbot sim``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tradingbot.app.cli.shared import SpeedType, on_loop
from tradingbot.app.options import SOURCES


@click.command("sim")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port; 0 takes a free one.")
@click.option(
    "--source", type=click.Choice(SOURCES), default="simulated", show_default=True, help="Market that it plays."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Candles for --source recorded: a parquet or CSV file, or a folder."
)
@click.option("--symbols", default="", metavar="A,B", help="Only these assets.")
@click.option("--speed", type=SpeedType(), default=1.0, show_default=True, help="Factor of real time, or max.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of market and venue.")
@click.option("--home", help="Folder of the venue's account. Default: state/sim_venue of the home folder.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[,KEY=VALUE...]",
    help="A fault that is on from the start; repeatable.",
)
@click.option(
    "--coinglass-port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port of the simulated CoinGlass; 0 takes a free one.",
)
@click.option(
    "--coinglass-fault",
    "coinglass_faults",
    multiple=True,
    metavar="NAME[,KEY=VALUE...]",
    help="A fault of the simulated CoinGlass that is on from the start; repeatable.",
)
@click.option("--testnet-spreads", is_flag=True, help="Extreme, thin books as the old demo venue had.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="First line: one object with rest_url, ws_url, api_key, api_secret, coinglass_url, coinglass_key, ...",
)
def command(**chosen: Any) -> None:
    """Run the simulated venue alone: Kraken Futures' REST and WebSocket protocols on loopback.

    Beside a made or recorded market it also runs a simulated CoinGlass v4, on a port of its own.
    Faults can also be set while they run: POST, GET, DELETE on /control/faults of either.
    """
    from tradingbot.app.simulate import SimOptions, run_sim

    sys.exit(on_loop(lambda: run_sim(SimOptions(**chosen))))
