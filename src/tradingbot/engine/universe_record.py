"""Lines of `logs/signal_universe.jsonl`: every signal, blocked or traded, with what every gate saw and said (SPEC 5.8).

Together with the signal's line in `predictive_signals.jsonl` and the parameters in `decision_params.jsonl` a line holds
all that its decision depended on: size and direction can be computed again from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tradingbot.core.types import signal_id_of
from tradingbot.decision import Decision, SignalVerdict
from tradingbot.engine.cycle_record import reason_records
from tradingbot.gates.gate import GateVerdict
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.risk.position_sizing import SizeVerdict


def universe_records(snapshot: MarketSnapshot, decision: Decision, params_hash: str) -> Iterator[dict[str, Any]]:
    """One line per signal of one cycle."""
    for verdict in decision.signals:
        flow = verdict.signal
        part = snapshot.symbols[flow.symbol]
        blocker = verdict.trail.blocker
        yield {
            "signal_id": signal_id_of(snapshot.cycle_id, flow.symbol),
            "cycle_id": snapshot.cycle_id,
            "as_of": snapshot.as_of,
            "symbol": flow.symbol,
            "price": None if part.mark_price is None else float(part.mark_price),
            "stale": list(part.stale),
            "direction": flow.direction.value,
            "confidence": flow.confidence,
            "conviction": flow.conviction.value,
            "stage": verdict.stage,
            "blocked_by": None if blocker is None else blocker.gate,
            "reasons": reason_records(verdict.reasons),
            "multiplier": verdict.trail.multiplier if verdict.trail.verdicts else None,
            "gates": [gate_record(one) for one in verdict.trail.verdicts],
            "size": _size(verdict),
            "order": _order(verdict, part.spec),
            "components": {
                item.name: [item.direction.sign, round(item.confidence, 4)] for item in flow.components if item.live
            },
            "regime": decision.regime.regime.value,
            "params_hash": params_hash,
        }


def gate_record(one: GateVerdict) -> dict[str, Any]:
    """One gate's verdict with its view."""
    return {
        "gate": one.gate,
        "passed": one.passed,
        "multiplier": one.multiplier,
        "cap_usd": one.cap_usd,
        "reasons": reason_records(one.reasons),
        "saw": one.saw,
    }


def _size(verdict: SignalVerdict) -> dict[str, Any] | None:
    if verdict.size is None:
        return None
    return {"request": verdict.request, "exposure": verdict.exposure, **size_record(verdict.size)}


def size_record(size: SizeVerdict) -> dict[str, Any]:
    """What the size chain came to, step by step."""
    return {
        "steps": size.steps,
        "size_usd": size.size_usd,
        "leverage": size.leverage,
        "refused": reason_records(size.refused),
    }


def _order(verdict: SignalVerdict, spec: ContractSpec) -> dict[str, Any] | None:
    """The contract's rules and what they made of the size; None when there was no size to be made of."""
    if verdict.size is None or verdict.size.refused:
        return None
    rules = {name: getattr(spec, name) for name in ("kind", "contract_size", "size_step", "min_size", "max_size")}
    made = verdict.order.normalized if verdict.order is not None else None
    return {
        "rules": rules,
        "contracts": None if made is None else made.contracts,
        "adjusted_usd": None if made is None else made.adjusted_usd,
        "adjustments": [] if made is None else list(made.adjustments),
    }
