"""Why and why not: signals with components, gates and sizes; regime and strategies; what was learned; models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tradingbot.core.types import parse_utc
from tradingbot.dashboard.sources import Look
from tradingbot.engine.journal_moments import WRITTEN_LATER, within
from tradingbot.engine.models import LatestSignalsState
from tradingbot.explain.story import headline
from tradingbot.storage.journal_search import search

NEWEST_LINES: Final = 200
"""Lines of the universe that are looked at for those of one cycle: one per symbol."""
LEARNED_LINES: Final = 1_000
PARAMS_LINES: Final = 60
AUDIT_LINES: Final = 2_000
SHOWN_CHANGES: Final = 20
CHANGES: Final = ("applied", "reverted", "reverted_by_operator", "refused")
DAY: Final = timedelta(days=1)
MINUTES_OF_DAY: Final = 1_440
SHARES_EVERY: Final = 10


def signals(look: Look) -> dict[str, Any]:
    """Every symbol of the cycle: what was read, which gate stopped it, how the size came about."""
    cycle_id = look.moment.cycle_id
    universe = {str(row["symbol"]): row for row in _of_cycle(look, "signal_universe", cycle_id)}
    records = _signals_of(look, cycle_id)
    names = list(dict.fromkeys((*records, *universe)))
    return {"cycle_id": cycle_id, "symbols": [_row(name, records.get(name), universe.get(name)) for name in names]}


def _signals_of(look: Look, cycle_id: str) -> dict[str, dict[str, Any]]:
    latest: LatestSignalsState | None = look.sources.document("latest_signals")
    if latest is not None and latest.cycle_id == cycle_id:
        return dict(latest.symbols)
    return {str(row["symbol"]): row for row in _of_cycle(look, "signals", cycle_id)}


def _of_cycle(look: Look, journal: str, cycle_id: str) -> list[dict[str, Any]]:
    reader = look.journal(journal)
    if not look.past:
        return [row for row in reader.tail(NEWEST_LINES) if row.get("cycle_id") == cycle_id]
    found = search(reader.path, f'"cycle_id":"{cycle_id}"', look.until, look.until + WRITTEN_LATER)
    return [row for row in found if row["cycle_id"] == cycle_id]


def _row(name: str, signal: dict[str, Any] | None, universe: dict[str, Any] | None) -> dict[str, Any]:
    signal, known = signal or {}, universe or {}
    return {
        "symbol": name,
        "signal_id": signal.get("signal_id") or known.get("signal_id"),
        "price": signal.get("price") or known.get("price"),
        "direction": signal.get("direction") or known.get("direction"),
        "confidence": signal.get("confidence"),
        "conviction": signal.get("conviction"),
        "headline": headline(known, None) if known else "nothing is on file of this cycle",
        "stage": known.get("stage") or signal.get("stage"),
        "blocked_by": known.get("blocked_by"),
        "reasons": known.get("reasons") or signal.get("reasons", []),
        "components": signal.get("components", []),
        "gates": known.get("gates", []),
        "size": known.get("size"),
        "order": known.get("order"),
        "intelligence": signal.get("intelligence"),
    }


def regime(look: Look) -> dict[str, Any]:
    """The regime that holds and those of the day before, and how strategies share it."""
    lines = _minutes_of_day(look)
    return {
        "regime": look.moment.regime,
        "strategies": look.moment.strategies,
        "regimes": _regimes(lines),
        "shares": _shares(lines),
    }


def _minutes_of_day(look: Look) -> list[dict[str, Any]]:
    """Lines of the journal of equity of the 24 hours before."""
    return list(within(look.newest(look.journal("equity"), MINUTES_OF_DAY), look.until - DAY))


def _regimes(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each regime and since when it held, the newest first."""
    found: list[dict[str, Any]] = []
    for line in lines:
        name = line.get("regime")
        if name and (not found or found[-1]["regime"] != name):
            found.append({"regime": name, "since": line["as_of"]})
    return found[::-1]


def _shares(lines: Sequence[Mapping[str, Any]]) -> dict[str, list[list[float]]]:
    """Shares per strategy, %: [epoch seconds, value], one of ten minutes."""
    found: dict[str, list[list[float]]] = {}
    for line in [*lines[:-1:SHARES_EVERY], *lines[-1:]]:
        at_s = int(parse_utc(str(line["as_of"])).timestamp())
        for name, share in (line.get("strategies") or {}).items():
            found.setdefault(name, []).append([at_s, float(share)])
    return found


def learning(look: Look) -> dict[str, Any]:
    """What was learned and applied, per symbol and side, how it came about, and how ready each symbol's sample is."""
    learned = look.sources.learned(look.until if look.past else None)
    return {
        "parameters": learned["parameters"],
        "trades_learned": learned["trades_learned"],
        "over_time": _over_time(look.newest(look.journal("learned"), LEARNED_LINES)),
        "readiness": look.moment.readiness,
        "venue": look.moment.runtime.venue,
        **in_force(look.newest(look.journal("decision_params"), PARAMS_LINES), look.until),
        "changes": changes_of(look.newest(look.journal("learning_audit"), AUDIT_LINES)),
    }


def in_force(lines: Sequence[Mapping[str, Any]], until: datetime) -> dict[str, Any]:
    """The generation that holds, its levers, and the components' weights over time: [epoch seconds, per cent]."""
    weights: dict[str, list[list[float]]] = {}
    levers: Mapping[str, Any] = {}
    for line in lines:
        params, at_s = line.get("params") or {}, int(parse_utc(str(line["at"])).timestamp())
        levers = params.get("levers") or {}
        for name, weight in _weights(params).items():
            weights.setdefault(name, []).append([at_s, round(100 * float(weight), 2)])
    for points in weights.values():  # what held last holds until now
        points.append([max(points[-1][0] + 1, int(until.timestamp())), points[-1][1]])
    return {
        "generation": int(levers.get("number", 0)),
        "levers": dict(sorted((levers.get("values") or {}).items())),
        "weights": weights,
    }


def _weights(params: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = ((params.get("reading") or {}).get("signals") or {}).get("weights") or {}
    return found


def changes_of(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was applied and taken back, the newest first."""
    rows = []
    for line in lines:
        if line.get("event") not in CHANGES:
            continue
        why = line.get("why") or {}
        told = why if isinstance(why, Mapping) else {}
        applied, reversal = told.get("applied") or {}, told.get("reversal") or {}
        gain = applied.get("held_out") or reversal.get("gain") or {}
        rows.append(
            {
                "at": line["at"],
                "event": str(line["event"]).replace("_", " "),
                "generation": line.get("generation"),
                "before": line.get("before"),
                "learner": applied.get("learner") or reversal.get("learner") or line.get("by", ""),
                "why": applied.get("why") or line.get("reason") or ("it hurt" if reversal else ""),
                "gain_bps": gain.get("mean_bps"),
                "t": gain.get("t"),
            }
        )
    return rows[::-1][:SHOWN_CHANGES]


def _over_time(lines: Iterable[Mapping[str, Any]]) -> dict[str, list[list[float]]]:
    """Mean net result per symbol and side, bps: [epoch seconds, value], of each time that something was learned."""
    found: dict[str, dict[int, float]] = {}
    for line in lines:
        at_s = int(parse_utc(str(line["at"])).timestamp())
        for name, record in ((line.get("parameters") or {}).get("records") or {}).items():
            if (value := record.get("mean_net_bps")) is not None:
                found.setdefault(name, {})[at_s] = round(float(value), 2)
    return {name: [[at_s, value] for at_s, value in sorted(points.items())] for name, points in sorted(found.items())}


def models(look: Look) -> dict[str, Any]:
    """Models on disk; without one, rules alone decide."""
    root = look.sources.home / "models"
    found = sorted(one.name for one in (root / "candidates").glob("model_*")) if root.is_dir() else []
    return {"candidates": found, "approved": None, "text": "no model is in use: rules alone decide"}
