"""Puts together what the daemon thinks with: parameters of the decision, the intelligence source, the collector."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tradingbot.app.bootstrap import VenueParts
from tradingbot.app.intel_cache import IntelCacheFiles
from tradingbot.app.program import program_version
from tradingbot.app.restore import known_regime
from tradingbot.app.stores import Stores
from tradingbot.config import Settings
from tradingbot.core.types import Symbol, iso_utc, parse_utc
from tradingbot.decision import DecisionParams
from tradingbot.engine.collect import MarketCollector
from tradingbot.engine.features import FeatureKeeper
from tradingbot.engine.input_recorder import InputRecorder, InputSink, NoInputs
from tradingbot.engine.intelligence import IntelDesk
from tradingbot.intel.coinglass_source import intel_source
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.universe import LiquidityParams
from tradingbot.ports import IntelSource


def decision_params(settings: Settings, venue_since: datetime) -> DecisionParams:
    """Everything that a decision depends on besides snapshot, book, permission and what was learned."""
    return DecisionParams(
        settings.reading,
        settings.risk,
        settings.exits,
        settings.engine.grace,
        _liquidity(settings),
        parse_utc(iso_utc(venue_since)),  # as it is written down: to the millisecond
        settings.gates,
    )


def params_values(settings: Settings, venue_since: datetime) -> dict[str, Any]:
    """All parameters behind a decision as plain values, those of its features and contracts among them."""
    parts = {
        "reading": settings.reading,
        "frames": settings.frames,
        "contracts": settings.contracts,
        "risk": settings.risk,
        "exits": settings.exits,
        "grace": settings.engine.grace,
        "liquidity": _liquidity(settings),
        "gates": settings.gates,
    }
    values = {name: part.model_dump(mode="json") for name, part in parts.items()}
    return {**values, "venue_since": iso_utc(venue_since)}


def an_input_recorder(settings: Settings, stores: Stores) -> InputSink:
    """What writes down the inputs of every decision, unless that is switched off."""
    params = settings.engine.inputs
    return InputRecorder(stores.journals["cycle_inputs"], params, program_version()) if params.record else NoInputs()


def _liquidity(settings: Settings) -> LiquidityParams:
    universe = settings.universe
    return LiquidityParams(min_volume_24h_usd=universe.min_volume_24h_usd, max_spread_bps=universe.max_spread_bps)


def open_intelligence(parts: VenueParts, stores: Stores) -> IntelSource:
    """The source that key and settings allow; its caches are files of the home."""
    access = parts.intel
    key = access.api_key.get_secret_value() if access.api_key is not None else None
    assets = [parts.universe.asset(symbol) for symbol in parts.symbols]
    return intel_source(parts.clock, access.params, assets, key, IntelCacheFiles(stores))


def a_collector(
    settings: Settings,
    parts: VenueParts,
    stores: Stores,
    specs: Mapping[Symbol, ContractSpec],
    source: IntelSource,
) -> MarketCollector:
    """Collects the market of `specs`, judges what `source` tells, and goes on in the regime of the last life."""
    assets = {symbol: parts.universe.asset(symbol) for symbol in specs}
    desk = IntelDesk(source, assets, settings.contracts)
    features = FeatureKeeper(settings.signals.windows, settings.frames, specs)
    return MarketCollector(parts.venue, parts.clock, settings.engine, specs, features, desk, known_regime(stores))
