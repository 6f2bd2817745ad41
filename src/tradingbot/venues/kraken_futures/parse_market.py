"""Market payloads -> records. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from math import inf
from typing import Annotated, Any, Final

import msgspec

from tradingbot.core.errors import VenueProtocolError
from tradingbot.core.records import BookView, FeeTier, FundingRate, PublicTrade, Ticker, VenueNotice
from tradingbot.core.types import ContractKind, Symbol, parse_utc
from tradingbot.market.contracts import ContractSpec, MarginLevel
from tradingbot.venues.kraken_futures.fields import (
    Row,
    ToSymbol,
    child,
    flag,
    moment,
    number,
    optional_number,
    optional_text,
    positive,
    rows,
    shown,
    side,
    text,
)

PERPETUAL_PREFIXES: Final[Mapping[str, ContractKind]] = {"PF_": ContractKind.LINEAR, "PI_": ContractKind.INVERSE}
CURRENCY_NAMES: Final[Mapping[str, str]] = {"XBT": "BTC", "XDG": "DOGE"}


def contract_kind(venue_symbol: str) -> ContractKind | None:
    """Linear or inverse perpetual, or None for anything else (dated futures, indices, options)."""
    return PERPETUAL_PREFIXES.get(venue_symbol[:3].upper())


def currency(code: str) -> str:
    """A currency as we call it: ``xbt`` is ``BTC``."""
    upper = code.upper()
    return CURRENCY_NAMES.get(upper, upper)


def server_time(payload: Row) -> datetime:
    """``{"result":"success","serverTime":"2026-09-25T17:46:54.822Z"}``"""
    return moment(payload, "serverTime")


# ---------------------------------------------------------------- instruments


def parse_instruments(payload: Row, wanted: Mapping[str, Symbol], as_of: datetime) -> dict[Symbol, ContractSpec]:
    """Specifications of the wanted venue symbols (upper-case) that are listed. Raises on an empty list of instruments.

    ``{"instruments":[{"symbol":"PF_XBTUSD","type":"flexible_futures","tickSize":1,"contractValueTradePrecision":4}]}``
    """
    listed = rows(payload, "instruments")
    if not listed:
        raise VenueProtocolError("the list of instruments is empty: an outage, not a delisting")
    found = {}
    for row in listed:
        symbol = wanted.get(str(row.get("symbol", "")).upper())
        if symbol is not None:
            found[symbol] = parse_instrument(row, symbol, as_of)
    return found


def parse_instrument(row: Row, symbol: Symbol, as_of: datetime) -> ContractSpec:
    """One perpetual. The size step is 10 to the minus precision, and precision may be negative."""
    venue_symbol = text(row, "symbol").upper()
    kind = contract_kind(venue_symbol)
    if kind is None:
        raise VenueProtocolError(f"{venue_symbol} is no perpetual contract; choose another name in the universe")
    precision = optional_number(row, "contractValueTradePrecision") or Decimal(0)
    step = Decimal(1).scaleb(-int(precision))
    base = venue_symbol[3:].removesuffix("USD")
    inverse = kind is ContractKind.INVERSE
    return ContractSpec(
        symbol=symbol,
        venue_symbol=venue_symbol,
        kind=kind,
        contract_size=positive(row, "contractSize"),
        tick_size=positive(row, "tickSize"),
        size_step=step,
        min_size=step,
        max_size=optional_number(row, "maxPositionSize") or Decimal(10) ** 12,
        margin_levels=_margin_levels(row),
        settlement_currency=currency(base) if inverse else "USD",
        wallet=f"fi_{base.lower()}usd" if inverse else "flex",
        tradeable=flag(row, "tradeable", default=True) and not flag(row, "isExpired"),
        post_only=flag(row, "postOnly"),
        as_of=as_of,
        source="venue",
    )


def _margin_levels(row: Row) -> tuple[MarginLevel, ...]:
    levels = []
    for level in rows(row, "marginLevels") if row.get("marginLevels") is not None else []:
        threshold = optional_number(level, "numNonContractUnits")
        if threshold is None:
            threshold = number(level, "contracts")
        levels.append(MarginLevel(threshold, positive(level, "initialMargin"), positive(level, "maintenanceMargin")))
    return tuple(sorted(levels, key=lambda level: level.threshold_usd))


def parse_fee_tiers(payload: Row) -> list[FeeTier]:
    """Values are per cent: ``{"feeSchedules":[{"tiers":[{"makerFee":0.02,"takerFee":0.05,"usdVolume":0.0},...]}]}``.

    Empty when there is no schedule.
    """
    schedules = rows(payload, "feeSchedules")
    tiers = rows(schedules[0], "tiers") if schedules else []
    found = [
        FeeTier(number(row, "usdVolume"), number(row, "makerFee") * 100, number(row, "takerFee") * 100) for row in tiers
    ]
    return sorted(found, key=lambda tier: tier.from_volume_usd)


# ---------------------------------------------------------------- tickers


def parse_tickers(payload: Row, wanted: Mapping[str, Symbol], received_at: datetime) -> dict[Symbol, Ticker]:
    """``{"serverTime":"...","tickers":[{"symbol":"PF_ETHUSD","markPrice":3205.25,"bid":3200.0,...}]}``"""
    as_of = server_time(payload)
    found = {}
    for row in rows(payload, "tickers"):
        venue_symbol = str(row.get("symbol", "")).upper()
        symbol = wanted.get(venue_symbol)
        if symbol is not None:
            found[symbol] = _rest_ticker(row, venue_symbol, symbol, as_of, received_at)
    return found


def _rest_ticker(row: Row, venue_symbol: str, symbol: Symbol, as_of: datetime, received_at: datetime) -> Ticker:
    kind = contract_kind(venue_symbol)
    index = optional_number(row, "indexPrice")
    volume = optional_number(row, "vol24h")
    last = optional_number(row, "last")
    return Ticker(
        symbol=symbol,
        as_of=as_of,
        received_at=received_at,
        mark_price=optional_number(row, "markPrice"),
        index_price=index,
        last_price=last,
        bid=optional_number(row, "bid"),
        ask=optional_number(row, "ask"),
        bid_size=optional_number(row, "bidSize"),
        ask_size=optional_number(row, "askSize"),
        funding_rate_relative=relative_funding(optional_number(row, "fundingRate"), index, kind),
        funding_rate_prediction=relative_funding(optional_number(row, "fundingRatePrediction"), index, kind),
        open_interest=optional_number(row, "openInterest"),
        volume_24h=volume,
        volume_24h_usd=volume_usd(volume, optional_number(row, "volumeQuote"), last or index, kind),
        suspended=flag(row, "suspended"),
        post_only=flag(row, "postOnly"),
    )


def relative_funding(absolute: Decimal | None, index: Decimal | None, kind: ContractKind | None) -> float | None:
    """Fraction of notional per hour of an absolute rate: USD per base unit (linear), coin per USD (inverse)."""
    if absolute is None or index is None or index <= 0:
        return None
    return float(absolute * index if kind is ContractKind.INVERSE else absolute / index)


def volume_usd(
    volume: Decimal | None, quote_volume: Decimal | None, price: Decimal | None, kind: ContractKind | None
) -> float | None:
    """USD traded in 24 h. An inverse contract is one USD; `volumeQuote` of a linear one is in USD."""
    if kind is ContractKind.INVERSE:
        return None if volume is None else float(volume)
    if quote_volume is not None:
        return float(quote_volume)
    return None if volume is None or price is None else float(volume * price)


def parse_stream_ticker(row: Row, symbol: Symbol, received_at: datetime) -> Ticker:
    """One ``ticker`` message. Funding fields that are zero are left out by the venue, so absent means zero here.

    ``{"feed":"ticker","product_id":"PI_XBTUSD","time":1676393235406,"bid":21978.5,"ask":21987.0,"markPrice":21979.69}``
    """
    kind = contract_kind(text(row, "product_id"))
    volume = optional_number(row, "volume")
    index = optional_number(row, "index")
    last = optional_number(row, "last")
    perpetual = kind is not None
    return Ticker(
        symbol=symbol,
        as_of=moment(row, "time"),
        received_at=received_at,
        mark_price=optional_number(row, "markPrice"),
        index_price=index,
        last_price=last,
        bid=_price_or_none(row, "bid"),
        ask=_price_or_none(row, "ask"),
        bid_size=optional_number(row, "bid_size"),
        ask_size=optional_number(row, "ask_size"),
        funding_rate_relative=_omitted_zero(row, "relative_funding_rate") if perpetual else None,
        funding_rate_prediction=_omitted_zero(row, "relative_funding_rate_prediction") if perpetual else None,
        open_interest=optional_number(row, "openInterest"),
        volume_24h=volume,
        volume_24h_usd=volume_usd(volume, optional_number(row, "volumeQuote"), last or index, kind),
        suspended=flag(row, "suspended"),
        post_only=flag(row, "post_only"),
    )


def _price_or_none(row: Row, key: str) -> Decimal | None:
    price = optional_number(row, key)
    return price or None


def _omitted_zero(row: Row, key: str) -> float:
    return float(optional_number(row, key) or 0)


# ---------------------------------------------------------------- book, trades, funding, candles


def parse_orderbook(payload: Row, symbol: Symbol, received_at: datetime) -> BookView:
    """``{"orderBook":{"bids":[[105900.0,0.5]],"asks":[[105950.0,0.3]]}}``; the order of levels is not trusted."""
    book = child(payload, "orderBook")
    bids = sorted(_levels(book, "bids"), reverse=True)
    asks = sorted(_levels(book, "asks"))
    return BookView(symbol, server_time(payload), received_at, tuple(bids), tuple(asks))


def _levels(book: Row, key: str) -> list[tuple[float, float]]:
    levels = book.get(key)
    if not isinstance(levels, list):
        raise VenueProtocolError(f"order book without {key!r}")
    try:
        return [(float(price), float(size)) for price, size in levels if float(size) > 0]
    except (TypeError, ValueError) as error:
        raise VenueProtocolError(f"order book {key!r}: {shown(levels)}") from error


def parse_trade(row: Row, symbol: Symbol) -> PublicTrade:
    """One print, of the stream (``qty``, ``uid``, ms) or of REST (``size``, ISO)."""
    size_key = "qty" if "qty" in row else "size"
    trade_id = optional_text(row, "uid") or str(row.get("trade_id", ""))
    return PublicTrade(symbol, moment(row, "time"), side(row), number(row, size_key), positive(row, "price"), trade_id)


def parse_trades(payload: Row, symbol: Symbol) -> list[PublicTrade]:
    """``{"history":[{"time":"...","trade_id":1,"price":1.0,"size":2,"side":"buy"}]}``, oldest first."""
    return sorted((parse_trade(row, symbol) for row in rows(payload, "history")), key=lambda trade: trade.time)


def parse_funding(payload: Row, symbol: Symbol, since: datetime) -> list[FundingRate]:
    """``{"rates":[{"timestamp":"2025-07-11T08:00:00.000Z","relativeFundingRate":0.0001}]}``, oldest first."""
    rates = [
        FundingRate(symbol, parse_utc(row["timestamp"]), float(number(row, "relativeFundingRate")))
        for row in rows(payload, "rates")
        if isinstance(row.get("timestamp"), str)
    ]
    return sorted((rate for rate in rates if rate.time >= since), key=lambda rate: rate.time)


CandleRow = tuple[int, float, float, float, float, float]
_Price = Annotated[float, msgspec.Meta(gt=0)]


class _WireCandle(msgspec.Struct, gc=False):
    """Prices and volume come as text or as numbers."""

    time: int
    open: _Price
    high: _Price
    low: _Price
    close: _Price
    volume: float | None = None


def parse_candles(payload: Row) -> tuple[list[CandleRow], bool]:
    """``{"candles":[{"time":ms,"open":"84406",...}],"more_candles":false}`` -> rows oldest first, if more follow."""
    listed = rows(payload, "candles")
    try:
        # A thousand rows at a time: typed conversion is ten times as fast as field by field.
        candles = msgspec.convert(listed, list[_WireCandle], strict=False)
    except msgspec.ValidationError as error:
        raise VenueProtocolError(f"candles: {error}") from error
    return sorted(_candle(candle) for candle in candles), flag(payload, "more_candles")


def _candle(row: _WireCandle) -> CandleRow:
    opened, high, low, close = row.open, row.high, row.low, row.close
    if not low <= min(opened, close) <= max(opened, close) <= high < inf:
        raise VenueProtocolError(f"candle whose low and high do not hold its open and close: {row}")
    volume = row.volume or 0.0
    if not 0 <= volume < inf:
        raise VenueProtocolError(f"candle with an impossible volume: {row}")
    return row.time, opened, high, low, close, volume


# ---------------------------------------------------------------- notices and instrument status


def parse_notices(entries: Iterable[Row]) -> list[VenueNotice]:
    """REST (camelCase, ISO) and stream (snake_case, ms) notifications."""
    return [_notice(row) for row in entries]


def _notice(row: Row) -> VenueNotice:
    effective_key = next((key for key in ("effectiveTime", "effective_time") if row.get(key)), None)
    minutes = optional_number(row, "expectedDowntimeMinutes") or optional_number(row, "expected_downtime_minutes")
    return VenueNotice(
        kind=optional_text(row, "type") or "general",
        priority=optional_text(row, "priority") or "low",
        text=optional_text(row, "note") or "",
        effective_at=moment(row, effective_key) if effective_key else None,
        downtime_min=None if minutes is None else float(minutes),
    )


def parse_status(payload: Row, to_symbol: ToSymbol) -> dict[Symbol, Mapping[str, Any]]:
    """``{"instrumentStatus":[{"tradeable":"PF_COMPUSD","experiencingDislocation":false,...}]}`` by symbol."""
    return {to_symbol(text(row, "tradeable")): row for row in rows(payload, "instrumentStatus")}
