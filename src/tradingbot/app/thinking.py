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
from tradingbot.core.levers import NO_LEVERS, Levers
from tradingbot.core.types import Symbol, iso_utc, parse_utc
from tradingbot.decision import DecisionParams
from tradingbot.engine.bot_cycle import ParamsInForce
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


class DecisionSettings:
    """What decisions depend on from cycle to cycle: settings with overrides, under the generation of levers that holds.

    A person's override goes before what was learned: levers whose names begin as one of `withheld` do not count while
    it lasts. Whatever decides is journalled, once for as long as it holds: with it every recorded decision can be
    computed again, long after settings, overrides and levers have changed.
    """

    def __init__(
        self, settings: Settings, venue_since: datetime, journal: Journal, now: Callable[[], datetime]
    ) -> None:
        self._venue_since = venue_since
        self._journal = journal
        self._now = now
        self._settings = settings
        self._levers = NO_LEVERS
        self._withheld: tuple[str, ...] = ()
        self.untuned = decision_params(settings, venue_since)
        self.refusal = ""
        newest = journal.reader().tail(1)
        self._kept = str(newest[-1].get("params_hash")) if newest else ""
        self._in_force = self._made()

    def params(self) -> ParamsInForce:
        """What the next decision depends on."""
        return self._in_force

    @property
    def decision(self) -> DecisionParams:
        """The same without its hash."""
        return self._in_force.decision

    def rebase(self, settings: Settings, withheld: tuple[str, ...] = ()) -> None:
        """Other settings: a person's override began or ended."""
        self._settings, self._withheld = settings, withheld
        self.untuned = decision_params(settings, self._venue_since)
        self._in_force = self._made()

    def use(self, levers: Levers) -> None:
        """Decide under these levers from the next decision on; `refusal` says when the settings do not allow them."""
        self._levers = levers
        self._in_force = self._made()

    def _made(self) -> ParamsInForce:
        values = {name: value for name, value in self._levers.values.items() if not name.startswith(self._withheld)}
        try:
            decision, self.refusal = tuned(self.untuned, Levers(self._levers.number, values)), ""
        except ValueError as error:
            first = " ".join(str(error).splitlines()[:3])
            decision, self.refusal = self.untuned, f"generation {self._levers.number}: {first}"
        return ParamsInForce(decision, self._journalled(decision))

    def _journalled(self, decision: DecisionParams) -> str:
        """The hash; its line is the newest of the journal after this."""
        values = params_values(self._settings, decision)
        digest = digest_of(values)
        if digest != self._kept:
            self._journal.append({"at": self._now(), "params_hash": digest, "params": values})
            self._kept = digest
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
