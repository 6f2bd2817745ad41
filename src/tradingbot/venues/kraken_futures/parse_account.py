"""Account payloads -> positions, wallets, fills, ledger. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from tradingbot.core.errors import VenueProtocolError
from tradingbot.core.records import AccountState, Fill, LedgerEntry, LedgerKind, Liquidity, VenuePosition, Wallet
from tradingbot.core.types import ClientOrderId, Direction, FillId, Side, Symbol, VenueOrderId
from tradingbot.venues.kraken_futures.fields import (
    Row,
    ToSymbol,
    child,
    flag,
    moment,
    number,
    number_or_zero,
    optional_number,
    optional_text,
    positive,
    rows,
    shown,
    side,
    text,
)
from tradingbot.venues.kraken_futures.parse_market import currency, server_time

FLEX_WALLET: Final = "flex"

LIQUIDITIES: Final[Mapping[str, Liquidity]] = {
    "maker": Liquidity.MAKER,
    "taker": Liquidity.TAKER,
    "takerAfterEdit": Liquidity.TAKER,
    "liquidation": Liquidity.LIQUIDATION,
    "partialLiquidation": Liquidity.LIQUIDATION,
    "assignor": Liquidity.LIQUIDATION,
    "unwindBankrupt": Liquidity.LIQUIDATION,
    "unwindCounterparty": Liquidity.LIQUIDATION,
}
"""LIQUIDATION is every way in which the venue closes by force; what is not here (assignee, ...) is OTHER."""

LEDGER_KINDS: Final[Mapping[str, LedgerKind]] = {
    "futures trade": LedgerKind.TRADE,
    "funding rate change": LedgerKind.FUNDING,
    "futures liquidation": LedgerKind.LIQUIDATION,
    "futures partial liquidation": LedgerKind.LIQUIDATION,
    "futures assignor": LedgerKind.LIQUIDATION,
    "futures unwind bankrupt": LedgerKind.LIQUIDATION,
    "futures unwind counterparty": LedgerKind.LIQUIDATION,
    "cross-exchange transfer": LedgerKind.TRANSFER,
    "transfer": LedgerKind.TRANSFER,
    "conversion": LedgerKind.CONVERSION,
}
"""What is not here (settlement, interest payment, kfee applied, ...) is OTHER."""


# ---------------------------------------------------------------- positions


def parse_positions(payload: Row, to_symbol: ToSymbol) -> list[VenuePosition]:
    """``{"openPositions":[{"side":"short","symbol":"PI_XBTUSD","price":27523.75,"size":8000.0}]}``

    A missing list raises: it is never read as flat.
    """
    listed = (_position(row, to_symbol) for row in rows(payload, "openPositions"))
    return [position for position in listed if position.size > 0]


def _position(row: Row, to_symbol: ToSymbol) -> VenuePosition:
    word = text(row, "side").lower()
    if word not in ("long", "short"):
        raise VenueProtocolError(f"position side must be long or short: {shown(row)}")
    return VenuePosition(
        symbol=to_symbol(text(row, "symbol")),
        direction=Direction(word),
        size=abs(number(row, "size")),
        entry_price=number(row, "price"),
        unrealised_funding=optional_number(row, "unrealizedFunding"),
    )


# ---------------------------------------------------------------- wallets


def parse_accounts(payload: Row) -> AccountState:
    """``{"accounts":{"flex":{...},"fi_xbtusd":{"currency":"xbt","balances":{...},"auxiliary":{...}},"cash":{...}}}``"""
    wallets = []
    for name, row in child(payload, "accounts").items():
        if not isinstance(row, dict):
            raise VenueProtocolError(f"account {name!r} is no object")
        kind = row.get("type")
        if kind == "multiCollateralMarginAccount":
            wallets.append(_flex_wallet(name, row))
        elif kind == "marginAccount":
            wallets.append(_margin_wallet(name, row))
    return AccountState(server_time(payload), tuple(wallets))


def _flex_wallet(name: str, row: Row) -> Wallet:
    unrealised = optional_number(row, "totalUnrealized")
    return Wallet(
        name=name,
        currency="USD",
        balance=number(row, "balanceValue"),
        equity=number(row, "portfolioValue"),
        available=number(row, "availableMargin"),
        initial_margin=number(row, "initialMargin"),
        maintenance_margin=number(row, "maintenanceMargin"),
        unrealised_pnl=number_or_zero(row, "pnl") if unrealised is None else unrealised,
    )


def _margin_wallet(name: str, row: Row) -> Wallet:
    code = text(row, "currency")
    auxiliary, requirements = child(row, "auxiliary"), child(row, "marginRequirements")
    balances = {key.lower(): value for key, value in child(row, "balances").items()}
    return Wallet(
        name=name.lower(),
        currency=currency(code),
        balance=number_or_zero(balances, code.lower()),
        equity=number(auxiliary, "pv"),
        available=number(auxiliary, "af"),
        initial_margin=number(requirements, "im"),
        maintenance_margin=number(requirements, "mm"),
        unrealised_pnl=number_or_zero(auxiliary, "pnl"),
    )


# ---------------------------------------------------------------- fills


def parse_fills(payload: Row, to_symbol: ToSymbol) -> list[Fill]:
    """REST fills, oldest first; without a fee unless the answer has one.

    ``{"fills":[{"fill_id":"...","symbol":"PI_XBTUSD","side":"buy","order_id":"...","fillTime":"...","size":5000.0}]}``
    """
    fills = [_rest_fill(row, to_symbol) for row in rows(payload, "fills")]
    fills.reverse()  # the venue tells the newest first; fills of one millisecond keep their order
    return sorted(fills, key=lambda fill: fill.time)


def _rest_fill(row: Row, to_symbol: ToSymbol) -> Fill:
    client_id = optional_text(row, "cliOrdId", "cli_ord_id")
    return Fill(
        fill_id=FillId(text(row, "fill_id")),
        venue_order_id=VenueOrderId(text(row, "order_id")),
        client_order_id=ClientOrderId(client_id) if client_id else None,
        symbol=to_symbol(text(row, "symbol")),
        side=side(row),
        size=positive(row, "size"),
        price=positive(row, "price"),
        time=moment(row, "fillTime"),
        liquidity=LIQUIDITIES.get(str(row.get("fillType")), Liquidity.OTHER),
        fee=optional_number(row, "fee_paid"),
        fee_currency=_currency_or_none(row),
    )


def parse_stream_fill(row: Row, to_symbol: ToSymbol) -> Fill:
    """One fill of the ``fills`` feed; ``qty`` is of this fill alone, ``fee_paid`` negative is a rebate."""
    client_id = optional_text(row, "cli_ord_id")
    return Fill(
        fill_id=FillId(text(row, "fill_id")),
        venue_order_id=VenueOrderId(text(row, "order_id")),
        client_order_id=ClientOrderId(client_id) if client_id else None,
        symbol=to_symbol(text(row, "instrument")),
        side=Side.BUY if flag(row, "buy") else Side.SELL,
        size=positive(row, "qty"),
        price=positive(row, "price"),
        time=moment(row, "time"),
        liquidity=LIQUIDITIES.get(str(row.get("fill_type")), Liquidity.OTHER),
        fee=optional_number(row, "fee_paid"),
        fee_currency=_currency_or_none(row),
    )


def _currency_or_none(row: Row) -> str | None:
    code = optional_text(row, "fee_currency")
    return currency(code) if code else None


# ---------------------------------------------------------------- ledger


def parse_ledger(payload: Row, find_symbol: Mapping[str, Symbol]) -> tuple[list[LedgerEntry], int, int | None]:
    """Cash legs of an account-log page by rising id, how many rows the page had, and its greatest id.

    ``{"logs":[{"id":9,"asset":"usd","contract":"pf_dogeusd","info":"futures trade","fee":0.0035}]}``
    """
    listed = rows(payload, "logs")
    entries = [_ledger_entry(row, find_symbol) for row in listed if _is_cash(row)]
    newest = max((int(number(row, "id")) for row in listed), default=None)
    return sorted(entries, key=lambda entry: entry.entry_id), len(listed), newest


def _is_cash(row: Row) -> bool:
    """The other leg of a trade books the signed position under the contract's own name."""
    asset = text(row, "asset").lower()
    contract = optional_text(row, "contract")
    return asset != (contract or "").lower() and "_" not in asset


def _ledger_entry(row: Row, find_symbol: Mapping[str, Symbol]) -> LedgerEntry:
    contract, execution = optional_text(row, "contract"), optional_text(row, "execution")
    return LedgerEntry(
        entry_id=int(number(row, "id")),
        time=moment(row, "date"),
        kind=LEDGER_KINDS.get(text(row, "info"), LedgerKind.OTHER),
        wallet=wallet_name(text(row, "margin_account")),
        currency=currency(text(row, "asset")),
        symbol=find_symbol.get(contract.upper()) if contract else None,
        fill_id=FillId(execution) if execution else None,
        old_balance=number(row, "old_balance"),
        new_balance=number(row, "new_balance"),
        realised_pnl=number_or_zero(row, "realized_pnl"),
        fee=number_or_zero(row, "fee"),
        realised_funding=number_or_zero(row, "realized_funding"),
    )


def wallet_name(margin_account: str) -> str:
    """``f-xbt:usd`` and ``FI_XBTUSD`` are both ``fi_xbtusd``; ``flex`` stays."""
    lower = margin_account.lower()
    return f"fi_{lower[2:].replace(':', '')}" if lower.startswith("f-") else lower


# ---------------------------------------------------------------- live account feeds


def parse_stream_positions(row: Row, to_symbol: ToSymbol) -> list[VenuePosition]:
    """The full list of the ``open_positions`` feed; a negative balance is short, an absent instrument is flat."""
    positions = []
    for item in rows(row, "positions"):
        balance = number(item, "balance")
        if balance:
            direction = Direction.LONG if balance > 0 else Direction.SHORT
            funding = optional_number(item, "unrealized_funding")
            symbol = to_symbol(text(item, "instrument"))
            positions.append(VenuePosition(symbol, direction, abs(balance), number(item, "entry_price"), funding))
    return positions


def parse_stream_wallets(row: Row) -> dict[str, Wallet]:
    """Wallets named in a ``balances`` message; a section that is absent is unchanged."""
    wallets = {}
    futures = row.get("futures")
    for item in futures.values() if isinstance(futures, dict) else ():
        name = wallet_name(text(item, "name"))
        wallets[name] = _stream_margin_wallet(name, item)
    flex = row.get("flex_futures")
    if isinstance(flex, dict):
        wallets[FLEX_WALLET] = _stream_flex_wallet(flex)
    return wallets


def _stream_margin_wallet(name: str, item: Row) -> Wallet:
    return Wallet(
        name=name,
        currency=currency(text(item, "unit")),
        balance=number(item, "balance"),
        equity=number(item, "portfolio_value"),
        available=number(item, "available"),
        initial_margin=number(item, "initial_margin"),
        maintenance_margin=number(item, "maintenance_margin"),
        unrealised_pnl=number_or_zero(item, "pnl"),
    )


def _stream_flex_wallet(item: Row) -> Wallet:
    return Wallet(
        name=FLEX_WALLET,
        currency="USD",
        balance=number(item, "balance_value"),
        equity=number(item, "portfolio_value"),
        available=number(item, "available_margin"),
        initial_margin=number(item, "initial_margin"),
        maintenance_margin=number(item, "maintenance_margin"),
        unrealised_pnl=optional_number(item, "total_unrealized") or number_or_zero(item, "pnl") or Decimal(0),
    )
