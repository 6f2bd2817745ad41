"""The settings behind decisions are journalled once, and again when they change."""

from __future__ import annotations

from pathlib import Path

from tests.support import NOW
from tradingbot.app.overriding import Overrides
from tradingbot.app.stores import open_stores
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.explain.recompute import RecordedParams


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
