"""The pages: name in the address, title, and the view that makes its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tradingbot.dashboard.sources import Look
from tradingbot.dashboard.views.book import equity, positions, trades
from tradingbot.dashboard.views.explain import explain
from tradingbot.dashboard.views.health import health, what_to_do
from tradingbot.dashboard.views.market import market
from tradingbot.dashboard.views.overview import overview
from tradingbot.dashboard.views.thinking import learning, models, regime, signals
from tradingbot.dashboard.views.work import jobs, logs


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `arguments` are those of its address that matter, with what they mean.

    One that cannot be shown without some of them (`required`) is of one thing alone: it stands outside the navigation,
    and is not made anew when a cycle ends.
    """

    name: str
    title: str
    view: Callable[[Look], dict[str, Any]]
    arguments: Mapping[str, str]
    required: tuple[str, ...] = ()

    @property
    def listed(self) -> bool:
        """Whether it stands in the navigation."""
        return not self.required

    @property
    def live(self) -> bool:
        """Whether it is made anew when a cycle ends."""
        return not self.required


_SYMBOL: Final = {"symbol": "only this symbol, e.g. BTCUSDT"}
PAGES: Final[Mapping[str, Page]] = {
    page.name: page
    for page in (
        Page("overview", "Overview", overview, {}),
        Page("health", "Health", health, {}),
        Page(
            "runbook",
            "Runbook",
            what_to_do,
            {"kind": "of an issue, e.g. clock_skew"},
            required=("kind",),
        ),
        Page("positions", "Positions", positions, {}),
        Page(
            "trades",
            "Trades",
            trades,
            {**_SYMBOL, "rule": "only this exit rule", "side": "long or short", "page": "page, from 1"},
        ),
        Page("equity", "Equity", equity, {"span": "1d, 7d, 30d, 90d or all"}),
        Page("market", "Market", market, {**_SYMBOL}),
        Page("signals", "Signals", signals, {}),
        Page(
            "explain",
            "Why",
            explain,
            {"id": "of a trade, an order or a signal, e.g. 20260105T0801-BTCUSDT"},
            required=("id",),
        ),
        Page("regime", "Regime", regime, {}),
        Page("learning", "Learning", learning, {}),
        Page("models", "Models", models, {}),
        Page("jobs", "Jobs", jobs, {}),
        Page(
            "logs",
            "Logs",
            logs,
            {"journal": "which journal", "level": "least level", "find": "text that a line must hold"},
        ),
    )
}
