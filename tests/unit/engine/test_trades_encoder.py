"""The file of finished trades is encoded trade by trade, and comes out as pydantic would write it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from pydantic_core import to_json

from tests.builders_trades import a_trade
from tradingbot.engine import models
from tradingbot.engine.models import TradesEncoder, TradesState
from tradingbot.engine.trade_archive import archived

TRADES = [a_trade(number, "3.10", ladder_state={"0": {"size": "1"}} if number else {}) for number in range(3)]


def plainly(state: TradesState) -> bytes:
    return type(state).__pydantic_serializer__.to_json(state)


def test_it_gives_what_pydantic_gives() -> None:
    """Empty, grown, changed and shrunk; a trade of the same id that is another value is encoded anew."""
    encode = TradesEncoder()
    changed = [*TRADES[:2], replace(TRADES[2], fees=Decimal("9.9"))]
    for trades in ([], TRADES[:1], TRADES, changed, TRADES[1:], [TRADES[0], changed[2], TRADES[2]]):
        for gone in ([], TRADES[:1], TRADES):
            state = TradesState(trades=trades, archived=archived(gone))
            assert encode(state) == plainly(state)
            assert TradesState.model_validate_json(encode(state)) == state


def test_a_known_trade_is_not_encoded_again(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    encode, seen = TradesEncoder(), []

    class Counting:
        def dump_json(self, trade: object) -> bytes:
            seen.append(trade)
            return to_json(trade)

    monkeypatch.setattr(models, "_TRADE", Counting())
    encode(TradesState.model_construct(trades=TRADES[:2]))
    seen.clear()
    encode(TradesState.model_construct(trades=TRADES))
    assert seen == [TRADES[2]]


def test_the_state_holds_nothing_else() -> None:
    """A further field must be encoded too."""
    assert set(TradesState.model_fields) == {"trades", "archived"}
