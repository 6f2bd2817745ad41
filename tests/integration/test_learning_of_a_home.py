"""Learning on real files: a meeting in a process of its own, generations on disk, restarts, kills, and the way back."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.builders_signals import market, outcome_lines
from tradingbot.app.learning import Learning
from tradingbot.app.learning_view import difference, listed, shown
from tradingbot.app.stores import Stores, open_stores
from tradingbot.app.thinking import DecisionSettings
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError, StateCorruptError
from tradingbot.core.levers import NO_LEVERS, Levers
from tradingbot.core.parameters import NOTHING_LEARNED
from tradingbot.core.types import utc_from_ms
from tradingbot.dashboard.views.thinking import changes_of, in_force
from tradingbot.engine.generations import GenerationFiles
from tradingbot.engine.learning_models import GenerationState, VenueMetadata
from tradingbot.guards.issues import Finding
from tradingbot.learning.meta_learning import MetaState, Watch
from tradingbot.learning.signal_table import SignalTable
from tradingbot.storage.journal_reader import JournalReader

GOOD, BAD = "btc_lead_lag", "whale_flow"
POLICIES = {
    "signal_weights.json", "signal_weights_gate.json", "hold_time_policy.json", "profit_policy.json",
    "daily_learning_rules.json",
}  # fmt: skip
SETTINGS = Settings.model_validate(
    {
        "learning": {
            "learners": {
                "weights": {"min_blocks": 30, "prior_blocks": 10},
                "factors": {"min_blocks": 1000},
                "meta": {"min_held_out_blocks": 20, "watch_blocks": 12, "watch_every_h": 1},
            }
        }
    }
)


@pytest.fixture(scope="module")
def planted() -> SignalTable:
    """Four days in which one component knows and one misleads."""
    return market(4, 21, {GOOD: 1.5, BAD: -1.5}, symbols=4)


class _Clock(SystemClock):
    """Real time passes, but it is the moment that the test says."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


class _Rig:
    """A home with outcomes on file, and the learning of one life of its daemon."""

    def __init__(self, home: Path, now: datetime, settings: Settings = SETTINGS) -> None:
        self.clock = _Clock(now)
        self.stores: Stores = open_stores(home, self.clock)
        self.issues: list[Finding] = []
        venue = VenueMetadata(venue="kraken_futures", since=now - timedelta(days=60))
        journal = self.stores.journals["decision_params"]
        self.decisions = DecisionSettings(settings, venue.since, journal, self.clock.now)
        self.learning = Learning(
            home,
            self.stores,
            self.clock,
            settings,
            self.decisions,
            venue,
            lambda: NOTHING_LEARNED,
            lambda: (),
            self._take,
        )

    def _take(self, found: Iterable[Finding]) -> None:
        self.issues = list(found)

    async def end(self) -> None:
        await self.stores.writer.close(10.0)


@pytest.fixture
def home(tmp_path: Path, planted: SignalTable) -> Path:
    """A home that knows what came of its signals."""
    path = tmp_path / "logs" / "signal_outcomes.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in outcome_lines(planted)))
    return tmp_path


def _end(table: SignalTable) -> datetime:
    return utc_from_ms(int(table.time_ms[-1])) + timedelta(minutes=1)


def _policies(home: Path) -> dict[str, str]:
    files = (home / "feature_store" / name for name in POLICIES)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _audit(home: Path) -> list[dict[str, Any]]:
    return list(JournalReader(home / "logs" / "learning_audit.jsonl"))


async def test_a_proven_generation_is_applied_kept_and_taken_back(home: Path, planted: SignalTable) -> None:
    """Audit, folder, document, copies, decisions; a restart goes on with it; a revert gives the old bytes back."""
    now = _end(planted)
    rig = _Rig(home, now)
    await rig.learning.begin()
    before, plain = _policies(home), rig.decisions.decision
    assert rig.learning.state.levers.number == 0
    await rig.learning.run()
    weights = rig.decisions.decision.reading.signals.weights
    assert rig.learning.state.levers.number == 1
    assert weights.btc_lead_lag > plain.reading.signals.weights.btc_lead_lag
    assert weights.whale_flow < plain.reading.signals.weights.whale_flow
    assert set(_policies(home)) == POLICIES
    changed = {name for name, digest in _policies(home).items() if digest != before[name]}
    assert changed == POLICIES  # each names its generation
    written = orjson.loads((home / "feature_store" / "signal_weights.json").read_bytes())["data"]
    assert written["weights"] == pytest.approx(weights.by_name)
    assert written["_venue_metadata"]["venue"] == "kraken_futures"
    await rig.learning.run()  # too early for another meeting
    await rig.end()
    events = [line["event"] for line in _audit(home)]
    assert events == ["look", "meeting", "applied", "look"]
    trials = list(JournalReader(home / "logs" / "learning_trials.jsonl"))
    assert [line["trial"] for line in trials] == list(range(1, rig.learning.state.trials + 1))
    assert [line["generation"] for line in trials if line["accepted"]] == [1]

    again = _Rig(home, now + timedelta(hours=2))
    assert again.learning.state == rig.learning.state
    assert again.decisions.decision.reading.signals.weights == weights
    answer = await again.learning.revert(0, "a test", "operator")
    await again.end()
    assert answer.done
    assert _policies(home) == before
    assert {name: answer.facts["hashes"][name] for name in POLICIES} == before
    assert again.decisions.decision.reading == plain.reading
    back = _Rig(home, now + timedelta(hours=3))
    forth = await back.learning.revert(1, "another", "operator")
    await back.end()
    assert forth.facts["before"] == 0
    assert back.decisions.decision.reading.signals.weights == weights
    assert [line["event"] for line in _audit(home)][-2:] == ["reverted_by_operator"] * 2
    changes = changes_of(_audit(home))
    assert [(row["event"], row["generation"], row["before"]) for row in changes] == [
        ("reverted by operator", 1, 0), ("reverted by operator", 0, 1), ("applied", 1, 0),
    ]  # fmt: skip
    assert (changes[-1]["learner"], changes[-1]["why"]) == ("weights", "proven on held-out data")
    assert changes[-1]["t"] > 2
    page = in_force(list(JournalReader(home / "logs" / "decision_params.jsonl")), now + timedelta(hours=4))
    assert page["generation"] == 1
    assert page["levers"][f"weights.{GOOD}"] == pytest.approx(weights.btc_lead_lag)
    assert page["weights"][GOOD][0][1] == pytest.approx(8.0)
    assert page["weights"][GOOD][-1][1] == pytest.approx(100 * weights.btc_lead_lag, abs=0.01)
    rows = listed(home)
    assert [(row["generation"], row["in_force"]) for row in rows["generations"]] == [(0, False), (1, True)]
    assert shown(home, None)["evidence"]["held_out"]["t"] > 2
    levers = {row["lever"] for row in difference(home, 0, 1)["changes"]}
    assert f"weights.{GOOD}" in levers
    with pytest.raises(ConfigurationError, match="no generation 7 on file"):
        shown(home, 7)


async def test_what_hurts_is_taken_back_by_itself(home: Path, planted: SignalTable) -> None:
    """A generation with the signs turned goes, the settings hold again, and the audit says what it cost."""
    first = utc_from_ms(int(planted.time_ms[0]))
    rig = _Rig(home, first + timedelta(days=2))
    own = rig.decisions.decision.reading.signals.weights.by_name
    turned = {**own, GOOD: 0.01, BAD: 0.27}
    levers = Levers(1, {f"weights.{name}": value / sum(turned.values()) for name, value in turned.items()})
    state = MetaState(levers, 1, Watch("weights", first, NO_LEVERS), first)
    await rig.stores.documents["generation"].commit(
        GenerationState(venue_metadata=VenueMetadata(venue="kraken_futures", since=first), content=state)
    )
    await rig.end()
    life = _Rig(home, first + timedelta(days=2))
    await life.learning.begin()
    assert life.decisions.decision.levers.number == 1
    await life.learning.run()
    await life.end()
    assert life.decisions.decision == life.decisions.untuned
    assert life.learning.state.quarantine == {"weights": first + timedelta(days=9)}
    last = _audit(home)[-1]
    assert (last["event"], last["generation"], last["before"]) == ("reverted", 0, 1)
    assert last["why"]["reversal"]["total_bps"] < 0
    assert _policies(home)["signal_weights.json"] == GenerationFiles(home).hashes(0)["signal_weights.json"]


async def test_copies_and_folders_are_put_right_at_a_start(home: Path, planted: SignalTable) -> None:
    """A kill between the steps, a file edited by hand, a lost folder: the generation in force is what is there."""
    rig = _Rig(home, _end(planted))
    await rig.learning.begin()
    await rig.learning.run()
    await rig.end()
    good = _policies(home)
    store = home / "feature_store"
    (store / "signal_weights.json").write_text("{}")
    (store / "profit_policy.json").unlink()
    half = store / "generations" / ".000002.tmp"
    half.mkdir()
    (half / "signal_weights.json").write_text("half")
    again = _Rig(home, _end(planted) + timedelta(minutes=5))
    await again.learning.begin()
    await again.end()
    assert _policies(home) == good
    assert GenerationFiles(home).numbers() == [0, 1]
    shutil.rmtree(store / "generations" / "000001")
    lost = _Rig(home, _end(planted) + timedelta(minutes=10))
    await lost.learning.begin()
    await lost.end()
    assert GenerationFiles(home).levers(1) == rig.learning.state.levers
    path = store / "generations" / "000000" / "generation.json"
    path.write_bytes(path.read_bytes().replace(b'"parent":0', b'"parent":1'))
    with pytest.raises(StateCorruptError, match="does not match its hash"):
        GenerationFiles(home).read(0)
    refused = await lost.learning.revert(0, "", "operator")
    assert not refused.done


async def test_a_generation_that_contradicts_the_settings_never_decides(home: Path, planted: SignalTable) -> None:
    """The settings hold alone, an issue says so, and the generation stays on file for when it fits again."""
    rig = _Rig(home, _end(planted))
    state = MetaState(Levers(1, {"conviction.high": 0.1}), 1)
    venue = VenueMetadata(venue="kraken_futures", since=_end(planted) - timedelta(days=9))
    await rig.stores.documents["generation"].commit(GenerationState(venue_metadata=venue, content=state))
    await rig.end()
    life = _Rig(home, _end(planted) + timedelta(hours=1))
    await life.learning.begin()
    await life.end()
    assert life.decisions.decision == life.decisions.untuned
    assert [(one.kind, "size_multiplier" in one.detail) for one in life.issues] == [("learning_refused", True)]
    assert life.learning.state.levers.number == 1
    unknown = await life.learning.revert(9, "", "operator")
    assert not unknown.done
    assert "no generation 9" in unknown.text


async def test_a_lost_document_begins_at_the_settings_and_never_reuses_a_number(
    home: Path, planted: SignalTable
) -> None:
    """Which generation held is not known any more, so none does; the next one gets a folder of its own."""
    rig = _Rig(home, _end(planted))
    await rig.learning.begin()
    await rig.learning.run()
    await rig.end()
    old = GenerationFiles(home).hashes(1)
    for path in (home / "feature_store").glob("learning_generation.json*"):
        path.unlink()
    life = _Rig(home, _end(planted) + timedelta(hours=1))
    await life.learning.begin()
    assert life.decisions.decision == life.decisions.untuned
    assert _policies(home)["signal_weights.json"] == GenerationFiles(home).hashes(0)["signal_weights.json"]
    await life.learning.run()
    await life.end()
    assert life.learning.state.levers.number == 2
    assert GenerationFiles(home).hashes(1) == old
    assert GenerationFiles(home).levers(2) == life.learning.state.levers


async def test_another_venue_begins_anew(home: Path, planted: SignalTable) -> None:
    """Levers that were proven elsewhere are not used, whatever the file says."""
    rig = _Rig(home, _end(planted))
    state = MetaState(Levers(4, {"targets.scale": 0.8}), 4)
    venue = VenueMetadata(venue="blofin", since=_end(planted) - timedelta(days=9))
    await rig.stores.documents["generation"].commit(GenerationState(venue_metadata=venue, content=state))
    await rig.end()
    life = _Rig(home, _end(planted))
    await life.end()
    assert life.decisions.decision == life.decisions.untuned
