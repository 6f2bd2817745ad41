"""Histories of futures in bars: liquidations, funding, open interest, ratios, taker volume, prices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from tradingbot.sim_server.coinglass.call import Answer, Call, Endpoint, Window, invalid
from tradingbot.simulator.intelligence_columns import (
    BUYS,
    CLOSE,
    HIGH,
    I_HIGH,
    I_LOW,
    I_OPEN,
    INTEREST,
    LONGS,
    LOW,
    OPEN,
    SHORTS,
    VOLUME,
    Bars,
)
from tradingbot.simulator.intelligence_scale import EXCHANGE_NAMES

_FUNDED: Final = frozenset(EXCHANGE_NAMES) - {"CME"}


def _rows(window: Window, times: np.ndarray[Any, Any], columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Rows of the window, oldest first, each beginning with its time."""
    names = list(columns)
    rows = [
        {"time": time_ms, **dict(zip(names, values, strict=True))}
        for time_ms, *values in zip(times.tolist(), *columns.values(), strict=True)
        if window.since_ms <= time_ms <= window.until_ms
    ]
    return rows[-window.limit :]


def _texts(values: np.ndarray[Any, Any], form: str) -> list[str]:
    return [format(value, form) for value in values.tolist()]


def _price_text(value: float) -> str:
    return np.format_float_positional(float(f"{value:.10g}"), trim="-")


def _numbers(values: np.ndarray[Any, Any], digits: int) -> list[float]:
    rounded: list[float] = np.round(values, digits).tolist()
    return rounded


def _bars(call: Call, window: Window, asset: str, delay_s: float) -> Bars:
    return call.intelligence.futures.bars(asset, window.step_ms, window.since_ms, call.now_ms, delay_s)


def _listed_share(call: Call, share: Callable[[str], float]) -> float:
    """What the exchanges of the required list have together."""
    return sum(share(name.strip()) for name in call.required("exchange_list").split(","))


Columns = Callable[[Bars], dict[str, list[Any]]]


def _traded(
    call: Call,
    window: Window,
    asset: str | None,
    share: float,
    delay_s: float,
    columns: Columns,
    *,
    message: bool = True,
) -> Answer:
    """What `columns` makes of the bars; nothing for an unknown coin or exchange."""
    if asset is None or not share:
        return Answer([], call.origin)
    bars = _bars(call, window, asset, delay_s)
    return Answer(_rows(window, bars.time_ms, columns(bars)), call.origin, message=message)


def liquidations(call: Call) -> Answer:
    """Liquidations of a pair."""
    share, window = call.intelligence.futures.volume_share(call.required("exchange")), call.window()
    world = call.intelligence.world
    factor = share * world.scale.liquidations

    def columns(bars: Bars) -> dict[str, list[Any]]:
        return {
            "long_liquidation_usd": _texts(bars[LONGS] * factor, ".5f"),
            "short_liquidation_usd": _texts(bars[SHORTS] * factor, ".5f"),
        }

    return _traded(call, window, call.pair(), share, world.delays.liquidations_s, columns)


def liquidations_together(call: Call) -> Answer:
    """Liquidations of a coin on some exchanges."""
    share, window = _listed_share(call, call.intelligence.futures.volume_share), call.window()
    world = call.intelligence.world
    factor = share * world.scale.liquidations

    def columns(bars: Bars) -> dict[str, list[Any]]:
        return {
            "aggregated_long_liquidation_usd": _numbers(bars[LONGS] * factor, 5),
            "aggregated_short_liquidation_usd": _numbers(bars[SHORTS] * factor, 5),
        }

    return _traded(call, window, call.coin(), share, world.delays.liquidations_s, columns)


def funding(call: Call) -> Answer:
    """Funding of a pair, percent per 8 hours."""
    exchange, window, asset = call.required("exchange"), call.window(), call.pair()
    if asset is None or exchange not in _FUNDED:
        return Answer([], call.origin)
    return _funding(call, window, asset, exchange)


def funding_weighted(call: Call) -> Answer:
    """Mean funding of a coin over all exchanges."""
    window, asset = call.window(), call.coin()
    return Answer([], call.origin) if asset is None else _funding(call, window, asset, None)


def _funding(call: Call, window: Window, asset: str, exchange: str | None) -> Answer:
    times, candles, origin = call.intelligence.crowd.history(
        asset, exchange, window.step_ms, window.since_ms, call.now_ms
    )
    names = ("open", "high", "low", "close")
    columns: dict[str, list[Any]] = {name: _texts(100.0 * row, ".6f") for name, row in zip(names, candles, strict=True)}
    return Answer(_rows(window, times, columns), origin)


def interest(call: Call) -> Answer:
    """Open interest of a pair."""
    share, window = call.intelligence.futures.interest_share(call.required("exchange")), call.window()
    asset = call.pair()
    return Answer([], call.origin) if asset is None or not share else _interest(call, window, asset, share)


def interest_together(call: Call) -> Answer:
    """Open interest of a coin on all exchanges."""
    window, asset = call.window(), call.coin()
    return Answer([], call.origin) if asset is None else _interest(call, window, asset, 1.0)


def _interest(call: Call, window: Window, asset: str, share: float) -> Answer:
    unit = call.text("unit") or "usd"
    if unit not in {"usd", "coin"}:
        raise invalid("unit")
    bars, origin = call.intelligence.futures.interest_bars(asset, window.step_ms, window.since_ms, call.now_ms)
    form, price = (".0f", 1.0) if unit == "usd" else (".4f", bars[CLOSE])
    columns: dict[str, list[Any]] = {
        name: _texts(share * bars[column] / price, form)
        for name, column in (("open", I_OPEN), ("high", I_HIGH), ("low", I_LOW), ("close", INTEREST))
    }
    return Answer(_rows(window, bars.time_ms, columns), origin)


def ratios(kind: str, call: Call) -> Answer:
    """Long/short ratio of a pair in closed bars."""
    exchange, window, asset = call.required("exchange"), call.window(), call.pair()
    if asset is None or exchange not in _FUNDED:
        return Answer([], call.origin)
    times, share = call.intelligence.crowd.ratios(kind, asset, exchange, window.step_ms, window.since_ms, call.now_ms)
    longs = np.round(share, 2)
    columns: dict[str, list[Any]] = {
        f"{kind}_long_percent": longs.tolist(),
        f"{kind}_short_percent": _numbers(100.0 - longs, 2),
        f"{kind}_long_short_ratio": _numbers(longs / (100.0 - longs), 2),
    }
    return Answer(_rows(window, times, columns), call.origin)


def taker(call: Call) -> Answer:
    """Taker volume of a pair."""
    share, window = call.intelligence.futures.volume_share(call.required("exchange")), call.window()
    world = call.intelligence.world
    factor = share * world.scale.volume

    def columns(bars: Bars) -> dict[str, list[Any]]:
        return {
            "taker_buy_volume_usd": _texts(bars[BUYS] * factor, ".4f"),
            "taker_sell_volume_usd": _texts((bars[VOLUME] - bars[BUYS]) * factor, ".4f"),
        }

    return _traded(call, window, call.pair(), share, world.delays.taker_s, columns, message=False)


def taker_together(call: Call) -> Answer:
    """Taker volume of a coin on some exchanges."""
    share, window = _listed_share(call, call.intelligence.futures.volume_share), call.window()
    world = call.intelligence.world
    factor = share * world.scale.volume

    def columns(bars: Bars) -> dict[str, list[Any]]:
        return {
            "aggregated_buy_volume_usd": _numbers(bars[BUYS] * factor, 4),
            "aggregated_sell_volume_usd": _numbers((bars[VOLUME] - bars[BUYS]) * factor, 4),
        }

    return _traded(call, window, call.coin(), share, world.delays.taker_s, columns)


def prices(call: Call) -> Answer:
    """Prices of a pair."""
    share, window = call.intelligence.futures.volume_share(call.required("exchange")), call.window()
    world = call.intelligence.world

    def columns(bars: Bars) -> dict[str, list[Any]]:
        shown: dict[str, list[Any]] = {
            name: [_price_text(value) for value in bars[column].tolist()]
            for name, column in (("open", OPEN), ("high", HIGH), ("low", LOW), ("close", CLOSE))
        }
        return {**shown, "volume_usd": _texts(bars[VOLUME] * share * world.scale.volume, ".4f")}

    return _traded(call, window, call.pair(), share, world.delays.taker_s, columns, message=False)


def whale_index(call: Call) -> Answer:
    """How large traders lean: the gap between large positions and all accounts."""
    exchange, window, asset = call.required("exchange"), call.window(), call.pair()
    if asset is None or exchange not in _FUNDED:
        return Answer([], call.origin)
    crowd = call.intelligence.crowd
    times, large = crowd.ratios("top_position", asset, exchange, window.step_ms, window.since_ms, call.now_ms)
    _, every = crowd.ratios("global_account", asset, exchange, window.step_ms, window.since_ms, call.now_ms)
    return Answer(_rows(window, times, {"whale_index_value": _numbers(4.0 * (large - every), 4)}), call.origin)


HISTORY_ENDPOINTS: Final = {
    "/api/futures/liquidation/history": Endpoint(liquidations),
    "/api/futures/liquidation/aggregated-history": Endpoint(liquidations_together),
    "/api/futures/funding-rate/history": Endpoint(funding),
    "/api/futures/funding-rate/oi-weight-history": Endpoint(funding_weighted),
    "/api/futures/funding-rate/vol-weight-history": Endpoint(funding_weighted),
    "/api/futures/open-interest/history": Endpoint(interest),
    "/api/futures/open-interest/aggregated-history": Endpoint(interest_together),
    "/api/futures/global-long-short-account-ratio/history": Endpoint(partial(ratios, "global_account")),
    "/api/futures/top-long-short-account-ratio/history": Endpoint(partial(ratios, "top_account")),
    "/api/futures/top-long-short-position-ratio/history": Endpoint(partial(ratios, "top_position")),
    "/api/futures/v2/taker-buy-sell-volume/history": Endpoint(taker),
    "/api/futures/aggregated-taker-buy-sell-volume/history": Endpoint(taker_together),
    "/api/futures/price/history": Endpoint(prices),
    "/api/futures/whale-index/history": Endpoint(whale_index, "STARTUP"),
}
