"""A decision that comes out differently: its first differing stage is named, with the values that are on file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from tests.support import ETH, NOW, a_fill, a_plan
from tests.unit.test_decision import PARAMS, bullish
from tradingbot.core.parameters import NOTHING_LEARNED
from tradingbot.core.types import Direction, Regime
from tradingbot.decision import Decision, decide
from tradingbot.engine.cycle_record import book_digest, cycle_action, digest_of, exit_record, signal_records
from tradingbot.engine.input_parts import CycleInputs, features_checksum
from tradingbot.engine.input_recorder import InputRecorder
from tradingbot.engine.params import InputParams
from tradingbot.engine.stage_digests import STAGES, stage_digests
from tradingbot.engine.universe_record import universe_records
from tradingbot.entering import SignalVerdict
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.portfolio.book import Book, apply_fill
from tradingbot.research.replay.naming import UNNAMED, as_stored, differing_stages, differing_values, wrong_inputs
from tradingbot.research.replay.params import ParamsOnFile
from tradingbot.research.replay.rebuild import LostThreadError, Rebuilder
from tradingbot.strategies.strategy import ActiveStrategy

HELD, _ = apply_fill(Book(), a_fill(price=Decimal(1960)), a_plan())
FREE = CycleInputs(bullish(), Book(), EntryPermission(), NOTHING_LEARNED, "p")


def decided(inputs: CycleInputs = FREE) -> Decision:
    return decide(inputs.snapshot, inputs.book, PARAMS, inputs.permission, inputs.learned)


def record_of(decision: Decision, inputs: CycleInputs = FREE) -> dict[str, Any]:
    """What the cycle's line says."""
    return as_stored(
        {
            "snapshot_hash": inputs.snapshot.digest(),
            "book_hash": book_digest(inputs.book),
            "params_hash": inputs.params_hash,
            "learned_hash": digest_of(inputs.learned),
            "stages": stage_digests(decision),
            "regime": decision.regime.regime.value,
            "strategies": {one.name: one.share_pct for one in decision.active},
            "exits": [exit_record(verdict) for verdict in decision.exits],
            "actions": [cycle_action(action) for action in decision.actions],
        }
    )


def eth(decision: Decision, change: Callable[[SignalVerdict], SignalVerdict]) -> Decision:
    """The decision with another verdict on ETH."""
    verdicts = (change(one) if one.signal.symbol == ETH else one for one in decision.signals)
    return replace(decision, signals=tuple(verdicts))


def flow(decision: Decision, **changes: Any) -> Decision:
    def other(one: SignalVerdict) -> SignalVerdict:
        return replace(one, reading=replace(one.reading, flow=replace(one.signal, **changes)))

    return eth(decision, other)


def reading(decision: Decision, **changes: Any) -> Decision:
    return eth(decision, lambda one: replace(one, reading=replace(one.reading, **changes)))


def planted(decision: Decision) -> Iterator[tuple[str, str, Decision]]:
    """Each stage with a difference in it, and what must be named."""
    (verdict,) = [one for one in decision.signals if one.signal.symbol == ETH]
    first, *rest = verdict.signal.components
    yield "regime", "regime: recorded", replace(decision, regime=replace(decision.regime, regime=Regime.PANIC))
    yield "strategies", "strategies.", replace(decision, active=(ActiveStrategy("X", 9.0),))
    other = (replace(first, confidence=0.625), *rest)
    yield "components", f"ETHUSDT components[{first.name}].confidence: recorded", flow(decision, components=other)
    yield "signal", "ETHUSDT direction", flow(decision, direction=Direction.SHORT)
    yield "alignment", "ETHUSDT mtf.long", reading(decision, mtf=replace(verdict.reading.mtf, long=0.111))
    prediction = replace(verdict.reading.prediction, probability=0.99)
    yield "ensemble", "ETHUSDT ensemble.probability", reading(decision, prediction=prediction)
    score = replace(verdict.reading.intelligence, score=0.5)
    yield "intelligence", "ETHUSDT intelligence.score", reading(decision, intelligence=score)
    gate = verdict.trail.verdicts[0]
    trail = replace(verdict.trail, verdicts=(replace(gate, passed=not gate.passed), *verdict.trail.verdicts[1:]))
    yield "gates", f"ETHUSDT gates[{gate.gate}].passed", eth(decision, lambda one: replace(one, trail=trail))
    assert verdict.size is not None
    size = replace(verdict.size, size_usd=Decimal(1))
    yield "size", "ETHUSDT size.size_usd", eth(decision, lambda one: replace(one, size=size))
    yield "actions", "actions", replace(decision, actions=())


def test_each_stage_is_named_with_its_value() -> None:
    """Symbol, component or gate, the recorded and the decided value."""
    decision = decided()
    recorded = record_of(decision)
    signals = as_stored(list(signal_records(FREE.snapshot, decision)))
    universe = as_stored(list(universe_records(FREE.snapshot, decision, "p")))
    seen = []
    for stage, named, other in planted(decision):
        stages = differing_stages(other, recorded)
        assert stages[0] == stage, (stage, stages)
        values = differing_values(stage, FREE, other, recorded, signals, universe)
        assert any(named in value for value in values), (stage, values)
        seen.append(stage)
    assert set(STAGES) - set(seen) == {"exits", "ideas"}


def test_an_exit_that_differs_is_named() -> None:
    inputs = replace(FREE, book=HELD)
    decision = decided(inputs)
    (verdict,) = decision.exits
    recorded = record_of(decision, inputs)
    other = replace(decision, exits=(replace(verdict, rule="hard_stop"),))
    assert differing_stages(other, recorded)[0] == "exits"
    assert any(".rule: recorded" in value for value in differing_values("exits", inputs, other, recorded, (), ()))


def test_without_hashes_of_stages_the_difference_is_still_said() -> None:
    """A line of an older version has none."""
    decision = decided()
    assert differing_stages(replace(decision, actions=()), {"decision_hash": "x"}) == (UNNAMED,)


def test_inputs_that_are_others_are_named() -> None:
    """Features of one symbol, the book, what was learned; else the snapshot as a whole."""
    recorded = record_of(decided())
    sums = [features_checksum(part) for part in FREE.snapshot.symbols.values()]
    assert wrong_inputs(FREE, recorded, sums) == []
    assert wrong_inputs(FREE, recorded, [sums[0], 1]) == ["ETHUSDT features"]
    assert wrong_inputs(replace(FREE, book=HELD), recorded, sums) == ["book of positions"]
    other = replace(FREE, snapshot=replace(FREE.snapshot, equity_usd=Decimal(1)))
    assert wrong_inputs(other, recorded, sums) == ["market snapshot"]


class Lines:
    """A journal in memory; `full`: the disk refuses."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.full = False

    def append(self, record: dict[str, Any]) -> bool:
        if not self.full:
            body = orjson.loads(orjson.dumps(record))["body"]
            parts = {s: {name: value for name, (_, value) in one.items()} for s, one in body["parts"].items()}
            self.bodies.append({**body, "parts": parts})
        return not self.full


def test_what_could_not_be_written_breaks_no_thread() -> None:
    """After a refused line, and after one that cannot be encoded, the next one stands for itself."""
    lines = Lines()
    recorder = InputRecorder(lines, InputParams(), "v")  # type: ignore[arg-type]
    moved = replace(FREE, permission=EntryPermission(("downtime",)))
    recorder.record(FREE)
    recorder.record(moved)
    lines.full = True
    recorder.record(FREE)
    lines.full = False
    recorder.record(moved)
    with capture_logs() as said:
        recorder.record(replace(FREE, learned=object()))  # type: ignore[arg-type]
    assert [one["event"] for one in said] == ["inputs.not_recorded"]
    recorder.record(FREE)
    assert [body["kind"] for body in lines.bodies] == ["key", "change", "key", "key"]
    assert lines.bodies[1]["parts"] == {"market": {"permission": {"0": ["downtime"]}}}
    assert lines.bodies[2]["run"] == lines.bodies[0]["run"]


def test_a_line_that_continues_nothing_is_refused(tmp_path: Path) -> None:
    """The reason is said, and the next key line begins anew."""
    lines = Lines()
    recorder = InputRecorder(lines, InputParams(), "v")  # type: ignore[arg-type]
    for reasons in ((), ("a",), ("b",)):
        recorder.record(replace(FREE, permission=EntryPermission(reasons)))
    key, first, second = lines.bodies
    rebuilder = Rebuilder()
    with pytest.raises(LostThreadError, match="no key line before it"):
        rebuilder.take(first, None)
    rebuilder.take(key, None)
    with pytest.raises(LostThreadError, match="a line before it is not on file"):
        rebuilder.take(second, None)
    rebuilder.take(key, None)
    strange = {**first, "parts": {"market": {"nothing": {"0": 1}}}}
    with pytest.raises(LostThreadError, match="does not fit those before it: KeyError"):
        rebuilder.take(strange, None)
    newer = {**key, "fields": {**key["fields"], "Book": [*key["fields"]["Book"], "colour"]}}
    with pytest.raises(LostThreadError, match="Book has other fields in this version: colour"):
        rebuilder.take(newer, None)
    assert ParamsOnFile(tmp_path).of("x") == "its parameters are not on file"
    assert FREE.snapshot.as_of == NOW
