"""Brings what the intelligence source knows under the data contracts, and says which feed is out and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from tradingbot.core.records import Reason
from tradingbot.core.types import Asset, Symbol
from tradingbot.market.data_contracts import ContractMemory, ContractParams, OwnMarket, judge_asset, judge_market
from tradingbot.market.feed_coverage import explain_missing, judge_universe, why_missing
from tradingbot.market.intelligence import NO_INTEL, Feed, IntelState, MarketIntel, SymbolIntel
from tradingbot.ports import IntelSource

log = structlog.get_logger(__name__)

COUNTED = (Feed.TAKER_FLOW, Feed.LIQUIDATIONS, Feed.OPEN_INTEREST, Feed.FUNDING, Feed.FUNDING_HISTORY)
"""Feeds that concern every asset; others are told of a few assets only."""


@dataclass(slots=True)
class IntelDesk:
    """Judges intelligence once per cycle. `assets` maps every traded symbol to its asset."""

    source: IntelSource
    assets: Mapping[Symbol, Asset]
    params: ContractParams
    _memory: ContractMemory = field(default_factory=ContractMemory)
    _said: dict[Feed, str] = field(default_factory=dict)
    _state: IntelState = field(default_factory=IntelState)
    _symbols: dict[Symbol, SymbolIntel] = field(default_factory=dict)
    _market: MarketIntel = field(default_factory=MarketIntel)

    def judge(self, now: datetime, own: Mapping[Symbol, OwnMarket]) -> tuple[Mapping[Symbol, SymbolIntel], MarketIntel]:
        """Everything known now, each breach noted as a problem of its feed."""
        state = self.source.state()
        known: dict[str, SymbolIntel] = {}
        nothing = explain_missing(NO_INTEL, state.feeds)
        for symbol, asset in self.assets.items():
            told = state.assets.get(asset)
            raw = nothing if told is None else explain_missing(told, state.feeds)
            known[symbol] = judge_asset(asset, raw, own.get(symbol, OwnMarket()), self._memory, now, self.params)
        self._state = state
        self._symbols = {Symbol(name): one for name, one in judge_universe(known, now, self.params).items()}
        self._market = judge_market(_explained(state), self._memory, now, self.params)
        self._say()
        return self._symbols, self._market

    def report(self) -> list[dict[str, object]]:
        """One row per feed for people: how many assets it holds for, and what is wrong with the others."""
        rows: list[dict[str, object]] = []
        for feed in Feed:
            problems = self._problems(feed)
            held = len(self._symbols) - len(problems) if feed not in _MARKET_WIDE else int(not problems)
            health = self._state.feeds.get(feed)
            rows.append(
                {
                    "feed": feed.value,
                    "ok": held,
                    "of": len(self._symbols) if feed not in _MARKET_WIDE else 1,
                    "problems": _grouped(problems),
                    "last_success_at": health.last_success_at if health else None,
                    "last_error": health.last_error if health else "",
                }
            )
        return rows

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the source does not reach, in words."""
        return self._state.left_out

    def _problems(self, feed: Feed) -> dict[str, tuple[Reason, ...]]:
        if feed in _MARKET_WIDE:
            found = self._market.problems.get(feed, ())
            return {"*": found} if found else {}
        return {symbol: one.problems[feed] for symbol, one in self._symbols.items() if one.problems.get(feed)}

    def _say(self) -> None:
        """Log a feed when what is wrong with it changes, not in between."""
        for feed in COUNTED:
            now_said = ", ".join(f"{code} x{count}" for code, count in _grouped(self._problems(feed)).items())
            if now_said != self._said.get(feed, ""):
                if now_said:
                    log.warning("feed.impaired", feed=feed.value, problems=now_said)
                else:
                    log.info("feed.recovered", feed=feed.value)
                self._said[feed] = now_said


_MARKET_WIDE = (Feed.FEAR_GREED, Feed.VOLATILITY_INDEX)


def _explained(state: IntelState) -> MarketIntel:
    held = {Feed.FEAR_GREED: state.market.fear_greed, Feed.VOLATILITY_INDEX: state.market.volatility}
    missing = {feed: (why_missing(feed, state.feeds.get(feed)),) for feed, value in held.items() if value is None}
    problems = {**missing, **state.market.problems}
    return MarketIntel(state.market.fear_greed, state.market.volatility, problems)


def _grouped(problems: Mapping[str, tuple[Reason, ...]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for reasons in problems.values():
        for why in reasons:
            counts[why.code] = counts.get(why.code, 0) + 1
    return counts
