"""The market-data service that stands beside a simulated venue, when its market is a made or a recorded one."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from tradingbot.core.errors import ConfigurationError
from tradingbot.ports import Clock
from tradingbot.sim_server.coinglass.recordings import read_recordings
from tradingbot.sim_server.coinglass.server import CoinglassEndpoints, CoinglassServer
from tradingbot.simulator.intelligence_world import Recordings
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.synthetic_market import SyntheticMarket


async def open_simulated_coinglass(
    feed: MarketFeed,
    clock: Clock,
    params: SimulatorParams,
    home: Path,
    data: Path | None,
    stack: AsyncExitStack,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> CoinglassEndpoints | None:
    """Serve the intelligence of a simulated market until `stack` closes; None for a market that follows a real venue.

    `home` keeps the key: the folder of the simulated venue. `data` is where a recorded market's candles came from;
    other recordings are looked for beside them. `params.seed` must be the market's.
    Raises ConfigurationError (a recording cannot be read), OSError (port taken), StateCorruptError (damaged key file).
    """
    recorded = isinstance(feed, RecordedMarket)
    if not params.coinglass.enabled or not (recorded or isinstance(feed, SyntheticMarket)):
        return None
    server = CoinglassServer(
        params=params.coinglass,
        feed=feed,
        clock=clock,
        home=home,
        seed=params.seed,
        recorded=recorded,
        recordings=recordings_beside(params, home, data) if recorded else None,
    )
    stack.push_async_callback(server.stop)
    return await server.start(host, port)


def recordings_beside(params: SimulatorParams, home: Path, data: Path | None) -> Recordings:
    """What else was recorded: in the folder of the settings, else beside the candles. Raises ConfigurationError."""
    if named := params.coinglass.recordings:
        folder = home / named
        if not folder.is_dir():
            raise ConfigurationError(f"simulator.coinglass.recordings: {folder} is no folder; correct or empty it")
    elif data is None:
        return Recordings()
    else:
        folder = data / "intelligence" if data.is_dir() else data.parent
    return read_recordings(folder, params.coinglass.delays)
