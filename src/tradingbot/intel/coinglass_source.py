"""Market intelligence as the engine gets it: `IntelSource` with a key and without one."""

from __future__ import annotations

from collections.abc import Sequence

from tradingbot.core.types import Asset
from tradingbot.intel.cache_models import CacheSink
from tradingbot.intel.coinglass_rest import CoinglassClient
from tradingbot.intel.params import CoinglassParams
from tradingbot.intel.polling import PollingSource
from tradingbot.net.http import Fetcher
from tradingbot.ports import Clock


class CoinglassSource(PollingSource):
    """CoinGlass with a key, and the free sources beside it."""

    def __init__(
        self,
        clock: Clock,
        params: CoinglassParams,
        assets: Sequence[Asset],
        api_key: str,
        sink: CacheSink | None = None,
        http: Fetcher | None = None,
    ) -> None:
        """`assets` is the universe; `params.symbols` goes before it. Raises ConfigurationError for an unusable key."""
        client = CoinglassClient(clock, params, api_key, http) if params.enabled else None
        super().__init__(clock, params, assets, client, "" if params.enabled else "switched_off", sink, http)


class KeylessSource(PollingSource):
    """Without a key: only what is free. Every feed of CoinGlass is off."""

    def __init__(
        self,
        clock: Clock,
        params: CoinglassParams,
        assets: Sequence[Asset],
        sink: CacheSink | None = None,
        http: Fetcher | None = None,
    ) -> None:
        super().__init__(clock, params, assets, None, "no_api_key" if params.enabled else "switched_off", sink, http)


def intel_source(
    clock: Clock,
    params: CoinglassParams,
    assets: Sequence[Asset],
    api_key: str | None,
    sink: CacheSink | None = None,
    http: Fetcher | None = None,
) -> CoinglassSource | KeylessSource:
    """The source that a key, or its absence, allows."""
    if api_key and params.enabled:
        return CoinglassSource(clock, params, assets, api_key, sink, http)
    return KeylessSource(clock, params, assets, sink, http)
