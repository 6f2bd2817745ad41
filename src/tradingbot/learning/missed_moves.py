"""Large moves that no trade took: how large, and what stopped us when. Pure.

A move runs from one turning point of the minute closes to the next. A turning point is confirmed when the price has
come back from it by `reversal_bps` (the directional change of Guillaume et al. 1997). All of a move is known only
afterwards: its size is what there was, not what could have been had. What could have been had begins at the first
signal that pointed its way, and still ends at its best price.
"""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NO_SIGNAL: Final = "no_signal"
"""No signal of that minute pointed the way of the move."""


@dataclass(frozen=True, slots=True)
class Move:
    """From `start_s` to `end_s` (seconds of the epoch), in the direction ``long`` or ``short``; `move_bps` above 0."""

    symbol: str
    direction: str
    start_s: float
    end_s: float
    start_price: float
    end_price: float

    @property
    def move_bps(self) -> float:
        """Its size."""
        return abs(self.end_price / self.start_price - 1) * 10_000


@dataclass(frozen=True, slots=True)
class SeenSignal:
    """One symbol's signal of one cycle, and the stage at which it ended."""

    at_s: float
    direction: str
    stage: str
    price: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HeldSpan:
    """A position that was held: from entry to exit, seconds of the epoch."""

    symbol: str
    direction: str
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """`usual_usd` of a position, and what a round trip costs."""

    usual_usd: float
    round_trip_bps: float


def moves_of(symbol: str, closes: Sequence[tuple[float, float]], least_bps: float, reversal_bps: float) -> list[Move]:
    """Every move of at least `least_bps` in (seconds, close) rows, oldest first; the last may still be under way."""
    turns = _turning_points(closes, reversal_bps / 10_000)
    found = []
    for (start_s, start), (end_s, end) in itertools.pairwise(turns):
        move = Move(symbol, "long" if end > start else "short", start_s, end_s, start, end)
        if move.move_bps >= least_bps:
            found.append(move)
    return found


def _turning_points(closes: Sequence[tuple[float, float]], reversal: float) -> list[tuple[float, float]]:
    """Every confirmed extreme and the newest one, low and high in turn; none while nothing has moved that far."""
    turns: list[tuple[float, float]] = []
    rising: bool | None = None
    low = high = closes[0] if closes else (0.0, 0.0)
    for row in closes[1:]:
        if rising is not False:
            high = row if row[1] > high[1] else high
        if rising is not True:
            low = row if row[1] < low[1] else low
        if rising is not False and row[1] <= high[1] * (1 - reversal):
            turns.append(high)
            rising, low = False, row
        elif rising is not True and row[1] >= low[1] * (1 + reversal):
            turns.append(low)
            rising, high = True, row
    return [] if rising is None else [*turns, high if rising else low]


def missed_moves(
    moves: Iterable[Move],
    signals: Mapping[str, Sequence[SeenSignal]],
    held: Iterable[HeldSpan],
    sizes: Sizes,
) -> list[dict[str, Any]]:
    """Moves that no position of their direction was held through, the most expensive first.

    `signals` by symbol, oldest first. A position that was held for any part of the move took it.
    """
    spans = list(held)
    missed = [move for move in moves if not any(_took(span, move) for span in spans)]
    rows = [_row(move, _during(signals.get(move.symbol, ()), move), sizes) for move in missed]
    return sorted(rows, key=lambda row: (-row["worth_usd"], row["symbol"], row["start_s"]))


def _took(span: HeldSpan, move: Move) -> bool:
    same = span.symbol == move.symbol and span.direction == move.direction
    return same and span.from_s < move.end_s and span.to_s > move.start_s


def _during(signals: Sequence[SeenSignal], move: Move) -> Sequence[SeenSignal]:
    first = bisect.bisect_left(signals, move.start_s, key=lambda one: one.at_s)
    last = bisect.bisect_right(signals, move.end_s, key=lambda one: one.at_s)
    return signals[first:last]


def _row(move: Move, signals: Sequence[SeenSignal], sizes: Sizes) -> dict[str, Any]:
    ours = [one for one in signals if one.direction == move.direction]
    first = next(iter(ours), None)
    left = 0.0 if first is None or not first.price else abs(move.end_price / first.price - 1) * 10_000
    if first is not None and first.price and (move.end_price > first.price) != (move.direction == "long"):
        left = 0.0
    return {
        "symbol": move.symbol,
        "direction": move.direction,
        "start_s": move.start_s,
        "end_s": move.end_s,
        "minutes": round((move.end_s - move.start_s) / 60, 1),
        "start_price": move.start_price,
        "end_price": move.end_price,
        "move_bps": round(move.move_bps, 2),
        "worth_usd": round(_worth(move.move_bps, sizes), 4),
        "signals": len(signals),
        "our_way": len(ours),
        "against": sum(1 for one in signals if one.direction not in (move.direction, "neutral")),
        "stopped_by": NO_SIGNAL if first is None else first.stage,
        "stopped_because": "" if first is None else first.reason,
        "stopped_at_s": None if first is None else first.at_s,
        "left_bps": round(left, 2),
        "left_usd": round(_worth(left, sizes), 4),
        "stages": dict(Counter(one.stage for one in ours).most_common()),
    }


def _worth(move_bps: float, sizes: Sizes) -> float:
    """What the usual position would have won, both orders paid."""
    return sizes.usual_usd * (move_bps - sizes.round_trip_bps) / 10_000


def by_stage(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """How many moves each stage stopped first and why, what they were worth, and what was left then where above 0."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        blank = {"moves": 0, "worth_usd": 0.0, "left_usd": 0.0, "because": Counter()}
        stage = found.setdefault(str(row["stopped_by"]), blank)
        stage["moves"] += 1
        stage["worth_usd"] += row["worth_usd"]
        stage["left_usd"] += max(0.0, row["left_usd"])
        stage["because"][str(row["stopped_because"])] += 1
    ordered = sorted(found.items(), key=lambda item: -item[1]["left_usd"])
    return {name: {**stage, "because": dict(stage["because"].most_common())} for name, stage in ordered}
