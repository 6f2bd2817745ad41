"""Records of one signal and its trade, found in a home's journals and state files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tradingbot.core.errors import ConfigurationError
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.journal_search import search

MINUTE: Final = timedelta(minutes=1)
FIRST_YEAR, LAST_YEAR = 2000, 9000
"""No signal is of another time, so minutes may be added and taken away."""
_CYCLE_ID: Final = re.compile(r"\d{8}T\d{4}", re.ASCII)
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredSignal:
    """Everything on file of one signal. None: not on file (any more)."""

    signal_id: str
    universe: Record | None
    signal: Record | None
    cycle: Record | None
    params: Record | None


@dataclass(frozen=True, slots=True)
class StoredTrade:
    """Everything on file of one position: the open one, or the finished trade; its orders, fills and executions.

    `exit_params` are the parameters of each closing order's cycle, by its client order id.
    """

    trade_id: str
    position: Record | None
    trade: Record | None
    orders: Sequence[Record]
    fills: Sequence[Record]
    stops: Sequence[Record]
    executions: Sequence[Record]
    exit_params: Mapping[str, Record]


def parse_signal_id(signal_id: str) -> tuple[str, str, datetime]:
    """(cycle id, symbol, the cycle's minute). Raises ConfigurationError for anything else."""
    cycle_id, _, symbol = signal_id.partition("-")
    try:
        if not _CYCLE_ID.fullmatch(cycle_id):
            raise ValueError(cycle_id)
        moment = datetime.strptime(cycle_id, "%Y%m%dT%H%M").replace(tzinfo=UTC)
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise ValueError(cycle_id)
    except ValueError:
        raise ConfigurationError(
            f"{signal_id!r} is neither a trade id (t-tb-...-entry) nor a signal id (20260105T0801-BTCUSDT); "
            "`tradingbot status` lists the signal ids of trades, logs/signal_universe.jsonl those of all signals"
        ) from None
    return cycle_id, symbol, moment


def ids_of(name: str) -> tuple[str, str | None]:
    """(signal id, trade id) of a trade id, an order id of ours, or a signal id; the trade id is None for the last."""
    order = name.removeprefix("t-")
    if not order.startswith("tb-"):
        return name, None
    pieces = order.split("-")
    if len(pieces) < 5:
        raise ConfigurationError(f"{name!r} is cut short; trade ids look like t-tb-55c24f-20260105T0802-ADAUSDT-entry")
    prefix, instance, cycle_id, symbol = pieces[:4]
    trade_id = f"t-{prefix}-{instance}-{cycle_id}-{symbol}-entry" if pieces[4] == "entry" else None
    return f"{cycle_id}-{symbol}", trade_id


def find_signal(home: Path, signal_id: str) -> StoredSignal:
    """The records of one signal. Raises ConfigurationError for what is no signal id."""
    cycle_id, _, moment = parse_signal_id(signal_id)
    universe = _one(home, "signal_universe", f'"signal_id":"{signal_id}"', moment)
    signal = _one(home, "signals", f'"signal_id":"{signal_id}"', moment)
    cycle = _one(home, "cycles", f'"cycle_id":"{cycle_id}"', moment)
    params_hash = (universe or cycle or {}).get("params_hash")
    params = _one(home, "decision_params", f'"params_hash":"{params_hash}"', None) if params_hash else None
    return StoredSignal(signal_id, universe, signal, cycle, params)


def as_written(name: str) -> str:
    """An id as the files write it, whatever the case it is given in: only symbols, and the T of a time, are large."""
    pieces = name.strip().lower().split("-")
    found = [piece.upper() if _CYCLE_ID.fullmatch(piece.upper()) else piece for piece in pieces]
    for place, piece in enumerate(found[:-1]):
        if _CYCLE_ID.fullmatch(piece):
            found[place + 1] = found[place + 1].upper()
    return "-".join(found)


def position_of_order(home: Path, order_id: str) -> str | None:
    """The id of the position that an order of ours belongs to; None when the order is not on file."""
    for record in search(journal_path(home, "intents"), f'"client_order_id":"{order_id}"'):
        if record.get("event") == "intent" and record.get("client_order_id") == order_id:
            return str(record["intent"].get("position_id") or "") or None
    return None


def oldest_signal_id(home: Path, symbol: str) -> str | None:
    """The first signal of a symbol that is on file; None without any."""
    path = journal_path(home, "signal_universe")
    return next((str(record["signal_id"]) for record in search(path, f'-{symbol}"')), None)


def trade_id_of(stored: StoredSignal) -> str | None:
    """The trade that a signal became: its entry order's id is in what the cycle did."""
    for item in (stored.cycle or {}).get("done", ()):
        if item["what"] == "open" and str(item["client_order_id"]).endswith(f"-{stored.signal_id}-entry"):
            return f"t-{item['client_order_id']}"
    return None


def newest_signal_id(home: Path, symbol: str, until: datetime | None) -> str | None:
    """The newest signal of a symbol, not after `until`; None without any."""
    path = journal_path(home, "signal_universe")
    if until is None:
        for record in reversed(JournalReader(path).tail(400)):
            if record.get("symbol") == symbol:
                return str(record["signal_id"])
    else:
        exact = f"{until.astimezone(UTC):%Y%m%dT%H%M}-{symbol}"
        found = _one(home, "signal_universe", f'"signal_id":"{exact}"', until - MINUTE)
        if found is not None:
            return exact
    newest = None
    for record in search(path, f'-{symbol}"'):
        if until is None or datetime.fromisoformat(str(record["as_of"])) <= until:
            newest = str(record["signal_id"])
    return newest


def find_trade(
    home: Path, trade_id: str, positions: PositionsState | None, trades: TradesState | None
) -> StoredTrade | None:
    """The records of one position; None when neither state nor journals know it."""
    _, _, moment = parse_signal_id(ids_of(trade_id)[0])
    since = moment - MINUTE
    fills = list(search(journal_path(home, "fills"), f'"position_id":"{trade_id}"', since))
    orders = _orders(home, trade_id, since)
    open_ones = (positions or PositionsState()).model_dump(mode="json")["positions"]
    finished = [one for one in (trades or TradesState()).trades if one.trade_id == trade_id]
    # The journal has the exit's advice too; the file of all trades stands in for it.
    trade = _one(home, "executed_trades", f'"trade_id":"{trade_id}"', since)
    if trade is None and finished:
        trade = TradesState(trades=finished).model_dump(mode="json")["trades"][0]
    position = next((one for one in open_ones if one["position_id"] == trade_id), None)
    if not (fills or orders or position or trade):
        return None
    client_ids = {str(order["client_order_id"]) for order in orders}
    stops = _stops(home, client_ids, since)
    executions = _executions(home, client_ids, since)
    return StoredTrade(trade_id, position, trade, orders, fills, stops, executions, _exit_params(home, orders))


def _orders(home: Path, trade_id: str, since: datetime) -> list[Record]:
    """Every order of the position, each with its outcomes."""
    path = journal_path(home, "intents")
    entry_id = trade_id.removeprefix("t-")
    found: dict[str, dict[str, Any]] = {}
    for text in (f'"client_order_id":"{entry_id}"', f'"position_id":"{trade_id}"'):
        for record in search(path, text, since):
            if record.get("event") == "intent":
                order_id = str(record["client_order_id"])
                intent = {key: value for key, value in record["intent"].items() if key != "plan"}
                found.setdefault(order_id, {**intent, "outcomes": []})
    for order_id, order in found.items():
        for record in search(path, f'"client_order_id":"{order_id}"', since):
            if record.get("event") == "outcome" and record.get("client_order_id") == order_id:
                rest = {key: value for key, value in record.items() if key not in ("event", "client_order_id")}
                order["outcomes"].append(rest)
    return sorted(found.values(), key=lambda order: datetime.fromisoformat(str(order["created_at"])))


def _exit_params(home: Path, orders: Sequence[Record]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for order in orders:
        if "facts" in order.get("context", ()):
            params = params_of_cycle(home, str(order["cycle_id"]))
            if params is not None:
                found[str(order["client_order_id"])] = params["params"]
    return found


def params_of_cycle(home: Path, cycle_id: str) -> Record | None:
    """The parameters that held in a cycle; None when they are not on file."""
    moment = parse_signal_id(f"{cycle_id}-")[2] if cycle_id else None
    cycle = _one(home, "cycles", f'"cycle_id":"{cycle_id}"', moment)
    if cycle is None or "params_hash" not in cycle:
        return None
    return _one(home, "decision_params", f'"params_hash":"{cycle["params_hash"]}"', None)


def _stops(home: Path, client_ids: set[str], since: datetime) -> list[Record]:
    """What was done to the protective stop after it was placed, from the cycles."""
    path = journal_path(home, "cycles")
    return [
        {"as_of": cycle["as_of"], **item}
        for order_id in sorted(name for name in client_ids if "-stop" in name)
        for cycle in search(path, f'"{order_id}"', since)
        for item in cycle.get("done", ())
        if item["client_order_id"] == order_id
    ]


def _executions(home: Path, client_ids: set[str], since: datetime) -> list[Record]:
    path = home / "logs" / "execution_quality.jsonl"
    found = [r for order_id in sorted(client_ids) for r in search(path, f'"client_order_id":"{order_id}"', since)]
    return sorted(found, key=lambda record: str(record.get("at", "")))


def _one(home: Path, journal: str, text: str, since: datetime | None) -> Record | None:
    return next(search(journal_path(home, journal), text, since), None)
