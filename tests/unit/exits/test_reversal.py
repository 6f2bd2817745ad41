"""The EMA cross of 5-minute closes (SPEC 8.6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.support import ETH, NOW, candles_of
from tests.unit.exits.builders import facts
from tradingbot.core.types import Direction, Timeframe, epoch_ms
from tradingbot.exits.case import crossed_against
from tradingbot.exits.params import ReversalParams
from tradingbot.exits.reversal import EmaGaps, ema_gaps
from tradingbot.market.candles import Candles

P = ReversalParams()
BAR_MS = Timeframe.M5.ms
LAST_MS = epoch_ms(NOW) // BAR_MS * BAR_MS
"""Close of the newest bar."""


def bars(closes: Sequence[float]) -> Candles:
    minute = candles_of(closes)
    opens = LAST_MS - BAR_MS * np.arange(len(closes), 0, -1, dtype=np.int64)
    return Candles(ETH, Timeframe.M5, opens, minute.open, minute.high, minute.low, minute.close, minute.volume)


def gaps(closes: Sequence[float], held_bars: float, direction: Direction = Direction.LONG) -> EmaGaps | None:
    return ema_gaps(bars(closes), int(LAST_MS - held_bars * BAR_MS), epoch_ms(NOW), direction, P, 2.5)


RISE_AND_FALL = [100 + 0.1 * n for n in range(60)] + [106 - 0.3 * n for n in range(20)]


def test_the_gap_is_that_of_the_usual_recursion() -> None:
    """alpha = 2 / (span + 1), by hand."""
    closes = [100.0] * 21 + [121.0]
    fast, slow = 100 + 21 * 0.2, 100 + 21 * 2 / 22
    found = gaps(closes, 0)
    assert found is not None
    assert found.now_pct == pytest.approx((fast / slow - 1) * 100)


def test_a_cross_needs_both_sides_since_entry() -> None:
    """Entered on the rise: crossed; entered when it had crossed already: not; a short is the other way round."""
    rise, late = gaps(RISE_AND_FALL, 30), gaps(RISE_AND_FALL, 3)
    assert rise is not None
    assert late is not None
    assert rise.best_pct > 0 > rise.now_pct == late.now_pct
    assert late.best_pct < 0
    short = gaps(RISE_AND_FALL, 3, Direction.SHORT)
    assert short is not None
    assert short.now_pct == -late.now_pct > 0


def test_the_bar_before_the_entry_counts_as_the_side_at_entry() -> None:
    """Entered within the bar that crossed: its close is after the entry, the one before shows the other side."""
    index = next(n for n in range(61, 80) if (gaps(RISE_AND_FALL[: n + 1], 0) or EmaGaps(1, 1)).now_pct < 0)
    closes = RISE_AND_FALL[: index + 1]
    inside, after = gaps(closes, 0.5), gaps(closes, 0)
    assert inside is not None
    assert after is not None
    assert inside.best_pct >= 0 > inside.now_pct
    assert after.best_pct < 0


def test_too_few_or_old_bars_are_unknown() -> None:
    assert gaps([100.0] * 20, 3) is None
    assert gaps([100.0] * 21, 3) is not None
    assert gaps([], 3) is None
    old = ema_gaps(bars([100.0] * 50), LAST_MS, LAST_MS + int(2.5 * BAR_MS) + 1, Direction.LONG, P, 2.5)
    assert old is None
    fresh = ema_gaps(bars([100.0] * 50), LAST_MS, LAST_MS + int(2.5 * BAR_MS), Direction.LONG, P, 2.5)
    assert fresh is not None


def test_bars_that_had_not_closed_are_not_seen() -> None:
    whole = bars(RISE_AND_FALL)
    moment = LAST_MS - 25 * BAR_MS
    seen = ema_gaps(whole, moment - 10 * BAR_MS, moment, Direction.LONG, P, 2.5)
    assert seen == ema_gaps(whole.until(moment), moment - 10 * BAR_MS, moment, Direction.LONG, P, 2.5)


def test_how_much_history_was_loaded_hardly_matters() -> None:
    """A start with fewer bars reads the same gap to a hundredth of a basis point."""
    wave = [100 + 3 * np.sin(n / 9) for n in range(400)]
    long, short = gaps(wave, 10), gaps(wave[-150:], 10)
    assert long is not None
    assert short is not None
    assert long.now_pct == pytest.approx(short.now_pct, abs=1e-4)
    assert long.best_pct == pytest.approx(short.best_pct, abs=1e-3)


@pytest.mark.parametrize(
    ("now", "best", "expected"),
    [(-0.1, 0.0, True), (-0.1, -0.1, False), (0.0, 0.0, False), (None, 0.1, None), (-0.1, None, None)],
)
def test_what_counts_as_a_cross(now: float | None, best: float | None, expected: bool | None) -> None:
    assert crossed_against(facts(ema_gap_pct=now, ema_best_gap_pct=best)) is expected
