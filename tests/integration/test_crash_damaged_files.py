"""A sample of `docs/damaged-files.md`; `make damage` runs every row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.crash.damaged_files import Outcome, all_outcomes, cases
from tradingbot.engine.catalog import DOCUMENTS, JOURNALS

SAMPLE = {
    ("positions", "truncated"): "positions_futures.json.g1 is used instead",
    ("trades", "all copies missing"): "made again",
    ("kill_switches", "all copies garbage"): "4 copies set aside",
    ("symbol_status", "newer schema"): "refused: feature_store/venue_symbol_status.json: written by a newer version",
}


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is captured."""
    yield
    structlog.reset_defaults()


async def test_a_sample_of_damages_loses_nothing(tmp_path: Path) -> None:
    outcomes = await all_outcomes(tmp_path, lambda _, name, damage: (name, damage) in SAMPLE)
    found = {(one.name, one.damage): one for one in outcomes}
    assert set(found) == set(SAMPLE)
    for case, said in SAMPLE.items():
        outcome: Outcome = found[case]
        assert outcome.lost == []
        assert said in outcome.said


def test_every_file_of_the_catalogue_is_tried() -> None:
    tried = {(kind, name) for kind, name, _ in cases()}
    assert tried == {("document", name) for name in DOCUMENTS} | {("journal", name) for name in JOURNALS}
