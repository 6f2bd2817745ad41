"""Backtests as they are asked for: settings and market chosen, variants run side by side, results kept."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import structlog

from tradingbot.app.bootstrap import load
from tradingbot.app.home import sim_home
from tradingbot.app.options import RunOptions
from tradingbot.app.paper_intel import recordings_beside
from tradingbot.app.paper_market import choose_feed, chosen_symbols, only, seed_of
from tradingbot.app.thinking import decision_params
from tradingbot.beside import Telling, WorkerError, in_process
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError, SymbolUnknownError, first_of
from tradingbot.core.types import Symbol, epoch_ms, iso_utc, parse_utc, utc_from_ms
from tradingbot.engine.cycle_record import digest_of
from tradingbot.market.universe import Universe
from tradingbot.research.backtest.engine import run_backtest
from tradingbot.research.backtest.intelligence_ahead import play_ahead
from tradingbot.research.backtest.look_ahead import poisoned
from tradingbot.research.backtest.plan import BacktestPlan, MarketPlan, Progress, Span, TradingPlan
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.research.backtest.result_file import load_result, save_result
from tradingbot.sim_server.recorded_files import RecordedColumns, read_recording
from tradingbot.simulator.instruments import listed
from tradingbot.simulator.intelligence_world import Recordings
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS
from tradingbot.venues.kraken_futures.adapter import VENUE

DEFAULT_SPAN: Final = timedelta(days=7)
"""Of a made market, which never ends."""
DEFAULT_WARM_UP_MIN: Final = 360
LOOK_BACK: Final = timedelta(days=2)
"""Candles before the warm-up without which most windows are not full."""
LONGEST_S: Final = 7 * 86_400.0
WORTH_TWO_CORES: Final = timedelta(days=1)
"""A second process needs a second or two to begin, which shorter runs do not win back."""
MINUTE_MS: Final = 60_000
TIMES: Final = ("since", "until", "poisoned_after")


@dataclass(frozen=True, slots=True)
class Costs:
    """What is changed of the costs: factors of fees, of the distance between levels, of latency."""

    fees: float = 1.0
    slippage: float = 1.0
    latency: float = 1.0


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """One run as a person, or another process, asks for it. Times None: all that the data has."""

    home: str
    name: str = "backtest"
    profile: str = "paper"
    data: str | None = None
    symbols: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    warm_up_min: int = DEFAULT_WARM_UP_MIN
    seed: int | None = None
    intelligence: bool = True
    costs: Costs = Costs()
    obey_switches: bool = True
    counterfactual: bool = False
    """Whether every signal is carried forward as if it had been traded."""
    poisoned_after: datetime | None = None
    """For the proof against look-ahead: every candle that begins later is garbage."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings by dotted name that this run has otherwise, as texts of the environment."""
    two_cores: bool = False
    """Whether a second process plays the intelligence ahead. Either way comes to the same."""

    @property
    def options(self) -> RunOptions:
        """The same for what loads settings and markets."""
        return RunOptions(
            home=Path(self.home),
            profile=self.profile,
            source="recorded" if self.data else "simulated",
            data=Path(self.data) if self.data else None,
            symbols=self.symbols,
            seed=self.seed,
        )


def plan_of(request: BacktestRequest, progress: Progress = lambda _done, _all: None) -> BacktestPlan:
    """Everything the run needs. Raises ConfigurationError, SymbolUnknownError."""
    options = request.options
    settings, _ = load(options, {**os.environ, **environment_of(request.settings)})
    universe = Universe(settings.universe)
    market, columns = _market(request, options, settings, universe)
    symbols = tuple(s for s in chosen_symbols(options, universe) if universe.asset(s) in market.feed.assets)
    if not symbols:
        raise ConfigurationError(f"none of the chosen symbols is in the data; it has {', '.join(market.feed.assets)}")
    span = _span(request, columns)
    trading = _trading(request, settings, only(universe, symbols), symbols, span)
    plan = BacktestPlan(request.name, span, market, trading, version("tradingbot"), progress)
    ahead = partial(Telling, tell_intelligence, _asked(replace(request, two_cores=False)))
    return replace(plan, ahead=ahead) if request.two_cores and request.intelligence else plan


def tell_intelligence(asked: Mapping[str, Any], write: Callable[[bytes], object]) -> None:
    """What the intelligence of a run tells at each of its cycles, from a process of its own."""
    quiet()
    play_ahead(plan_of(_request(asked)), write)


def run(request: BacktestRequest, progress: Progress = lambda _done, _all: None) -> BacktestResult:
    """Run it here and now. Raises ConfigurationError, SymbolUnknownError."""
    plan = plan_of(request, progress)
    result = run_backtest(plan)
    early = plan.span.until < request.until if request.until else False
    ended = (f"the data ends {plan.span.until:%Y-%m-%d %H:%M} UTC, before --to",) if early else ()
    return replace(result, warnings=(*_data_warnings(plan), *ended, *result.warnings))


def environment_of(settings: Mapping[str, str]) -> dict[str, str]:
    """``risk.limits.max_trades_per_day`` is ``TRADINGBOT__RISK__LIMITS__MAX_TRADES_PER_DAY``."""
    return {f"TRADINGBOT__{name.replace('.', '__').upper()}": value for name, value in settings.items()}


# ---------------------------------------------------------------- what it is played on


def _market(
    request: BacktestRequest, options: RunOptions, settings: Settings, universe: Universe
) -> tuple[MarketPlan, Mapping[str, RecordedColumns]]:
    seed = seed_of(options, settings)
    if options.data is None:
        feed = choose_feed(options, settings, universe)
        digest = digest_of(["synthetic", seed, settings.market_source.volatility])
        return MarketPlan(feed, False, "simulated", digest, seed, request.intelligence), {}
    path = candles_folder(options.data)
    wanted = [str(universe.asset(symbol)) for symbol in chosen_symbols(options, universe)]
    columns = read_recording(path, wanted if options.symbols else None)
    known = {asset: one for asset, one in columns.items() if asset in wanted}
    if not known:
        raise ConfigurationError(f"{path}: none of its assets is in the universe; it has {', '.join(columns)}")
    if request.poisoned_after is not None:
        known = {asset: poisoned(one, epoch_ms(request.poisoned_after)) for asset, one in known.items()}
    recorded = RecordedMarket(known, seed=seed)
    asked, home = request.intelligence, sim_home(options.home)
    beside = recordings_beside(settings.simulator, home, path) if asked else Recordings()
    return MarketPlan(recorded, True, str(path), _digest(known), seed, asked, beside), known


def candles_folder(path: Path) -> Path:
    """Where the minute candles of a folder of market data are; any other path as it is."""
    below = path / "candles_1m"
    return below if below.is_dir() else path


def _digest(columns: Mapping[str, RecordedColumns]) -> str:
    state = hashlib.blake2b(digest_size=16)
    for asset in sorted(columns):
        one = columns[asset]
        state.update(f"{asset}|{one.step_ms}".encode())
        for column in (one.open_ms, one.open, one.high, one.low, one.close, one.volume):
            state.update(column.tobytes())
    return state.hexdigest()


def _span(request: BacktestRequest, columns: Mapping[str, RecordedColumns]) -> Span:
    """Warm-up, begin and end; of recorded data as far as it reaches."""
    warm_up = timedelta(minutes=request.warm_up_min)
    if columns:
        # What all chosen assets share: --symbols leaves out one that begins late or ends early. Gaps stay gaps.
        first = utc_from_ms(max(int(one.open_ms[0]) for one in columns.values()))
        last = utc_from_ms(min(int(one.open_ms[-1]) + one.step_ms for one in columns.values()))
        since = request.since or first + LOOK_BACK + warm_up
        until = min(request.until or last, last)
    else:
        first = utc_from_ms(DEFAULT_START_MS) - timedelta(days=120)
        since = request.since or utc_from_ms(DEFAULT_START_MS) + warm_up
        until = request.until or since + DEFAULT_SPAN
    warm_since = max(_minute(since - warm_up), first)
    if not warm_since <= since < until:
        raise ConfigurationError(
            f"the data begins {first:%Y-%m-%d %H:%M} and there is nothing to play from {since:%Y-%m-%d %H:%M} "
            f"to {until:%Y-%m-%d %H:%M} UTC; choose --from and --to within it"
        )
    return Span(warm_since, since, until)


def _minute(moment: datetime) -> datetime:
    return utc_from_ms(epoch_ms(moment) // MINUTE_MS * MINUTE_MS)


def _data_warnings(plan: BacktestPlan) -> tuple[str, ...]:
    feed, found = plan.market.feed, []
    if not plan.market.recorded:
        found.append("the market is a made one: it says how the program behaves, nothing about profit")
    for symbol in plan.trading.symbols:
        asset = str(plan.trading.universe.asset(symbol))
        before = len(feed.rows(asset, epoch_ms(plan.span.warm_since), 1440))
        if before < 1440:
            found.append(f"{asset} has {before:,} minutes before the warm-up: long windows fill during the run")
    return (*found, *_coin_warnings(plan))


def _coin_warnings(plan: BacktestPlan) -> tuple[str, ...]:
    """Contracts that settle in coins need a wallet of coins, whose worth is part of the equity."""
    params = plan.trading.simulator
    chosen = listed(params.contracts, frozenset(plan.market.feed.assets)).values()
    coins = [one.symbol for one in chosen if one.inverse]
    if not coins:
        return ()
    share = 100 * len(coins) / len({one.wallet for one in chosen})
    return (
        f"{', '.join(coins)} settles in coins: {share:.0f} % of the start are coins, whose price moves the equity "
        "without any trade; name a contract in USD in configs/asset_universe.json to be without",
    )


# ---------------------------------------------------------------- how it is traded


def _trading(
    request: BacktestRequest, settings: Settings, universe: Universe, symbols: tuple[Symbol, ...], span: Span
) -> TradingPlan:
    return TradingPlan(
        universe=universe,
        symbols=symbols,
        profile=request.profile,
        settings_digest=digest_of([settings.model_dump(mode="json"), asdict(request.costs)]),
        decision=decision_params(settings, span.warm_since),
        engine=settings.engine,
        simulator=_simulator(request.costs, settings, universe, symbols),
        learning=settings.learning,
        frames=settings.frames,
        contracts=settings.contracts,
        coinglass=settings.coinglass,
        alpha_trading=settings.alpha_trading,
        downtime=settings.downtime,
        latency=request.costs.latency > 0,
        obey_switches=request.obey_switches,
        counterfactual=request.counterfactual,
    )


def _simulator(costs: Costs, settings: Settings, universe: Universe, symbols: Sequence[Symbol]) -> Any:
    params = settings.simulator
    traded = tuple(universe.venue_symbol(VENUE, symbol) for symbol in symbols)
    changes = {
        "contracts": traded,
        "traded_contracts": traded,
        "maker_fee": params.maker_fee * Decimal(repr(costs.fees)),
        "taker_fee": params.taker_fee * Decimal(repr(costs.fees)),
        "slippage_bps": params.slippage_bps * costs.slippage,
        "latency_min_ms": round(params.latency_min_ms * costs.latency),
        "latency_max_ms": round(params.latency_max_ms * costs.latency),
        "faults": (),
    }
    return params.model_copy(update=changes)


# ---------------------------------------------------------------- several at once


def run_beside(asked: Mapping[str, Any]) -> dict[str, Any]:
    """One run in a process of its own: the result is left in the folder that was named."""
    quiet()
    request, folder = _request(asked["request"]), Path(asked["folder"])
    told = folder / "progress"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        result = run(request, lambda done, total: _tell(told, done, total))
    except (ConfigurationError, SymbolUnknownError) as error:
        return {"refused": f"{request.name}: {error}"}
    save_result(result, folder)
    return {"digest": result.digest}


def quiet() -> None:
    """What the engine logs is not said: a backtest has thousands of events a second, and its report tells them."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def _tell(path: Path, done: int, total: int) -> None:
    with suppress(OSError):
        path.write_text(f"{done} {total}", encoding="ascii")


def _request(asked: Mapping[str, Any]) -> BacktestRequest:
    known = dict(asked)
    for name in TIMES:
        known[name] = parse_utc(known[name]) if known[name] else None
    return BacktestRequest(**{**known, "symbols": tuple(known["symbols"]), "costs": Costs(**known["costs"])})


def _asked(request: BacktestRequest) -> dict[str, Any]:
    times = {name: iso_utc(at) if (at := getattr(request, name)) else None for name in TIMES}
    return {**asdict(request), **times}


Told = Callable[[str, int, int], None]
"""Told of a run's name, cycles done, all cycles."""


async def run_all(requests: Sequence[BacktestRequest], folder: Path, workers: int, told: Told) -> list[BacktestResult]:
    """Every run in a process of its own, so many at once; results in the order of the requests.

    Where there are fewer runs than workers, runs that are long enough use two cores.

    Raises ConfigurationError, of a run that failed in its process, too.
    """
    clock, room = SystemClock(), asyncio.Semaphore(max(1, workers))

    async def one(number: int, request: BacktestRequest) -> BacktestResult:
        own = folder / f"{number:03d}"
        async with room, asyncio.TaskGroup() as group:
            watcher = group.create_task(_watch(own / "progress", request.name, told, clock))
            asked = {"request": _asked(with_cores(request, workers // len(requests))), "folder": str(own)}
            try:
                answer = await in_process(clock, run_beside, asked, LONGEST_S)
            except WorkerError as error:
                answer = {"refused": f"{request.name}: {error}; run it alone, or with fewer --workers"}
            finally:
                watcher.cancel()
        if "refused" in answer:
            raise ConfigurationError(answer["refused"])
        return await asyncio.to_thread(load_result, own)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number, request)) for number, request in enumerate(requests)]
    except ExceptionGroup as failed:  # the others were cancelled; one clear error is enough
        raise first_of(failed) from None
    return [task.result() for task in tasks]


def with_cores(request: BacktestRequest, cores: int) -> BacktestRequest:
    """The same with a second process, where there is a core for it and the run is long enough for it to begin."""
    begin, end = request.since, request.until
    short = begin is not None and end is not None and end - begin < WORTH_TWO_CORES
    return replace(request, two_cores=cores >= 2 and not short)


async def _watch(path: Path, name: str, told: Told, clock: SystemClock) -> None:
    while True:
        with suppress(OSError, ValueError):
            done, total = path.read_text(encoding="ascii").split()
            told(name, int(done), int(total))
        await clock.sleep(0.5)
