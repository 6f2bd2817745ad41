"""One cycle of the counterfactual ledger: (ledger, snapshot, decision, parameters, learned) -> (ledger', closed).

The order is that of a real cycle: what the venue did meanwhile (stops, funding), the marks, the exits, the entries. A
virtual position is judged by `leaving.leave` and changed by `portfolio.book`, as a real one is; only its fills are made
here: the touch of the book that the cycle saw, with the slippage and the fee that the fee gate reckons with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from tradingbot.core.parameters import LearnedParameters
from tradingbot.core.records import Fill, Liquidity
from tradingbot.core.rounding import round_stop
from tradingbot.core.types import Direction, FillId, Symbol, VenueOrderId, epoch_ms, utc_from_ms
from tradingbot.counterfactual.model import BPS, Closed, Ledger, Parts, Track, Virtual, Way
from tradingbot.counterfactual.opening import opened
from tradingbot.counterfactual.prices import exact_price, half_spread_of, leg_parts, market_way, way_at
from tradingbot.decision import Decision, DecisionParams
from tradingbot.entering import has_side
from tradingbot.learning.counterfactual_params import CounterfactualParams
from tradingbot.leaving import LeavingParams, Scene, leave, scene_of
from tradingbot.market.snapshot import MarketSnapshot, SymbolSnapshot
from tradingbot.portfolio.book import Book, apply_fill, exit_side, with_mark
from tradingbot.portfolio.position import average_exit_price
from tradingbot.reading import MarketReading

STOP_RULE: Final = "protective_stop"
"""As trades call a stop that fired at the venue."""
TOO_OLD: Final = "too_old"
HOURS_PER_PERIOD: Final = 8
MINUTE_MS: Final = 60_000

Bars = Sequence[tuple[int, float, float, float]]
"""Open time in UTC ms, open, high and low of minute candles, oldest first."""


@dataclass(frozen=True, slots=True)
class _Now:
    """What all positions of one symbol share in one cycle."""

    as_of: datetime
    part: SymbolSnapshot
    scene: Scene | None
    track: Track
    bars: Bars
    leaving: LeavingParams
    own: CounterfactualParams
    learned: LearnedParameters


def step(
    ledger: Ledger,
    snapshot: MarketSnapshot,
    decision: Decision,
    params: DecisionParams,
    own: CounterfactualParams,
    learned: LearnedParameters,
) -> tuple[Ledger, tuple[Closed, ...]]:
    """One cycle. Depends on its arguments alone; cycles must come in their order."""
    reading, leaving = reading_of(decision), LeavingParams(params.reading, params.exits, params.levers)
    tracks = dict(ledger.tracks)
    held: dict[Symbol, list[Virtual]] = {symbol: list(known) for symbol, known in ledger.open.items()}
    closed: list[Closed] = []
    for symbol, part in snapshot.symbols.items():
        track, bars = _moved(ledger.tracks.get(symbol), part, snapshot.as_of)
        tracks[symbol] = track
        if not held.get(symbol):
            continue
        scene = scene_of(snapshot, symbol, leaving, reading)
        now = _Now(snapshot.as_of, part, scene, track, bars, leaving, own, learned)
        stepped = [_stepped(one, now) for one in held[symbol]]
        held[symbol] = [one for one in stepped if isinstance(one, Virtual)]
        closed += [one for one in stepped if isinstance(one, Closed)]
    lost = _forget_lost(held, snapshot.as_of, own)
    made, skipped = _entries(held, tracks, snapshot, decision, params, own, learned)
    after = Ledger(
        open={symbol: tuple(known) for symbol, known in held.items() if known},
        tracks=tracks,
        opened=ledger.opened + made,
        closed=ledger.closed + len(closed),
        skipped=ledger.skipped + skipped,
        lost=ledger.lost + lost,
    )
    return after, tuple(closed)


def reading_of(decision: Decision) -> MarketReading:
    """What the decision read: every symbol has a signal, and every signal its reading."""
    return MarketReading(
        decision.regime, decision.active, {one.reading.symbol: one.reading for one in decision.signals}
    )


def _entries(
    held: dict[Symbol, list[Virtual]],
    tracks: dict[Symbol, Track],
    snapshot: MarketSnapshot,
    decision: Decision,
    params: DecisionParams,
    own: CounterfactualParams,
    learned: LearnedParameters,
) -> tuple[int, int]:
    """Opens one position per signal with a side; how many there were, and how many had no price."""
    made = skipped = 0
    for verdict in decision.signals:
        if not has_side(verdict.signal):
            continue
        symbol = verdict.signal.symbol
        one = opened(verdict, snapshot, params, own, learned, tracks[symbol])
        if one is None:
            skipped += 1
            continue
        held.setdefault(symbol, []).append(one)
        made += 1
    return made, skipped


def _forget_lost(held: dict[Symbol, list[Virtual]], now: datetime, own: CounterfactualParams) -> int:
    """Positions that are long too old and could not be closed; how many."""
    limit = timedelta(hours=2 * own.max_hold_h)
    before = sum(map(len, held.values()))
    for symbol, known in held.items():
        held[symbol] = [one for one in known if now - one.origin.as_of <= limit]
    return before - sum(map(len, held.values()))


# ---------------------------------------------------------------- what passed since the cycle before


def _moved(track: Track | None, part: SymbolSnapshot, now: datetime) -> tuple[Track, Bars]:
    """The symbol's track at this cycle, and the minute candles that closed since the one before."""
    times = part.candles.open_ms
    newest = int(times[-1]) if len(times) else 0
    if track is None:
        return Track(now, 0.0, newest), ()
    funding = track.funding + _funding_usd(track, part, now)
    if newest <= track.checked_ms:
        return Track(now, funding, track.checked_ms), ()
    first = int(times.searchsorted(track.checked_ms, side="right"))
    columns = (part.candles.open_ms, part.candles.open, part.candles.high, part.candles.low)
    bars = list(zip(*(column[first:].tolist() for column in columns), strict=True))
    return Track(now, funding, newest), bars


def _funding_usd(track: Track, part: SymbolSnapshot, now: datetime) -> float:
    """What a long of one unit owes for the time since the cycle before; the venue lets it accrue by the second."""
    if part.venue_funding is None or part.mark_price is None:
        return 0.0
    hours = max(0.0, (now - track.as_of).total_seconds() / 3600)
    return part.venue_funding.median_8h / HOURS_PER_PERIOD * hours * float(part.mark_price)


# ---------------------------------------------------------------- one position


def _stepped(one: Virtual, now: _Now) -> Virtual | Closed:
    fired = _stop_fired(one, now) if now.bars else None
    if fired is not None:
        way, at = fired
        return _finished(one, way, at, STOP_RULE, now)
    if now.scene is None:
        return one
    marked = with_mark(one.position, now.scene.mark, now.as_of)
    if marked is not one.position:
        one = replace(one, position=marked)
    _, close = leave(now.scene, marked, now.leaving, now.learned)
    if close is not None:
        return _reduced(one, close.size, close.rule, {**close.context}, now)
    if (now.as_of - one.origin.as_of).total_seconds() > now.own.max_hold_h * 3600:
        return _finished(one, _exit_way(one, now), now.as_of, TOO_OLD, now)
    return one


def _stop_fired(one: Virtual, now: _Now) -> tuple[Way, datetime] | None:
    """The stop that rests at the venue: where the minute's path reached it, or where the minute opened beyond it."""
    position = one.position
    side = exit_side(position)
    stop = float(round_stop(position.stop_price, side, now.part.spec.tick_size))
    is_long, entry_ms = position.direction is Direction.LONG, epoch_ms(position.entry_time)
    for open_ms, begin, high, low in now.bars:
        if open_ms + MINUTE_MS <= entry_ms or not (low <= stop if is_long else high >= stop):
            continue
        gapped = open_ms >= entry_ms and (begin < stop if is_long else begin > stop)
        mid = begin if gapped else stop
        at = max(position.entry_time, utc_from_ms(open_ms + (0 if gapped else MINUTE_MS // 2)))
        return way_at(mid, half_spread_of(one.entry), side, one.slippage_bps), at
    return None


def _exit_way(one: Virtual, now: _Now) -> Way:
    """At the touch of the book; without one around the mark, with half the spread of the entry."""
    side = exit_side(one.position)
    found = market_way(now.part, side, one.slippage_bps)
    if found is not None:
        return found
    assert now.scene is not None
    return way_at(float(now.scene.mark), half_spread_of(one.entry), side, one.slippage_bps)


def _finished(one: Virtual, way: Way, at: datetime, rule: str, now: _Now) -> Closed:
    result = _filled(one, one.position.size, way, at, rule, {}, now.track)
    assert isinstance(result, Closed)
    return result


def _reduced(one: Virtual, size: Decimal, rule: str, context: dict[str, Any], now: _Now) -> Virtual | Closed:
    way = _exit_way(one, now)
    at = now.as_of + timedelta(seconds=now.own.latency_s)
    return _filled(one, size, way, at, rule, context, now.track)


def _filled(
    one: Virtual, size: Decimal, way: Way, at: datetime, rule: str, context: dict[str, Any], track: Track
) -> Virtual | Closed:
    """The position after a closing fill, by the book's own arithmetic."""
    before = one.position
    fill = Fill(
        fill_id=FillId(f"exit{len(before.fills)}"),
        venue_order_id=VenueOrderId(""),
        client_order_id=None,
        symbol=before.symbol,
        side=exit_side(before),
        size=size,
        price=exact_price(way.fill),
        time=at,
        liquidity=Liquidity.TAKER,
    )
    kept: dict[str, Any] = {name: context[name] for name in ("rung", "tighten_stop_to") if name in context}
    book, effect = apply_fill(Book((before,)), fill, None, rule, kept)
    position = book.positions[0]
    parts = one.paid.plus(leg_parts(one, way, float(size / before.entry_size), track))
    after = replace(one, position=position, paid=parts)
    return _closed(after, parts, at) if effect.kind == "closed" else after


def _closed(one: Virtual, parts: Parts, at: datetime) -> Closed:
    position = one.position
    return Closed(
        origin=one.origin,
        entry_time=position.entry_time,
        exit_time=at,
        entry_price=float(position.entry_price),
        exit_price=float(average_exit_price(position)),
        rule=position.exit_rule,
        fills=len(position.fills) - 1,
        parts=parts,
        peak_bps=float(position.return_fraction(position.peak_price)) * BPS,
        trough_bps=float(position.return_fraction(position.trough_price)) * BPS,
    )
