"""Market intelligence of a simulated market, asked in this process: the same client, the same answers, no network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tradingbot.core.types import epoch_ms
from tradingbot.intel.coinglass_rest import KEY_HEADER
from tradingbot.intel.coinglass_source import intel_source
from tradingbot.intel.params import CoinglassParams
from tradingbot.market.intelligence import IntelState
from tradingbot.net.http import RawAnswer
from tradingbot.ports import Clock, IntelSource
from tradingbot.research.backtest.plan import MarketPlan, TradingPlan
from tradingbot.sim_server.coinglass.gate import Gate, Question
from tradingbot.simulator.faults import FaultPlan
from tradingbot.simulator.intelligence import MarketIntelligence

KEY: Final = "in-process"
BASE_URL: Final = "http://in-process"


class NearService:
    """Hands questions to the simulated service of this process."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def fetch_raw(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,  # noqa: ARG002
    ) -> RawAnswer:
        """What the service answers."""
        parts = urlsplit(url)
        asked = Question(method, parts.path, dict(parse_qsl(parts.query)), (headers or {}).get(KEY_HEADER, ""))
        reply = await self._gate.reply(asked)
        return RawAnswer(reply.status, reply.content_type, reply.headers, reply.body)

    async def close(self) -> None:
        """There is nothing to let go of."""


class SilentSource:
    """A source that knows nothing: every component that asks it stays without an opinion."""

    async def run(self) -> None:
        """Wait to be cancelled."""
        await asyncio.Event().wait()

    def state(self) -> IntelState:
        """Nothing."""
        return IntelState()

    def turned_at(self) -> datetime | None:
        """It has no loop."""
        return None

    async def close(self) -> None:
        """There is nothing to let go of."""


def open_intelligence(market: MarketPlan, trading: TradingPlan, clock: Clock) -> IntelSource:
    """What a daemon on this market would know beside the venue; without `market.intelligence` no source answers."""
    if not market.intelligence:
        return SilentSource()
    sim = trading.simulator.coinglass
    made = MarketIntelligence(market.feed, market.seed, sim.delays, market.recordings, recorded=market.recorded)
    now_ms = epoch_ms(clock.now())
    faults = FaultPlan(sim.faults, market.seed, now_ms)
    near = NearService(Gate(sim, made, clock, KEY, faults, market.seed))
    assets = [trading.universe.asset(symbol) for symbol in trading.symbols]
    made.warm(now_ms)
    return intel_source(clock, _addressed(trading.coinglass), assets, KEY, None, near)


def _addressed(params: CoinglassParams) -> CoinglassParams:
    """The same settings, every source at the service of this process."""
    mood = params.fear_greed.model_copy(update={"fallback_url": BASE_URL})
    volatility = params.volatility.model_copy(update={"dvol_url": BASE_URL})
    return params.model_copy(update={"base_url": BASE_URL, "fear_greed": mood, "volatility": volatility})
