"""The canonical record of one cycle: hashes of what it saw, what it decided, what was done; and one line per signal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from tradingbot.core.records import Reason
from tradingbot.core.types import signal_id_of
from tradingbot.decision import Decision, OpenPosition
from tradingbot.engine.execute import Done
from tradingbot.engine.models import PositionsState
from tradingbot.engine.reconcile import Truth
from tradingbot.exits.exit_engine import ExitVerdict
from tradingbot.exits.facts import facts_record
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.multi_timeframe import MtfAlignment
from tradingbot.market.regime import RegimeReading
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.book import Book
from tradingbot.signals.component import ComponentReading
from tradingbot.signals.ensemble import EnsemblePrediction
from tradingbot.signals.market_intelligence import IntelligenceScore
from tradingbot.strategies.strategy import ActiveStrategy, EntryIdea


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
        "decision_hash": digest_of(decision),
        "equity_usd": snapshot.equity_usd,
        "regime": decision.regime.regime.value,
        "strategies": {one.name: one.share_pct for one in decision.active},
        "symbols": len(snapshot.symbols),
        "stale": {symbol: list(part.stale) for symbol, part in snapshot.symbols.items() if part.stale},
        "permission": {"reasons": list(permission.reasons), "per_symbol": dict(permission.per_symbol)},
        "differences": [asdict(difference) for difference in truth.differences],
        "actions": [cycle_action(action) for action in decision.actions],
        "exits": [exit_record(verdict) for verdict in decision.exits],
        "done": [asdict(item) for item in done],
        "open_positions": len(book.open_positions),
        "think_ms": round(think_ms, 3),
    }


def exit_record(verdict: ExitVerdict) -> dict[str, Any]:
    """What was decided about leaving one position. The facts are enough to hear every rule again."""
    return {
        "position_id": verdict.position_id,
        "rule": verdict.rule,
        "timing": verdict.timing.advice.value,
        "part": verdict.part,
        "rung": verdict.rung,
        "facts": facts_record(verdict.facts),
    }


def cycle_action(action: object) -> dict[str, Any]:
    """An action as the record of its cycle has it."""
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
    """Lines of `logs/predictive_signals.jsonl`: every signal, traded or not, with all that was read (SPEC 4.6)."""
    for verdict in decision.signals:
        one, flow = verdict.reading, verdict.signal
        mark = snapshot.symbols[flow.symbol].mark_price
        yield {
            "signal_id": signal_id_of(snapshot.cycle_id, flow.symbol),
            "cycle_id": snapshot.cycle_id,
            "as_of": snapshot.as_of,
            "symbol": flow.symbol,
            "price": None if mark is None else float(mark),
            "direction": flow.direction.value,
            "confidence": flow.confidence,
            "aligned": flow.aligned,
            "opposed": flow.opposed,
            "live": flow.live,
            "conviction": flow.conviction.value,
            "stage": verdict.stage,
            "reasons": reason_records(verdict.reasons),
            "size_usd": verdict.size.size_usd if verdict.size else None,
            "components": [_component(item, snapshot.as_of) for item in flow.components],
            "intelligence": _intelligence(one.intelligence),
            "microstructure": asdict(one.microstructure),
            "mtf": _alignment(one.mtf),
            "regime": decision.regime.regime.value,
            "strategies": [_idea(idea) for idea in one.ideas],
            "ensemble": _prediction(one.prediction),
        }


def ensemble_records(signals: Iterable[dict[str, Any]], decision: Decision) -> Iterator[dict[str, Any]]:
    """Lines of `logs/ensemble_predictions.jsonl` (SPEC 5.2), out of the `signal_records` of the same decision."""
    for record, verdict in zip(signals, decision.signals, strict=True):
        yield {
            **{key: record[key] for key in ("signal_id", "as_of", "symbol", "price")},
            **record["ensemble"],
            "raw_logit": verdict.reading.prediction.raw_logit,
            "regime": record["regime"],
        }


def regime_record(reading: RegimeReading, active: Sequence[ActiveStrategy]) -> dict[str, Any]:
    """Regime and active strategies as people and files read them."""
    return {
        "regime": reading.regime.value,
        "confidence": reading.confidence,
        "since": reading.since,
        "as_of": reading.as_of,
        "metrics": dict(reading.metrics),
        "pending": None if reading.pending is None else reading.pending.value,
        "reasons": reason_records(reading.reasons),
        "strategies": [{"name": one.name, "share_pct": one.share_pct} for one in active],
    }


def reason_records(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """Reasons as flat objects: their code, then their numbers."""
    return [{"code": item.code, **dict(item.numbers)} for item in reasons]


def _component(item: ComponentReading, now: datetime) -> dict[str, Any]:
    return {
        "name": item.name,
        "direction": item.direction.value,
        "confidence": item.confidence,
        "value": item.value,
        "live": item.live,
        "as_of": item.as_of,
        "age_s": item.age_s(now),
        "reasons": reason_records(item.reasons),
    }


def _intelligence(score: IntelligenceScore) -> dict[str, Any]:
    return {
        "score": score.score,
        "label": score.label,
        "coverage": score.coverage,
        "as_of": score.as_of,
        "parts": dict(score.parts),
        "missing": [why.code for why in score.reasons],
    }


def _alignment(mtf: MtfAlignment) -> dict[str, Any]:
    return {
        "long": mtf.long,
        "short": mtf.short,
        "trends": {frame.value: trend for frame, trend in mtf.trends.items()},
        "missing": [frame.value for frame in mtf.missing],
        "as_of": mtf.as_of,
    }


def _idea(idea: EntryIdea) -> dict[str, Any]:
    return {
        "name": idea.strategy,
        "direction": idea.direction.value,
        "strength": idea.strength,
        "expected_move_bps": idea.expected_move_bps,
        "horizon_min": idea.horizon_min,
        "as_of": idea.as_of,
        "reasons": reason_records(idea.reasons),
    }


def _prediction(found: EnsemblePrediction) -> dict[str, Any]:
    return {
        "direction": found.direction.value,
        "probability": found.probability,
        "expected_move_bps": found.expected_move_bps,
        "horizon_min": found.horizon_min,
        "sigma_bps": found.sigma_bps,
        "members": [
            {"source": one.source, "probability": one.probability, "weight": one.weight, "added": one.contribution}
            for one in found.members
        ],
    }


def adjustment_records(snapshot: MarketSnapshot, decision: Decision) -> Iterator[dict[str, Any]]:
    """Lines of `logs/size_adjustments.jsonl`: every change that canonical sizing made (SPEC 2.6)."""
    for action in decision.actions:
        if isinstance(action, OpenPosition):
            for adjustment in action.plan.signal_context.get("adjustments", ()):
                yield {"cycle_id": snapshot.cycle_id, "as_of": snapshot.as_of, **adjustment}
