"""The endpoints that are asked: what they feed, from which plan on, and for whom they serve. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from tradingbot.intel.histories import HistoryKind
from tradingbot.market.intelligence import Feed


class PlanLevel(IntEnum):
    """What the key has paid for; a higher plan has all of a lower one."""

    HOBBYIST = 0
    STARTUP = 1
    STANDARD = 2
    PROFESSIONAL = 3


def plan_level(word: str) -> PlanLevel:
    """The plan of CoinGlass's own word; an unknown word counts as the lowest plan."""
    return PlanLevel.__members__.get(word.strip().upper(), PlanLevel.HOBBYIST)


class Endpoint(StrEnum):
    """One thing to ask, by its path."""

    SUBSCRIPTION = "/api/user/account/subscription"
    TAKER = "/api/futures/taker-buy-sell-volume/exchange-list"
    LIQUIDATION_COINS = "/api/futures/liquidation/coin-list"
    LIQUIDATION_EXCHANGES = "/api/futures/liquidation/exchange-list"
    OPEN_INTEREST = "/api/futures/open-interest/exchange-list"
    FUNDING = "/api/futures/funding-rate/exchange-list"
    FEAR_GREED = "/api/index/fear-greed-history"
    BALANCE_LIST = "/api/exchange/balance/list"
    BALANCE_CHART = "/api/exchange/balance/chart"
    TOKEN_TRANSFERS = "/api/exchange/chain/tx/list"  # noqa: S105 - a path
    WHALE_TRANSFERS = "/api/chain/v2/whale-transfer"
    OPEN_INTEREST_HISTORY = "/api/futures/open-interest/aggregated-history"
    FUNDING_HISTORY = "/api/futures/funding-rate/oi-weight-history"
    LONG_SHORT_HISTORY = "/api/futures/global-long-short-account-ratio/history"
    TAKER_HISTORY = "/api/futures/aggregated-taker-buy-sell-volume/history"
    LIQUIDATION_HISTORY = "/api/futures/liquidation/aggregated-history"
    FREE_FEAR_GREED = "alternative.me/fng"
    DVOL = "deribit/dvol"
    VIX = "cboe/vix"
    OPTIONS = "deribit/options"


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """`feed` is None for what only we ourselves need; `needs_key` is False for sources beside CoinGlass."""

    label: str
    feed: Feed | None
    lowest_plan: PlanLevel = PlanLevel.HOBBYIST
    needs_key: bool = True


FACTS: Final[Mapping[Endpoint, EndpointFacts]] = {
    Endpoint.SUBSCRIPTION: EndpointFacts("plan of the key", None),
    Endpoint.TAKER: EndpointFacts("taker volume", Feed.TAKER_FLOW),
    Endpoint.LIQUIDATION_COINS: EndpointFacts("liquidation coin list", Feed.LIQUIDATIONS, PlanLevel.STARTUP),
    Endpoint.LIQUIDATION_EXCHANGES: EndpointFacts("liquidations", Feed.LIQUIDATIONS),
    Endpoint.OPEN_INTEREST: EndpointFacts("open interest", Feed.OPEN_INTEREST),
    Endpoint.FUNDING: EndpointFacts("funding", Feed.FUNDING),
    Endpoint.FEAR_GREED: EndpointFacts("fear & greed", Feed.FEAR_GREED),
    Endpoint.BALANCE_LIST: EndpointFacts("exchange balances", Feed.EXCHANGE_FLOW),
    Endpoint.BALANCE_CHART: EndpointFacts("history of exchange balances", Feed.EXCHANGE_FLOW),
    Endpoint.TOKEN_TRANSFERS: EndpointFacts("token transfers", Feed.WHALE_TRANSFERS),
    Endpoint.WHALE_TRANSFERS: EndpointFacts("whale transfers", Feed.WHALE_TRANSFERS, PlanLevel.STARTUP),
    Endpoint.OPEN_INTEREST_HISTORY: EndpointFacts("open-interest history", Feed.OPEN_INTEREST),
    Endpoint.FUNDING_HISTORY: EndpointFacts("funding history", Feed.FUNDING_HISTORY),
    Endpoint.LONG_SHORT_HISTORY: EndpointFacts("long/short ratio", Feed.LONG_SHORT),
    Endpoint.TAKER_HISTORY: EndpointFacts("taker history", Feed.TAKER_FLOW),
    Endpoint.LIQUIDATION_HISTORY: EndpointFacts("liquidation history", Feed.LIQUIDATIONS),
    Endpoint.FREE_FEAR_GREED: EndpointFacts("free fear & greed", Feed.FEAR_GREED, needs_key=False),
    Endpoint.DVOL: EndpointFacts("DVOL", Feed.VOLATILITY_INDEX, needs_key=False),
    Endpoint.VIX: EndpointFacts("VIX", Feed.VOLATILITY_INDEX, needs_key=False),
    Endpoint.OPTIONS: EndpointFacts("option skew", Feed.OPTION_SKEW, needs_key=False),
}

HISTORIES: Final[Mapping[Endpoint, HistoryKind]] = {
    Endpoint.OPEN_INTEREST_HISTORY: HistoryKind.OPEN_INTEREST,
    Endpoint.FUNDING_HISTORY: HistoryKind.FUNDING,
    Endpoint.LONG_SHORT_HISTORY: HistoryKind.LONG_SHORT,
    Endpoint.TAKER_HISTORY: HistoryKind.TAKER,
    Endpoint.LIQUIDATION_HISTORY: HistoryKind.LIQUIDATIONS,
}
