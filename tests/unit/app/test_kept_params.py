"""The settings behind decisions are journalled once, and again when they change."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.support import NOW
from tradingbot.app.overridable import levers_withheld, overridden
from tradingbot.app.overriding import Overrides
from tradingbot.app.stores import open_stores
from tradingbot.app.thinking import DecisionSettings
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.levers import NO_LEVERS, Levers
from tradingbot.explain.recompute import RecordedParams
from tradingbot.guards.overrides import Override
from tradingbot.research.replay.params import ParamsOnFile, ReplayParams
from tradingbot.tuned import tuned


async def test_a_line_for_every_change_of_settings(tmp_path: Path) -> None:
    """The same settings have the same hash and one line; they read back as the parameters that decided."""
    stores = open_stores(tmp_path, SystemClock())
    calm = Settings()
    strict = Settings.model_validate({"gates": {"fee": {"min_edge_bps": 20}}})
    hashes = []
    for settings in (calm, calm, strict, calm):
        hashes.append(Overrides(settings, NOW, stores, stores.writer.clock).params().digest)
        await stores.writer.flush()
    await stores.writer.close(5.0)
    assert hashes[0] == hashes[1] == hashes[3] != hashes[2]
    lines = list(stores.journals["decision_params"].reader())
    assert [line["params_hash"] for line in lines] == [hashes[0], hashes[2], hashes[3]]
    assert RecordedParams.of(lines[1]["params"]).gates == strict.gates


async def test_a_generation_is_journalled_like_settings(tmp_path: Path) -> None:
    """Levers change hash and line once, and the line gives the same parameters back; without them all is as before."""
    stores = open_stores(tmp_path, SystemClock())
    journal, settings = stores.journals["decision_params"], Settings()
    kept = DecisionSettings(settings, NOW, journal, lambda: NOW)
    hashes = [kept.params().digest]
    weights = {**settings.signals.weights.by_name, "hurst": 0.10, "whale_flow": 0.18}
    levers = Levers(3, {f"weights.{name}": value for name, value in weights.items()} | {"direction.BTCUSDT:long": 0.8})
    for held in (levers, levers, NO_LEVERS):
        kept.use(held)
        hashes.append(kept.params().digest)
    await stores.writer.close(5.0)
    assert hashes == [hashes[0], hashes[1], hashes[1], hashes[0]]
    assert [line["params_hash"] for line in journal.reader()] == [hashes[0], hashes[1], hashes[0]]
    found = ParamsOnFile(tmp_path).of(hashes[1])
    assert isinstance(found, ReplayParams)
    assert found.decision == tuned(kept.untuned, levers)
    assert found.decision.reading.signals.weights.hurst == 0.10


async def test_a_person_goes_before_what_was_learned(tmp_path: Path) -> None:
    """While a weight is set by hand no learned weight counts, other levers do; afterwards they hold again."""
    stores = open_stores(tmp_path, SystemClock())
    settings = Settings()
    kept = DecisionSettings(settings, NOW, stores.journals["decision_params"], lambda: NOW)
    weights = {**settings.signals.weights.by_name, "hurst": 0.10, "whale_flow": 0.18}
    kept.use(Levers(3, {f"weights.{name}": value for name, value in weights.items()} | {"conviction.low": 0.4}))
    override = Override("weight.hurst", "0.3", NOW, NOW + timedelta(hours=1), "a test", "jo")
    changed = overridden(settings, [override])
    kept.rebase(changed, levers_withheld([override]))
    assert kept.decision.reading.signals.weights == changed.signals.weights
    assert kept.decision.reading.signals.conviction.low.size_multiplier == 0.4
    kept.rebase(settings)
    assert kept.decision.reading.signals.weights.hurst == 0.10
    await stores.writer.close(5.0)
