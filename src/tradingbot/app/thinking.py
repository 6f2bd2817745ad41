"""Puts together what the daemon thinks with: parameters of the decision, the intelligence source, the collector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tradingbot.app.bootstrap import VenueParts
from tradingbot.app.intel_cache import IntelCacheFiles
from tradingbot.app.program import program_version
from tradingbot.app.restore import known_regime
from tradingbot.app.stores import Stores
from tradingbot.config import Settings
from tradingbot.core.levers import Levers
from tradingbot.core.types import Symbol, iso_utc, parse_utc
from tradingbot.decision import DecisionParams
from tradingbot.engine.collect import MarketCollector
from tradingbot.engine.cycle_record import digest_of
from tradingbot.engine.features import FeatureKeeper
from tradingbot.engine.input_recorder import InputRecorder, InputSink, NoInputs
from tradingbot.engine.intelligence import IntelDesk
from tradingbot.intel.coinglass_source import intel_source
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.universe import LiquidityParams
from tradingbot.ports import IntelSource
from tradingbot.storage.journal import Journal
from tradingbot.tuned import tuned


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


def params_values(settings: Settings, params: DecisionParams) -> dict[str, Any]:
    """All parameters behind a decision as plain values, those of its features and contracts among them."""
    parts = {
        "reading": params.reading,
        "frames": settings.frames,
        "contracts": settings.contracts,
        "risk": params.risk,
        "exits": params.exits,
        "grace": params.grace,
        "liquidity": params.liquidity,
        "gates": params.gates,
    }
    values: dict[str, Any] = {name: part.model_dump(mode="json") for name, part in parts.items()}
    if params.levers.number:
        values["levers"] = {"number": params.levers.number, "values": dict(params.levers.values)}
    return {**values, "venue_since": iso_utc(params.venue_since)}


def params_digest(settings: Settings, venue_since: datetime) -> str:
    """Hash of `params_values` of the settings as they are."""
    return digest_of(params_values(settings, decision_params(settings, venue_since)))


class DecisionSettings:
    """What decisions depend on from cycle to cycle: the settings, under the generation of levers that holds.

    Whatever decides is journalled, once for as long as it holds: with it every recorded decision can be computed again,
    long after settings and levers have changed.
    """

    def __init__(
        self, settings: Settings, venue_since: datetime, journal: Journal, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._untuned = decision_params(settings, venue_since)
        self._current = self._untuned
        self._journal = journal
        self._now = now
        self._kept: tuple[DecisionParams, str] | None = None

    @property
    def untuned(self) -> DecisionParams:
        """As a person set them."""
        return self._untuned

    def current(self) -> DecisionParams:
        """What the next decision depends on."""
        return self._current

    def use(self, levers: Levers) -> None:
        """Decide under these levers from the next decision on. Raises ValueError when they contradict the settings."""
        self._current = tuned(self._untuned, levers)

    def digest(self, params: DecisionParams) -> str:
        """The hash under which these parameters stand in the journal; the newest line is theirs after this."""
        if self._kept is None or self._kept[0] is not params:
            self._kept = params, self._keep(params)
        return self._kept[1]

    def _keep(self, params: DecisionParams) -> str:
        values = params_values(self._settings, params)
        digest = digest_of(values)
        newest = self._journal.reader().tail(1) if self._kept is None else []
        known = self._kept[1] if self._kept is not None else (newest[-1].get("params_hash") if newest else None)
        if known != digest:
            self._journal.append({"at": self._now(), "params_hash": digest, "params": values})
        return digest


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
