"""The counterfactual ledger of a daemon's home and of a backtest: near reality, repeatable, safe against a kill."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from click.testing import CliRunner

from tests.integration.daemon_rig import running
from tradingbot.app import backtest
from tradingbot.app.backtest import BacktestRequest, run
from tradingbot.app.carrying import Carried, Wanted, carry
from tradingbot.app.cli import cli
from tradingbot.app.counterfactual import NightlyCounterfactual, feedback_of_home, read_counterfactual
from tradingbot.app.stores import open_document, open_stores
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import parse_utc, utc_from_ms
from tradingbot.counterfactual.model import Ledger
from tradingbot.engine.catalog import document_path, journal_path
from tradingbot.engine.learning_models import CounterfactualState, VenueMetadata
from tradingbot.learning.counterfactual_params import CounterfactualParams
from tradingbot.research.backtest.report import as_html, as_json, report_of
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.research.backtest.result_file import load_result, save_result
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.writer import StorageWriter

CYCLES = 45
PARAMS = CounterfactualParams()
BUSY = {"TRADINGBOT__MARKET_SOURCE__VOLATILITY": "4", "TRADINGBOT__ENGINE__INPUTS__KEYFRAME_MIN": "6"}
START = utc_from_ms(DEFAULT_START_MS)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


async def one_life(home: Path) -> None:
    async with running(home, BUSY, ("BTC", "ETH", "SOL")) as rig:
        await rig.cycle(CYCLES)
        job = next(one for one in rig.daemon.scheduler.runners if one.job.name == "counterfactual")
        await job.run_now()
        assert job.status.last_result == "ok"
        assert rig.failures == []


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose nightly job has run."""
    home = tmp_path_factory.mktemp("nightly")
    asyncio.run(one_life(home))
    return home


@pytest.fixture
def home(nightly: Path, tmp_path: Path) -> Path:
    """A copy of it to which nothing was carried yet."""
    for name in ("logs", "feature_store", "state"):
        shutil.copytree(nightly / name, tmp_path / name)
    journal_path(tmp_path, "counterfactual").unlink(missing_ok=True)
    for path in (tmp_path / "feature_store").glob("counterfactual_state.json*"):
        path.unlink()
    return tmp_path


def cycle_times(home: Path) -> list[datetime]:
    return [parse_utc(line["as_of"]) for line in JournalReader(journal_path(home, "cycles"))]


def wanted(home: Path, cycle: int = -1, venue: str = "kraken_futures") -> Wanted:
    """Everything up to a cycle."""
    times = cycle_times(home)
    metadata = VenueMetadata(venue=venue, since=times[0] - timedelta(hours=1))
    return Wanted(home, metadata, times[cycle], PARAMS, 600.0)


def lines(home: Path) -> list[dict[str, Any]]:
    return list(JournalReader(journal_path(home, "counterfactual")))


def state(home: Path) -> CounterfactualState:
    found = open_document(home, "counterfactual", StorageWriter(SystemClock())).peek()
    assert isinstance(found, CounterfactualState)
    return found


def carried_whole(home: Path) -> tuple[Carried, list[dict[str, Any]], Ledger]:
    done = carry(wanted(home))
    return done, lines(home), state(home).ledger


def test_the_nightly_job_carries_every_cycle_and_says_what_gates_do(nightly: Path) -> None:
    """One line per closed position; the rest is open in the state; the table is in its file."""
    found = state(nightly)
    assert (found.cycles, found.left_out) == (CYCLES, 0)
    universe = list(JournalReader(journal_path(nightly, "signal_universe")))
    with_side = [line["signal_id"] for line in universe if line["direction"] != "neutral"]
    ledger, written = found.ledger, [line["signal_id"] for line in lines(nightly)]
    still = [one.origin.signal_id for held in ledger.open.values() for one in held]
    assert ledger.opened == len(with_side) - ledger.skipped
    assert sorted(written + still) == sorted(set(written + still))
    assert set(written + still) <= set(with_side)
    assert len(written) > 10
    kept = orjson.loads(document_path(nightly, "gate_feedback").read_bytes())["data"]
    assert kept["table"]["totals"]["signals"] == len(written)
    assert kept["_venue_metadata"]["venue"] == found.venue_metadata.venue


def test_in_pieces_it_comes_to_the_same(home: Path, tmp_path: Path) -> None:
    """A run that goes on where the last one ended writes the lines of one whole run, to the last digit."""
    other = tmp_path / "pieces"
    for name in ("logs", "feature_store", "state"):
        shutil.copytree(home / name, other / name)
    whole, expected, ledger = carried_whole(home)
    pieces = [carry(wanted(other, cycle)) for cycle in (9, 10, 31, -1, -1)]
    assert sum(one.cycles for one in pieces) == whole.cycles == CYCLES
    assert pieces[-1].cycles == pieces[-1].written == 0
    assert lines(other) == expected
    assert state(other).ledger == ledger


class KilledError(Exception):
    """The power fails."""


@pytest.mark.parametrize("step", ["lines", "state"])
def test_a_kill_loses_nothing_and_doubles_nothing(home: Path, tmp_path: Path, step: str) -> None:
    """After lines that no state knows of yet, or after the state, the next run comes to the same."""
    other = tmp_path / "killed"
    for name in ("logs", "feature_store", "state"):
        shutil.copytree(home / name, other / name)
    _, expected, ledger = carried_whole(home)

    def dies(done: str) -> None:
        if done == step:
            raise KilledError

    carry(wanted(other, 5))
    with pytest.raises(KilledError):
        carry(wanted(other, 25), dies)
    assert 0 < len(lines(other)) < len(expected)
    carry(wanted(other))
    assert lines(other) == expected
    assert state(other).ledger == ledger


def test_a_lost_state_doubles_no_line(home: Path) -> None:
    """Then all cycles of the first days are carried again; what is on file stays as it is."""
    _, expected, _ = carried_whole(home)
    for path in (home / "feature_store").glob("counterfactual_state.json*"):
        path.unlink()
    assert carry(wanted(home)).written == 0
    assert lines(home) == expected


def test_a_damaged_line_costs_its_own_cycles_only(home: Path) -> None:
    """From the next key line on cycles are carried again; what was lost is counted."""
    path = journal_path(home, "cycle_inputs")
    raw = path.read_bytes().splitlines(keepends=True)
    raw[20] = raw[20].replace(b'"kind"', b'"kinb"', 1)
    path.write_bytes(b"".join(raw))
    done = carry(wanted(home))
    assert 1 <= sum(done.left_out.values()) <= 7
    assert done.cycles == CYCLES - sum(done.left_out.values())
    found = state(home)
    assert (found.left_out, found.handled_until) == (sum(done.left_out.values()), cycle_times(home)[-1])


async def test_the_job_can_be_switched_off(tmp_path: Path) -> None:
    """By its own setting, and it has nothing to read where inputs are not recorded."""
    stores, venue = open_stores(tmp_path, SystemClock()), VenueMetadata(venue="kraken_futures", since=START)
    for params, recorded in ((CounterfactualParams(nightly=False), True), (PARAMS, False)):
        await NightlyCounterfactual(tmp_path, stores, SystemClock(), venue, params, recorded).run()
    await stores.writer.close(5)
    assert not document_path(tmp_path, "gate_feedback").exists()


def test_another_venue_begins_at_nothing(home: Path) -> None:
    """Positions that were opened at the prices of one venue are not carried on at another."""
    carry(wanted(home, 20))
    venue = replace(
        wanted(home, venue="elsewhere"), venue=VenueMetadata(venue="elsewhere", since=cycle_times(home)[30])
    )
    done = carry(venue)
    assert done.cycles == CYCLES - 31
    assert state(home).venue_metadata.venue == "elsewhere"


def test_a_run_that_is_out_of_time_stops_and_says_so(home: Path) -> None:
    """The next night goes on."""
    done = carry(replace(wanted(home), limit_s=0.0))
    assert (done.behind, done.cycles) == (True, 1)
    assert carry(wanted(home)).cycles == CYCLES - 1


def test_the_command_prints_the_table_and_its_facts(nightly: Path) -> None:
    """Gates, totals, agreement; as JSON the same figures."""
    told = CliRunner().invoke(cli, ["counterfactual", "--home", str(nightly)])
    assert told.exit_code == 0, told.output
    assert "not enough data" in told.output
    facts = orjson.loads(CliRunner().invoke(cli, ["counterfactual", "--home", str(nightly), "--json"]).output)
    assert facts["table"]["totals"]["signals"] == len(lines(nightly))
    late = CliRunner().invoke(cli, ["counterfactual", "--home", str(nightly), "--since", "2099-01-01", "--json"])
    assert orjson.loads(late.output)["table"]["totals"]["signals"] == 0


def test_a_home_without_a_ledger_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nightly at 07:30 UTC"):
        read_counterfactual(tmp_path, None, PARAMS)


def test_signals_of_before_are_left_out(nightly: Path) -> None:
    """The table over the last ten minutes has the signals of these alone."""
    since = cycle_times(nightly)[-10]
    table, _ = feedback_of_home(nightly, since, PARAMS)
    expected = [line for line in lines(nightly) if parse_utc(line["as_of"]) >= since]
    assert table.totals.signals == len(expected)


# ---------------------------------------------------------------- in a backtest


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    """Three hours of the made market, with the ledger beside the run."""
    backtest.quiet()
    begin = START + timedelta(minutes=240)
    asked = BacktestRequest(
        home=str(tmp_path_factory.mktemp("home")),
        symbols=("BTC", "ETH", "SOL", "XRP"),
        since=begin,
        until=begin + timedelta(hours=3),
        warm_up_min=120,
        obey_switches=False,
        counterfactual=True,
        settings={"risk.limits.max_trades_per_day": "200"},
    )
    return run(asked)


def test_for_what_was_traded_the_ledger_is_near_reality(played: BacktestResult) -> None:
    """Real orders have latency and the venue's own book; virtual ones an assumed slippage."""
    assert played.counterfactual is not None
    found = played.counterfactual.agreement
    assert found.trades >= 5
    assert found.only_real == 0
    assert found.median_bps is not None
    assert found.median_bps <= 5.0
    assert found.same_rule >= 0.8 * found.trades


def test_every_signal_with_a_side_is_accounted_for(played: BacktestResult) -> None:
    """Ended, still open, or without a price; the table's totals are those of the run."""
    found = played.counterfactual
    assert found is not None
    ended = found.table.totals.signals
    assert ended + found.still_open + found.skipped + found.lost == played.signals.with_side
    assert found.lost == 0
    assert found.table.totals.taken >= found.agreement.trades
    blocks = sum(row.signals for row in found.table.rows if row.way in ("blocks", "taken"))
    assert blocks == ended


def test_the_result_and_the_report_have_it(played: BacktestResult, tmp_path: Path) -> None:
    """Read back from its files it is the same; the page and the JSON show the table."""
    save_result(played, tmp_path)
    assert load_result(tmp_path).counterfactual == played.counterfactual
    report = report_of(played)
    assert "What gates save and cost" in as_html(report)
    assert as_json(report)["counterfactual"]["table"]["totals"]["signals"] > 0
    assert "What gates save and cost" not in as_html(report_of(replace(played, counterfactual=None)))


def test_the_ledger_changes_nothing_of_the_run(tmp_path: Path) -> None:
    """It only looks: the same half hour has the same digest with and without it."""
    backtest.quiet()
    plain = BacktestRequest(
        home=str(tmp_path), symbols=("BTC", "ETH"), since=START, until=START + timedelta(minutes=30), warm_up_min=0
    )
    alone, beside = run(plain), run(replace(plain, counterfactual=True))
    assert (alone.digest, alone.checkpoints) == (beside.digest, beside.checkpoints)
    assert alone.counterfactual is None
    assert beside.counterfactual is not None
