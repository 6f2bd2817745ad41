"""The simulated market-data service as a server on loopback."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
from aiohttp import web

from tradingbot.core.errors import StateCorruptError
from tradingbot.core.types import epoch_ms
from tradingbot.ports import Clock
from tradingbot.sim_server.coinglass.control import Desk
from tradingbot.sim_server.coinglass.gate import Gate
from tradingbot.simulator.coinglass_faults import CoinglassFault
from tradingbot.simulator.coinglass_params import CoinglassSimParams
from tradingbot.simulator.faults import FaultPlan
from tradingbot.simulator.intelligence import MarketIntelligence
from tradingbot.simulator.intelligence_world import Recordings
from tradingbot.simulator.market_feed import MarketFeed

_KEY_FILE: Final = "coinglass_key.json"


@dataclass(frozen=True, slots=True, repr=False)
class CoinglassEndpoints:
    """Where the services listen, and the key of the one that wants one."""

    base_url: str
    api_key: str
    fear_greed_url: str
    dvol_url: str


class CoinglassServer:
    """Start it, stop it; it needs no task of its own. `recorded` says that the feed is a recording."""

    def __init__(
        self,
        *,
        params: CoinglassSimParams,
        feed: MarketFeed,
        clock: Clock,
        home: Path,
        seed: int = 7,
        recorded: bool = False,
        recordings: Recordings | None = None,
    ) -> None:
        self._params = params
        self._clock = clock
        self._home = home
        self._seed = seed
        self._runner: web.AppRunner | None = None
        self.intelligence = MarketIntelligence(feed, seed, params.delays, recordings, recorded=recorded)
        self.faults: FaultPlan[CoinglassFault] = FaultPlan(params.faults, seed, epoch_ms(clock.now()))

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> CoinglassEndpoints:
        """Read the market's past and listen. Raises OSError (port taken), StateCorruptError (damaged key file)."""
        key = load_key(self._home)
        self.intelligence.warm(epoch_ms(self._clock.now()))
        gate = Gate(self._params, self.intelligence, self._clock, key, self.faults, self._seed)
        app = web.Application(client_max_size=1 << 16)
        app.add_routes(Desk(gate, self.faults).routes())
        app.router.add_route("*", "/{tail:.*}", gate.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        base = f"http://{host}:{self._runner.addresses[0][1]}"
        return CoinglassEndpoints(base, key, f"{base}/fng/", f"{base}/api/v2/public/get_volatility_index_data")

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def load_key(home: Path) -> str:
    """The service's key; made on the first call, the same ever after. The file is for its owner alone."""
    path = home / _KEY_FILE
    if path.exists():
        try:
            return str(orjson.loads(path.read_bytes())["api_key"])
        except (ValueError, KeyError, TypeError) as error:
            raise StateCorruptError(f"{path} is damaged ({error}); delete it and a new key is made") from error
    home.mkdir(parents=True, exist_ok=True)
    key = secrets.token_hex(16)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, orjson.dumps({"api_key": key}) + b"\n")
    finally:
        os.close(handle)
    return key
