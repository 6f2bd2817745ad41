"""The settings behind decisions are journalled once, and again when they change."""

from __future__ import annotations

from pathlib import Path

from tests.support import NOW
from tradingbot.app.stores import open_stores
from tradingbot.app.thinking import DecisionSettings, params_digest
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.levers import NO_LEVERS, Levers
from tradingbot.explain.recompute import RecordedParams
from tradingbot.research.replay.params import ParamsOnFile, ReplayParams
from tradingbot.tuned import tuned


async def test_a_line_for_every_change_of_settings(tmp_path: Path) -> None:
    """The same settings have the same hash and one line; they read back as the parameters that decided."""
    stores = open_stores(tmp_path, SystemClock())
    journal = stores.journals["decision_params"]
    calm = Settings()
    strict = Settings.model_validate({"gates": {"fee": {"min_edge_bps": 20}}})
    hashes = []
    for settings in (calm, calm, strict, calm):
        kept = DecisionSettings(settings, NOW, journal, lambda: NOW)
        hashes.append(kept.digest(kept.current()))
        await stores.writer.flush()
    await stores.writer.close(5.0)
    assert hashes == [params_digest(settings, NOW) for settings in (calm, calm, strict, calm)]
    lines = list(journal.reader())
    assert [line["params_hash"] for line in lines] == [hashes[0], hashes[2], hashes[3]]
    assert RecordedParams.of(lines[1]["params"]).gates == strict.gates


async def test_a_generation_is_journalled_like_settings(tmp_path: Path) -> None:
    """Levers change hash and line once, and the line gives the same parameters back; without them all is as before."""
    stores = open_stores(tmp_path, SystemClock())
    journal, settings = stores.journals["decision_params"], Settings()
    kept = DecisionSettings(settings, NOW, journal, lambda: NOW)
    before = kept.digest(kept.current())
    weights = {**settings.signals.weights.by_name, "hurst": 0.10, "whale_flow": 0.18}
    levers = Levers(3, {f"weights.{name}": value for name, value in weights.items()} | {"direction.BTCUSDT:long": 0.8})
    kept.use(levers)
    hashes = [kept.digest(kept.current()), kept.digest(kept.current())]
    kept.use(NO_LEVERS)
    hashes.append(kept.digest(kept.current()))
    await stores.writer.close(5.0)
    assert hashes == [hashes[0], hashes[0], before]
    assert before == params_digest(settings, NOW) != hashes[0]
    assert [line["params_hash"] for line in journal.reader()] == [before, hashes[0], before]
    found = ParamsOnFile(tmp_path).of(hashes[0])
    assert isinstance(found, ReplayParams)
    assert found.decision == tuned(kept.untuned, levers)
    assert found.decision.reading.signals.weights.hurst == 0.10
