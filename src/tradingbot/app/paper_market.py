"""What a simulated venue plays on: a made market, a recording, or a real one; and the clock that it lives by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from tradingbot.app.home import sim_home
from tradingbot.app.live_market import LiveMarket, unreachable
from tradingbot.app.options import RunOptions
from tradingbot.clock import ScaledClock, SteppedClock, SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError, VenueError
from tradingbot.core.types import Symbol, utc_from_ms
from tradingbot.market.universe import Universe
from tradingbot.net.nonce import MemoryNonceStore
from tradingbot.ports import Clock
from tradingbot.sim_server.persistence import persisted_now, persisted_prices
from tradingbot.sim_server.recorded_files import read_recording
from tradingbot.simulator.live_quotes import LiveQuotes, StandingQuotes
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS, SyntheticMarket
from tradingbot.venues.gateway import ExchangeGateway
from tradingbot.venues.kraken_futures.adapter import VENUE as KRAKEN_FUTURES
from tradingbot.venues.kraken_futures.adapter import KrakenFuturesVenue

DEFAULT_SIMULATED_SPEED = 60.0
LIVE_TICK_S = 1.0
"""A simulated venue that follows a real market looks at it this often at least."""
WALL_CLOCK_SKEW_S = 5.0
"""A real market whose time is this near to ours lives in wall time; another one is followed in its own."""

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PaperMarket:
    """What a simulated venue plays on: a feed, the clock it lives by, and the quotes of a real market if there is one.

    `contracts` are that market's, by the venue's names.
    """

    feed: MarketFeed
    clock: Clock
    quotes: LiveQuotes | None = None
    contracts: tuple[str, ...] = ()
    works: Mapping[str, Work] = field(default_factory=dict)

    def apply_to(self, params: SimulatorParams) -> SimulatorParams:
        """Settings of the venue on this market: a real one is looked at often, and only its contracts are listed."""
        if self.quotes is None:
            return params
        changes = {"contracts": self.contracts, "tick_interval_s": min(params.tick_interval_s, LIVE_TICK_S)}
        return params.model_copy(update=changes)


def made_market(options: RunOptions, settings: Settings, universe: Universe, frozen: bool) -> PaperMarket:
    feed = choose_feed(options, settings, universe)
    at_speed = replace(options, speed=1.0) if frozen else options
    return PaperMarket(feed, choose_clock(at_speed, resume_at(sim_home(options.home), feed), True))


def standing_market(options: RunOptions) -> PaperMarket:
    stopped = persisted_now(sim_home(options.home))
    if stopped is None:
        raise ConfigurationError(f"no simulated account has been kept in {options.home}: there is nothing to look at")
    prices = persisted_prices(sim_home(options.home))
    quotes = StandingQuotes(prices)
    return PaperMarket(quotes, ScaledClock(stopped, 1.0), quotes, tuple(prices))


async def open_real_market(
    options: RunOptions,
    settings: Settings,
    universe: Universe,
    symbols: tuple[Symbol, ...],
    stack: AsyncExitStack,
    venue_home: Path | None = None,
) -> PaperMarket:
    """The public market of the configured venue: all contracts of `symbols`, whether traded or only still held.

    Raises ConfigurationError, VenueUnavailableError naming the URL and the remedy.
    """
    if options.speed not in (None, 1.0):
        raise ConfigurationError("--source kraken is the real market and runs in real time; leave --speed out")
    home = venue_home or sim_home(options.home)
    followed = only(universe, symbols)
    contracts = followed.venue_symbols(KRAKEN_FUTURES)
    assets = {symbol: str(universe.asset(symbol)) for symbol in contracts.values()}
    clock = await market_clock(settings, universe)
    stopped = persisted_now(home)
    if stopped is not None and (stopped - clock.now()).total_seconds() > WALL_CLOCK_SKEW_S:
        raise ConfigurationError(
            f"the simulated account in {home} has lived until {stopped:%Y-%m-%d %H:%M} on another market, and "
            f"the real one is at {clock.now():%Y-%m-%d %H:%M}; use a --home of its own for --source kraken"
        )
    upstream = public_venue(settings, followed, clock)
    stack.push_async_callback(upstream.close)
    market = LiveMarket(upstream, clock, contracts, assets, settings.venue.rest_url)
    await market.open()
    return PaperMarket(market, clock, market, tuple(contracts), {"real-market": market.run})


async def market_clock(settings: Settings, universe: Universe) -> Clock:
    """Wall time, or the time of a market that lives in another one. Raises VenueUnavailableError."""
    wall = SystemClock()
    public = public_venue(settings, universe, wall)
    try:
        theirs = await public.server_time()
    except VenueError as error:
        raise unreachable(settings.venue.rest_url, error) from error
    finally:
        await public.close()
    near = abs((theirs - wall.now()).total_seconds()) <= WALL_CLOCK_SKEW_S
    return wall if near else ScaledClock(theirs, 1.0)


def public_venue(settings: Settings, universe: Universe, clock: Clock) -> ExchangeGateway:
    """The configured venue without an account."""
    venue = KrakenFuturesVenue(settings.venue, universe, clock, None, MemoryNonceStore())
    return ExchangeGateway.open(settings.exchange, {KRAKEN_FUTURES: lambda: venue})


def only(universe: Universe, symbols: tuple[Symbol, ...]) -> Universe:
    """The universe cut to what is traded: a venue streams no more than that."""
    kept = tuple(entry for entry in universe.params.assets if universe.symbol(entry.symbol) in symbols)
    return Universe(universe.params.model_copy(update={"assets": kept}))


def choose_feed(
    options: RunOptions, settings: Settings, universe: Universe, start_ms: int = DEFAULT_START_MS
) -> MarketFeed:
    """The market of a simulated venue; a made one begins at `start_ms`. Raises ConfigurationError."""
    if options.source == "recorded":
        if options.data is None:
            raise ConfigurationError("--source recorded needs --data FILE_OR_FOLDER (parquet or CSV candles)")
        wanted = [str(universe.asset(symbol)) for symbol in chosen_symbols(options, universe)]
        recording = read_recording(options.data, wanted if options.symbols else None)
        warmup_minutes = round(settings.market_source.warmup_days * 1440)
        return RecordedMarket(recording, warmup_minutes, seed_of(options, settings))
    return SyntheticMarket(seed_of(options, settings), start_ms=start_ms, volatility=settings.market_source.volatility)


def seed_of(options: RunOptions, settings: Settings) -> int:
    """``--seed``, else the setting: of the market and of the venue."""
    return settings.market_source.seed if options.seed is None else options.seed


def chosen_symbols(options: RunOptions, universe: Universe) -> tuple[Symbol, ...]:
    """``--symbols``, else everything that may be traded. Raises SymbolUnknownError."""
    if options.symbols:
        return tuple(dict.fromkeys(universe.symbol(name) for name in options.symbols))
    return universe.tradeable


def choose_clock(options: RunOptions, origin: datetime, embedded: bool) -> Clock:
    """Real time, scaled or stepped. Raises ConfigurationError for a speed that cannot be."""
    default = DEFAULT_SIMULATED_SPEED if embedded else 1.0
    speed = default if options.speed is None else options.speed
    if options.profile == "live":
        if speed != 1.0:
            raise ConfigurationError("--speed is for simulated markets; live runs in real time")
        return SystemClock()
    if speed == 0:
        if not embedded:
            raise ConfigurationError("--speed max needs the embedded simulated venue (paper); give a number instead")
        return SteppedClock(origin)
    return ScaledClock(origin, speed)


def resume_at(venue_home: Path, feed: MarketFeed) -> datetime:
    """When a simulated venue goes on: where its account stopped, else at the market's start."""
    start = utc_from_ms(feed.start_ms)
    stopped = persisted_now(venue_home)
    return start if stopped is None else max(start, stopped)
