"""A download that is broken off keeps what it had, and the next one asks only for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tests.support import a_spec
from tradingbot.clock import SystemClock
from tradingbot.core.errors import VenueUnavailableError
from tradingbot.core.records import FundingRate
from tradingbot.core.types import Symbol, Timeframe, epoch_ms, utc_from_ms
from tradingbot.market.candles import Candles, candles_from_rows
from tradingbot.ports import Venue
from tradingbot.research.download import PIECE_MS, SAVED_EVERY, Downloader, Target
from tradingbot.research.market_store import FUNDING, HOUR_MS, MINUTE_MS, MarketStore, candles_of

SYMBOL = Symbol("ETHUSDT")
START_MS = 1_700_000_040_000
MINUTES = candles_of(MINUTE_MS)


@dataclass
class History:
    """A venue with a candle for every minute but those that are absent; `dies` at that question."""

    absent: range = range(0)
    dies: int = -1
    asked: list[tuple[int, int]] = field(default_factory=list)

    async def candles(self, symbol: Symbol, timeframe: Timeframe, since: datetime, until: datetime) -> Candles:
        self.asked.append((epoch_ms(since), epoch_ms(until)))
        if len(self.asked) == self.dies:
            raise VenueUnavailableError("gone")
        minutes = range((epoch_ms(since) - START_MS) // MINUTE_MS, (epoch_ms(until) - START_MS) // MINUTE_MS)
        rows = [
            (START_MS + MINUTE_MS * n, 10.0 + n, 11.0 + n, 9.0 + n, 10.5 + n, 4.0)
            for n in minutes
            if n not in self.absent
        ]
        return candles_from_rows(symbol, timeframe, rows)

    async def funding_history(self, symbol: Symbol, since: datetime) -> Sequence[FundingRate]:
        first = -(-epoch_ms(since) // HOUR_MS)
        return [FundingRate(symbol, utc_from_ms((first + n) * HOUR_MS), n / 1e6) for n in range(48)]


def downloader(history: History, store: MarketStore) -> Downloader:
    return Downloader(cast(Venue, history), store, "venue", SystemClock())


TARGET = Target(SYMBOL, "ETH", "PF_ETHUSD", a_spec(SYMBOL))


def nobody(_done: int, _of: int) -> None:
    return


async def test_it_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    store, wanted = MarketStore(tmp_path), (START_MS, START_MS + 30 * PIECE_MS)
    dying = History(dies=SAVED_EVERY + 4)
    with pytest.raises(VenueUnavailableError):
        await downloader(dying, store).candles(TARGET, wanted, nobody)
    kept = store.load(MINUTES, "ETH")
    assert kept is not None
    assert kept.asked == ((START_MS, START_MS + (SAVED_EVERY + 3) * PIECE_MS),)
    told: list[tuple[int, int]] = []
    history = History()
    done = await downloader(history, store).candles(TARGET, wanted, lambda done, of: told.append((done, of)))
    assert history.asked[0][0] == kept.asked[0][1]
    assert told == [(n, 7) for n in range(1, 8)]
    assert done.new_rows == 7 * 2_000
    found = store.load(MINUTES, "ETH")
    assert found is not None
    assert np.array_equal(found.ts, np.arange(*wanted, MINUTE_MS))
    assert found.values["close"][-1] == 10.5 + 30 * 2_000 - 1


async def test_a_hole_of_the_venue_is_asked_for_once(tmp_path: Path) -> None:
    store, wanted = MarketStore(tmp_path), (START_MS, START_MS + PIECE_MS)
    holed = History(absent=range(500, 600))
    first = await downloader(holed, store).candles(TARGET, wanted, nobody)
    assert first.new_rows == 1_900
    await downloader(holed, store).candles(TARGET, wanted, nobody)
    assert len(holed.asked) == 1
    longer = (START_MS - 10 * MINUTE_MS, START_MS + PIECE_MS + 5 * MINUTE_MS)
    more = await downloader(holed, store).candles(TARGET, longer, nobody)
    assert holed.asked[1:] == [(longer[0], wanted[0]), (wanted[1], longer[1])]
    assert more.new_rows == 15


async def test_a_contract_without_any_history_leaves_no_file(tmp_path: Path) -> None:
    store = MarketStore(tmp_path)
    young = History(absent=range(-(10**6), 10**6))
    done = await downloader(young, store).candles(TARGET, (START_MS, START_MS + PIECE_MS), nobody)
    assert done.new_rows == 0
    assert not list(tmp_path.iterdir())


async def test_funding_is_kept_by_the_hour_within_what_was_asked(tmp_path: Path) -> None:
    store = MarketStore(tmp_path)
    hours = START_MS // HOUR_MS
    wanted = ((hours + 2) * HOUR_MS, (hours + 12) * HOUR_MS)
    done = await downloader(History(), store).funding(TARGET, wanted)
    found: Any = store.load(FUNDING, "ETH")
    assert done.new_rows == len(found) == 10
    assert found.ts.tolist() == list(range(*wanted, HOUR_MS))
    assert found.values["relative_rate"].tolist() == [n / 1e6 for n in range(10)]
    assert (await downloader(History(), store).funding(TARGET, wanted)).new_rows == 0
