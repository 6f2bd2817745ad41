"""Hands what has changed to the cache, each file at most once a minute; reads all of it back at the start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from tradingbot.intel.cache_models import FILES, HISTORY_NAMES, CachedIntel, CacheModel, CacheSink, PollingCache
from tradingbot.intel.caching import from_cache, to_cache
from tradingbot.intel.endpoints import HISTORIES, Endpoint
from tradingbot.intel.store import IntelStore

log = structlog.get_logger(__name__)

BETWEEN_WRITES: Final = timedelta(seconds=60)
POLLING: Final = "coinglass/polling.json"
FEATURES: Final = "coinglass/features.json"
_SNAPSHOT: Final = "coinglass/snapshot.json"
_MOOD: Final = "intelligence/fear_greed.json"
_LIQUIDATIONS: Final = "intelligence/liquidations.json"
_OPTIONS: Final = "intelligence/option_skew.json"
_FLOWS: Final = "onchain/exchange_flows.json"
_WHALES: Final = "onchain/whale_moves.json"

TOUCHED: Final[Mapping[Endpoint, tuple[str, ...]]] = {
    Endpoint.TAKER: ("intelligence/taker_buy_sell.json",),
    Endpoint.LIQUIDATION_COINS: (_LIQUIDATIONS, FEATURES),
    Endpoint.LIQUIDATION_EXCHANGES: (_LIQUIDATIONS, FEATURES),
    Endpoint.OPEN_INTEREST: (_SNAPSHOT, FEATURES),
    Endpoint.FUNDING: (_SNAPSHOT, FEATURES),
    Endpoint.FEAR_GREED: (_MOOD,),
    Endpoint.FREE_FEAR_GREED: (_MOOD,),
    Endpoint.DVOL: (_MOOD,),
    Endpoint.VIX: (_MOOD,),
    Endpoint.OPTIONS: (_OPTIONS,),
    Endpoint.BALANCE_LIST: (_FLOWS,),
    Endpoint.BALANCE_CHART: (_FLOWS,),
    Endpoint.TOKEN_TRANSFERS: (_WHALES,),
    Endpoint.WHALE_TRANSFERS: (_WHALES,),
    **{endpoint: (HISTORY_NAMES[kind], FEATURES) for endpoint, kind in HISTORIES.items()},
}
"""Which files an answer of an endpoint changes."""


class NoCache:
    """Remembers nothing over a restart."""

    def load(self) -> CachedIntel | None:
        """Nothing."""
        return None

    def put(self, name: str, model: object) -> None:
        """Forget it."""


class CacheKeeper:
    """Knows which files are behind the store."""

    def __init__(self, sink: CacheSink, store: IntelStore) -> None:
        self._sink = sink
        self._store = store
        self._behind: set[str] = set()
        self._broken = False
        self._put_at: dict[str, datetime] = {}

    @property
    def keeps(self) -> bool:
        """Whether anything is written at all."""
        return not isinstance(self._sink, NoCache)

    def restore(self, now: datetime) -> PollingCache:
        """Fill the store from the files; what is known of the polling itself comes back."""
        cached = self._sink.load()
        if cached is None:
            return PollingCache()
        from_cache(cached, self._store, now)
        polling = cached.files.get(POLLING)
        return polling if isinstance(polling, PollingCache) else PollingCache()

    def changed(self, endpoint: Endpoint) -> None:
        """An answer of this endpoint has changed the store."""
        self._behind.update(TOUCHED.get(endpoint, ()))

    def write(self, now: datetime, polling: PollingCache, all_now: bool = False) -> None:
        """Put the files that are behind and were not put for a minute; `all_now` puts every one that is behind."""
        due = {name for name in self._behind | {POLLING} if all_now or self._is_due(name, now)}
        for name in sorted(due, key=list(FILES).index):
            self._put_at[name] = now
            if self._put(name, polling if name == POLLING else to_cache(name, self._store, now)):
                self._behind.discard(name)

    def _put(self, name: str, model: CacheModel) -> bool:
        try:
            self._sink.put(name, model)
        except Exception as error:  # noqa: BLE001 - a cache never stops the polling, whatever is behind it
            if not self._broken:
                log.warning("intel.cache_failing", file=name, error=f"{type(error).__name__}: {error}")
            self._broken = True
            return False
        if self._broken:
            log.info("intel.cache_recovered")
        self._broken = False
        return True

    def _is_due(self, name: str, now: datetime) -> bool:
        at = self._put_at.get(name)
        return at is None or not at <= now < at + BETWEEN_WRITES
