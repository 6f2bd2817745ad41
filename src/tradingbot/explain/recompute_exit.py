"""A recorded exit judged again, and a finished trade added up again from its fills."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from tradingbot.core.types import ContractKind, Direction
from tradingbot.exits.exit_engine import ExitVerdict, judge
from tradingbot.exits.facts import facts_from
from tradingbot.exits.params import ExitParams
from tradingbot.explain.recompute import Mismatch
from tradingbot.portfolio.position import average_price

Record = Mapping[str, Any]

ROUNDING: Final = Decimal("1e-6")
"""Part of the notional by which a sum over fills may differ from the venue's own rounding of each."""
OUTSIDE: Final = ("closed_by_hand", "liquidation")
"""Purposes of fills that may have traded more than was ours."""


def judged_again(facts: Record, params: ExitParams) -> ExitVerdict:
    """The verdict on recorded facts. Raises pydantic.ValidationError for facts of another version."""
    return judge(facts_from(facts), params)


def exit_mismatches(order: Record, params: Record) -> Iterator[Mismatch]:
    """The rule behind one closing order, judged again with the settings of its own cycle.

    What the venue, a stop or a person closed was no rule's decision, and has no facts.
    """
    facts = order["context"].get("facts")
    if facts is None:
        return
    verdict = judged_again(facts, ExitParams.model_validate(params["exits"]))
    if verdict.rule != order["rule"]:
        yield Mismatch(f"exit.{order['cycle_id']}.rule", str(order["rule"]), str(verdict.rule))
    size = verdict.facts.size if verdict.part is None else verdict.part
    if size != _dec(order["size"]):
        yield Mismatch(f"exit.{order['cycle_id']}.size", str(order["size"]), str(size))


def trade_mismatches(
    trade: Record, fills: Sequence[Record], kind: ContractKind, multiplier: Decimal
) -> Iterator[Mismatch]:
    """Sizes and prices from the fills, result from its parts; `multiplier` is what one contract stands for."""
    net = _dec(trade["gross_pnl"]) - _dec(trade["fees"]) + _dec(trade["funding"])
    if net != _dec(trade["net_pnl"]):
        yield Mismatch("result.net_pnl", str(trade["net_pnl"]), str(net))
    if not fills or any(fill["purpose"] in OUTSIDE for fill in fills):
        return
    ins = [(_dec(fill["size"]), _dec(fill["price"])) for fill in fills if fill["purpose"] == "entry"]
    outs = [(_dec(fill["size"]), _dec(fill["price"])) for fill in fills if fill["purpose"] != "entry"]
    size = _dec(trade["size"])
    for name, parts in (("entry", ins), ("exit", outs)):
        total = sum((one for one, _ in parts), Decimal(0))
        if total != size:
            yield Mismatch(f"fills.{name}_size", str(size), str(total))
            return
        price, stored = average_price(kind, tuple(parts)), _dec(trade[f"{name}_price"])
        if abs(price - stored) > stored * ROUNDING:
            yield Mismatch(f"fills.{name}_price", str(stored), str(price))
    gross, notional = _gross(trade, ins, outs, kind, multiplier)
    if abs(gross - _dec(trade["gross_pnl"])) > notional * ROUNDING:
        yield Mismatch("fills.gross_pnl", str(trade["gross_pnl"]), str(gross))


def _gross(
    trade: Record,
    ins: Sequence[tuple[Decimal, Decimal]],
    outs: Sequence[tuple[Decimal, Decimal]],
    kind: ContractKind,
    multiplier: Decimal,
) -> tuple[Decimal, Decimal]:
    """(profit before costs, notional), both in the settlement currency."""
    sign = Direction(trade["direction"]).sign
    if kind is ContractKind.INVERSE:
        paid, got = (sum((s / p for s, p in parts), Decimal(0)) * multiplier for parts in (ins, outs))
        return (paid - got) * sign, paid
    paid, got = (sum((s * p for s, p in parts), Decimal(0)) * multiplier for parts in (ins, outs))
    return (got - paid) * sign, paid


def _dec(value: object) -> Decimal:
    return Decimal(str(value))
