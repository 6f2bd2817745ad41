"""What one would like to ask, before any budget: a row for each endpoint, asset and window. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from tradingbot.core.types import Asset
from tradingbot.intel.endpoints import FACTS, HISTORIES, Endpoint, PlanLevel
from tradingbot.intel.params import CoinglassFeatures, CoinglassParams
from tradingbot.market.intelligence import Feed

DAY_S: Final = 86_400.0
BACKFILL: Final = "backfill"
RECENT: Final = "recent"
_HISTORY_FEEDS: Final = (Feed.FUNDING_HISTORY, Feed.LONG_SHORT)


class Priority(IntEnum):
    """Who is asked first and stretched last."""

    SELF_CHECK = 0
    MOOD = 1
    FLOW = 2
    LIQUIDATIONS = 3
    POSITIONS = 4
    FUNDING = 5
    ON_CHAIN = 6
    LONG_WINDOWS = 7
    HISTORY = 8
    BACKFILL = 9


@dataclass(frozen=True, slots=True)
class PollRow:
    """One request that is repeated: `subject` None asks for all assets at once, `variant` is a window or a purpose."""

    endpoint: Endpoint
    subject: Asset | None
    variant: str
    period_s: float
    priority: Priority
    feed: Feed | None
    key: str = field(init=False)
    """Its name in files and in the memory of when it was asked; made once, it is looked up all the time."""

    def __post_init__(self) -> None:
        name = ":".join((self.endpoint.name, self.subject or "*", self.variant)).rstrip(":")
        object.__setattr__(self, "key", name)

    @property
    def per_min(self) -> float:
        """Requests of the key's budget in a minute."""
        return 60.0 / self.period_s if FACTS[self.endpoint].needs_key else 0.0

    @property
    def is_main(self) -> bool:
        """Whether the feed lives of this row; the history of a feed that has snapshots does not count."""
        return self.feed in _HISTORY_FEEDS or self.endpoint not in HISTORIES

    @property
    def label(self) -> str:
        """What it is, for people, without the asset."""
        named = FACTS[self.endpoint].label
        return f"{named} ({self.variant})" if self.variant else named


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides which rows there can be.

    `gated` are endpoints that the source has refused, `uncovered` (endpoint, asset) pairs that it tells nothing about,
    `no_key` says why CoinGlass is not asked at all, empty when it is.
    """

    assets: Sequence[Asset]
    level: PlanLevel = PlanLevel.HOBBYIST
    budget_per_min: float = 24.0
    no_key: str = ""
    gated: frozenset[Endpoint] = frozenset()
    uncovered: frozenset[tuple[Endpoint, Asset]] = frozenset()


@dataclass(slots=True)
class Wishes:
    """Rows that can be asked, what cannot be and why, and feeds that are off altogether."""

    rows: list[PollRow] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    off: dict[Feed, str] = field(default_factory=dict)


OFF_WORDS: Final[Mapping[str, str]] = {
    "no_api_key": "no API key",
    "key_refused": "the API key was refused",
    "switched_off": "CoinGlass is switched off",
}


def wishes(params: CoinglassParams, now: Circumstances) -> Wishes:
    """All rows that settings, plan and coverage allow, with their wanted periods."""
    found = Wishes()
    candidates = [*_keyed(params, now, found), *_free(params, now, found)]
    reasons: dict[str, list[str]] = {}
    for row in candidates:
        why = _obstacle(row, now)
        if why:
            reasons.setdefault(f"{row.label}: {why}", []).append(row.subject or "")
        else:
            found.rows.append(row)
    found.left_out += [_line(head, subjects) for head, subjects in reasons.items()]
    _note_off(candidates, now, found)
    return found


def _line(head: str, subjects: Sequence[str]) -> str:
    named = [subject for subject in subjects if subject]
    return f"{head}: {', '.join(named)}" if named else head


def _obstacle(row: PollRow, now: Circumstances) -> str:
    facts = FACTS[row.endpoint]
    if not facts.needs_key:
        return ""
    checks_key = row.endpoint is Endpoint.SUBSCRIPTION and now.no_key == "key_refused"
    if now.no_key and not checks_key:
        return f"not asked, {OFF_WORDS.get(now.no_key, now.no_key)}"
    if facts.lowest_plan > now.level:
        return f"needs the {facts.lowest_plan.name.lower()} plan"
    if row.endpoint in now.gated:
        return "refused by the plan of this key"
    if row.subject is not None and (row.endpoint, row.subject) in now.uncovered:
        return "nothing told about"
    return ""


def _note_off(candidates: Sequence[PollRow], now: Circumstances, found: Wishes) -> None:
    alive = {row.feed for row in found.rows if row.is_main and row.variant != BACKFILL}
    for row in candidates:
        if row.feed is not None and row.feed not in alive:
            refused = row.endpoint in now.gated or FACTS[row.endpoint].lowest_plan > now.level
            found.off.setdefault(row.feed, now.no_key or ("plan" if refused else "not_covered"))


def _keyed(params: CoinglassParams, now: Circumstances, found: Wishes) -> Iterator[PollRow]:
    features = params.features
    yield _row(Endpoint.SUBSCRIPTION, None, "", DAY_S, Priority.SELF_CHECK)
    for name, rows in _by_feature(params, now).items():
        if getattr(features, name):
            yield from rows
        else:
            found.left_out.append(f"{name}: switched off in the settings")
            for feed in _FEATURE_FEEDS[name]:
                found.off[feed] = "switched_off"


_FEATURE_FEEDS: Final[Mapping[str, tuple[Feed, ...]]] = {
    "taker_flow": (Feed.TAKER_FLOW,),
    "liquidations": (Feed.LIQUIDATIONS,),
    "fear_greed": (Feed.FEAR_GREED,),
    "exchange_flows": (Feed.EXCHANGE_FLOW,),
    "whale_transfers": (Feed.WHALE_TRANSFERS,),
    "funding": (Feed.FUNDING, Feed.FUNDING_HISTORY),
    "open_interest": (Feed.OPEN_INTEREST,),
    "long_short_ratio": (Feed.LONG_SHORT,),
}
assert set(_FEATURE_FEEDS) == set(CoinglassFeatures.model_fields)


def _by_feature(params: CoinglassParams, now: Circumstances) -> Mapping[str, list[PollRow]]:
    at, assets = params.polling, now.assets
    return {
        "fear_greed": [_row(Endpoint.FEAR_GREED, None, "", at.fear_greed_s, Priority.MOOD)],
        "taker_flow": [
            *_each(Endpoint.TAKER, assets, params.taker_range, params.poll_s, Priority.FLOW),
            *_backfill(Endpoint.TAKER_HISTORY, params, assets),
        ],
        "liquidations": [*_liquidations(params, now), *_backfill(Endpoint.LIQUIDATION_HISTORY, params, assets)],
        "open_interest": [
            *_each(Endpoint.OPEN_INTEREST, assets, "", at.open_interest_s, Priority.POSITIONS),
            *_history(Endpoint.OPEN_INTEREST_HISTORY, params, assets),
        ],
        "funding": [
            _row(Endpoint.FUNDING, None, "", at.funding_s, Priority.FUNDING),
            *_history(Endpoint.FUNDING_HISTORY, params, assets),
        ],
        "long_short_ratio": _history(Endpoint.LONG_SHORT_HISTORY, params, assets),
        "exchange_flows": _balances(params, now),
        "whale_transfers": _transfers(params, now),
    }


def _liquidations(params: CoinglassParams, now: Circumstances) -> list[PollRow]:
    at = params.polling
    coins = _row(Endpoint.LIQUIDATION_COINS, None, "", at.liquidations_s, Priority.LIQUIDATIONS)
    if not _obstacle(coins, now):
        return [coins]
    endpoint = Endpoint.LIQUIDATION_EXCHANGES
    return [
        coins,
        *_each(endpoint, now.assets, "1h", at.liquidations_s, Priority.LIQUIDATIONS),
        *_each(endpoint, now.assets, "4h", at.liquidations_long_s, Priority.LONG_WINDOWS),
        *_each(endpoint, now.assets, "24h", at.liquidations_long_s, Priority.LONG_WINDOWS),
    ]


def _balances(params: CoinglassParams, now: Circumstances) -> list[PollRow]:
    covered = [asset for asset in now.assets if asset in params.balance_assets]
    period_s = params.polling.balances_s
    return [
        *_each(Endpoint.BALANCE_CHART, covered, "", period_s, Priority.ON_CHAIN),
        *_each(Endpoint.BALANCE_LIST, covered, "", period_s, Priority.ON_CHAIN),
    ]


def _transfers(params: CoinglassParams, now: Circumstances) -> list[PollRow]:
    tokens = [asset for asset in now.assets if asset in params.erc20_assets]
    others = [asset for asset in now.assets if asset not in params.erc20_assets]
    period_s = params.polling.transfers_s
    return [
        *_each(Endpoint.TOKEN_TRANSFERS, tokens, "", period_s, Priority.ON_CHAIN),
        *_each(Endpoint.WHALE_TRANSFERS, others, "", period_s, Priority.ON_CHAIN),
    ]


def _history(endpoint: Endpoint, params: CoinglassParams, assets: Sequence[Asset]) -> list[PollRow]:
    recent = _each(endpoint, assets, RECENT, params.polling.history_s, Priority.HISTORY)
    return [*recent, *_backfill(endpoint, params, assets)]


def _backfill(endpoint: Endpoint, params: CoinglassParams, assets: Sequence[Asset]) -> list[PollRow]:
    assert endpoint in HISTORIES
    return _each(endpoint, assets, BACKFILL, DAY_S, Priority.BACKFILL) if params.backfill_days else []


def _free(params: CoinglassParams, now: Circumstances, found: Wishes) -> Iterator[PollRow]:
    at, source = params.polling, params.volatility.source
    if params.features.fear_greed and params.fear_greed.fallback_enabled and now.no_key != "switched_off":
        yield _row(Endpoint.FREE_FEAR_GREED, None, "", at.fear_greed_s, Priority.MOOD)
    if source == "none":
        found.off[Feed.VOLATILITY_INDEX] = "switched_off"
        found.left_out.append("volatility index: switched off in the settings")
    else:
        endpoint = Endpoint.DVOL if source == "dvol" else Endpoint.VIX
        period_s = at.volatility_s if source == "dvol" else max(at.volatility_s, 3600.0)
        yield _row(endpoint, None, "", period_s, Priority.MOOD)
    yield from _options(params, now, found)


def _options(params: CoinglassParams, now: Circumstances, found: Wishes) -> Iterator[PollRow]:
    own = params.volatility
    if own.skew_source == "none":
        found.off[Feed.OPTION_SKEW] = "no_option_source"
        found.left_out.append("option skew: no source in the settings")
        return
    covered = [asset for asset in now.assets if asset in own.skew_assets]
    others = [asset for asset in now.assets if asset not in own.skew_assets]
    if others:
        found.left_out.append(f"option skew: not covered: {', '.join(others)}")
    yield from _each(Endpoint.OPTIONS, covered, "", params.polling.option_skew_s, Priority.MOOD)


def uncoverable(params: CoinglassParams, now: Circumstances) -> list[str]:
    """What no plan tells about these assets, in words."""
    if not params.features.exchange_flows or now.no_key:
        return []
    others = [asset for asset in now.assets if asset not in params.balance_assets]
    return [f"exchange balances: not covered: {', '.join(others)}"] if others else []


def _each(
    endpoint: Endpoint, assets: Sequence[Asset], variant: str, period_s: float, priority: Priority
) -> list[PollRow]:
    return [_row(endpoint, asset, variant, period_s, priority) for asset in assets]


def _row(endpoint: Endpoint, subject: Asset | None, variant: str, period_s: float, priority: Priority) -> PollRow:
    return PollRow(endpoint, subject, variant, period_s, priority, FACTS[endpoint].feed)
