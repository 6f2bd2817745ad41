"""Learning files of another venue are refused, and said; a file of this venue goes on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from structlog.testing import capture_logs

from tests.support import NOW
from tradingbot.app.learning_files import learned_here
from tradingbot.app.stores import open_stores
from tradingbot.clock import SteppedClock
from tradingbot.engine.learning_models import RolloutState, VenueMetadata
from tradingbot.learning.rollout import Rollout

OURS = VenueMetadata(venue="kraken_futures", since=NOW)


def kept(home: Path, venue: str) -> RolloutState:
    state = RolloutState(venue_metadata=VenueMetadata(venue=venue, since=NOW), content=Rollout(trades=7))
    open_stores(home, SteppedClock(NOW)).documents["rollout"].save(state)
    return state


def test_a_file_of_this_venue_goes_on(tmp_path: Path) -> None:
    state = kept(tmp_path, "kraken_futures")
    stores = open_stores(tmp_path, SteppedClock(NOW))
    assert learned_here(stores, "rollout", Rollout(), OURS, NOW) == state


async def test_a_file_of_another_venue_is_refused_and_a_new_period_begins(tmp_path: Path) -> None:
    kept(tmp_path, "blofin")
    stores, later = open_stores(tmp_path, SteppedClock(NOW)), NOW + timedelta(days=3)
    with capture_logs() as logs:
        begun = learned_here(stores, "rollout", Rollout(), OURS, later)
    assert begun.content == Rollout()
    assert begun.venue_metadata == VenueMetadata(venue="kraken_futures", since=later, period=2)
    (line,) = [entry for entry in logs if entry["event"] == "learning.other_venue_refused"]
    assert (line["venue"], line["ours"]) == ("blofin", "kraken_futures")
    await stores.writer.close(5)
    again = open_stores(tmp_path, SteppedClock(NOW))
    assert learned_here(again, "rollout", Rollout(), OURS, NOW) == begun  # said once: the new file is there


def test_without_a_file_learning_begins_with_this_installation(tmp_path: Path) -> None:
    stores = open_stores(tmp_path, SteppedClock(NOW))
    assert learned_here(stores, "rollout", Rollout(), OURS, NOW).venue_metadata == OURS


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    kept(tmp_path, "kraken_futures")
    stores = open_stores(tmp_path, SteppedClock(NOW))
    stores.documents["rollout"].path.write_bytes(b"{")
    assert learned_here(stores, "rollout", Rollout(), OURS, NOW).content == Rollout()
