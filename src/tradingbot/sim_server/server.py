"""The simulated venue as a server on loopback."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from aiohttp import web

from tradingbot.beside import in_thread
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import epoch_ms, utc_from_ms
from tradingbot.ports import Clock
from tradingbot.sim_server.auth import Credentials, NonceWindow
from tradingbot.sim_server.books import BOOK_BYTES, TransactionFile
from tradingbot.sim_server.control import Control
from tradingbot.sim_server.http_gate import HttpGate
from tradingbot.sim_server.hub import Hub
from tradingbot.sim_server.persistence import load_credentials, note_time, persisted_now
from tradingbot.sim_server.service import Service
from tradingbot.sim_server.websocket import WebSocketGate
from tradingbot.simulator.live_quotes import LiveQuotes
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.rate_limits import Budget
from tradingbot.simulator.synthetic_market import HISTORY_DAYS, SyntheticMarket
from tradingbot.simulator.tape import MINUTE_MS
from tradingbot.simulator.venue import SimulatedVenue

DAYS_KEPT = 3
"""Days of a made market that stay in memory while it is played."""


@dataclass(frozen=True, slots=True)
class SimEndpoints:
    """Where the venue listens and the key that opens it."""

    rest_url: str
    ws_url: str
    api_key: str
    api_secret: str


class SimServer:
    """Start it, let `run` play the market, stop it. `finished` is set when the market has ended.

    With `quotes` it follows a real market. A `frozen` one stands still and only lets its account be looked at.
    """

    def __init__(
        self,
        *,
        params: SimulatorParams,
        feed: MarketFeed,
        clock: Clock,
        home: Path,
        frozen: bool = False,
        quotes: LiveQuotes | None = None,
    ) -> None:
        self._params = params
        self._feed = feed
        self._clock = clock
        self._home = home
        self._frozen = frozen
        self._quotes = quotes
        self._store = TransactionFile(home, BOOK_BYTES)
        self._runner: web.AppRunner | None = None
        self._service: Service | None = None
        self._hub: Hub | None = None
        self._noted_minute = 0
        self.finished = asyncio.Event()

    @property
    def venue(self) -> SimulatedVenue:
        """The venue inside. Only after `start`."""
        return self._started().venue

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> SimEndpoints:
        """Load the account and listen. Raises StateCorruptError, OSError (port taken), ValueError (no contracts),
        ConfigurationError (the account holds what is not listed)."""
        service = self._open()
        hub = Hub(service)
        service.listener, self._service, self._hub = hub, service, hub
        app = web.Application(client_max_size=1 << 20)
        app.add_routes(Control(service, hub).routes())
        app.router.add_get("/ws/v1", WebSocketGate(service, hub).handle)
        app.router.add_route("*", "/{tail:.*}", HttpGate(service).handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        if not self._frozen and isinstance(self._feed, SyntheticMarket):
            service.venue.bars.warm(HISTORY_DAYS + 1)
        service.commit(force=True)
        self._note_time()
        bound = self._runner.addresses[0][1]
        return SimEndpoints(
            rest_url=f"http://{host}:{bound}/derivatives",
            ws_url=f"ws://{host}:{bound}/ws/v1",
            api_key=service.credentials.api_key,
            api_secret=service.credentials.api_secret,
        )

    async def run(self) -> None:
        """Play the market on the clock until cancelled or until it ends."""
        service, hub = self._started(), self._hub
        if self._frozen or hub is None:
            await asyncio.Event().wait()
            return
        if isinstance(self._feed, SyntheticMarket):
            self._feed.trim(DAYS_KEPT)
        while not service.venue.ended:
            await self._clock.sleep_until(utc_from_ms(service.venue.next_tick_ms()))
            service.catch_up()
            hub.housekeeping()
            if self._noted_minute != service.venue.now_ms // MINUTE_MS:
                await self._pack_books()
            self._note_time()
        self.finished.set()

    async def stop(self) -> None:
        """Stop listening and close files. The account is on disk already."""
        if self._hub is not None:
            self._hub.close_all()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._service is not None and not self._frozen:
            note_time(self._home, self._service.venue.now_ms, _prices(self._service.venue))
        self._store.close()

    async def _pack_books(self) -> None:
        """Compress books that were closed lately. A disk that refuses is asked again a minute later."""
        if any(not part.compressed for part in self._store.closed()):
            with suppress(OSError):
                await in_thread(self._clock, self._store.compress)

    def _open(self) -> Service:
        loaded = self._store.load()
        resumed = persisted_now(self._home)
        resumed_ms = epoch_ms(resumed) if resumed else 0
        standing = self._frozen and resumed_ms and self._quotes is None
        now_ms = resumed_ms if standing else max(resumed_ms, epoch_ms(self._clock.now()))
        credentials: Credentials = load_credentials(self._home)
        venue = SimulatedVenue(self._params, self._feed, now_ms, loaded.account, loaded.rows, self._quotes)
        _require_listed(venue)
        params = self._params
        return Service(
            venue=venue,
            clock=self._clock,
            store=self._store,
            credentials=credentials,
            frozen=self._frozen,
            nonces=NonceWindow(venue.account.nonce, params.nonce_tolerance),
            trading_budget=Budget(params.rest_budget, params.rest_window_s),
            history_budget=Budget(params.history_budget, params.history_window_s),
            closed_rows=loaded.closed,
        )

    def _started(self) -> Service:
        if self._service is None:
            raise RuntimeError("the simulated venue has not been started")
        return self._service

    def _note_time(self) -> None:
        now_ms = self._started().venue.now_ms
        if not self._frozen and now_ms // MINUTE_MS != self._noted_minute:
            self._noted_minute = now_ms // MINUTE_MS
            note_time(self._home, now_ms, _prices(self._started().venue))


def _require_listed(venue: SimulatedVenue) -> None:
    held = {*venue.account.positions, *(order.symbol for order in venue.account.orders.values())}
    missing = sorted(held - set(venue.instruments))
    if missing:
        raise ConfigurationError(
            f"the simulated account holds {', '.join(missing)}, which this market does not have; "
            "start it on a market that has them, or use another --home"
        )


def _prices(venue: SimulatedVenue) -> dict[str, tuple[Decimal, Decimal]]:
    """Index and mark of every contract that has a price."""
    markets = {symbol: venue.market(symbol) for symbol in venue.instruments}
    return {symbol: (market.index, market.mark) for symbol, market in markets.items() if market.mark > 0}
