"""The simulated venue as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson
from pydantic import ValidationError

from tradingbot.app.bootstrap import completed, load
from tradingbot.app.home import home_folder, sim_home
from tradingbot.app.options import RunOptions
from tradingbot.app.paper_intel import open_simulated_coinglass
from tradingbot.app.paper_market import (
    PaperMarket,
    Work,
    choose_clock,
    choose_feed,
    chosen_symbols,
    open_real_market,
    resume_at,
    seed_of,
)
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import epoch_ms
from tradingbot.market.universe import Universe
from tradingbot.sim_server.coinglass.server import CoinglassEndpoints
from tradingbot.sim_server.persistence import persisted_now
from tradingbot.sim_server.server import SimEndpoints, SimServer
from tradingbot.simulator.coinglass_faults import CoinglassFault
from tradingbot.simulator.faults import FaultSpec, Rule
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS
from tradingbot.simulator.tape import MINUTE_MS
from tradingbot.storage.files import write_file
from tradingbot.storage.lock import InstanceLock


@dataclass(frozen=True, slots=True)
class SimOptions:
    """What the command line says of a venue."""

    host: str
    port: int
    source: str | None
    data: Path | None
    symbols: str
    speed: float
    seed: int | None
    home: str | None
    faults: tuple[str, ...]
    testnet_spreads: bool
    as_json: bool
    coinglass_port: int = 0
    coinglass_faults: tuple[str, ...] = ()


async def run_sim(chosen: SimOptions) -> int:
    """Serve until SIGINT, SIGTERM or the end of the recorded data; 0 then."""
    home = Path(chosen.home).expanduser().resolve() if chosen.home else sim_home(home_folder(None, os.environ))
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--home {home} cannot be used: {error.strerror}; choose another folder") from error
    options = RunOptions(
        home=home,
        source=chosen.source or "",
        data=chosen.data,
        symbols=tuple(part for name in chosen.symbols.split(",") if (part := name.strip())),
        speed=chosen.speed,
        seed=chosen.seed,
    )
    settings, _ = load(options, os.environ)
    options = completed(options, settings)
    async with AsyncExitStack() as stack:
        market = await _market(options, settings, home, stack)
        lock = InstanceLock(home)
        lock.acquire(market.clock.now())
        stack.callback(lock.release)
        params = market.apply_to(_params(settings.simulator, chosen, seed_of(options, settings)))
        server = SimServer(params=params, feed=market.feed, clock=market.clock, home=home, quotes=market.quotes)
        stack.push_async_callback(server.stop)
        stopped = _on_signals()
        endpoints = await _listening(server, chosen)
        intel = await _coinglass(market, params, chosen, home, stack)
        _announce(endpoints, intel, chosen.as_json)
        await _serve(server, market.works, stopped)
    return 0


async def _market(options: RunOptions, settings: Settings, home: Path, stack: AsyncExitStack) -> PaperMarket:
    universe = Universe(settings.universe)
    if options.source == "kraken":
        return await open_real_market(options, settings, universe, chosen_symbols(options, universe), stack, home)
    feed = choose_feed(options, settings, universe, market_start_ms(home, options.speed))
    return PaperMarket(feed, choose_clock(options, resume_at(home, feed), embedded=True))


def market_start_ms(home: Path, speed: float | None) -> int:
    """When the made market of this venue begins: kept in its folder, because all prices follow from it.

    A new venue in real time lives in the present, so that clients that go by their own clock find candles; at any other
    speed it begins at the fixed moment that makes runs repeatable.
    """
    path = home / "market.json"
    try:
        return int(orjson.loads(path.read_bytes())["start_ms"])
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error}; restore it, or begin anew in an empty --home"
        ) from error
    now_ms = epoch_ms(SystemClock().now()) // MINUTE_MS * MINUTE_MS
    start_ms = now_ms if speed == 1.0 and persisted_now(home) is None else DEFAULT_START_MS
    write_file(path, orjson.dumps({"start_ms": start_ms}) + b"\n")
    return start_ms


async def _listening(server: SimServer, chosen: SimOptions) -> SimEndpoints:
    try:
        return await server.start(chosen.host, chosen.port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError(
            f"cannot listen on {chosen.host}:{chosen.port}: {reason}; choose another --port or --host"
        ) from error


async def _coinglass(
    market: PaperMarket, params: SimulatorParams, chosen: SimOptions, home: Path, stack: AsyncExitStack
) -> CoinglassEndpoints | None:
    port = chosen.coinglass_port
    try:
        return await open_simulated_coinglass(
            market.feed, market.clock, params, home, chosen.data, stack, host=chosen.host, port=port
        )
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError(
            f"cannot listen on {chosen.host}:{port}: {reason}; choose another --coinglass-port or --host"
        ) from error


def _params(params: SimulatorParams, chosen: SimOptions, seed: int) -> SimulatorParams:
    beside = params.coinglass
    more = tuple(parse_rule(text, CoinglassFault, "--coinglass-fault") for text in chosen.coinglass_faults)
    changes: dict[str, Any] = {
        "seed": seed,
        "faults": (*params.faults, *(parse_fault(text) for text in chosen.faults)),
        "coinglass": beside.model_copy(update={"faults": (*beside.faults, *more)}),
    }
    if chosen.testnet_spreads:
        changes["testnet_spreads"] = True
    return params.model_copy(update=changes)


def parse_fault(text: str) -> FaultSpec:
    """``NAME,KEY=VALUE,...`` of a fault of the venue. Raises ConfigurationError naming what is wrong."""
    return parse_rule(text, FaultSpec, "--fault")


def parse_rule(text: str, kind: type[Rule], option: str) -> Rule:
    """``NAME,KEY=VALUE,...`` of one kind of fault. Raises ConfigurationError naming what is wrong."""
    name, *pairs = (part.strip() for part in text.split(","))
    arguments: dict[str, str] = {"name": name}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigurationError(f"{option} {text!r}: {pair!r} is not KEY=VALUE")
        arguments[key] = value
    try:
        return kind.model_validate(arguments)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{option} {text!r}: {where}: {first['msg']}") from error


def _announce(endpoints: SimEndpoints, intel: CoinglassEndpoints | None, as_json: bool) -> None:
    facts: dict[str, str] = {
        "rest_url": endpoints.rest_url,
        "ws_url": endpoints.ws_url,
        "api_key": endpoints.api_key,
        "api_secret": endpoints.api_secret,
    }
    if intel is not None:
        facts |= {
            "coinglass_url": intel.base_url,
            "coinglass_key": intel.api_key,
            "fear_greed_url": intel.fear_greed_url,
            "dvol_url": intel.dvol_url,
        }
    if as_json:
        click.echo(orjson.dumps(facts).decode())
    else:
        for name, value in facts.items():
            click.echo(f"{name:14} {value}")
    sys.stdout.flush()


def _on_signals() -> asyncio.Event:
    """Set by SIGINT or SIGTERM; listened for before the address is announced, so that no early signal kills."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def _serve(server: SimServer, works: Mapping[str, Work], stopped: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        market = group.create_task(server.run(), name="market")
        stop = group.create_task(stopped.wait(), name="stop")
        beside = [group.create_task(_as_coroutine(work), name=name) for name, work in works.items()]
        await asyncio.wait({market, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in (market, stop, *beside):
            task.cancel()


async def _as_coroutine(work: Work) -> None:
    await work()
