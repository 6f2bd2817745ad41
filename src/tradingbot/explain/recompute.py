"""A recorded decision computed again from its records: every value that comes out differently is a mismatch.

It uses the very functions that decided, on the very numbers that they saw; nothing is taken from the result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from tradingbot.core.errors import SizingError
from tradingbot.core.types import ContractKind, Conviction, Direction, Symbol
from tradingbot.engine.cycle_record import reason_records
from tradingbot.engine.universe_record import gate_record, size_record
from tradingbot.entering import ended_at
from tradingbot.gates.gate import NO_TRAIL, GateTrail
from tradingbot.gates.params import GateParams
from tradingbot.gates.table import GATES
from tradingbot.market.contracts import ContractSpec
from tradingbot.reading import ReadingParams
from tradingbot.risk.canonical_sizing import normalize_position_size
from tradingbot.risk.exact_settings import exact_of
from tradingbot.risk.exposure import Exposure
from tradingbot.risk.params import RiskParams
from tradingbot.risk.position_sizing import SizeRequest, SizeVerdict, size_entry
from tradingbot.signals.component import ComponentReading
from tradingbot.signals.ensemble import calibrated, expected_move
from tradingbot.signals.predictive_flow_engine import FlowSignal, aligned_confidence, conviction_of, majority
from tradingbot.storage.journal import encode_line

Record = Mapping[str, Any]

VIEWS: Final = {gate.name: TypeAdapter(gate.view) for gate in GATES}
REQUEST: Final[TypeAdapter[SizeRequest]] = TypeAdapter(SizeRequest)
EXPOSURE: Final[TypeAdapter[Exposure]] = TypeAdapter(Exposure)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One value that is stored as one thing and computed as another."""

    what: str
    stored: str
    computed: str


@dataclass(frozen=True, slots=True)
class RecordedParams:
    """The parameters of a decision, as `logs/decision_params.jsonl` has them."""

    reading: ReadingParams
    gates: GateParams
    risk: RiskParams

    @classmethod
    def of(cls, record: Record) -> RecordedParams:
        """From the `params` of a line. Raises pydantic.ValidationError for those of another version."""
        return cls(
            ReadingParams.model_validate(record["reading"]),
            GateParams.model_validate(record["gates"]),
            RiskParams.model_validate(record["risk"]),
        )


@dataclass(frozen=True, slots=True)
class Computed:
    """What came out: side, conviction, stage, contracts (None: none), and everything that differs from the records."""

    direction: str
    conviction: str
    stage: str
    contracts: Decimal | None
    mismatches: tuple[Mismatch, ...]


def recompute(universe: Record, signal: Record, cycle: Record | None, params: RecordedParams) -> Computed:
    """Everything from the components to the contracts, and the action that the cycle recorded."""
    flow = flow_of(signal, params.reading)
    trail = trail_of(universe, params.gates)
    size = _size_of(universe, params.risk)
    contracts = _contracts_of(universe, size, params.risk)
    stage, reasons = _stage(flow, trail, size, contracts)
    found = (
        *_signal_differences(universe, signal, flow),
        *_ensemble_differences(signal, params.reading),
        *_gate_differences(universe, trail, flow, signal),
        *_differ("stage", universe["stage"], stage),
        *_reason_differences(universe, stage, reasons),
        *_size_differences(universe, size, trail),
        *_order_differences(universe, contracts),
        *_action_differences(universe, cycle, flow, contracts),
    )
    amount = contracts[0] if isinstance(contracts, tuple) else None
    return Computed(flow.direction.value, flow.conviction.value, stage, amount, found)


def flow_of(signal: Record, params: ReadingParams) -> FlowSignal:
    """The flow signal that the recorded components add up to."""
    readings = tuple(
        ComponentReading(
            item["name"], Direction(item["direction"]), item["confidence"], item["value"], None, (), item["live"]
        )
        for item in signal["components"]
    )
    own = params.signals
    direction, aligned, opposed = majority(readings, own.min_aligned_components)
    confidence = aligned_confidence(readings, direction, own.weights.by_name)
    conviction, multiplier = conviction_of(aligned, confidence, own.conviction)
    moment = datetime.fromisoformat(str(signal["as_of"]))
    symbol = Symbol(str(signal["symbol"]))
    return FlowSignal(symbol, moment, direction, confidence, aligned, opposed, conviction, multiplier, readings)


def trail_of(universe: Record, params: GateParams) -> GateTrail:
    """What every gate says of what it saw. Raises KeyError for a gate that is not known."""
    by_name = {gate.name: gate for gate in GATES}
    verdicts = []
    for item in universe["gates"]:
        gate = by_name[item["gate"]]
        verdicts.append(gate.judge(VIEWS[gate.name].validate_python(item["saw"]), params))
    return GateTrail(tuple(verdicts)) if verdicts else NO_TRAIL


def _size_of(universe: Record, params: RiskParams) -> SizeVerdict | None:
    stored = universe["size"]
    if stored is None:
        return None
    return size_entry(REQUEST.validate_python(stored["request"]), EXPOSURE.validate_python(stored["exposure"]), params)


def _contracts_of(
    universe: Record, size: SizeVerdict | None, params: RiskParams
) -> tuple[Decimal, Decimal] | str | None:
    """(contracts, their worth in USD), or why there are none; None when there was no size."""
    order = universe["order"]
    if order is None or size is None or size.refused:
        return None
    price = Decimal(str(universe["size"]["request"]["price"]))
    symbol = Symbol(str(universe["symbol"]))
    least = exact_of(params.sizing.min_trade_usd)
    try:
        made = normalize_position_size(
            symbol, size.size_usd, price, _spec_of(symbol, order["rules"]), min_notional_usd=least
        )
    except SizingError as error:
        return str(error)
    return made.contracts, made.adjusted_usd


def _spec_of(symbol: Symbol, rules: Record) -> ContractSpec:
    """A contract of which only the rules for sizes matter."""
    numbers = {name: Decimal(str(rules[name])) for name in ("contract_size", "size_step", "min_size", "max_size")}
    return ContractSpec(
        symbol=symbol,
        venue_symbol="",
        kind=ContractKind(rules["kind"]),
        tick_size=Decimal(1),
        margin_levels=(),
        settlement_currency="USD",
        wallet="",
        tradeable=True,
        post_only=False,
        as_of=datetime(1970, 1, 1, tzinfo=UTC),
        source="record",
        **numbers,
    )


def _stage(
    flow: FlowSignal, trail: GateTrail, size: SizeVerdict | None, contracts: tuple[Decimal, Decimal] | str | None
) -> tuple[str, list[dict[str, Any]] | None]:
    """Where it ends and why; None where the reasons are not part of the recomputation."""
    end = ended_at(flow, trail)
    if end is not None:
        return end[0], reason_records(end[1])
    if size is None:
        return "not sized", None
    if size.refused:
        return "sizing", reason_records(size.refused)
    return ("entered", []) if isinstance(contracts, tuple) else ("contract_size", None)


def _signal_differences(universe: Record, signal: Record, flow: FlowSignal) -> Iterator[Mismatch]:
    for name in ("direction", "confidence", "conviction"):
        computed = getattr(flow, name)
        plain = computed.value if isinstance(computed, Direction | Conviction) else computed
        yield from _differ(f"signal.{name}", signal[name], plain)
        yield from _differ(f"universe.{name}", universe[name], plain)
    for name in ("aligned", "opposed"):
        yield from _differ(f"signal.{name}", signal[name], getattr(flow, name))


def _ensemble_differences(signal: Record, params: ReadingParams) -> Iterator[Mismatch]:
    stored, own = signal["ensemble"], params.ensemble
    members = stored["members"]
    raw = math.fsum(item["added"] for item in members)
    probability = calibrated(raw, own) if any(item["added"] for item in members) else 0.5
    yield from _differ("ensemble.probability", stored["probability"], probability)
    move = expected_move(probability, stored["sigma_bps"], own)
    yield from _differ("ensemble.expected_move_bps", stored["expected_move_bps"], move)


def _as_wide_as(stored: Record, computed: dict[str, Any]) -> dict[str, Any]:
    """Without what the gate sees since a later version: unknown then, so not in the record and None here."""
    saw = {name: value for name, value in computed["saw"].items() if value is not None or name in stored["saw"]}
    return {**computed, "saw": saw}


def _gate_differences(universe: Record, trail: GateTrail, flow: FlowSignal, signal: Record) -> Iterator[Mismatch]:
    for stored, verdict in zip(universe["gates"], trail.verdicts, strict=True):
        yield from _differ(f"gate.{verdict.gate}", stored, _as_wide_as(stored, as_stored(gate_record(verdict))))
    blocker = trail.blocker
    yield from _differ("blocked_by", universe["blocked_by"], None if blocker is None else blocker.gate)
    if not trail.verdicts:
        return
    seen = {verdict.gate: as_stored(verdict.saw) for verdict in trail.verdicts}
    sign = flow.direction.sign
    up = signal["ensemble"]["probability"]
    score = signal["intelligence"]["score"]
    yield from _differ("seen.conviction.flow_confidence", seen["conviction"]["flow_confidence"], flow.confidence)
    yield from _differ(
        "seen.ensemble.side_probability", seen["ensemble"]["side_probability"], up if sign > 0 else 1 - up
    )
    yield from _differ("seen.intelligence.side_score", seen["intelligence"]["side_score"], score and score * sign)
    yield from _differ("seen.pre_entry.aligned", seen["pre_entry"]["aligned"], flow.aligned)


def _reason_differences(universe: Record, stage: str, reasons: list[dict[str, Any]] | None) -> Iterator[Mismatch]:
    if reasons is not None and stage == universe["stage"]:
        yield from _differ("reasons", universe["reasons"], as_stored(reasons))


def _size_differences(universe: Record, size: SizeVerdict | None, trail: GateTrail) -> Iterator[Mismatch]:
    stored = universe["size"]
    if stored is None or size is None:
        return
    computed = as_stored(size_record(size))
    for name, value in computed.items():
        yield from _differ(f"size.{name}", stored[name], value)
    factors = {item["name"]: item["value"] for item in stored["request"]["factors"]}
    for gate, factor in (
        ("conviction", "conviction_gate"),
        ("correlation", "correlation_throttle"),
        ("intelligence", "intelligence"),
        ("microstructure", "microstructure"),
    ):
        yield from _differ(f"size.factor.{factor}", factors[factor], trail.of(gate).multiplier)
    yield from _differ("size.cap_usd", stored["request"]["cap_usd"], trail.cap_usd)


def _order_differences(universe: Record, contracts: tuple[Decimal, Decimal] | str | None) -> Iterator[Mismatch]:
    order = universe["order"]
    if order is None or not isinstance(contracts, tuple):
        return
    for name, value in zip(("contracts", "adjusted_usd"), contracts, strict=True):
        yield from _differ(f"order.{name}", _decimal(order[name]), value)


def _action_differences(
    universe: Record, cycle: Record | None, flow: FlowSignal, contracts: tuple[Decimal, Decimal] | str | None
) -> Iterator[Mismatch]:
    """What the cycle recorded that it would do about this symbol."""
    if cycle is None:
        return
    actions = [one for one in cycle["actions"] if one["kind"] == "open" and one["symbol"] == universe["symbol"]]
    wanted = contracts[0] if isinstance(contracts, tuple) else None
    yield from _differ("action", bool(actions), wanted is not None)
    if actions and wanted is not None:
        yield from _differ("action.size", _decimal(actions[0]["size"]), wanted)
        yield from _differ("action.side", actions[0]["side"], flow.direction.entry_side.value)


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def as_stored(value: object) -> Any:
    """A value as it reads back from a journal."""
    return orjson.loads(encode_line({"value": value}))["value"]


def _differ(what: str, stored: object, computed: object) -> Iterator[Mismatch]:
    if stored != computed:
        yield Mismatch(what, str(stored), str(computed))
