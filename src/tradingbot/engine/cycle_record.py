"""The canonical record of one cycle: hashes of what it saw, what it decided, what was done; and one line per signal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from tradingbot.decision import Decision, OpenPosition
from tradingbot.engine.execute import Done
from tradingbot.engine.models import PositionsState
from tradingbot.engine.reconcile import Truth
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.book import Book


def digest_of(value: object) -> str:
    """Hash of any JSON-able value, keys sorted."""
    encoded = orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()


def book_digest(book: Book) -> str:
    """Hash of a book."""
    return digest_of(PositionsState.from_book(book).model_dump(mode="json"))


def cycle_record(
    snapshot: MarketSnapshot,
    book: Book,
    decision: Decision,
    permission: EntryPermission,
    truth: Truth,
    done: Sequence[Done],
    params_digest: str,
    think_ms: float,
) -> dict[str, Any]:
    """One line of `logs/cycles.jsonl`."""
    return {
        "cycle_id": snapshot.cycle_id,
        "as_of": snapshot.as_of,
        "snapshot_hash": snapshot.digest(),
        "book_hash": book_digest(book),
        "params_hash": params_digest,
        "decision_hash": digest_of(asdict(decision)),
        "equity_usd": snapshot.equity_usd,
        "symbols": len(snapshot.symbols),
        "stale": {symbol: list(part.stale) for symbol, part in snapshot.symbols.items() if part.stale},
        "permission": {"reasons": list(permission.reasons), "per_symbol": dict(permission.per_symbol)},
        "differences": [asdict(difference) for difference in truth.differences],
        "actions": [_action(action) for action in decision.actions],
        "exits": [{"position_id": e.position_id, "rule": e.rule} for e in decision.exits],
        "done": [asdict(item) for item in done],
        "open_positions": len(book.open_positions),
        "think_ms": round(think_ms, 3),
    }


def _action(action: object) -> dict[str, Any]:
    if isinstance(action, OpenPosition):
        return {
            "kind": "open",
            "symbol": action.symbol,
            "side": action.side.value,
            "size": action.size,
            "adjusted_usd": action.adjusted_usd,
            "reference_price": action.reference_price,
            "leverage": action.plan.leverage,
            "conviction": action.plan.conviction,
        }
    return {"kind": "close", **asdict(action)}  # type: ignore[call-overload,unused-ignore]


def signal_records(snapshot: MarketSnapshot, decision: Decision) -> Iterator[dict[str, Any]]:
    """Lines of `logs/predictive_signals.jsonl`: every signal, traded or not (SPEC 4.6)."""
    for verdict in decision.signals:
        flow = verdict.signal
        yield {
            "signal_id": f"{snapshot.cycle_id}-{flow.symbol}",
            "cycle_id": snapshot.cycle_id,
            "as_of": snapshot.as_of,
            "symbol": flow.symbol,
            "direction": flow.direction.value,
            "confidence": flow.confidence,
            "aligned": flow.aligned,
            "opposed": flow.opposed,
            "conviction": flow.conviction.value,
            "stage": verdict.stage,
            "reasons": [{"code": item.code, **dict(item.numbers)} for item in verdict.reasons],
            "size_usd": verdict.size.size_usd if verdict.size else None,
            "components": [
                {
                    "name": item.name,
                    "direction": item.direction.value,
                    "confidence": item.confidence,
                    "value": item.value,
                    "as_of": item.as_of,
                    "reasons": [{"code": why.code, **dict(why.numbers)} for why in item.reasons],
                }
                for item in flow.components
            ],
        }


def adjustment_records(snapshot: MarketSnapshot, decision: Decision) -> Iterator[dict[str, Any]]:
    """Lines of `logs/size_adjustments.jsonl`: every change that canonical sizing made (SPEC 2.6)."""
    for action in decision.actions:
        if isinstance(action, OpenPosition):
            for adjustment in action.plan.signal_context.get("adjustments", ()):
                yield {"cycle_id": snapshot.cycle_id, "as_of": snapshot.as_of, **adjustment}
