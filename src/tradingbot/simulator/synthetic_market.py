"""A seeded market that behaves like the real one where it matters to a trader, and never ends.

Fat tails, volatility that clusters on several scales and rises after falls, a daily rhythm, coins that move with BTC
and sometimes late behind it, regimes from calm to panic, liquidation cascades, premiums that follow the crowd, order
flow that is a little ahead of the price. What was fitted to what: `docs/synthetic-market.md`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.market_feed import ROW_FIELDS, MinuteBar
from tradingbot.simulator.minute_bars import bar_of
from tradingbot.simulator.scan import FloatArray
from tradingbot.simulator.synthetic_block import DAY_MINUTES, FIELDS, Block, BlockMaker, BlockState
from tradingbot.simulator.synthetic_profiles import DEFAULT_ASSETS, PROFILES

HISTORY_DAYS: Final = 14
"""Days before the start: four-hour indicators need ten."""
DEFAULT_START_MS: Final = int(datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()) * 1000
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = DAY_MINUTES * _MINUTE_MS


class SyntheticMarket:
    """Implements `MarketFeed`. Any minute is a function of the arguments and the minute alone.

    Days are made one after the other, and only the newest `cached_days` are kept; of the others the state at
    midnight is kept, from which an old day is made again when it is asked for. `volatility` scales all moves: 1 is
    the calm summer of 2023 that the model was fitted to, the default an average year.
    Raises ValueError for an asset that has no profile.
    """

    def __init__(
        self,
        seed: int = 1,
        assets: Sequence[str] = DEFAULT_ASSETS,
        start_ms: int = DEFAULT_START_MS,
        history_minutes: int = HISTORY_DAYS * DAY_MINUTES,
        volatility: float = 1.5,
        cached_days: int = HISTORY_DAYS + 2,
    ) -> None:
        unknown = [asset for asset in assets if asset not in PROFILES]
        if unknown or not assets:
            raise ValueError(f"no synthetic profile for {unknown or 'an empty list'}; there are {', '.join(PROFILES)}")
        if start_ms % _MINUTE_MS or history_minutes < 1 or seed < 0:
            raise ValueError("start_ms must be a whole minute, history_minutes above 0 and seed not negative")
        self._assets = tuple(assets)
        self._place = {asset: place for place, asset in enumerate(self._assets)}
        self._start_ms = start_ms
        self._first_ms = (start_ms - history_minutes * _MINUTE_MS) // _DAY_MS * _DAY_MS
        self._maker = BlockMaker(seed, self._assets, volatility)
        self._states: list[BlockState] = [self._maker.first_state()]
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._cached_days = max(2, cached_days)

    @property
    def assets(self) -> Sequence[str]:
        """Canonical assets of this market."""
        return self._assets

    @property
    def start_ms(self) -> int:
        """Open time of the first minute that is played live."""
        return self._start_ms

    def minute(self, open_ms: int) -> Mapping[str, MinuteBar] | None:
        """Bars of the minute that opens at `open_ms`; empty before the history begins. This market never ends."""
        if open_ms < self._first_ms:
            return {}
        block, row = self._find(open_ms)
        regime = block.regimes[row]
        return {
            asset: bar_of(open_ms, fields, regime)
            for asset, fields in zip(self._assets, block.bars[row].tolist(), strict=True)
        }

    def history(self, asset: str, until_ms: int, count: int) -> Sequence[MinuteBar]:
        """Up to `count` bars that open before `until_ms`, oldest first. Raises ValueError for an unknown asset."""
        if asset not in self._place:
            raise ValueError(f"{asset} is not in this market: {', '.join(self._assets)}")
        bars: list[MinuteBar] = []
        place = self._place[asset]
        for at_ms, block, part in self._stretches(*self._span(until_ms, count)):
            rows, regimes = block.bars[part, place].tolist(), block.regimes[part]
            for offset, (fields, regime) in enumerate(zip(rows, regimes, strict=True)):
                bars.append(bar_of(at_ms + offset * _MINUTE_MS, fields, regime))
        return bars

    def table(self, asset: str, since_ms: int, until_ms: int) -> tuple[NDArray[np.int64], FloatArray, Sequence[str]]:
        """Minutes that open in [since, until) as columns: open times, rows of `FIELDS`, regimes."""
        first_ms = max(self._first_ms, _next_minute(since_ms))
        end_ms = max(first_ms, _next_minute(until_ms))
        parts: list[FloatArray] = [np.empty((0, len(FIELDS)))]
        regimes: list[str] = []
        for _, block, part in self._stretches(first_ms, end_ms):
            parts.append(block.bars[part, self._place[asset]])
            regimes += block.regimes[part]
        return np.arange(first_ms, end_ms, _MINUTE_MS, dtype=np.int64), np.concatenate(parts), regimes

    def rows(self, asset: str, until_ms: int, count: int) -> FloatArray:
        """As `MarketFeed.rows`. Raises ValueError for an unknown asset."""
        if asset not in self._place:
            raise ValueError(f"{asset} is not in this market: {', '.join(self._assets)}")
        parts = [np.empty((0, 1 + len(ROW_FIELDS)))]
        for at_ms, block, part in self._stretches(*self._span(until_ms, count)):
            fields = block.bars[part, self._place[asset]][:, ROW_FIELDS]
            times = (at_ms + np.arange(len(fields), dtype=np.int64) * _MINUTE_MS).astype(np.float64)
            parts.append(np.column_stack((times, fields)))
        return np.concatenate(parts)

    def _span(self, until_ms: int, count: int) -> tuple[int, int]:
        """First and end of the `count` minutes that open before `until_ms`, as far as there are any."""
        end_ms = _next_minute(until_ms)
        return max(self._first_ms, end_ms - count * _MINUTE_MS), end_ms

    def _stretches(self, at_ms: int, end_ms: int) -> Iterator[tuple[int, Block, slice]]:
        """The days that whole minutes from `at_ms` to `end_ms` lie in: where each stretch begins, its day, its rows."""
        while at_ms < end_ms:
            block, row = self._find(at_ms)
            rows = min(DAY_MINUTES - row, (end_ms - at_ms) // _MINUTE_MS)
            yield at_ms, block, slice(row, row + rows)
            at_ms += rows * _MINUTE_MS

    def day(self, open_ms: int) -> FloatArray:
        """All bars of the UTC day that holds this minute, shape (1440, assets, `synthetic_block.FIELDS`)."""
        return self._find(open_ms)[0].bars

    def trim(self, days: int) -> None:
        """Keep no more than the newest `days` from now on: once the past has been read, it is not asked for again."""
        self._cached_days = max(2, days)
        self._drop_oldest()

    def _find(self, open_ms: int) -> tuple[Block, int]:
        day, rest_ms = divmod(open_ms - self._first_ms, _DAY_MS)
        block = self._blocks.get(day)
        if block is None:
            block = self._make(day)
        return block, rest_ms // _MINUTE_MS

    def _make(self, day: int) -> Block:
        for earlier in range(len(self._states) - 1, day):
            self._keep(earlier, self._produce(earlier))
        block = self._produce(day)
        self._keep(day, block)
        return block

    def _produce(self, day: int) -> Block:
        weekday = (self._first_ms // _DAY_MS + day + 3) % 7  # the epoch began on a Thursday
        block, after = self._maker.make(day, weekday, self._states[day])
        if len(self._states) == day + 1:
            self._states.append(after)
        return block

    def _keep(self, day: int, block: Block) -> None:
        self._blocks[day] = block
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._blocks) > self._cached_days:
            self._blocks.popitem(last=False)


def _next_minute(moment_ms: int) -> int:
    """The first whole minute at or after a moment."""
    return -(-moment_ms // _MINUTE_MS) * _MINUTE_MS
