"""What the nightly reports read of a home, each in a process of its own: files in, plain values out."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tradingbot.app.home_trades import newest_of_home, trades_ended
from tradingbot.app.status import read_documents
from tradingbot.core.types import iso_utc, parse_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.journal_moments import WRITTEN_LATER, within
from tradingbot.gates.table import GATES
from tradingbot.learning.enriched import enriched, signal_id
from tradingbot.learning.gate_complexity import gate_complexity
from tradingbot.learning.horizons import HORIZONS_DAYS, horizons_of
from tradingbot.learning.missed_moves import HeldSpan, Move, SeenSignal, Sizes, by_stage, missed_moves, moves_of
from tradingbot.learning.review_params import ReviewParams
from tradingbot.learning.trade_facts import notional_usd
from tradingbot.learning.weekly_review import WEEK, in_words, weekly_review
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.storage.journal_reader import JournalReader

DAY: Final = timedelta(days=1)
ENRICHED_BACK: Final = timedelta(days=30)
"""Trades that ended longer ago are not looked for any more."""
SETTLED_LATER: Final = timedelta(days=1)
"""A trade may be settled so long after one that ended later."""
USUAL_OVER: Final = 100
"""The usual size is the median of so many newest trades."""


def enriched_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """At most `limit` trades of `home` that have no line in `logs/enriched_trades.jsonl` yet, oldest first; is there
    `more`? `until` is now."""
    home, now, limit = Path(asked["home"]), parse_utc(asked["until"]), int(asked["limit"])
    journal = journal_path(home, "enriched_trades")
    newest = JournalReader(journal).tail(1)
    begin = parse_utc(str(newest[0]["exit_time"])) - SETTLED_LATER if newest else now - ENRICHED_BACK
    begin = max(begin, now - ENRICHED_BACK)
    done = {str(line.get("trade_id")) for line in JournalReader(journal).since(begin)}
    left = [trade for trade in trades_ended(home, begin, now) if trade.trade_id not in done]
    left.sort(key=lambda trade: (trade.exit_time, trade.trade_id))
    chosen = left[:limit]
    return {"lines": [{"at": now, **line} for line in _joined(home, chosen)], "more": len(left) > limit}


def _joined(home: Path, trades: list[ClosedTrade]) -> Iterator[dict[str, Any]]:
    if not trades:
        return
    first = min(trade.entry_time for trade in trades) - WRITTEN_LATER
    last = max(trade.exit_time for trade in trades) + DAY
    signals = _by_key(home, "signal_universe", "signal_id", {signal_id(one) for one in trades}, first, last)
    orders = _by_key(home, "execution_quality", "position_id", {one.trade_id for one in trades}, first, last)
    for trade in trades:
        found = signals.get(signal_id(trade), [])
        yield enriched(trade, found[-1] if found else None, orders.get(trade.trade_id, []))


def _by_key(
    home: Path, journal: str, key: str, wanted: set[str], since: datetime, until: datetime
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in JournalReader(journal_path(home, journal)).since(since, until):
        if (name := str(line.get(key))) in wanted:
            found.setdefault(name, []).append(line)
    return found


def horizons_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Attribution of a `home` over every horizon that ends at `until`, as far as `venue_since` and at `venue`."""
    home, now, since = Path(asked["home"]), parse_utc(asked["until"]), parse_utc(asked["venue_since"])
    trades = trades_ended(home, max(since, now - timedelta(days=max(HORIZONS_DAYS))), now)
    return {"horizons": horizons_of(trades, now, str(asked["venue"]), int(asked["small_below"]), since)}


def weekly_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The deep look at the week of a `home` that ends at `until`, as far as `venue_since`."""
    home, now, since = Path(asked["home"]), parse_utc(asked["until"]), parse_utc(asked["venue_since"])
    found = weekly_review(trades_ended(home, max(since, now - 2 * WEEK), now), now, int(asked["small_below"]))
    return {**found, "text": in_words(found)}


def gates_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What each gate was good for in a `home` between `since` and `until`."""
    home, since, until = Path(asked["home"]), parse_utc(asked["since"]), parse_utc(asked["until"])
    reader = JournalReader(journal_path(home, "signal_universe"))
    lines = within(reader.since(since, until + WRITTEN_LATER), since, until)
    found = gate_complexity(lines, [gate.name for gate in GATES])
    return {"since": since, "until": until, **found}


def missed_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Moves of the day before `until` that no trade of a `home` took, by what stopped us.

    `params` are those of the reports; `fallback_usd` stands for the usual size while there are no trades;
    `round_trip_bps` is what both orders cost.
    """
    home, now = Path(asked["home"]), parse_utc(asked["until"])
    params, since = ReviewParams.model_validate(asked["params"]), now - DAY
    sizes = Sizes(_usual_usd(home, now, float(asked["fallback_usd"])), float(asked["round_trip_bps"]))
    signals, candles = _signals(home, since, now), _closes(home, since, now)
    closes = {**_prices(signals), **candles}
    moves: list[Move] = []
    for symbol, minutes in sorted(closes.items()):
        moves += moves_of(symbol, sorted(minutes.items()), params.missed_move_bps, params.move_reversal_bps)
    rows = missed_moves(moves, signals, _held(home, since, now), sizes)
    return {
        "since": since,
        "until": now,
        "symbols": len(closes),
        "with_candles": len(candles),
        "minutes": sum(len(found) for found in closes.values()),
        "usual_usd": sizes.usual_usd,
        "round_trip_bps": sizes.round_trip_bps,
        "moves": len(moves),
        "missed": len(rows),
        "by_stage": by_stage(rows),
        "opportunities": [_dated(row) for row in rows[: params.missed_moves_kept]],
    }


def _closes(home: Path, since: datetime, until: datetime) -> dict[str, dict[float, float]]:
    """Close by the moment of closing, seconds of the epoch; a candle that is on file twice counts once."""
    first_s, last_s = since.timestamp(), until.timestamp()
    found: dict[str, dict[float, float]] = {}
    for line in JournalReader(journal_path(home, "candles")).since(since, until + WRITTEN_LATER):
        for symbol, rows in line["candles"].items():
            known = found.setdefault(symbol, {})
            known.update({row[0] + 60: row[4] for row in rows if first_s <= row[0] and row[0] + 60 <= last_s})
    return found


def _signals(home: Path, since: datetime, until: datetime) -> dict[str, list[SeenSignal]]:
    reader = JournalReader(journal_path(home, "signal_universe"))
    found: dict[str, list[SeenSignal]] = {}
    for line in within(reader.since(since, until + WRITTEN_LATER), since, until):
        reasons = line.get("reasons") or [{}]
        at_s = parse_utc(str(line["as_of"])).timestamp()
        one = SeenSignal(
            at_s, str(line["direction"]).lower(), str(line["stage"]), line["price"], str(reasons[0].get("code", ""))
        )
        found.setdefault(str(line["symbol"]), []).append(one)
    for rows in found.values():
        rows.sort(key=lambda one: one.at_s)
    return found


def _prices(signals: Mapping[str, list[SeenSignal]]) -> dict[str, dict[float, float]]:
    """What each cycle saw, in place of closes: where no page runs nobody keeps candles."""
    return {symbol: {one.at_s: one.price for one in rows if one.price} for symbol, rows in signals.items()}


def _held(home: Path, since: datetime, until: datetime) -> list[HeldSpan]:
    """Finished trades, and positions that are open."""
    trades = [
        HeldSpan(one.symbol, one.direction.value, one.entry_time.timestamp(), one.exit_time.timestamp())
        for one in trades_ended(home, since, until)
    ]
    positions = read_documents(home)["positions"]
    held = positions.positions if positions is not None else []
    return trades + [
        HeldSpan(one.symbol, one.direction.value, one.entry_time.timestamp(), until.timestamp()) for one in held
    ]


def _usual_usd(home: Path, now: datetime, fallback_usd: float) -> float:
    """Median of the newest trades' notionals."""
    trades = newest_of_home(home, now - ENRICHED_BACK, USUAL_OVER)
    return statistics.median(float(notional_usd(one)) for one in trades) if trades else fallback_usd


def _dated(row: Mapping[str, Any]) -> dict[str, Any]:
    """With times as text in place of seconds."""
    names = {"start_s": "from", "end_s": "to", "stopped_at_s": "stopped_at"}
    return {names.get(key, key): _moment(value) if key in names else value for key, value in row.items()}


def _moment(epoch_s: float | None) -> str | None:
    return None if epoch_s is None else iso_utc(datetime.fromtimestamp(epoch_s, UTC))
