"""The composition root: the one place where concrete parts are chosen and put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path

from tradingbot.app.home import checkout, config_folder, sim_home
from tradingbot.app.live_market import LiveMarket, unreachable
from tradingbot.app.options import RunOptions
from tradingbot.clock import ScaledClock, SteppedClock, SystemClock
from tradingbot.config import Secrets, Settings, load_secrets, load_settings
from tradingbot.core.errors import ConfigurationError, VenueError
from tradingbot.core.types import Symbol, utc_from_ms
from tradingbot.market.universe import Universe
from tradingbot.net.nonce import FileNonceStore, MemoryNonceStore, NonceStore
from tradingbot.ports import Clock, Venue
from tradingbot.sim_server.persistence import load_credentials, persisted_now, persisted_prices
from tradingbot.sim_server.recorded_files import read_recording
from tradingbot.sim_server.server import SimEndpoints, SimServer
from tradingbot.simulator.live_quotes import LiveQuotes, StandingQuotes
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.synthetic_market import SyntheticMarket
from tradingbot.venues.gateway import ExchangeGateway
from tradingbot.venues.kraken_futures.adapter import VENUE as KRAKEN_FUTURES
from tradingbot.venues.kraken_futures.adapter import KrakenFuturesVenue
from tradingbot.venues.kraken_futures.auth import Credentials

DEFAULT_SIMULATED_SPEED = 60.0
LIVE_TICK_S = 1.0
"""A simulated venue that follows a real market looks at it this often at least."""
WALL_CLOCK_SKEW_S = 5.0
"""A real market whose time is this near to ours lives in wall time; another one is followed in its own."""

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class VenueParts:
    """A venue and what it stands on. `sim` is the embedded simulated venue, when there is one.

    `works` must run as long as the venue is used, by name.
    """

    venue: Venue
    clock: Clock
    universe: Universe
    symbols: tuple[Symbol, ...]
    url: str
    ws_url: str
    sim: SimServer | None = None
    works: Mapping[str, Work] = field(default_factory=dict)


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


def load(options: RunOptions, environ: Mapping[str, str]) -> tuple[Settings, Secrets]:
    """Settings of all layers and the secrets. Raises ConfigurationError."""
    folder = config_folder(options.home)
    env_file = next((path for path in (options.home / ".env", checkout() / ".env") if path.is_file()), None)
    settings = load_settings(folder, options.profile, environ, {}, env_file)
    return settings, load_secrets(environ, env_file)


async def open_venue(
    options: RunOptions,
    settings: Settings,
    secrets: Secrets,
    stack: AsyncExitStack,
    *,
    frozen: bool = False,
    running: bool = False,
    offline: bool = False,
) -> VenueParts:
    """The venue of a run: embedded for paper, else the configured one. Sockets are released by `stack`.

    `frozen`: only look; an embedded venue stands still at its persisted account. `running`: a daemon already has the
    embedded venue open, so connect to that one. `offline`: the account alone matters, so no real market is asked.
    """
    universe = Universe(settings.universe)
    if options.embedded and not running:
        return await _embedded(options, settings, universe, stack, frozen, offline)
    return await _external(options, settings, secrets, universe, stack, running and options.embedded, frozen)


async def _embedded(
    options: RunOptions,
    settings: Settings,
    universe: Universe,
    stack: AsyncExitStack,
    frozen: bool,
    offline: bool,
) -> VenueParts:
    if options.source != "kraken":
        market = _made_market(options, settings, universe, frozen)
    elif offline:
        market = _standing_market(options)
    else:
        market = await open_real_market(options, settings, universe, universe.symbols, stack)
    feed, clock = market.feed, market.clock
    symbols = tuple(s for s in chosen_symbols(options, universe) if universe.asset(s) in feed.assets)
    if not symbols:
        raise ConfigurationError(f"none of the chosen symbols is in the data; it has {', '.join(feed.assets)}")
    traded = tuple(universe.venue_symbol(KRAKEN_FUTURES, symbol) for symbol in symbols)
    changes = {"traded_contracts": traded, "seed": seed_of(options, settings)}
    params = market.apply_to(settings.simulator.model_copy(update=changes))
    home = sim_home(options.home)
    sim = SimServer(params=params, feed=feed, clock=clock, home=home, frozen=frozen, quotes=market.quotes)
    endpoints = await sim.start()
    if frozen:
        stack.push_async_callback(sim.stop)
    venue = _kraken_futures(options, settings, _only(universe, symbols), clock, endpoints, frozen)
    stack.push_async_callback(venue.close)
    return VenueParts(venue, clock, universe, symbols, endpoints.rest_url, endpoints.ws_url, sim, market.works)


def _made_market(options: RunOptions, settings: Settings, universe: Universe, frozen: bool) -> PaperMarket:
    feed = choose_feed(options, settings, universe)
    at_speed = replace(options, speed=1.0) if frozen else options
    return PaperMarket(feed, choose_clock(at_speed, resume_at(sim_home(options.home), feed), True))


def _standing_market(options: RunOptions) -> PaperMarket:
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
    followed = _only(universe, symbols)
    contracts = followed.venue_symbols(KRAKEN_FUTURES)
    assets = {symbol: str(universe.asset(symbol)) for symbol in contracts.values()}
    clock = await _market_clock(settings, universe)
    stopped = persisted_now(home)
    if stopped is not None and (stopped - clock.now()).total_seconds() > WALL_CLOCK_SKEW_S:
        raise ConfigurationError(
            f"the simulated account in {home} has lived until {stopped:%Y-%m-%d %H:%M} on another market, and "
            f"the real one is at {clock.now():%Y-%m-%d %H:%M}; use a --home of its own for --source kraken"
        )
    upstream = _public_venue(settings, followed, clock)
    stack.push_async_callback(upstream.close)
    market = LiveMarket(upstream, clock, contracts, assets, settings.venue.rest_url)
    await market.open()
    return PaperMarket(market, clock, market, tuple(contracts), {"real-market": market.run})


async def _market_clock(settings: Settings, universe: Universe) -> Clock:
    wall = SystemClock()
    public = _public_venue(settings, universe, wall)
    try:
        theirs = await public.server_time()
    except VenueError as error:
        raise unreachable(settings.venue.rest_url, error) from error
    finally:
        await public.close()
    near = abs((theirs - wall.now()).total_seconds()) <= WALL_CLOCK_SKEW_S
    return wall if near else ScaledClock(theirs, 1.0)


def _public_venue(settings: Settings, universe: Universe, clock: Clock) -> ExchangeGateway:
    venue = KrakenFuturesVenue(settings.venue, universe, clock, None, MemoryNonceStore())
    return ExchangeGateway.open(settings.exchange, {KRAKEN_FUTURES: lambda: venue})


def _only(universe: Universe, symbols: tuple[Symbol, ...]) -> Universe:
    """The universe cut to what is traded: a venue streams no more than that."""
    kept = tuple(entry for entry in universe.params.assets if universe.symbol(entry.symbol) in symbols)
    return Universe(universe.params.model_copy(update={"assets": kept}))


async def _external(
    options: RunOptions,
    settings: Settings,
    secrets: Secrets,
    universe: Universe,
    stack: AsyncExitStack,
    own_keys: bool,
    looking: bool,
) -> VenueParts:
    params = settings.venue
    keys = load_credentials(sim_home(options.home)) if own_keys else credentials_of(secrets)
    endpoints = SimEndpoints(
        rest_url=options.venue_url or params.rest_url,
        ws_url=options.venue_ws_url or params.ws_url,
        api_key=keys.api_key if keys else "",
        api_secret=keys.api_secret if keys else "",
    )
    _check_urls(endpoints)
    clock = await _venue_clock(options, settings, universe, endpoints)
    symbols = chosen_symbols(options, universe)
    venue = _kraken_futures(options, settings, _only(universe, symbols), clock, endpoints, looking)
    stack.push_async_callback(venue.close)
    return VenueParts(venue, clock, universe, symbols, endpoints.rest_url, endpoints.ws_url)


def _check_urls(endpoints: SimEndpoints) -> None:
    given = (("--venue-url", endpoints.rest_url, "http"), ("--venue-ws-url", endpoints.ws_url, "ws"))
    for option, url, scheme in given:
        if not url.startswith((f"{scheme}://", f"{scheme}s://")):
            raise ConfigurationError(f"{option} {url!r}: must begin with {scheme}:// or {scheme}s://")


async def _venue_clock(options: RunOptions, settings: Settings, universe: Universe, endpoints: SimEndpoints) -> Clock:
    """Wall time for a live venue; a test venue may live in its own time, so its clock is asked and followed."""
    if options.profile == "live":
        return choose_clock(options, SystemClock().now(), False)
    wall = SystemClock()
    public = KrakenFuturesVenue(_venue_params(settings, endpoints), universe, wall, None, MemoryNonceStore())
    try:
        return choose_clock(options, await public.server_time(), False)
    except VenueError as error:
        raise ConfigurationError(
            f"the venue at {endpoints.rest_url} does not answer: {error}; "
            "start it (tradingbot sim), or name another with --venue-url and --venue-ws-url"
        ) from error
    finally:
        await public.close()


def _kraken_futures(
    options: RunOptions,
    settings: Settings,
    universe: Universe,
    clock: Clock,
    endpoints: SimEndpoints,
    looking: bool,
) -> ExchangeGateway:
    keys = Credentials(endpoints.api_key, endpoints.api_secret) if endpoints.api_key else None
    # A second reader beside a running daemon must not share its nonce file: the venue tolerates none at all.
    nonces: NonceStore = MemoryNonceStore() if looking else FileNonceStore(options.home / "state" / "nonce.json")
    venue = KrakenFuturesVenue(_venue_params(settings, endpoints), universe, clock, keys, nonces)
    return ExchangeGateway.open(settings.exchange, {KRAKEN_FUTURES: lambda: venue})


def _venue_params(settings: Settings, endpoints: SimEndpoints):  # type: ignore[no-untyped-def]
    return settings.venue.model_copy(update={"rest_url": endpoints.rest_url, "ws_url": endpoints.ws_url})


def credentials_of(secrets: Secrets) -> Credentials | None:
    """The futures key pair, or None without one."""
    key, secret = secrets.kraken_futures_key, secrets.kraken_futures_secret
    return Credentials(key.get_secret_value(), secret.get_secret_value()) if key and secret else None


def secret_texts(secrets: Secrets) -> list[str]:
    """Every secret in clear, for the one place that must know them: the redaction of logs."""
    given = (getattr(secrets, one.name) for one in fields(secrets))
    return [secret.get_secret_value() for secret in given if secret is not None]


def choose_feed(options: RunOptions, settings: Settings, universe: Universe) -> MarketFeed:
    """The market of an embedded simulated venue. Raises ConfigurationError."""
    if options.source == "recorded":
        if options.data is None:
            raise ConfigurationError("--source recorded needs --data FILE_OR_FOLDER (parquet or CSV candles)")
        wanted = [str(universe.asset(symbol)) for symbol in chosen_symbols(options, universe)]
        recording = read_recording(options.data, wanted if options.symbols else None)
        return RecordedMarket(recording, seed=seed_of(options, settings))
    return SyntheticMarket(seed=seed_of(options, settings), volatility=settings.market_source.volatility)


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
