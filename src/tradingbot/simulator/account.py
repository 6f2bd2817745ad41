"""The account: wallets, positions, resting orders, preferences; and how trades and funding are booked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, NamedTuple

from tradingbot.simulator.arithmetic import position_after
from tradingbot.simulator.codec import pack, unpack
from tradingbot.simulator.ids import derived_uuid
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.records import Fill, LogRow, Order, OrderEvent, Position, PositionChange
from tradingbot.simulator.rounding import ZERO


class RowCounts(NamedTuple):
    """How many rows of each kind."""

    fills: int = 0
    log: int = 0
    events: int = 0
    positions: int = 0


NO_ROWS: Final = RowCounts()


@dataclass(slots=True)
class Rows:
    """Rows in their order: the newest of the history, or what one transaction added."""

    fills: list[Fill] = field(default_factory=list)
    log: list[LogRow] = field(default_factory=list)
    events: list[OrderEvent] = field(default_factory=list)
    positions: list[PositionChange] = field(default_factory=list)

    def extend(self, other: Rows) -> None:
        """Append another's rows."""
        self.fills += other.fills
        self.log += other.log
        self.events += other.events
        self.positions += other.positions

    def counts(self) -> RowCounts:
        """How many there are of each kind."""
        return RowCounts(len(self.fills), len(self.log), len(self.events), len(self.positions))

    def drop(self, counts: RowCounts) -> None:
        """Let go of the oldest rows, so many of each kind."""
        for name, count in counts._asdict().items():
            del getattr(self, name)[:count]

    def __len__(self) -> int:
        return len(self.fills) + len(self.log) + len(self.events) + len(self.positions)


ROW_KINDS: dict[str, type[Any]] = {"fills": Fill, "log": LogRow, "events": OrderEvent, "positions": PositionChange}


@dataclass(slots=True)
class Account:
    """Everything that survives a restart, apart from rows. `balances` is (wallet, currency) -> amount."""

    uid: str
    balances: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    leverage: dict[str, Decimal] = field(default_factory=dict)
    pnl_currency: dict[str, str] = field(default_factory=dict)
    self_trade: str = "REJECT_TAKER"
    dead_man_ms: int | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    nonce: int = 0

    def number(self, name: str) -> int:
        """The next number of a named sequence, from 1."""
        self.numbers[name] = self.numbers.get(name, 0) + 1
        return self.numbers[name]

    def new_uid(self, name: str) -> str:
        """A fresh id that follows from the account and a counter."""
        return derived_uuid(self.uid, name, self.number(name))

    def balance(self, wallet: str, currency: str) -> Decimal:
        """What a wallet holds of a currency."""
        return self.balances.get((wallet, currency), ZERO)

    def size(self, symbol: str) -> Decimal:
        """Signed position in contracts; 0 when flat."""
        position = self.positions.get(symbol)
        return position.size if position else ZERO

    def to_json(self) -> dict[str, Any]:
        """The whole account as JSON values."""
        return {
            "uid": self.uid,
            "balances": [[wallet, currency, str(value)] for (wallet, currency), value in self.balances.items()],
            "positions": {symbol: pack(position) for symbol, position in self.positions.items()},
            "orders": [pack(order) for order in self.orders.values()],
            "leverage": {symbol: str(value) for symbol, value in self.leverage.items()},
            "pnl_currency": self.pnl_currency,
            "self_trade": self.self_trade,
            "dead_man_ms": self.dead_man_ms,
            "numbers": self.numbers,
            "nonce": self.nonce,
        }

    @classmethod
    def from_json(cls, packed: dict[str, Any]) -> Account:
        """The account that `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        orders = [unpack(Order, order) for order in packed["orders"]]
        return cls(
            uid=packed["uid"],
            balances={(wallet, currency): Decimal(value) for wallet, currency, value in packed["balances"]},
            positions={symbol: unpack(Position, position) for symbol, position in packed["positions"].items()},
            orders={order.uid: order for order in orders},
            leverage={symbol: Decimal(value) for symbol, value in packed["leverage"].items()},
            pnl_currency=dict(packed["pnl_currency"]),
            self_trade=packed["self_trade"],
            dead_man_ms=packed["dead_man_ms"],
            numbers=dict(packed["numbers"]),
            nonce=packed["nonce"],
        )


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade to be booked; `size` is signed, `fee` in settlement currency, `funding` what the position had accrued."""

    instrument: Instrument
    size: Decimal
    price: Decimal
    time_ms: int
    fee: Decimal
    funding: Decimal
    funding_rate: Decimal
    mark: Decimal
    fill_id: str
    fill_type: str
    info: str = "futures trade"


def book_trade(account: Account, rows: Rows, trade: Trade) -> Decimal:
    """Book a trade: position, cash, both legs of the log, the position history. Returns the realised profit."""
    symbol, instrument = trade.instrument.symbol, trade.instrument
    old = account.positions.get(symbol) or Position(ZERO, ZERO, trade.time_ms, trade.time_ms)
    size, entry, realized = position_after(instrument, old.size, old.entry, trade.size, trade.price)
    if size == 0:
        account.positions.pop(symbol, None)
    else:
        opened = old.size * size <= 0
        account.positions[symbol] = Position(size, entry, trade.time_ms if opened else old.fill_ms, trade.time_ms)
    _log_cash(account, rows, trade, old.entry, entry, realized)
    rows.log.append(
        LogRow(
            id=account.number("log"),
            booking=account.new_uid("booking"),
            time_ms=trade.time_ms,
            asset=symbol.lower(),
            contract=symbol.lower(),
            info=trade.info,
            wallet=instrument.wallet,
            old_balance=old.size,
            new_balance=size,
            execution=trade.fill_id,
            trade_price=trade.price,
            mark_price=trade.mark,
            old_average=old.entry,
            new_average=entry,
        )
    )
    rows.positions.append(
        PositionChange(
            uid=account.new_uid("position"),
            time_ms=trade.time_ms,
            symbol=symbol,
            old_size=old.size,
            new_size=size,
            old_entry=old.entry,
            new_entry=entry or old.entry,
            fee=trade.fee,
            fee_currency=instrument.currency,
            realized_pnl=realized,
            realized_funding=trade.funding,
            change=_change(old.size, size),
            reason="trade",
            fill_id=trade.fill_id,
            price=trade.price,
            size=abs(trade.size),
            fill_type=trade.fill_type,
        )
    )
    return realized


def _log_cash(
    account: Account, rows: Rows, trade: Trade, old_entry: Decimal, new_entry: Decimal, realized: Decimal
) -> None:
    instrument = trade.instrument
    key = (instrument.wallet, instrument.currency)
    before = account.balances.get(key, ZERO)
    after = before + realized - trade.fee + trade.funding
    account.balances[key] = after
    rows.log.append(
        LogRow(
            id=account.number("log"),
            booking=account.new_uid("booking"),
            time_ms=trade.time_ms,
            asset=instrument.currency.lower(),
            contract=instrument.symbol.lower(),
            info=trade.info,
            wallet=instrument.wallet,
            old_balance=before,
            new_balance=after,
            realized_pnl=realized,
            fee=trade.fee,
            realized_funding=trade.funding,
            execution=trade.fill_id,
            trade_price=trade.price,
            mark_price=trade.mark,
            funding_rate=trade.funding_rate,
            old_average=old_entry,
            new_average=new_entry,
        )
    )


def book_funding(
    account: Account, rows: Rows, instrument: Instrument, amount: Decimal, rate: Decimal, mark: Decimal, now_ms: int
) -> None:
    """Book a position's funding up to now; nothing is booked for nothing, but the clock of the position moves on."""
    position = account.positions[instrument.symbol]
    account.positions[instrument.symbol] = replace(position, funding_since_ms=now_ms)
    if amount == 0:
        return
    key = (instrument.wallet, instrument.currency)
    before = account.balances.get(key, ZERO)
    account.balances[key] = before + amount
    rows.log.append(
        LogRow(
            id=account.number("log"),
            booking=account.new_uid("booking"),
            time_ms=now_ms,
            asset=instrument.currency.lower(),
            contract=instrument.symbol.lower(),
            info="funding rate change",
            wallet=instrument.wallet,
            old_balance=before,
            new_balance=before + amount,
            realized_funding=amount,
            mark_price=mark,
            funding_rate=rate,
        )
    )
    rows.positions.append(
        PositionChange(
            uid=account.new_uid("position"),
            time_ms=now_ms,
            symbol=instrument.symbol,
            old_size=position.size,
            new_size=position.size,
            old_entry=position.entry,
            new_entry=position.entry,
            fee=ZERO,
            fee_currency=instrument.currency,
            realized_pnl=ZERO,
            realized_funding=amount,
            change="noChange",
            reason="fundingRealization",
        )
    )


def book_transfer(
    account: Account, rows: Rows, wallet: str, currency: str, amount: Decimal, now_ms: int, info: str
) -> None:
    """Move money into (or, negative, out of) a wallet."""
    before = account.balance(wallet, currency)
    account.balances[(wallet, currency)] = before + amount
    rows.log.append(
        LogRow(
            id=account.number("log"),
            booking=account.new_uid("booking"),
            time_ms=now_ms,
            asset=currency.lower(),
            contract=None,
            info=info,
            wallet=wallet,
            old_balance=before,
            new_balance=before + amount,
        )
    )


def _change(old: Decimal, new: Decimal) -> str:
    if old == 0:
        return "open"
    if new == 0:
        return "close"
    if old * new < 0:
        return "reverse"
    return "increase" if abs(new) > abs(old) else "decrease"
