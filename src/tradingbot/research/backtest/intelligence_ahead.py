"""Market intelligence of a backtest played ahead in a process of its own, and taken over cycle by cycle.

What the source knows at a cycle follows from the market and the time alone, never from what is traded: so another core
can find it meanwhile, by the same code. Each line has what is new since the one before, in the exact plain form of
the journal of inputs; a run comes to the same with and without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final, get_type_hints

import orjson

from tradingbot.core.errors import TradingBotError
from tradingbot.core.types import Asset, epoch_ms
from tradingbot.engine.input_codec import Codec, Codecs
from tradingbot.market.intelligence import (
    NO_INTEL,
    Feed,
    FeedHealth,
    IntelState,
    MarketIntel,
    SymbolIntel,
)
from tradingbot.ports import Clock, IntelSource
from tradingbot.research.backtest.intelligence import open_intelligence
from tradingbot.research.backtest.moments import cycle_moments
from tradingbot.research.backtest.plan import BacktestPlan, Lines
from tradingbot.simulated_time import run_simulated

Write = Callable[[bytes], object]


class AheadError(TradingBotError):
    """What was played ahead is not what this run asks for, or did not come."""


def _codecs(kind: type) -> Mapping[str, Codec]:
    hints, codecs = get_type_hints(kind), Codecs()
    return {one.name: codecs.of(hints[one.name]) for one in fields(kind)}


_ASSET: Final = _codecs(SymbolIntel)
_MARKET: Final = _codecs(MarketIntel)
_HEALTH: Final = Codecs().of(FeedHealth)


# ---------------------------------------------------------------- the process that plays ahead


def play_ahead(plan: BacktestPlan, write: Write) -> None:
    """A line for every cycle of the plan, as far as the market may reach."""
    run_simulated(plan.span.warm_since, lambda clock: _played(plan, clock, write))


async def _played(plan: BacktestPlan, clock: Clock, write: Write) -> None:
    source, teller = open_intelligence(plan.market, plan.trading, clock), _Teller()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(source.run())
        for due in cycle_moments(plan.span, plan.trading.engine):
            await clock.sleep_until(due)
            write(line_of(clock.now(), teller.told(source.state())))
        task.cancel()
    await source.close()


def line_of(at: datetime, told: Sequence[object]) -> bytes:
    """A moment and what is new then."""
    return orjson.dumps([epoch_ms(at), *told]) + b"\n"


@dataclass(slots=True)
class _Teller:
    """Says what is new since it was asked last."""

    _known: IntelState = field(default_factory=IntelState)

    def told(self, state: IntelState) -> list[Any]:
        """Changed fields by asset, changed fields of the market, changed feeds, and what is left out if that is new."""
        known, self._known = self._known, state
        assets = {
            str(asset): _changed(_ASSET, known.assets.get(asset, NO_INTEL), now)
            for asset, now in state.assets.items()
            if known.assets.get(asset) is not now
        }
        new = {feed: health for feed, health in state.feeds.items() if known.feeds.get(feed) != health}
        feeds = {feed.value: _HEALTH.encode(health) for feed, health in new.items()}
        gone = [feed.value for feed in known.feeds if feed not in state.feeds]
        left_out = None if state.left_out == known.left_out else list(state.left_out)
        return [assets, _changed(_MARKET, known.market, state.market), feeds, gone, left_out]


def _changed(codecs: Mapping[str, Codec], old: object, new: object) -> dict[str, Any]:
    values = ((name, getattr(old, name), getattr(new, name), codec) for name, codec in codecs.items())
    return {name: codec.encode(now) for name, before, now, codec in values if before is not now}


# ---------------------------------------------------------------- the run that takes it over


class AheadSource:
    """An `IntelSource` that is told, once per cycle, what one that was played ahead knew at that moment."""

    def __init__(self, lines: Lines, clock: Clock) -> None:
        self._lines = lines
        self._clock = clock
        self._state = IntelState()

    async def run(self) -> None:
        """Wait to be cancelled: it runs elsewhere."""
        await asyncio.Event().wait()

    def state(self) -> IntelState:
        """What is known at this cycle. Raises AheadError at any other moment, WorkerError without an answer."""
        at_ms, assets, market, feeds, gone, left_out = orjson.loads(self._lines.next_line())
        now_ms = epoch_ms(self._clock.now())
        if at_ms != now_ms:
            raise AheadError(f"a cycle came {now_ms - at_ms} ms after its time: play it on one core, with --workers 1")
        known = self._state
        self._state = IntelState(
            assets={**known.assets, **{Asset(name): _told(known.assets, name, new) for name, new in assets.items()}},
            market=_with(_MARKET, known.market, market),
            feeds={
                **{feed: one for feed, one in known.feeds.items() if feed.value not in gone},
                **{Feed(name): _HEALTH.decode(one) for name, one in feeds.items()},
            },
            left_out=known.left_out if left_out is None else tuple(left_out),
        )
        return self._state

    def turned_at(self) -> datetime | None:
        """Nobody watches a backtest."""
        return None

    async def close(self) -> None:
        """No more is wanted."""
        self._lines.close()


def _told(known: Mapping[Asset, SymbolIntel], name: str, new: Mapping[str, Any]) -> SymbolIntel:
    found: SymbolIntel = _with(_ASSET, known.get(Asset(name), NO_INTEL), new)
    return found


def _with(codecs: Mapping[str, Codec], old: Any, new: Mapping[str, Any]) -> Any:
    """The old value with what is new; fields that stayed are the very same objects."""
    values = {name: codec.decode(new[name]) if name in new else getattr(old, name) for name, codec in codecs.items()}
    return type(old)(**values)


def open_source(plan: BacktestPlan, clock: Clock) -> IntelSource:
    """The source of a run: played ahead where the plan says how, else played by the run itself."""
    if plan.ahead is None or not plan.market.intelligence:
        return open_intelligence(plan.market, plan.trading, clock)
    return AheadSource(plan.ahead(), clock)
