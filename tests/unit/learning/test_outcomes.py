"""Forward returns of signals: the right cycle's price at each horizon, and None with a reason where there is none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import NOW
from tradingbot.learning.outcomes import (
    MOST_AT_ONCE,
    CyclePrices,
    OutcomeParams,
    Outcomes,
    PendingSignal,
    Resolved,
    step,
)

PARAMS = OutcomeParams()


def played(
    prices: dict[int, float | None],
    price: float | None = 100.0,
    stale: tuple[int, ...] = (),
    jitter_s: dict[int, float] | None = None,
) -> dict[int, Resolved]:
    """One signal per minute that has a cycle; the minute's price or None; what was resolved, by the signal's minute."""
    known, found = Outcomes(), {}
    for minute, now_price in sorted(prices.items()):
        at = NOW + timedelta(minutes=minute, seconds=(jitter_s or {}).get(minute, 0.0))
        told = {} if now_price is None else {"X": now_price}
        cycle = CyclePrices(at, told, frozenset({"X"} if minute in stale else ()))
        signal = PendingSignal(f"s{minute}", at, "X", price if minute == 0 else now_price, {"minute": minute})
        known, resolved = step(known, cycle, [signal], PARAMS)
        found.update({one.signal.facts["minute"]: one for one in resolved})
    return found


def test_each_horizon_has_the_price_of_its_own_cycle() -> None:
    """Prices rise by 1 % of the first a minute, so the return tells which cycle was taken."""
    found = played({minute: 100.0 + minute for minute in range(61)})
    assert found[0].returns_bps == {1: 100.0, 5: 500.0, 15: 1500.0, 30: 3000.0, 60: 6000.0}
    assert found[0].unknown == {}
    assert list(found) == [0]


def test_a_missing_cycle_is_none_and_said() -> None:
    """The daemon was down from minute 3 to 14: the horizon of 5 minutes has no cycle; nothing later is taken."""
    found = played({m: 100.0 + m for m in range(62) if not 3 <= m < 15})
    assert found[0].returns_bps == {1: 100.0, 5: None, 15: 1500.0, 30: 3000.0, 60: 6000.0}
    assert found[0].unknown == {5: "no_cycle"}


def test_stale_and_unknown_prices_are_none_and_said() -> None:
    """A price that was too old then, and one that was not there at all."""
    prices: dict[int, float | None] = dict.fromkeys(range(62), 100.0)
    prices[15] = None
    found = played(prices, stale=(5,))
    assert found[0].unknown == {5: "stale_price_then", 15: "no_price_then"}
    assert found[0].returns_bps[5] is found[0].returns_bps[15] is None


def test_a_signal_without_a_price_is_resolved_too() -> None:
    """It has no returns, and says so at every horizon."""
    found = played(dict.fromkeys(range(62), 100.0), price=None)
    assert set(found[0].unknown.values()) == {"no_price"}
    assert set(found[0].returns_bps.values()) == {None}


def test_the_cycle_nearest_to_the_horizon_counts() -> None:
    """A restart makes a second cycle close to the first; late and early cycles are taken within the tolerance."""
    known = Outcomes()
    signal = PendingSignal("s", NOW, "X", 100.0)
    for seconds, price in ((0, 100.0), (45, 101.0), (62, 102.0), (299, 103.0), (929, 104.0), (931, 105.0)):
        cycle = CyclePrices(NOW + timedelta(seconds=seconds), {"X": price})
        known, resolved = step(known, cycle, [signal] if seconds == 0 else [], PARAMS)
        assert not resolved
    known, resolved = step(known, CyclePrices(NOW + timedelta(minutes=60), {"X": 99.0}), [], PARAMS)
    assert resolved[0].returns_bps == {1: 200.0, 5: 300.0, 15: 400.0, 30: None, 60: -100.0}
    assert known.pending == ()


def test_a_long_pause_is_worked_off_in_portions_and_leaves_nothing() -> None:
    """All signals of an hour are due at once; no step takes more than its share, and each is resolved once."""
    signals = [PendingSignal(f"s{n}", NOW, "X", 100.0) for n in range(2 * MOST_AT_ONCE + 5)]
    known, _ = step(Outcomes(), CyclePrices(NOW, {"X": 100.0}), signals, PARAMS)
    found: list[str] = []
    for minute in range(600, 604):
        known, resolved = step(known, CyclePrices(NOW + timedelta(minutes=minute), {"X": 101.0}), [], PARAMS)
        assert len(resolved) <= MOST_AT_ONCE
        found += [one.signal.signal_id for one in resolved]
    assert found == [one.signal_id for one in signals]
    assert (known.pending, len(known.seen)) == ((), 1)


def test_memory_is_an_hour_of_cycles() -> None:
    """After a day of cycles no more is held than the last hour needs."""
    known = Outcomes()
    for minute in range(1440):
        at = NOW + timedelta(minutes=minute)
        known, _ = step(known, CyclePrices(at, {"X": 1.0}), [PendingSignal(f"s{minute}", at, "X", 1.0)], PARAMS)
    assert len(known.pending) == 60
    assert len(known.seen) <= 61


@given(down=st.sets(st.integers(1, 130), max_size=60))
def test_whatever_cycles_are_missing_nothing_is_guessed(down: set[int]) -> None:
    """A return is the exact one of its minute or None, and every signal that is old enough is resolved once."""
    minutes = [m for m in range(200) if m not in down]
    found = played({m: 100.0 + m for m in minutes})
    assert sorted(found) == [m for m in minutes if m + 60 <= 199]
    for minute, one in found.items():
        for horizon, value in one.returns_bps.items():
            then = minute + horizon
            if then in down:
                assert (value, one.unknown[horizon]) == (None, "no_cycle")
            else:
                base = 100.0 + minute
                assert value == pytest.approx(((100.0 + then) / base - 1) * 10_000, abs=0.001)
