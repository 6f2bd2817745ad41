"""What was played ahead is taken over exactly, and only at its own moments."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support import NOW, a_stamp
from tests.unit.research.backtest.test_near_quotes import Moment
from tradingbot.core.records import reason
from tradingbot.core.types import Asset, epoch_ms
from tradingbot.market.intelligence import (
    FearGreed,
    Feed,
    FeedHealth,
    IntelState,
    MarketIntel,
    OpenInterest,
    SymbolIntel,
    TakerFlow,
)
from tradingbot.research.backtest.intelligence_ahead import AheadError, AheadSource, _Teller, line_of

BTC, ETH = Asset("BTC"), Asset("ETH")
TAKER = TakerFlow(a_stamp(), 300, 0.1 + 0.2, 1e-300)
FIRST = SymbolIntel(taker=TAKER, problems={Feed.FUNDING: (reason("off", limit=3.5, why="x"),)})
STATES = (
    IntelState(),
    IntelState({BTC: FIRST}, MarketIntel(), {Feed.FUNDING: FeedHealth(Feed.FUNDING, off="plan")}, ("a", "b")),
    IntelState({BTC: FIRST}, MarketIntel(FearGreed(a_stamp(), 12.5)), {}, ("a", "b")),
    IntelState(
        {BTC: replace(FIRST, open_interest=OpenInterest(a_stamp(), math.inf, {"1h": -0.0})), ETH: SymbolIntel()},
        MarketIntel(FearGreed(a_stamp(), 12.5)),
        {Feed.TAKER_FLOW: FeedHealth(Feed.TAKER_FLOW, last_success_at=NOW, errors_in_a_row=2)},
        (),
    ),
)


class Told:
    """The lines of a process that ended."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self.closed = False

    def next_line(self) -> bytes:
        return self._lines.pop(0)

    def close(self) -> None:
        self.closed = True


async def test_every_state_is_the_one_that_was_played() -> None:
    clock, teller = Moment(), _Teller()
    moments = [NOW + timedelta(seconds=62 * number) for number in range(len(STATES))]
    lines = Told([line_of(at, teller.told(state)) for at, state in zip(moments, STATES, strict=True)])
    source, seen = AheadSource(lines, clock), []
    for at in moments:
        clock.at_ms = epoch_ms(at)
        seen.append(source.state())
    assert tuple(map(repr, seen)) == tuple(map(repr, STATES))
    assert seen[2].assets[BTC] is seen[1].assets[BTC], "what stays is the same object: results are kept for it"
    assert seen[3].assets[BTC].taker is seen[1].assets[BTC].taker
    await source.close()
    assert lines.closed


def test_another_moment_is_refused() -> None:
    clock = Moment()
    clock.at_ms = epoch_ms(NOW) + 250
    source = AheadSource(Told([line_of(NOW, _Teller().told(IntelState()))]), clock)
    with pytest.raises(AheadError, match="250 ms after its time"):
        source.state()
