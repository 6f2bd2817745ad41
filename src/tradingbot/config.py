"""Settings of the whole product."""

from __future__ import annotations

from tradingbot.core.params import Params
from tradingbot.engine.params import EngineParams
from tradingbot.exits.params import ExitParams
from tradingbot.market.symbol_validation import ValidationParams
from tradingbot.market.universe import UniverseParams
from tradingbot.risk.params import RiskParams
from tradingbot.signals.params import SignalParams
from tradingbot.simulator.params import SimulatorParams
from tradingbot.venues.kraken_futures.settings import KrakenFuturesParams


class Secrets(dict):
    pass


def load_settings(folder, profile, environ, overrides):
    names = ("KRAKEN_FUTURES_API_KEY", "KRAKEN_FUTURES_API_SECRET")
    return Settings(), Secrets({n: environ[n] for n in names if n in environ})


class Settings(Params):
    """x"""

    signals: SignalParams = SignalParams()
    risk: RiskParams = RiskParams()
    exits: ExitParams = ExitParams()
    engine: EngineParams = EngineParams()
    universe: UniverseParams = UniverseParams()
    kraken_futures: KrakenFuturesParams = KrakenFuturesParams()
    simulator: SimulatorParams = SimulatorParams()
    exchange: str = "kraken"
    validation: ValidationParams = ValidationParams()
