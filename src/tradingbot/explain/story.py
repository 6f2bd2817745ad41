"""One view model of a signal or a trade: what was seen, said, sized, sent, filled, advised, and what came of it.

Plain JSON-able values, for commands and pages alike. `check` says whether everything could be computed again from the
records and came out as it was stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from tradingbot.core.errors import ConfigurationError, StateError
from tradingbot.core.types import ContractKind
from tradingbot.engine.cycle_record import reason_records
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.exits.params import ExitParams
from tradingbot.explain.recompute import Computed, Mismatch, RecordedParams, recompute
from tradingbot.explain.recompute_exit import exit_mismatches, judged_again, trade_mismatches
from tradingbot.explain.stored import (
    StoredSignal,
    StoredTrade,
    as_written,
    find_signal,
    find_trade,
    ids_of,
    position_of_order,
    trade_id_of,
)

Record = Mapping[str, Any]
NOT_AS_WRITTEN_NOW: Final = (KeyError, TypeError, ValueError, ArithmeticError)
"""What reading a record of another version, or one that somebody has edited, may end in."""


def explain(home: Path, name: str, positions: PositionsState | None, trades: TradesState | None) -> dict[str, Any]:
    """The story of a trade id, an order id or a signal id. Raises ConfigurationError for one that is not on file,

    StateError for records that are not as this version writes them.
    """
    try:
        return _explain(home, name, positions, trades)
    except NOT_AS_WRITTEN_NOW as error:
        raise StateError(
            f"{home / 'logs'}: the records of {name} are of another version of the program, or damaged "
            f"({error!r}); they cannot be told"
        ) from error


def _explain(home: Path, name: str, positions: PositionsState | None, trades: TradesState | None) -> dict[str, Any]:
    signal_id, wanted = _ids(home, as_written(name))
    stored = find_signal(home, signal_id)
    trade = None
    trade_id = wanted or trade_id_of(stored)
    if trade_id is not None:
        trade = find_trade(home, trade_id, positions, trades)
    if wanted is not None and trade is None:
        raise _no_trade(home, wanted, signal_id)
    if stored.universe is None and stored.signal is None and trade is None:
        raise ConfigurationError(
            f"nothing is on file of {name} in {home}; signals are kept in logs/signal_universe.jsonl, trades in "
            "state/trades_futures.json and logs/executed_trades.jsonl"
        )
    return story(stored, trade)


def _ids(home: Path, name: str) -> tuple[str, str | None]:
    """(signal id, trade id) of any id: of an order, those of the position that it belongs to."""
    signal_id, trade_id = ids_of(name)
    if trade_id is not None or signal_id == name:
        return signal_id, trade_id
    found = position_of_order(home, name.removeprefix("t-"))
    if found is None:
        raise _no_trade(home, name, signal_id)
    return ids_of(found)


def _no_trade(home: Path, name: str, signal_id: str) -> ConfigurationError:
    return ConfigurationError(
        f"no trade or order {name} is on file in {home}; is the id whole, and is --home its folder? "
        f"`tradingbot status` lists trades; the signal alone: tradingbot explain {signal_id}"
    )


def story(stored: StoredSignal, trade: StoredTrade | None) -> dict[str, Any]:
    """Everything in one piece."""
    computed, exits, problems = _recomputed(stored, trade)
    mismatches = [*(computed.mismatches if computed is not None else ()), *exits]
    universe, signal = stored.universe or {}, stored.signal or {}
    return {
        "signal_id": stored.signal_id,
        "trade_id": trade.trade_id if trade is not None else None,
        "symbol": universe.get("symbol") or signal.get("symbol") or stored.signal_id.partition("-")[2],
        "as_of": universe.get("as_of") or signal.get("as_of"),
        "price": universe.get("price") or signal.get("price"),
        "headline": headline(universe, trade),
        "signal": signal or None,
        "permission": (stored.cycle or {}).get("permission"),
        "stage": universe.get("stage"),
        "blocked_by": universe.get("blocked_by"),
        "reasons": universe.get("reasons", []),
        "gates": universe.get("gates", []),
        "size": universe.get("size"),
        "order": universe.get("order"),
        "life": _life(trade),
        "held": _held(stored),
        "exit": _exit(trade),
        "result": _result(trade),
        "check": {
            "agrees": computed is not None and not mismatches and not problems,
            "recomputed": None if computed is None else _computed(computed),
            "mismatches": [{"what": m.what, "stored": m.stored, "computed": m.computed} for m in mismatches],
            "problems": problems,
        },
    }


def _computed(computed: Computed) -> dict[str, Any]:
    return {
        "direction": computed.direction,
        "conviction": computed.conviction,
        "stage": computed.stage,
        "contracts": None if computed.contracts is None else str(computed.contracts),
    }


def _recomputed(stored: StoredSignal, trade: StoredTrade | None) -> tuple[Computed | None, list[Mismatch], list[str]]:
    """(the decision, mismatches of exit and result, why something could not be computed)."""
    problems = [f"no line in {name}" for name, record in _needed(stored).items() if record is None]
    if problems or stored.universe is None or stored.signal is None or stored.params is None:
        return None, [], problems
    try:
        params = RecordedParams.of(stored.params["params"])
        computed = recompute(stored.universe, stored.signal, stored.cycle, params)
        return computed, _after_entry(stored, trade), []
    except (ValidationError, *NOT_AS_WRITTEN_NOW) as error:
        first = str(error).splitlines()[0]
        return None, [], [f"the records are of another version of the program: {type(error).__name__}: {first}"]


def _needed(stored: StoredSignal) -> dict[str, Record | None]:
    return {
        "logs/signal_universe.jsonl": stored.universe,
        "logs/predictive_signals.jsonl": stored.signal,
        "logs/cycles.jsonl": stored.cycle,
        "logs/decision_params.jsonl": stored.params,
    }


def _after_entry(stored: StoredSignal, trade: StoredTrade | None) -> list[Mismatch]:
    """Order, exits and result against what was decided."""
    if trade is None:
        return []
    found = list(_order_mismatches(stored, trade))
    for order in trade.orders:
        params = trade.exit_params.get(str(order["client_order_id"]))
        if params is not None:
            found += exit_mismatches(order, params)
    if trade.trade is not None:
        rules = (stored.universe or {})["order"]["rules"]
        kind, multiplier = ContractKind(rules["kind"]), Decimal(str(rules["contract_size"]))
        found += trade_mismatches(trade.trade, trade.fills, kind, multiplier)
    return found


def _order_mismatches(stored: StoredSignal, trade: StoredTrade) -> Sequence[Mismatch]:
    """The entry order as it was sent against the contracts that were decided."""
    wanted = ((stored.universe or {}).get("order") or {}).get("contracts")
    sent = next((order for order in trade.orders if order["purpose"] == "entry"), None)
    if sent is None or wanted is None or Decimal(str(sent["size"])) == Decimal(str(wanted)):
        return []
    return [Mismatch("order.sent_size", str(sent["size"]), str(wanted))]


def _life(trade: StoredTrade | None) -> dict[str, Any] | None:
    if trade is None:
        return None
    return {
        "orders": list(trade.orders),
        "fills": list(trade.fills),
        "stop_changes": list(trade.stops),
        "executions": list(trade.executions),
    }


def _exit(trade: StoredTrade | None) -> dict[str, Any] | None:
    """Rule, advice and numbers of the close."""
    closed = trade.trade if trade is not None else None
    return None if closed is None else {"rule": closed["exit_rule"], **closed["exit_context"]}


def _held(stored: StoredSignal) -> dict[str, Any] | None:
    """The position in this symbol that the cycle judged, with every rule's word heard again from its facts."""
    symbol = stored.signal_id.partition("-")[2]
    rows = (stored.cycle or {}).get("exits", ())
    row = next((row for row in rows if row.get("facts", {}).get("symbol") == symbol), None)
    if row is None or stored.params is None:
        return None
    return {**row, "advice": held_advice(row, stored.params["params"])}


def _result(trade: StoredTrade | None) -> dict[str, Any] | None:
    closed = trade.trade if trade is not None else None
    if closed is None:
        return None
    left_out = ("exit_context", "signal_context", "fill_ids")
    return {key: value for key, value in closed.items() if key not in left_out}


def headline(universe: Record, trade: StoredTrade | None) -> str:
    """What happened, in one sentence."""
    if not universe:
        return f"the signal's line is no longer on file; {_came_of(trade)}"
    side, symbol = str(universe["direction"]).upper(), universe["symbol"]
    if universe["stage"] == "entered":
        order = universe["order"]
        text = f"{side} {order['contracts']} contracts of {symbol} ({_usd(order['adjusted_usd'])}) were decided"
        return f"{text}; {_came_of(trade)}"
    codes = ", ".join(str(why["code"]).replace("_", " ") for why in universe["reasons"])
    place = "there was no signal to follow" if universe["stage"] == "signal" else f"stopped at {universe['stage']}"
    return f"no trade in {symbol} ({side}): {place}: {codes}"


def _came_of(trade: StoredTrade | None) -> str:
    if trade is None:
        return "no order of it is on file"
    if trade.trade is not None:
        return f"closed by {trade.trade['exit_rule']} with {_usd(trade.trade['net_pnl_usd'])} net"
    if trade.position is not None:
        return f"{trade.position['size']} contracts are open"
    last = trade.orders[0]["outcomes"][-1] if trade.orders and trade.orders[0]["outcomes"] else None
    return "the outcome is not known" if last is None else f"the order was {last['status']}"


def _usd(value: object) -> str:
    return f"{float(str(value)):,.2f} USD"


def held_advice(exit_row: Record, params: Record) -> list[dict[str, Any]]:
    """What every rule said of a position in one cycle, heard again from the facts that the cycle recorded."""
    verdict = judged_again(exit_row["facts"], ExitParams.model_validate(params["exits"]))
    return [{"rule": item.rule, "exit": item.exit_now, **reason_records((item.why,))[0]} for item in verdict.advice]
