"""A recorded decision is computed again; whatever was changed in its records is found and named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest

from tests.support import BTC, ETH, NOW, a_fill, a_plan, a_spec
from tests.unit.test_decision import PARAMS, bullish
from tradingbot.core.types import Direction
from tradingbot.decision import Decision, DecisionParams, decide
from tradingbot.engine.cycle_record import signal_records
from tradingbot.engine.universe_record import universe_records
from tradingbot.explain.recompute import RecordedParams, recompute
from tradingbot.explain.story import headline
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.actions import OpenPosition
from tradingbot.portfolio.book import Book, apply_fill
from tradingbot.storage.journal import encode_line

Records = dict[str, dict[str, Any]]


def stored(snapshot: MarketSnapshot, decision: Decision) -> dict[str, Records]:
    """The lines of one cycle as they read back from their journals, by symbol."""
    opens = {
        action.symbol: {"kind": "open", "symbol": action.symbol, "side": action.side.value, "size": str(action.size)}
        for action in decision.actions
        if isinstance(action, OpenPosition)
    }
    cycle = {"cycle_id": snapshot.cycle_id, "actions": list(opens.values())}
    signals = {line["symbol"]: orjson.loads(encode_line(line)) for line in signal_records(snapshot, decision)}
    lines = {line["symbol"]: orjson.loads(encode_line(line)) for line in universe_records(snapshot, decision, "p")}
    return {name: {"universe": lines[name], "signal": signals[name], "cycle": cycle} for name in lines}


def recorded_params(params: DecisionParams = PARAMS) -> RecordedParams:
    parts = {name: getattr(params, name).model_dump(mode="json") for name in ("reading", "gates", "risk")}
    return RecordedParams.of(orjson.loads(orjson.dumps(parts)))


def one(permission: EntryPermission = EntryPermission(), held: Book = Book(), **changes: Any) -> Records:  # noqa: B008
    snapshot = bullish(**changes)
    return stored(snapshot, decide(snapshot, held, PARAMS, permission))[ETH]


def differing(records: Records) -> set[str]:
    found = recompute(records["universe"], records["signal"], records["cycle"], recorded_params())
    return {mismatch.what for mismatch in found.mismatches}


def test_an_entry_comes_out_as_it_was_stored() -> None:
    """Side, conviction, stage and contracts, to the last digit."""
    records = one()
    found = recompute(records["universe"], records["signal"], records["cycle"], recorded_params())
    assert found.mismatches == ()
    assert (found.direction, found.stage) == ("long", "entered")
    assert str(found.contracts) == records["universe"]["order"]["contracts"]
    assert "LONG" in headline(records["universe"], None)


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"permission": EntryPermission(("downtime",))}, "pre_entry"),
        ({"permission": EntryPermission((), {ETH: "not_in_enabled_symbols"})}, "policy"),
        ({"permission": EntryPermission(entries_left_today=0)}, "pre_entry"),
        ({"stale": ("candles",)}, "pre_entry"),
        ({"book": None}, "fee"),
    ],
)
def test_so_does_every_way_to_be_blocked(changes: dict[str, Any], stage: str) -> None:
    """And the sentence says where."""
    records = one(**changes)
    found = recompute(records["universe"], records["signal"], records["cycle"], recorded_params())
    assert (found.mismatches, found.stage, found.contracts) == ((), stage, None)
    assert f"stopped at {stage}" in headline(records["universe"], None)


def test_a_refused_size_comes_out_too() -> None:
    """Sizing refuses what moves with what is held."""
    held, _ = apply_fill(Book(), a_fill(symbol=BTC, size=Decimal("0.005")), a_plan(BTC, Direction.LONG))
    records = one(held=held)
    assert records["universe"]["stage"] == "sizing"
    assert differing(records) == set()


def test_a_size_that_no_contract_can_have_comes_out_too() -> None:
    """The contract's rules refuse it again."""
    records = one(spec=a_spec(ETH, min_size=Decimal(1), size_step=Decimal(1)))
    found = recompute(records["universe"], records["signal"], records["cycle"], recorded_params())
    assert (found.mismatches, found.stage, found.contracts) == ((), "contract_size", None)


def test_a_signal_without_a_side_comes_out_too() -> None:
    """There is nothing to review."""
    snapshot = bullish()
    decision = decide(replace(snapshot, as_of=NOW), Book(), PARAMS, EntryPermission())
    records = stored(snapshot, decision)[BTC]
    assert records["universe"]["gates"] == []
    assert differing(records) == set()


def _gate(records: Records, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in records["universe"]["gates"] if item["gate"] == name)
    return found


def _first_vote(records: Records) -> dict[str, Any]:
    return next(item for item in records["signal"]["components"] if item["direction"] == "long")


TAMPERED: tuple[tuple[Callable[[Records], Any], str], ...] = (
    (lambda r: _first_vote(r).update(confidence=0.011), "universe.confidence"),
    (lambda r: _first_vote(r).update(direction="neutral", confidence=0.0), "signal.aligned"),
    (lambda r: r["signal"].update(direction="short"), "signal.direction"),
    (lambda r: r["universe"].update(conviction="HIGH"), "universe.conviction"),
    (lambda r: r["signal"]["ensemble"].update(probability=0.7), "ensemble.probability"),
    (lambda r: r["signal"]["ensemble"].update(expected_move_bps=9.0), "ensemble.expected_move_bps"),
    (lambda r: _gate(r, "conviction").update(multiplier=2.5), "gate.conviction"),
    (lambda r: _gate(r, "fee").update(passed=False), "gate.fee"),
    (lambda r: _gate(r, "fee")["saw"].update(reachable_move_bps=0.0), "gate.fee"),
    (lambda r: _gate(r, "fee")["saw"].update(reachable_move_bps=0.0), "stage"),
    (lambda r: _gate(r, "pre_entry")["saw"].update(against=["daily_loss"]), "blocked_by"),
    (lambda r: _gate(r, "conviction")["saw"].update(flow_confidence=0.9), "seen.conviction.flow_confidence"),
    (lambda r: _gate(r, "ensemble")["saw"].update(side_probability=0.9), "seen.ensemble.side_probability"),
    (lambda r: r["universe"].update(stage="sizing"), "stage"),
    (lambda r: r["universe"]["size"]["request"].update(confidence=0.001), "size.size_usd"),
    (lambda r: r["universe"]["size"]["request"]["factors"][2].update(value=2.5), "size.factor.conviction_gate"),
    (lambda r: r["universe"]["size"]["exposure"].update(equity_usd="1"), "size.refused"),
    (lambda r: r["universe"]["size"].update(leverage="50"), "size.leverage"),
    (lambda r: r["universe"]["size"]["request"].update(cap_usd=1e9), "size.cap_usd"),
    (lambda r: r["universe"]["order"].update(contracts="7"), "order.contracts"),
    (lambda r: r["universe"]["order"]["rules"].update(size_step="0.1"), "order.contracts"),
    (lambda r: r["cycle"].update(actions=[]), "action"),
    (lambda r: r["cycle"]["actions"][0].update(size="7"), "action.size"),
    (lambda r: r["cycle"]["actions"][0].update(side="sell"), "action.side"),
)


@pytest.mark.parametrize(("change", "what"), TAMPERED)
def test_what_was_changed_in_the_records_is_found(change: Callable[[Records], Any], what: str) -> None:
    """Nothing is taken from the result."""
    records = copy.deepcopy(one())
    assert differing(records) == set()
    change(records)
    assert what in differing(records)


def test_other_parameters_would_have_decided_otherwise() -> None:
    """The settings are part of the record."""
    records = one()
    strict = replace(PARAMS, gates=PARAMS.gates.model_validate({"fee": {"min_edge_bps": 1000}}))
    found = recompute(records["universe"], records["signal"], records["cycle"], recorded_params(strict))
    assert found.stage == "fee"
    assert "gate.fee" in {mismatch.what for mismatch in found.mismatches}
