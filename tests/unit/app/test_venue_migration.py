"""Learning files of another venue are migrated once, whatever happens meanwhile, and their backup is never lost."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from pydantic import TypeAdapter
from structlog.testing import capture_logs

from tests.builders_learning import BEGAN, LATER, TRADES, learned_home, save_learning, stores_at
from tests.builders_trades import a_trade
from tests.fakes import MemoryDocument, MemoryJournal
from tests.support import NOW, a_fill, a_plan
from tradingbot.app.learning_files import known_learning
from tradingbot.app.restore import known_intents, known_portfolio
from tradingbot.app.status import at_this_account
from tradingbot.app.stores import Stores
from tradingbot.app.venue_migration import Standing, note_migration, settle_venue
from tradingbot.app.venue_standing import check_learning, learning_facts, newest_record, readiness_of_home
from tradingbot.clock import SteppedClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError, StorageUnavailableError
from tradingbot.core.types import FillId, iso_utc
from tradingbot.engine.catalog import LEARNING, document_path
from tradingbot.engine.issue_registry import IssueRegistry
from tradingbot.engine.learning_models import VenueMetadata
from tradingbot.engine.migration_models import MigrationStatus, VenueMigrationState
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.engine.post_trade import PostTrade
from tradingbot.engine.trade_archive import archived
from tradingbot.guards.issues import IssueBook
from tradingbot.portfolio.book import Book, apply_fill
from tradingbot.portfolio.position import ClosedTrade

KRAKEN = "kraken_futures"
ROOT = Path(__file__).resolve().parents[3]


class Killed(BaseException):
    """The process dies."""


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """Lines are looked at where they are under test."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30), processors=[drop])
    yield
    structlog.reset_defaults()


def drop(*_: Any) -> Any:
    raise structlog.DropEvent


def settle(home: Path, venue: str = KRAKEN, die_after: int | None = None, moment: Any = LATER, **more: Any) -> Standing:
    """A start at a venue; it dies after so many durable steps."""
    stores, left = stores_at(home, moment), [die_after]

    def step(_: str) -> None:
        if left[0] is not None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

    instance = stores.documents["instance"].load().value
    return settle_venue(home, stores, SteppedClock(moment), instance, venue, 10.0, after_step=step, **more)


def steps_of(home: Path) -> list[str]:
    """The durable steps of a migration, by name."""
    stores, names = stores_at(home), list[str]()
    instance = stores.documents["instance"].load().value
    settle_venue(home, stores, SteppedClock(LATER), instance, KRAKEN, 10.0, after_step=names.append)
    return names


def learning_bytes(home: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name in LEARNING if (path := document_path(home, name)).exists()}


def all_bytes(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


def contents_of(home: Path) -> dict[str, Any]:
    """The data of every file that a migration may change."""
    names = (*LEARNING, "instance", "positions", "venue_migration")
    paths = {name: document_path(home, name) for name in names}
    return {name: orjson.loads(path.read_bytes())["data"] for name, path in paths.items() if path.exists()}


def record_of(home: Path) -> VenueMigrationState:
    record = newest_record(home)
    assert record is not None
    return record


def state_of(home: Path, name: str) -> Any:
    return stores_at(home).documents[name].peek()


# ------------------------------------------------------------ a change of venue


def test_every_file_is_migrated_by_its_rule_after_a_backup(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    before = learning_bytes(home)
    standing = settle(home)
    assert standing.period == VenueMetadata(venue=KRAKEN, since=LATER, period=2)
    record = record_of(home)
    assert (record.source, record.target, record.scope, record.status) == ("blofin", KRAKEN, "venue", "done")
    assert set(record.files) == set(before) == set(LEARNING)
    for name, one in record.files.items():
        assert (home / one.backup).read_bytes() == before[name]
        assert one.sha256_before == hashlib.sha256(before[name]).hexdigest()
        assert one.sha256_after == hashlib.sha256(document_path(home, name).read_bytes()).hexdigest()
        assert state_of(home, name).venue_metadata == standing.period
    manifest = orjson.loads((home / record.backup / "manifest.json").read_bytes())
    assert {"state/instance.json", "feature_store/attribution.json"} <= set(manifest["sha256"])
    for path, digest in manifest["sha256"].items():
        assert hashlib.sha256((home / record.backup / path).read_bytes()).hexdigest() == digest


def test_figures_before_and_after_are_told(tmp_path: Path) -> None:
    record = settle(learned_home(tmp_path / "home")).record
    assert record is not None
    ledger = record.files["expectancy"]
    assert (ledger.rule, ledger.before["trades"], ledger.after["trades"]) == ("decay", len(TRADES), 0)
    assert ledger.after["weight"] == pytest.approx(ledger.before["weight"] / 10, abs=1e-8)
    assert record.files["allocation"].rule == "reset"
    assert record.files["learned"].rule == "derive"


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    first = settle(home)
    before = all_bytes(home)
    again = settle(home, moment=LATER + timedelta(days=3))
    assert all_bytes(home) == before
    assert again == first


def test_the_instance_moves_and_the_early_days_begin_anew(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    standing = settle(home)
    assert standing.venue_since == LATER
    known = state_of(home, "instance")
    assert (known.venue, known.venue_since, known.venue_period) == (KRAKEN, LATER, 2)
    assert known.account_since == LATER
    assert (known.instance, known.created_at) == ("aabbcc", BEGAN)


def test_a_book_of_the_old_account_is_closed(tmp_path: Path) -> None:
    """Its rows and fills are numbered by the old venue."""
    home = learned_home(tmp_path / "home")
    book = PositionsState(ledger_id=812, baseline_id=7, fills_since=NOW, seen_fills=[FillId("f")])
    stores_at(home).documents["positions"].save(book)
    settle(home)
    assert state_of(home, "positions") == PositionsState()
    copy = home / record_of(home).backup / "state" / "positions_futures.json"
    assert orjson.loads(copy.read_bytes())["data"]["ledger_id"] == 812


def test_files_that_say_another_venue_are_migrated_though_the_instance_does_not(tmp_path: Path) -> None:
    """As after copying a feature store: the book is this venue's and stays."""
    home = learned_home(tmp_path / "home", instance=KRAKEN)
    book = PositionsState(ledger_id=812, fills_since=NOW)
    stores_at(home).documents["positions"].save(book)
    standing = settle(home)
    assert standing.period == VenueMetadata(venue=KRAKEN, since=LATER, period=2)
    assert state_of(home, "positions") == book
    assert standing.instance.account_since is None


def test_trades_and_fills_at_the_old_account_are_not_asked_for_at_the_new_one(tmp_path: Path) -> None:
    """`status --reconcile` compares what this account can know."""
    instance = settle(learned_home(tmp_path / "home")).instance
    ours = a_trade(900, closed=LATER + timedelta(hours=5))
    fills = [{"fill_id": "old", "time": iso_utc(NOW)}, {"fill_id": "new", "time": iso_utc(LATER)}]
    everything = TradesState(trades=[*TRADES, ours])
    trades, _, rows = at_this_account(instance, everything, [], fills)
    assert ([trade.trade_id for trade in trades.trades], [row["fill_id"] for row in rows]) == ([ours.trade_id], ["new"])
    first = instance.model_copy(update={"account_since": None})
    assert len(at_this_account(first, everything, [], fills)[2]) == 2
    assert at_this_account(first, everything, [], fills)[0] is everything


def test_archived_trades_of_the_old_account_are_left_out_of_the_sums(tmp_path: Path) -> None:
    """Those of this account are summed again from their lines."""
    instance = settle(learned_home(tmp_path / "home")).instance
    mine = [a_trade(900 + number, closed=LATER + timedelta(hours=5 + number)) for number in range(3)]
    state = TradesState(trades=[mine[2]], archived=archived([*TRADES, *mine[:2]]))
    lines = [orjson.loads(TypeAdapter(ClosedTrade).dump_json(trade)) for trade in [*TRADES, *mine]]
    trades, found, _ = at_this_account(instance, state, lines, [])
    assert trades.archived == archived(mine[:2])
    assert [line["trade_id"] for line in found] == [trade.trade_id for trade in mine]
    assert trades.count == 3


def test_a_home_that_never_changed_its_venue_is_left_alone(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home", venue=KRAKEN, instance=KRAKEN)
    before = all_bytes(home)
    standing = settle(home)
    assert all_bytes(home) == before
    assert (standing.venue_since, standing.record) == (BEGAN, None)
    assert standing.period == VenueMetadata(venue=KRAKEN, since=BEGAN)


def test_there_and_back_is_a_migration_each_time(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home", venue=KRAKEN, instance=KRAKEN)
    weight = state_of(home, "expectancy").content.pairs["ETHUSDT:long"].net_bps.weight
    for number, venue in enumerate(("blofin", KRAKEN), start=1):
        standing = settle(home, venue, moment=LATER + timedelta(days=number))
        assert standing.period == VenueMetadata(venue=venue, since=LATER + timedelta(days=number), period=number + 1)
    assert state_of(home, "expectancy").content.pairs["ETHUSDT:long"].net_bps.weight == pytest.approx(weight / 100)
    assert [(one.source, one.target) for one in record_of(home).history] == [(KRAKEN, "blofin")]
    assert {one.backup for one in record_of(home).history}.isdisjoint({record_of(home).backup})


# ------------------------------------------------------------ killed


def test_killed_after_any_step_the_next_start_ends_where_an_undisturbed_one_does(tmp_path: Path) -> None:
    wanted_home = learned_home(tmp_path / "whole")
    before = learning_bytes(wanted_home)
    steps = steps_of(wanted_home)
    wanted = contents_of(wanted_home)
    assert len(steps) > 2 * len(LEARNING)
    for number in range(1, len(steps) + 1):
        home = learned_home(tmp_path / f"killed{number}")
        with pytest.raises(Killed):
            settle(home, die_after=number)
        settle(home)
        assert contents_of(home) == wanted, steps[number - 1]
        for name, one in record_of(home).files.items():
            assert (home / one.backup).read_bytes() == before[name], (steps[number - 1], name)
        assert len(list((home / "feature_store" / "backups").iterdir())) == 1


def test_killed_again_and_again_it_decays_once(tmp_path: Path) -> None:
    wanted_home = learned_home(tmp_path / "whole")
    settle(wanted_home)
    home = learned_home(tmp_path / "home")
    for _ in range(200):
        try:
            settle(home, die_after=2)
            break
        except Killed:
            continue
    assert contents_of(home) == contents_of(wanted_home)


KILL = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from tests.builders_learning import LATER, stores_at
from tradingbot.app.venue_migration import settle_venue
from tradingbot.clock import SteppedClock
def step(name):
    if name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
home = Path(sys.argv[1])
stores = stores_at(home)
settle_venue(home, stores, SteppedClock(LATER), stores.documents["instance"].load().value, "kraken_futures", 10.0,
             after_step=step)
"""


@pytest.mark.parametrize("step", ["manifest", "expectancy migrated", "done"])
def test_a_real_process_killed_loses_nothing(tmp_path: Path, step: str) -> None:
    wanted_home, home = learned_home(tmp_path / "whole"), learned_home(tmp_path / "home")
    settle(wanted_home)
    command = [sys.executable, "-c", KILL, str(home), step, str(ROOT), str(ROOT / "src")]
    assert subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == -signal.SIGKILL
    settle(home)
    assert contents_of(home) == contents_of(wanted_home)


def test_a_disk_that_takes_no_backup_stops_the_start_and_nothing_was_touched(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    before = learning_bytes(home)
    (home / "feature_store" / "backups").write_text("in the way")
    with pytest.raises(StorageUnavailableError, match="backups"):
        settle(home)
    assert learning_bytes(home) == before
    (home / "feature_store" / "backups").unlink()
    assert settle(home).record == record_of(home)
    assert {name: (home / one.backup).read_bytes() for name, one in record_of(home).files.items()} == before


@pytest.mark.parametrize("number", [1, 5, 16, 20, 30])
def test_the_old_venue_started_again_meanwhile_finds_its_files_as_they_were(tmp_path: Path, number: int) -> None:
    """Nothing was learned at the new one yet, so nothing is decayed."""
    home = learned_home(tmp_path / "home")
    before = learning_bytes(home)
    with pytest.raises(Killed):
        settle(home, die_after=number)
    standing = settle(home, "blofin")
    assert learning_bytes(home) == before
    assert record_of(home).status is MigrationStatus.UNDONE
    assert (standing.venue_since, standing.instance.venue) == (BEGAN, "blofin")
    assert settle(home).period == VenueMetadata(venue=KRAKEN, since=LATER, period=2)


def test_a_lost_state_file_does_not_make_it_decay_twice(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    first = settle(home)
    before = learning_bytes(home)
    for path in (home / "feature_store").glob("learning_venue_migration_state.json*"):
        path.unlink()
    again = settle(home, moment=LATER + timedelta(days=1))
    assert learning_bytes(home) == before
    assert (again.period, again.venue_since) == (first.period, LATER)


def test_a_lost_feature_store_does_not_end_the_early_days(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    settle(home)
    for path in (home / "feature_store").glob("*.json*"):
        path.unlink()
    again = settle(home, moment=LATER + timedelta(days=1))
    assert again.period == VenueMetadata(venue=KRAKEN, since=LATER, period=2)


# ------------------------------------------------------------ single files


def test_a_file_of_the_old_venue_that_turns_up_later_joins_the_period_that_runs(tmp_path: Path) -> None:
    """As restored from a backup: decayed like the others, no new fortnight, and once."""
    home = learned_home(tmp_path / "home")
    first = settle(home)
    wanted = document_path(home, "expectancy").read_bytes()
    save_learning(stores_at(home), VenueMetadata(venue="blofin", since=BEGAN), TRADES, ["expectancy"])
    later = LATER + timedelta(days=2)
    with capture_logs() as logs:
        standing = settle(home, moment=later)
    assert standing.period == first.period
    record = record_of(home)
    assert (record.scope, list(record.files), record.since) == ("files", ["expectancy"], LATER)
    assert orjson.loads(document_path(home, "expectancy").read_bytes())["data"] == orjson.loads(wanted)["data"]
    assert "learning.file_migrated" in [entry["event"] for entry in logs]
    before = all_bytes(home)
    settle(home, moment=later)
    assert all_bytes(home) == before


def test_a_file_of_an_earlier_time_at_this_venue_is_no_file_of_this_period(tmp_path: Path) -> None:
    """Else the trades made elsewhere in between would be folded into it."""
    home = learned_home(tmp_path / "home", venue=KRAKEN, instance=KRAKEN)
    kept = document_path(home, "timing").read_bytes()
    settle(home, "blofin", moment=LATER)
    back = settle(home, KRAKEN, moment=LATER + timedelta(days=1))
    document_path(home, "timing").write_bytes(kept)
    settle(home, KRAKEN, moment=LATER + timedelta(days=2))
    assert state_of(home, "timing").venue_metadata == back.period
    assert state_of(home, "timing").handled.count == 0


def test_a_damaged_file_whose_older_copy_is_of_the_old_venue_is_migrated_from_it(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    settle(home)
    wanted = state_of(home, "calibration").content
    document_path(home, "calibration").write_bytes(b'{"schema')
    settle(home, moment=LATER + timedelta(days=1))
    assert state_of(home, "calibration").content == wanted
    assert state_of(home, "calibration").venue_metadata.venue == KRAKEN


def foreign(home: Path, name: str, venue: str = "blofin") -> bytes:
    content = orjson.dumps({"_venue_metadata": {"venue": venue}, "weights": {"hurst": 0.4}})
    path = document_path(home, name)
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()
    path.write_bytes(content)
    return content


def test_a_file_of_another_program_is_set_aside_and_begun_anew(tmp_path: Path) -> None:
    """Its form is not known, so it cannot be decayed, and that is said."""
    home = learned_home(tmp_path / "home")
    content = foreign(home, "expectancy")
    settle(home)
    one = record_of(home).files["expectancy"]
    assert (one.form, one.rule, one.venue) == ("foreign", "begun anew", "blofin")
    assert "not known" in one.zeroed
    assert (home / one.backup).read_bytes() == content
    assert state_of(home, "expectancy").content.pairs == {}
    assert not (home / "feature_store" / "quarantine").exists()


def test_a_home_with_nothing_but_files_of_another_program_begins_a_new_period(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home", instance=KRAKEN, trades=())
    kept = {name: foreign(home, name) for name in LEARNING}
    standing = settle(home)
    assert standing.period == VenueMetadata(venue=KRAKEN, since=LATER, period=2)
    assert {name: (home / one.backup).read_bytes() for name, one in record_of(home).files.items()} == kept
    before = all_bytes(home)
    settle(home)
    assert all_bytes(home) == before


def test_a_foreign_file_killed_between_setting_aside_and_beginning(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    content = foreign(home, "expectancy")
    number = steps_of(learned_and_foreign(tmp_path / "other")).index("expectancy set aside") + 1
    with pytest.raises(Killed):
        settle(home, die_after=number)
    assert not document_path(home, "expectancy").exists()
    settle(home)
    assert (home / record_of(home).files["expectancy"].backup).read_bytes() == content
    assert state_of(home, "expectancy").venue_metadata.venue == KRAKEN


def learned_and_foreign(home: Path) -> Path:
    learned_home(home)
    foreign(home, "expectancy")
    return home


# ------------------------------------------------------------ refused


def open_position(home: Path) -> None:
    book, _ = apply_fill(Book(), a_fill(), a_plan())
    stores_at(home).documents["positions"].save(PositionsState.from_book(book))


def test_a_position_at_the_old_venue_refuses_the_start(tmp_path: Path) -> None:
    """One message with the remedy, and nothing is changed; the old venue can be started."""
    home = learned_home(tmp_path / "home")
    open_position(home)
    before = all_bytes(home)
    with pytest.raises(ConfigurationError, match=r"blofin.*ETHUSDT long 1.*old EXCHANGE"):
        settle(home)
    found = check_learning(home, KRAKEN, 10.0, LATER)
    assert (found.ok, found.critical) == (False, True)
    assert "old EXCHANGE" in found.detail
    assert all_bytes(home) == before
    assert settle(home, "blofin").venue_since == BEGAN


def test_an_order_without_a_known_outcome_refuses_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="2 orders whose outcome is not known"):
        settle(learned_home(tmp_path / "home"), unresolved=2)


def test_a_position_at_the_venue_that_is_traded_refuses_nothing(tmp_path: Path) -> None:
    """Files of another venue in a home of this one: its positions are where they should be."""
    home = learned_home(tmp_path / "home", instance=KRAKEN)
    open_position(home)
    positions = document_path(home, "positions").read_bytes()
    assert settle(home, unresolved=1).period == VenueMetadata(venue=KRAKEN, since=LATER, period=2)
    assert document_path(home, "positions").read_bytes() == positions


# ------------------------------------------------------------ trades


def handler(home: Path, standing: Standing, moment: Any) -> tuple[Stores, PostTrade]:
    stores = stores_at(home, moment)
    intents = known_intents(stores)
    keeper = known_portfolio(stores, intents)
    return stores, known_learning(stores, SteppedClock(moment), keeper, intents, standing, KRAKEN, Settings())


async def test_trades_of_the_old_venue_are_not_folded_again(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    standing = settle(home)
    before = {name: state_of(home, name).content for name in ("expectancy", "attribution", "allocation")}
    stores, made = handler(home, standing, LATER)
    assert {step.name: step.state.handled.count for step in made.steps} == dict.fromkeys(
        (step.name for step in made.steps), 0
    )
    await stores.writer.close(5)
    assert {name: state_of(home, name).content for name in before} == before


async def test_trades_made_here_since_are_folded_into_a_file_that_was_lost_or_turned_up_late(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    settle(home)
    ours = a_trade(900, "4", closed=LATER + timedelta(hours=5))
    stores_at(home).documents["trades"].save(TradesState(trades=[*TRADES, ours]))
    save_learning(stores_at(home), VenueMetadata(venue="blofin", since=BEGAN), TRADES, ["expectancy"])
    for path in (home / "feature_store").glob("symbol_allocation_state.json*"):
        path.unlink()
    moment = LATER + timedelta(days=1)
    stores, made = handler(home, settle(home, moment=moment), moment)
    states = {step.name: step.state for step in made.steps}
    assert states["expectancy"].content.pairs["ETHUSDT:long"].trades == 1
    assert states["allocation"].content.symbols["ETHUSDT"].trade_count == 1
    assert {state.handled.newest for state in states.values()} == {(ours.trade_id,)}
    await stores.writer.close(5)


def test_a_clock_behind_the_newest_trade_does_not_let_it_in(tmp_path: Path) -> None:
    """A simulated market may begin earlier than the trades on file."""
    home = learned_home(tmp_path / "home")
    standing = settle(home, moment=NOW - timedelta(days=30))
    assert standing.period is not None
    assert standing.period.since > max(trade.exit_time for trade in TRADES)


# ------------------------------------------------------------ never silently


def registry() -> IssueRegistry:
    return IssueRegistry(IssueBook(), MemoryDocument(), MemoryJournal(), SteppedClock(LATER))


def test_the_issue_is_opened_once_also_by_the_start_after_a_kill(tmp_path: Path) -> None:
    record, issues = settle(learned_home(tmp_path / "home")).record, registry()
    note_migration(record, issues, LATER + timedelta(hours=1))
    note_migration(record, issues, LATER + timedelta(hours=2))
    (issue,) = issues.open
    assert (issue.kind, issue.subject, issue.count) == ("venue_migration", "blofin", 1)
    assert record is not None
    assert record.backup in issue.detail


def test_an_old_migration_is_no_issue(tmp_path: Path) -> None:
    record, issues = settle(learned_home(tmp_path / "home")).record, registry()
    note_migration(record, issues, LATER + timedelta(days=2))
    note_migration(None, issues, LATER)
    assert issues.open == ()


def test_the_banner_says_what_will_be_done_and_later_what_was(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    before = all_bytes(home)
    found = check_learning(home, KRAKEN, 10.0, LATER)
    assert all_bytes(home) == before
    assert (found.ok, found.critical) == (False, False)
    assert "blofin -> kraken_futures: 13 files" in found.detail
    settle(home)
    found = check_learning(home, KRAKEN, 10.0, LATER)
    assert found.ok
    assert "kraken_futures since 2026-01-25T12:00:02, period 2; migrated from blofin" in found.detail


def test_the_banner_of_an_interrupted_migration_says_that_it_goes_on(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    with pytest.raises(Killed):
        settle(home, die_after=20)
    found = check_learning(home, KRAKEN, 10.0, LATER)
    assert "unfinished" in found.detail
    assert not found.critical


def test_the_banner_of_a_new_home(tmp_path: Path) -> None:
    assert check_learning(tmp_path, KRAKEN, 10.0, LATER).ok


def test_status_knows_period_readiness_and_migration(tmp_path: Path) -> None:
    home = learned_home(tmp_path / "home")
    settle(home)
    facts = learning_facts(home, Settings())
    assert facts is not None
    assert (facts["venue"], facts["period"], facts["early_days"], facts["trades_learned"]) == (KRAKEN, 2, 14, 0)
    assert "4 decay, 1 derive, 8 reset" in facts["migration_text"]
    rows = readiness_of_home(home, Settings())
    assert rows is not None
    assert {row["symbol"]: row["missing"] for row in rows} == dict.fromkeys(
        ("BTCUSDT", "ETHUSDT"), "30 trades, 7.0 days"
    )
    assert readiness_of_home(tmp_path / "nowhere", Settings()) is None
