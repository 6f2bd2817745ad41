"""Bringing a venue's history into the store, piece by piece, so that a run that is broken off goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tradingbot.beside import in_thread
from tradingbot.core.types import ContractKind, Symbol, Timeframe, utc_from_ms
from tradingbot.market.candles import Candles
from tradingbot.market.contracts import ContractSpec
from tradingbot.ports import Clock, Venue
from tradingbot.research.market_store import FUNDING, HOUR_MS, MINUTE_MS, Kind, MarketStore, Series, candles_of, merged
from tradingbot.research.spans import Span, missing, pieces

PIECE_MS: Final = 2_000 * MINUTE_MS
"""A page of the venue's candles."""
SAVED_EVERY: Final = 20
"""Pieces between two writes: about a month of minutes."""
MINUTES: Final = candles_of(MINUTE_MS)
Told = Callable[[int, int], None]
"""Called after each piece with how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Target:
    """One contract: whose history, what the store calls it, and the venue's name of it."""

    symbol: Symbol
    asset: str
    product: str
    spec: ContractSpec


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What is stored of one kind now, and how many rows of it are new."""

    kind: Kind
    series: Series | None
    new_rows: int


class Downloader:
    """Asks one venue and fills one store. `source` names the venue in the files."""

    def __init__(self, venue: Venue, store: MarketStore, source: str, clock: Clock) -> None:
        self._venue = venue
        self._store = store
        self._source = source
        self._clock = clock

    async def candles(self, target: Target, wanted: Span, told: Told) -> Downloaded:
        """Minute candles of [from, until), which must have closed by now; what came before a failure stays.

        Raises VenueError, ConfigurationError, OSError.
        """
        known = self._store.load(MINUTES, target.asset)
        before = len(known) if known is not None else 0
        to_ask = pieces(missing(wanted, known.asked if known is not None else ()), PIECE_MS)
        fresh: list[Series] = []
        try:
            for number, span in enumerate(to_ask, 1):
                found = await self._venue.candles(
                    target.symbol, Timeframe.M1, utc_from_ms(span[0]), utc_from_ms(span[1])
                )
                fresh.append(self._minutes(target, found, span))
                if number % SAVED_EVERY == 0:
                    known, fresh = await self._kept(MINUTES, known, fresh), []
                told(number, len(to_ask))
        finally:
            known = await self._kept(MINUTES, known, fresh)
        return Downloaded(MINUTES, known, (len(known) if known is not None else 0) - before)

    async def funding(self, target: Target, wanted: Span) -> Downloaded:
        """Hourly funding of [from, until): one question, whatever is stored. Raises as `candles` does."""
        known = self._store.load(FUNDING, target.asset)
        before = len(known) if known is not None else 0
        rates = await self._venue.funding_history(target.symbol, utc_from_ms(wanted[0]))
        rows = {int(rate.time.timestamp()) * 1000 // HOUR_MS * HOUR_MS: rate.relative_rate for rate in rates}
        chosen = sorted(at for at in rows if wanted[0] <= at < wanted[1])
        values = {"relative_rate": np.array([rows[at] for at in chosen], dtype=np.float64)}
        times = np.array(chosen, dtype=np.int64)
        fresh = Series(target.asset, target.product, self._source, times, values, (wanted,))
        known = await self._kept(FUNDING, known, [fresh])
        return Downloaded(FUNDING, known, (len(known) if known is not None else 0) - before)

    def _minutes(self, target: Target, found: Candles, span: Span) -> Series:
        values = {
            "open": found.open,
            "high": found.high,
            "low": found.low,
            "close": found.close,
            "volume": base_volume(found, target.spec),
        }
        return Series(target.asset, target.product, self._source, found.open_ms, values, (span,))

    async def _kept(self, kind: Kind, known: Series | None, fresh: Sequence[Series]) -> Series | None:
        if not fresh:
            return known
        series = merged(*([] if known is None else [known]), *fresh)
        if len(series):
            await in_thread(self._clock, self._store.save, kind, series)
        return series


def base_volume(candles: Candles, spec: ContractSpec) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Volume in units of the base asset; the venue counts contracts."""
    contracts = candles.volume * float(spec.contract_size)
    return contracts / candles.close if spec.kind is ContractKind.INVERSE else contracts
