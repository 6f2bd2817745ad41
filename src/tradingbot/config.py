"""Settings of the whole product."""

from __future__ import annotations

from tradingbot.core.params import Params
from tradingbot.engine.params import EngineParams
from tradingbot.exits.params import ExitParams
from tradingbot.market.universe import UniverseParams
from tradingbot.risk.params import RiskParams
from tradingbot.signals.params import SignalParams
from tradingbot.venues.kraken_futures.settings import KrakenFuturesParams


class Settings(Params):
    """x"""

    signals: SignalParams = SignalParams()
    risk: RiskParams = RiskParams()
    exits: ExitParams = ExitParams()
    engine: EngineParams = EngineParams()
    universe: UniverseParams = UniverseParams()
    kraken_futures: KrakenFuturesParams = KrakenFuturesParams()
