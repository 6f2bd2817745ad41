"""What sources beside the venue had told of one symbol, out of recorded series."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tradingbot.core.types import Symbol, utc_from_ms
from tradingbot.engine.venue_readings import changes_pct
from tradingbot.market.intelligence import (
    ExchangeFlow,
    FundingRates,
    FundingStats,
    Liquidations,
    LiquidationWindow,
    LongShort,
    OpenInterest,
    OptionSkew,
    Stamp,
    SymbolIntel,
    TakerFlow,
    WhaleTransfers,
)
from tradingbot.research.recorded_inputs import RecordedInputs, Series, Told

SOURCE = "recorded-intel"
TAKER_WINDOW_S = 300
HOUR_S, DAY_S = 3_600, 86_400
HISTORY_ROWS = 300
"""Rows of a series that its own mean, spread and changes are taken over."""
SMILE_COLUMNS = ("put_25d_iv_pct", "call_25d_iv_pct", "atm_iv_pct", "expiry_days")


def stamp_of(series: Series) -> Stamp:
    """When the newest row was true and when it arrived."""
    return Stamp(utc_from_ms(int(series.true_ms[-1])), utc_from_ms(int(series.arrived_ms[-1])), SOURCE)


def symbol_intel(known: RecordedInputs, symbol: Symbol) -> SymbolIntel:
    """Newest known value of every feed, with what follows from its known history; unjudged."""
    told = {
        kind: series.rows(slice(max(0, len(series) - HISTORY_ROWS), None))
        for (owner, kind), series in known.series.items()
        if owner == symbol and len(series)
    }
    return SymbolIntel(
        taker=_taker(told),
        liquidations=_liquidations(told),
        open_interest=_open_interest(told),
        funding=_funding(told),
        funding_stats=_funding_stats(told),
        long_short=_long_short(told),
        exchange_flow=_exchange_flow(told),
        whale_transfers=_whales(told),
        option_skew=_option_skew(told),
    )


Rows = Mapping[Told, Series]


def _last(series: Series, name: str) -> float:
    return float(series.columns[name][-1])


def _taker(told: Rows) -> TakerFlow | None:
    rows = told.get(Told.TAKER)
    return (
        None
        if rows is None
        else TakerFlow(stamp_of(rows), TAKER_WINDOW_S, _last(rows, "buy_usd"), _last(rows, "sell_usd"))
    )


def _liquidations(told: Rows) -> Liquidations:
    rows = told.get(Told.LIQUIDATIONS)
    if rows is None:
        return Liquidations()
    stamp = stamp_of(rows)
    return Liquidations(
        hour=LiquidationWindow(stamp, HOUR_S, _last(rows, "hour_long_usd"), _last(rows, "hour_short_usd")),
        day=LiquidationWindow(stamp, DAY_S, _last(rows, "day_long_usd"), _last(rows, "day_short_usd")),
    )


def _open_interest(told: Rows) -> OpenInterest | None:
    rows = told.get(Told.OPEN_INTEREST)
    if rows is None:
        return None
    changes = changes_pct(rows.true_ms.tolist(), rows.columns["total_usd"].tolist())
    return OpenInterest(stamp_of(rows), _last(rows, "total_usd"), dict(changes))


def _funding(told: Rows) -> FundingRates | None:
    rows = told.get(Told.FUNDING)
    return (
        None if rows is None else FundingRates(stamp_of(rows), _last(rows, "median_8h"), round(_last(rows, "venues")))
    )


def _funding_stats(told: Rows) -> FundingStats | None:
    rows = told.get(Told.FUNDING)
    if rows is None:
        return None
    rates = rows.columns["median_8h"]
    return FundingStats(stamp_of(rows), float(np.mean(rates)), float(np.std(rates)), len(rows))


def _long_short(told: Rows) -> LongShort | None:
    rows = told.get(Told.LONG_SHORT)
    return None if rows is None else LongShort(stamp_of(rows), _last(rows, "long_share"))


def _exchange_flow(told: Rows) -> ExchangeFlow | None:
    rows = told.get(Told.EXCHANGE_FLOW)
    if rows is None:
        return None
    flows = rows.columns["net_inflow_usd"]
    return ExchangeFlow(stamp_of(rows), HOUR_S, float(flows[-1]), float(np.std(flows)) or None)


def _whales(told: Rows) -> WhaleTransfers | None:
    rows = told.get(Told.WHALES)
    if rows is None:
        return None
    sums = _last(rows, "inflow_usd"), _last(rows, "outflow_usd")
    return WhaleTransfers(stamp_of(rows), HOUR_S, *sums, round(_last(rows, "count")))


def _option_skew(told: Rows) -> OptionSkew | None:
    rows = told.get(Told.OPTION_SKEW)
    return None if rows is None else OptionSkew(stamp_of(rows), *(_last(rows, name) for name in SMILE_COLUMNS))
