"""The composition root: the one place where concrete parts are chosen and put together."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, fields, replace

from pydantic import SecretStr

from tradingbot.alerts.addresses import secret_pieces
from tradingbot.app.home import config_folder, sim_home
from tradingbot.app.installation import secret_files
from tradingbot.app.options import RunOptions
from tradingbot.app.paper_intel import open_simulated_coinglass
from tradingbot.app.paper_market import (
    Work,
    choose_clock,
    chosen_symbols,
    made_market,
    only,
    open_real_market,
    seed_of,
    standing_market,
)
from tradingbot.app.spec_cache import SpecCacheFile
from tradingbot.clock import SystemClock
from tradingbot.config import Secrets, Settings, load_secrets, load_settings
from tradingbot.core.errors import ConfigurationError, VenueError
from tradingbot.core.types import Symbol
from tradingbot.intel.params import CoinglassParams
from tradingbot.market.universe import Universe
from tradingbot.net.nonce import FileNonceStore
from tradingbot.ports import Clock, Venue
from tradingbot.sim_server.coinglass.server import CoinglassEndpoints
from tradingbot.sim_server.persistence import load_credentials
from tradingbot.sim_server.server import SimEndpoints, SimServer
from tradingbot.venues.gateway import ExchangeGateway
from tradingbot.venues.kraken_futures.adapter import VENUE as KRAKEN_FUTURES
from tradingbot.venues.kraken_futures.adapter import KrakenFuturesVenue
from tradingbot.venues.kraken_futures.auth import Credentials
from tradingbot.venues.kraken_futures.settings import KrakenFuturesParams


@dataclass(frozen=True, slots=True)
class IntelAccess:
    """Where market intelligence comes from: settings with the addresses to ask, and the key; None without one."""

    params: CoinglassParams
    api_key: SecretStr | None


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
    intel: IntelAccess
    sim: SimServer | None = None
    works: Mapping[str, Work] = field(default_factory=dict)


def load(options: RunOptions, environ: Mapping[str, str]) -> tuple[Settings, Secrets]:
    """Settings of all layers and the secrets. Raises ConfigurationError."""
    folder = config_folder(options.home)
    env_file = next((path for path in secret_files(options.home, environ) if path.is_file()), None)
    settings = load_settings(folder, options.profile, environ, _chosen(options), env_file)
    return settings, load_secrets(environ, env_file)


def completed(options: RunOptions, settings: Settings) -> RunOptions:
    """The options with what the command line left open taken from the settings."""
    market = settings.market_source
    recording = options.home / market.recording if market.recording else None
    return replace(
        options,
        source=options.source or market.kind,
        data=options.data or recording,
        speed=market.speed if options.speed is None and options.embedded else options.speed,
    )


def _chosen(options: RunOptions) -> dict[str, object]:
    """Settings that the command line decides."""
    if options.dashboard_port is None:
        return {}
    if options.dashboard_port < 0:
        return {"dashboard.enabled": False}
    return {"dashboard.port": options.dashboard_port}


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
    universe, options = Universe(settings.universe), completed(options, settings)
    if options.embedded and not running:
        return await _embedded(options, settings, secrets, universe, stack, frozen, offline)
    return await _external(options, settings, secrets, universe, stack, running and options.embedded, frozen)


async def _embedded(
    options: RunOptions,
    settings: Settings,
    secrets: Secrets,
    universe: Universe,
    stack: AsyncExitStack,
    frozen: bool,
    offline: bool,
) -> VenueParts:
    if options.source != "kraken":
        market = made_market(options, settings, universe, frozen)
    elif offline:
        market = standing_market(options)
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
    venue = _kraken_futures(options, settings, only(universe, symbols), clock, endpoints, stack, frozen)
    intel = IntelAccess(settings.coinglass, secrets.coinglass_key)
    if not frozen and not asks_elsewhere(settings.coinglass):
        beside = await open_simulated_coinglass(feed, clock, params, home, options.data, stack)
        intel = simulated_intel(settings.coinglass, beside) if beside is not None else intel
    return VenueParts(venue, clock, universe, symbols, endpoints.rest_url, endpoints.ws_url, intel, sim, market.works)


def asks_elsewhere(params: CoinglassParams) -> bool:
    """Whether somebody named a CoinGlass of their own: it is then asked on simulated markets, too."""
    return params.base_url != CoinglassParams().base_url


def simulated_intel(params: CoinglassParams, beside: CoinglassEndpoints) -> IntelAccess:
    """The same settings with the addresses of the simulated services: a made market has made intelligence only."""
    mood = params.fear_greed.model_copy(update={"fallback_url": beside.base_url})
    volatility = params.volatility.model_copy(update={"dvol_url": beside.base_url})
    changes = {"base_url": beside.base_url, "fear_greed": mood, "volatility": volatility}
    return IntelAccess(params.model_copy(update=changes), SecretStr(beside.api_key))


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
    venue = _kraken_futures(options, settings, only(universe, symbols), clock, endpoints, stack, looking)
    intel = IntelAccess(settings.coinglass, secrets.coinglass_key)
    return VenueParts(venue, clock, universe, symbols, endpoints.rest_url, endpoints.ws_url, intel)


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
    public = KrakenFuturesVenue(_venue_params(settings, endpoints), universe, wall, None, None)
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
    stack: AsyncExitStack,
    looking: bool,
) -> ExchangeGateway:
    keys = Credentials(endpoints.api_key, endpoints.api_secret) if endpoints.api_key else None
    # A second reader beside a running daemon signs without nonces, which are optional: numbers of its own would be
    # too low, or push up those of the daemon.
    nonces = None if looking else FileNonceStore(options.home / "state" / "nonce.json")
    cache = None if looking else SpecCacheFile(options.home, clock)
    if cache is not None:
        stack.push_async_callback(cache.close)
    venue = KrakenFuturesVenue(_venue_params(settings, endpoints), universe, clock, keys, nonces, cache)
    stack.push_async_callback(venue.close)
    return ExchangeGateway.open(settings.exchange, {KRAKEN_FUTURES: lambda: venue})


def _venue_params(settings: Settings, endpoints: SimEndpoints) -> KrakenFuturesParams:
    return settings.venue.model_copy(update={"rest_url": endpoints.rest_url, "ws_url": endpoints.ws_url})


def credentials_of(secrets: Secrets) -> Credentials | None:
    """The futures key pair, or None without one."""
    key, secret = secrets.kraken_futures_key, secrets.kraken_futures_secret
    return Credentials(key.get_secret_value(), secret.get_secret_value()) if key and secret else None


def secret_texts(secrets: Secrets) -> list[str]:
    """Every secret in clear, for the one place that must know them: the redaction of logs."""
    given = (getattr(secrets, one.name) for one in fields(secrets) if one.name != "alert_urls")
    keys = [secret.get_secret_value() for secret in given if secret is not None]
    return keys + [piece for url in secrets.alert_urls.values() for piece in secret_pieces(url.get_secret_value())]
