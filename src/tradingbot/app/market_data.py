"""History of the market for research: downloaded from the configured venue, imported from files, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from tradingbot.app.bootstrap import load
from tradingbot.app.options import RunOptions
from tradingbot.app.paper_market import chosen_symbols, market_clock, only, public_venue
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import Symbol, epoch_ms, iso_utc, utc_from_ms
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.universe import Universe
from tradingbot.research.data_check import DataReport, check_candles
from tradingbot.research.download import Downloaded, Downloader, Target
from tradingbot.research.importing import imported
from tradingbot.research.market_store import MINUTE_MS, Kind, MarketStore, Series, candles_of, merged
from tradingbot.research.spans import Span
from tradingbot.sim_server.recorded_files import RecordedColumns, read_recording
from tradingbot.venues.kraken_futures.adapter import VENUE

FOLDER: Final = "market_data"
"""Below the home, unless another folder is named."""
DEFAULT_DAYS: Final = 30
SETTLED: Final = timedelta(minutes=2)
"""The newest candles may not be out yet."""


class Progress(Protocol):
    """Somebody who is told how far it is."""

    def __call__(self, asset: str, done: int, of: int) -> None:
        """So many pieces of an asset's history are there."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be downloaded. `since` None: so many days before the end; `until` None: up to now."""

    folder: Path
    since: datetime | None = None
    until: datetime | None = None
    funding: bool = True


async def download(
    options: RunOptions, environ: Mapping[str, str], wanted: Wanted, told: Progress
) -> list[dict[str, Any]]:
    """One row per asset of what is stored then; what came before a failure is kept.

    Raises VenueError, ConfigurationError, OSError.
    """
    settings, _ = load(options, environ)
    if options.venue_url:
        changed = settings.venue.model_copy(update={"rest_url": options.venue_url})
        settings = settings.model_copy(update={"venue": changed})
    universe = Universe(settings.universe)
    symbols = chosen_symbols(options, universe)
    clock = await market_clock(settings, universe)
    span = _span(wanted, clock.now())
    venue = public_venue(settings, only(universe, symbols), clock)
    try:
        targets = _targets(universe, symbols, await venue.contract_specs(), settings.venue.rest_url)
        downloader = Downloader(venue, MarketStore(wanted.folder), VENUE, clock)
        return [await _one(downloader, target, span, wanted.funding, told) for target in targets]
    finally:
        await venue.close()


def _span(wanted: Wanted, now: datetime) -> Span:
    newest = epoch_ms(now - SETTLED) // MINUTE_MS * MINUTE_MS
    until_ms = newest if wanted.until is None else min(newest, epoch_ms(wanted.until) // MINUTE_MS * MINUTE_MS)
    since = wanted.since or utc_from_ms(until_ms) - timedelta(days=DEFAULT_DAYS)
    since_ms = -(-epoch_ms(since) // MINUTE_MS) * MINUTE_MS
    if since_ms >= until_ms:
        end = iso_utc(utc_from_ms(until_ms))
        raise ConfigurationError(f"--from {iso_utc(since)} is not before the end, {end} (--to, or the market's now)")
    return since_ms, until_ms


def _targets(
    universe: Universe, symbols: Sequence[Symbol], specs: Mapping[Symbol, ContractSpec], url: str
) -> list[Target]:
    if absent := [symbol for symbol in symbols if symbol not in specs]:
        raise ConfigurationError(f"{url} does not list {', '.join(absent)}; leave them out with --symbols")
    return [
        Target(symbol, str(universe.asset(symbol)), universe.venue_symbol(VENUE, symbol), specs[symbol])
        for symbol in symbols
    ]


async def _one(downloader: Downloader, target: Target, span: Span, funding: bool, told: Progress) -> dict[str, Any]:
    candles = await downloader.candles(target, span, lambda done, of: told(target.asset, done, of))
    rates = await downloader.funding(target, span) if funding else None
    return {
        "asset": target.asset,
        "contract": target.product,
        "candles": (candles.series is not None and len(candles.series)) or 0,
        "new_candles": candles.new_rows,
        "funding": _rows(rates),
        "new_funding": rates.new_rows if rates is not None else 0,
        "report": _report(target.asset, candles.kind, candles.series),
    }


def _rows(found: Downloaded | None) -> int:
    return len(found.series) if found is not None and found.series is not None else 0


def _report(asset: str, kind: Kind, series: Series | None) -> dict[str, Any] | None:
    if series is None or not len(series):
        return None
    return facts_of(check_candles(asset, RecordedColumns(series.ts, **series.values, step_ms=kind.step_ms)))


def import_files(files: Sequence[Path], folder: Path, symbol: str) -> list[dict[str, Any]]:
    """Put candles of files into the store, one row per asset; a file that is wrong changes nothing.

    Raises ConfigurationError, OSError.
    """
    store = MarketStore(folder)
    rows = []
    for file in files:
        found = [(candles_of(columns.step_ms), series) for series, columns in imported(file, symbol)]
        joined = [(kind, _with_known(store, kind, series)) for kind, series in found]
        for kind, series in joined:
            path = store.save(kind, series)
            report = _report(series.asset, kind, series)
            rows.append({"asset": series.asset, "file": str(path), "candles": len(series), "report": report})
    return rows


def _with_known(store: MarketStore, kind: Kind, series: Series) -> Series:
    known = store.load(kind, series.asset)
    return series if known is None else merged(known, series)


def check(path: Path) -> list[dict[str, Any]]:
    """What is wrong with a file or folder of candles, one row per asset. Raises ConfigurationError."""
    return [facts_of(check_candles(asset, columns)) for asset, columns in read_recording(path).items()]


def facts_of(report: DataReport) -> dict[str, Any]:
    """A report with moments as text."""
    facts = asdict(report)
    for name in ("first_ms", "last_ms"):
        facts[name.removesuffix("_ms")] = iso_utc(utc_from_ms(facts.pop(name)))
    for gap in facts["gaps"]:
        gap["from"] = iso_utc(utc_from_ms(gap.pop("from_ms")))
    for jump in facts["jumps"]:
        jump["at"] = iso_utc(utc_from_ms(jump.pop("at_ms")))
    return {**facts, "clean": report.clean}
