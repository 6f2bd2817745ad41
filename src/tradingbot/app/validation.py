"""Symbol validation against the venue (SPEC 2.7): gathers facts, judges, writes the status file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import structlog

from tradingbot.app.bootstrap import VenueParts, load, open_venue
from tradingbot.app.home import config_folder, make_home
from tradingbot.app.options import RunOptions
from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.config.write import write_universe
from tradingbot.core.errors import VenueError
from tradingbot.core.records import BookView
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.engine.models import SymbolCheck, ValidationState
from tradingbot.market.candles import Candles
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.symbol_validation import (
    SymbolFacts,
    SymbolStatus,
    ValidationParams,
    apply_to_universe,
    summarise,
    validate_symbol,
)
from tradingbot.market.universe import UniverseParams
from tradingbot.storage.writer import StorageWriter

log = structlog.get_logger(__name__)

CANDLES_ASKED = timedelta(minutes=60)


async def validate_symbols(parts: VenueParts, params: ValidationParams) -> ValidationState:
    """Facts of every symbol, asked now, and the verdicts. A venue that cannot be asked is each symbol's reason."""
    try:
        specs: Mapping[Symbol, ContractSpec] = await parts.venue.contract_specs()
        failure: tuple[tuple[str, str], ...] = ()
    except VenueError as error:
        specs, failure = {}, (("instruments", str(error)),)
    async with asyncio.TaskGroup() as group:
        gathering = [group.create_task(_facts(parts, symbol, specs, failure)) for symbol in parts.symbols]
    now = parts.clock.now()
    statuses = [validate_symbol(task.result(), params, now) for task in gathering]
    return _state(statuses, parts)


async def _facts(
    parts: VenueParts, symbol: Symbol, specs: Mapping[Symbol, ContractSpec], failed: tuple[tuple[str, str], ...]
) -> SymbolFacts:
    failures = list(failed)
    book: BookView | None = None
    candles: Candles | None = None
    now = parts.clock.now()
    try:
        book = await parts.venue.order_book(symbol)
    except VenueError as error:
        failures.append(("order book", str(error)))
    try:
        candles = await parts.venue.candles(symbol, Timeframe.M1, now - CANDLES_ASKED, now)
    except VenueError as error:
        failures.append(("candles", str(error)))
    return SymbolFacts(symbol, specs.get(symbol), book, candles, tuple(failures))


def _state(statuses: list[SymbolStatus], parts: VenueParts) -> ValidationState:
    suppressed = {s for s in parts.symbols if parts.universe.entry(s).suppressed_reason}
    suppressed |= {status.symbol for status in statuses if not status.valid}
    summary = summarise(statuses, suppressed)
    return ValidationState(
        as_of=parts.clock.now(),
        summary={
            "total": summary.total,
            "valid": summary.valid,
            "invalid": summary.invalid,
            "suppressed": summary.suppressed,
        },
        symbols={str(status.symbol): _check(status) for status in statuses},
    )


def _check(status: SymbolStatus) -> SymbolCheck:
    return SymbolCheck(
        status="valid" if status.valid else "invalid",
        checked_at=status.as_of,
        metrics=dict(status.metrics),
        reasons=[{"code": found.code, **dict(found.numbers)} for found in status.reasons],
    )


async def validate_once(options: RunOptions, environ: Mapping[str, str], update_config: bool) -> dict[str, Any]:
    """``tradingbot validate``: ask the venue, write the status file, and the universe file when asked to."""
    make_home(options.home)
    settings, secrets = load(options, environ)
    async with AsyncExitStack() as stack:
        parts = await open_venue(options, settings, secrets, stack, frozen=True)
        state = await validate_symbols(parts, settings.validation)
    writer = StorageWriter(SystemClock())
    await open_document(options.home, "symbol_status", writer).commit(state)
    await writer.close(10.0)
    found = state.model_dump(mode="json")
    found["config_changed"] = update_config and _update_universe(options, settings.universe, state)
    return found


def _update_universe(options: RunOptions, universe: UniverseParams, state: ValidationState) -> bool:
    statuses = {
        Symbol(symbol): SymbolStatus(Symbol(symbol), check.checked_at, (), check.as_reasons())
        for symbol, check in state.symbols.items()
    }
    return write_universe(config_folder(options.home), apply_to_universe(universe, statuses))
