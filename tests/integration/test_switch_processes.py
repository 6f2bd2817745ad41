"""A kill switch on real processes over midnight: tripped before, killed twice, lifted after, entries only then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.crash.switch_drill import Drill
from tests.crash.switches import CASES

MIDNIGHT = datetime(2026, 1, 6, tzinfo=UTC)


@pytest.mark.process
@pytest.mark.long
def test_a_daily_loss_is_kept_over_kills_and_lifts_at_midnight(tmp_path: Path) -> None:
    """On a machine too busy to trip and be killed twice before midnight it is tried again from an earlier hour."""
    case = next(case for case in CASES if case.name == "daily_loss")
    for hour, minute in ((23, 15), (20, 0)):
        drill = Drill(replace(case, begins=(hour, minute)), tmp_path / f"from-{hour}", 5)
        found = drill.run()
        if found.restarts == 2 and found.restarted_at is not None and found.restarted_at < MIDNIGHT:
            break
    assert found.problems == {}
    assert found.good
    assert found.restarts == 2
    assert (found.entries_tripped, found.exits_tripped >= 1, found.entries_after >= 1) == (0, True, True)
