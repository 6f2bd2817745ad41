"""The polling loop behind every source: asks by plan, keeps the last good values, says what it cannot tell.

One request is in flight at a time. A failure keeps the old value and shows in the feed's health; nothing here raises.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from tradingbot.core.errors import IntelError, IntelIntervalError, IntelKeyError, IntelPlanError, IntelProtocolError
from tradingbot.core.memo import by_identity
from tradingbot.core.types import Asset
from tradingbot.intel.asking import arguments, take
from tradingbot.intel.cache_keeper import CacheKeeper, NoCache
from tradingbot.intel.cache_models import CacheSink, PollingCache
from tradingbot.intel.coinglass_rest import CoinglassClient
from tradingbot.intel.coverage import Coverage
from tradingbot.intel.derived import Derived
from tradingbot.intel.endpoints import FACTS, Endpoint
from tradingbot.intel.free_sources import FreeSources
from tradingbot.intel.health import HealthBoard
from tradingbot.intel.params import CoinglassParams
from tradingbot.intel.plan import PollPlan, due_at, make_plan, next_due
from tradingbot.intel.plan_rows import Circumstances, PollRow
from tradingbot.intel.store import IntelStore
from tradingbot.intel.subscription import parse_subscription
from tradingbot.market.intelligence import IntelState, SymbolIntel
from tradingbot.net.http import Fetcher
from tradingbot.ports import Clock

log = structlog.get_logger(__name__)

LONGEST_IDLE_S: Final = 60.0
SHORTEST_IDLE_S: Final = 0.5
SELF_CHECK: Final = "SUBSCRIPTION:*"
_TOLD: Final[Mapping[Endpoint, Callable[[SymbolIntel], bool]]] = {
    Endpoint.FUNDING: lambda known: known.funding is not None,
    Endpoint.LIQUIDATION_COINS: lambda known: known.liquidations.hour is not None,
}
"""Endpoints that answer for all assets at once, and whether an asset was among them."""


@by_identity(4)
def _without_free(plan: PollPlan) -> tuple[PollRow, ...]:
    return tuple(row for row in plan.rows if row.endpoint is not Endpoint.FREE_FEAR_GREED)


def _trace(error: Exception) -> str:
    """The innermost calls without their variables: those could hold the key."""
    return "".join(traceback.format_exception(error, limit=-3))


class PollingSource:
    """What every source does; `client` is None when CoinGlass is not asked, `no_key` then says why."""

    def __init__(
        self,
        clock: Clock,
        params: CoinglassParams,
        assets: Sequence[Asset],
        client: CoinglassClient | None,
        no_key: str,
        sink: CacheSink | None,
        http: Fetcher | None = None,
    ) -> None:
        """`http` asks the free sources in place of the network."""
        self._clock = clock
        self._params = params
        self._assets = tuple(Asset(name) for name in params.symbols) or tuple(assets)
        self._client = client
        self._free = FreeSources(clock, params, http)
        self._store = IntelStore(keep_days=params.backfill_days)
        self._keeper = CacheKeeper(sink or NoCache(), self._store)
        self._health = HealthBoard()
        self._coverage = Coverage(params, no_key)
        self._last_asked: dict[str, datetime] = {}
        self._answered: set[str] = set()
        self._plan = self._make_plan()
        self._restored = False
        self._turned_at: datetime | None = None

    # -- the port
    async def run(self) -> None:
        """Poll until cancelled; what has changed is put into the cache at the end, too."""
        self.restore()
        log.info("intel.started", requests_per_min=round(self._plan.per_min, 2), left_out=self._plan.left_out)
        try:
            while True:
                await self._step_safely()
        finally:
            self._keeper.write(self._clock.now(), self._polling(), all_now=True)

    def state(self) -> IntelState:
        """Everything known now."""
        now = self._clock.now()
        return IntelState(
            assets={asset: self._store.assets[asset] for asset in self._assets if asset in self._store.assets},
            market=self._store.market(now, self._params.fear_greed.oldest_h),
            feeds=self._health.snapshot(self._plan.off),
            left_out=(*self._plan.left_out, *self._coverage.notes, *self._silent()),
        )

    def turned_at(self) -> datetime | None:
        """When the loop last came round, whatever came of its request."""
        return self._turned_at

    async def close(self) -> None:
        """Release sockets."""
        await self._free.close()
        if self._client is not None:
            await self._client.close()

    # -- beyond the port
    def derived(self) -> Mapping[Asset, Derived]:
        """Derived figures of every asset, as `feature_store/coinglass/features.json` has them."""
        return self._store.derived(self._clock.now(), self._assets)

    def restore(self) -> None:
        """Load the cache, once; `run` does it when nobody did before. The self-check is made anew by every run."""
        if self._restored:
            return
        self._restored = True
        now = self._clock.now()
        try:
            polling = self._keeper.restore(now)
        except (LookupError, ValueError, TypeError, ArithmeticError) as error:
            log.warning("intel.cache_unusable", error=f"{type(error).__name__}: {error}")
            polling = PollingCache()
        self._last_asked = {key: at for key, at in polling.last_asked.items() if at <= now and key != SELF_CHECK}
        self._coverage.restore(polling)
        self._replan()

    # -- one turn
    async def _step_safely(self) -> None:
        self._turned_at = self._clock.now()
        try:
            await self._step()
        except Exception as error:  # noqa: BLE001 - the polling loop outlives whatever a cache or a plan does
            log.error("intel.step_broken", trace=_trace(error))
            await self._clock.sleep(LONGEST_IDLE_S)

    async def _step(self) -> None:
        now = self._clock.now()
        if self._coverage.expire(now):
            self._replan()
        askable = self._askable(now)
        row = next_due(askable, self._last_asked, now)
        if row is None:
            await self._clock.sleep(self._idle_s(askable, now))
        else:
            await self._ask(row)
        if self._keeper.keeps:
            self._keeper.write(self._clock.now(), self._polling())

    def _askable(self, now: datetime) -> tuple[PollRow, ...]:
        return self._plan.rows if self._wants_free(now) else _without_free(self._plan)

    def _silent(self) -> list[str]:
        """Assets that an answer for all of them has not told."""
        lines = []
        for row in self._plan.rows:
            told = _TOLD.get(row.endpoint)
            if told is not None and row.key in self._answered:
                silent = [asset for asset in self._assets if not told(self._store.of(asset))]
                lines += [f"{row.label}: nothing told about: {', '.join(silent)}"] if silent else []
        return lines

    def _wants_free(self, now: datetime) -> bool:
        """The free index is asked when CoinGlass had its chance and tells nothing young enough."""
        own = self._store.fear_greed
        if own is not None and own.stamp.age_s(now) <= self._params.fear_greed.oldest_h * 3600:
            return False
        keyed = next((row for row in self._plan.rows if row.endpoint is Endpoint.FEAR_GREED), None)
        return keyed is None or keyed.key in self._last_asked

    def _idle_s(self, askable: Sequence[PollRow], now: datetime) -> float:
        at = due_at(askable, self._last_asked, now)
        left_s = LONGEST_IDLE_S if at is None else (at - now).total_seconds()
        return min(max(left_s, SHORTEST_IDLE_S), LONGEST_IDLE_S)

    async def _ask(self, row: PollRow) -> None:
        try:
            told = await self._told(row)
        except IntelError as error:
            self._failed(row, error)
        except Exception as error:  # noqa: BLE001 - the polling loop outlives any payload
            log.error("intel.request_broken", request=row.key, trace=_trace(error))
            self._failed(row, IntelProtocolError(f"{row.key}: {type(error).__name__}: {error}"))
        else:
            self._succeeded(row, told)

    async def _told(self, row: PollRow) -> bool:
        if not FACTS[row.endpoint].needs_key:
            return await self._told_freely(row)
        if self._client is None:
            raise IntelKeyError(f"{row.key}: no API key")
        answer = await self._client.get(row.endpoint, arguments(row, self._params, self._clock.now()))
        if row.endpoint is Endpoint.SUBSCRIPTION:
            self._coverage.subscribed(parse_subscription(answer.data))
            return True
        return take(row, answer, self._store, self._params, self._assets)

    async def _told_freely(self, row: PollRow) -> bool:
        if row.endpoint is Endpoint.FREE_FEAR_GREED:
            mood = await self._free.fear_greed()
            self._store.free_fear_greed = mood or self._store.free_fear_greed
            return mood is not None
        if row.endpoint is Endpoint.OPTIONS:
            return await self._told_options(row.subject or Asset(""))
        reading = await (self._free.dvol() if row.endpoint is Endpoint.DVOL else self._free.vix())
        self._store.volatility = reading or self._store.volatility
        return reading is not None

    async def _told_options(self, asset: Asset) -> bool:
        told = await self._free.option_skew(asset)
        if told is not None:
            self._store.put_option_skew(asset, told)
        return told is not None

    # -- what came of it
    def _succeeded(self, row: PollRow, told: bool) -> None:
        now = self._clock.now()
        self._last_asked[row.key] = now
        self._answered.add(row.key)
        if row.feed is not None:
            self._health.succeeded(row.feed, row.key, now, counts=row.is_main)
        if told:
            self._keeper.changed(row.endpoint)
        changed = self._coverage.answered(row, told, now)
        if self._client is not None:
            changed |= self._coverage.paced(self._client.pace.budget_per_min)
        if changed or row.endpoint is Endpoint.SUBSCRIPTION:
            self._replan()

    def _failed(self, row: PollRow, error: IntelError) -> None:
        now = self._clock.now()
        self._retry(row, now, min(row.period_s, self._params.polling.retry_s))
        if isinstance(error, IntelKeyError) and self._client is not None:
            self._key_doubted(row, now, error)
        elif isinstance(error, IntelPlanError | IntelIntervalError):
            self._gated(row, now, error)
        elif row.feed is not None:
            self._health.failed(row.feed, row.key, now, error, counts=row.is_main)

    def _gated(self, row: PollRow, now: datetime, error: IntelError) -> None:
        if row.endpoint is Endpoint.SUBSCRIPTION:  # a plan is refused only to a key that is known
            self._coverage.accept_key()
            self._last_asked[row.key] = now
        else:
            log.info("intel.endpoint_gated", endpoint=row.endpoint, error=str(error))
            self._coverage.gate(row.endpoint, now)
        self._replan()

    def _key_doubted(self, row: PollRow, now: datetime, error: IntelError) -> None:
        """The self-check refuses the key for all; any other endpoint first has the self-check asked again."""
        if row.endpoint is Endpoint.SUBSCRIPTION:
            if self._coverage.refuse_key():
                log.error("intel.key_refused", error=str(error), retry_s=self._params.key_retry_s)
            self._retry(row, now, self._params.key_retry_s)
        else:
            log.warning("intel.key_doubted", endpoint=row.endpoint, error=str(error))
            self._coverage.suspect(row.endpoint, now)
            self._last_asked = {key: at for key, at in self._last_asked.items() if key != SELF_CHECK}
        self._replan()

    def _retry(self, row: PollRow, now: datetime, delay_s: float) -> None:
        """Count a row as asked so long ago that it is due again after `delay_s`."""
        self._last_asked[row.key] = now - timedelta(seconds=max(0.0, row.period_s - delay_s))

    # -- the plan
    def _make_plan(self) -> PollPlan:
        circumstances = Circumstances(
            assets=self._assets,
            level=self._coverage.level,
            budget_per_min=self._coverage.budget_per_min,
            no_key=self._coverage.no_key,
            gated=self._coverage.gated,
            uncovered=self._coverage.uncovered,
        )
        return make_plan(self._params, circumstances)

    def _replan(self) -> None:
        old, self._plan = self._plan, self._make_plan()
        self._health.keep_only(row.key for row in self._plan.rows)
        if old.left_out != self._plan.left_out:
            log.info("intel.plan_changed", requests_per_min=round(self._plan.per_min, 2), left_out=self._plan.left_out)

    def _polling(self) -> PollingCache:
        alive = {row.key for row in self._plan.rows}
        return PollingCache(
            last_asked={key: at for key, at in sorted(self._last_asked.items()) if key in alive},
            gated_until=self._coverage.gated_until(),
            level=self._coverage.level.name,
            left_out=list(self._plan.left_out),
        )
