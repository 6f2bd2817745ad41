"""The daemon started on state files that are missing, empty, cut, overwritten or too new: nothing is lost unsaid."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
import structlog

from tests.integration.daemon_rig import Rig, running
from tradingbot.app.deployment_checks import check_state
from tradingbot.core.errors import StateCorruptError, StateNewerError
from tradingbot.engine.catalog import DOCUMENTS

Damage = Callable[[Path], None]


def _too_new(path: Path) -> None:
    envelope = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps({**envelope, "schema_version": 99}))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


WAYS: dict[str, Damage] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": _cut,
    "overwritten": lambda path: path.write_bytes(b"\x00\xff no JSON\n"),
}


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def traded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds open positions and finished trades."""
    home = tmp_path_factory.mktemp("traded") / "home"

    async def trade() -> None:
        async with running(home) as rig:
            await rig.cycle(12)
            assert len(rig.held) >= 2
            await rig.assert_agrees()

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    asyncio.run(trade())
    return home


@pytest.fixture
def home(traded_home: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(traded_home, tmp_path / "home"))


async def _goes_on(home: Path) -> None:
    """The daemon starts, keeps what it had, protects it, trades on, and agrees with the venue."""
    async with running(home) as rig:
        await rig.stores.writer.flush()
        trades = _trades(rig)
        assert trades >= 2
        await rig.cycle(3)
        assert rig.failures == []
        assert rig.protected()
        await rig.cycle_until("it trades on", lambda: _trades(rig) > trades)
        await rig.assert_agrees()


def _trades(rig: Rig) -> int:
    value = rig.stores.documents["trades"].peek()
    return 0 if value is None else len(value.trades)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["positions_futures", "trades_futures", "instance"])
async def test_a_damaged_newest_copy_costs_nothing(name: str, way: str, home: Path) -> None:
    """An older copy, the journals and the venue together know everything."""
    WAYS[way](home / "state" / f"{name}.json")
    async with running(home) as rig:
        await rig.cycle(3)
        assert rig.failures == []
        assert rig.protected()
        await rig.assert_agrees()
    kept = list((home / "state" / "quarantine").glob(f"{name}.json.*")) if way != "missing" else []
    assert way == "missing" or kept, "what was damaged is kept for a look"


@pytest.mark.parametrize("name", ["positions_futures", "trades_futures"])
async def test_all_copies_gone_are_made_anew_from_journal_and_venue(name: str, home: Path) -> None:
    for path in (home / "state").glob(f"{name}.json*"):
        path.unlink()
    if name == "trades_futures":
        await _goes_on(home)
        return
    async with running(home) as rig:
        await rig.cycle(3)
        assert rig.protected()
        await rig.assert_agrees()


@pytest.mark.parametrize("name", ["positions_futures", "trades_futures"])
async def test_all_copies_unreadable_refuse_the_start_and_stay_in_place(name: str, home: Path) -> None:
    copies = sorted((home / "state").glob(f"{name}.json*"))
    for path in copies:
        _cut(path)
    with pytest.raises(StateCorruptError, match="restore a backup"):
        async with running(home):
            raise AssertionError("it must not start")
    assert all(path.exists() for path in copies)
    check = check_state(home, DOCUMENTS)
    assert not check.ok
    assert f"{name}.json" in check.detail


@pytest.mark.parametrize("name", ["positions_futures", "trades_futures", "instance"])
async def test_a_newer_schema_is_never_overwritten(name: str, home: Path) -> None:
    path = home / "state" / f"{name}.json"
    _too_new(path)
    before = path.read_bytes()
    with pytest.raises(StateNewerError, match="newer version"):
        async with running(home):
            raise AssertionError("it must not start")
    assert path.read_bytes() == before
    assert not check_state(home, DOCUMENTS).ok


def test_a_damaged_report_does_not_refuse_the_start(home: Path) -> None:
    """runtime.json is only a report; the next one replaces it."""
    (home / "state" / "runtime.json").write_bytes(b"garbage")
    assert check_state(home, DOCUMENTS).ok


@pytest.mark.parametrize("journal", ["intents", "fills", "executed_trades"])
async def test_a_torn_tail_is_cut_off(journal: str, home: Path) -> None:
    path = home / "logs" / f"{journal}.jsonl"
    whole = path.read_bytes()
    torn = whole + b'{"event":"intent","client_order_id":"tb-12'
    path.write_bytes(torn)
    async with running(home) as rig:
        await rig.cycle(6)
        for _ in range(30):
            if path.read_bytes() != torn:
                break
            await rig.cycle(6)  # the next line cuts it off
        assert rig.protected()
        await rig.assert_agrees()
    assert path.read_bytes().startswith(whole)
    assert all(orjson.loads(line) for line in path.read_bytes().splitlines())


async def test_lines_that_make_no_sense_are_passed_over_and_counted(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / "logs" / "intents.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2:2] = [b"no JSON\n", b'{"event":"intent","client_order_id":"x","intent":{"size":"many"}}\n']
    path.write_bytes(b"".join(lines))
    structlog.reset_defaults()
    async with running(home) as rig:
        await rig.cycle(2)
        assert rig.protected()
        await rig.assert_agrees()
    said = next(line for line in capsys.readouterr().out.splitlines() if "journal.damaged" in line)
    assert "lines=2" in said.replace("\x1b[0m", "").replace("\x1b[35m", "").replace("\x1b[36m", "")


async def test_a_stop_that_fires_after_the_intents_were_lost_still_closes_our_position(home: Path) -> None:
    (home / "logs" / "intents.jsonl").unlink()
    async with running(home) as rig:
        uid, stop = next((uid, o) for uid, o in rig.venue.account.orders.items() if o.is_trigger)
        symbol = rig.symbol_of(stop.symbol)
        mark = rig.venue.market(stop.symbol).mark
        rig.edit_by_hand(uid, stop_price=round(mark * 1 - stop.side.sign * mark / 50))
        await rig.cycle(3)
        fills = [row for row in rig.rows("fills") if row["client_order_id"] == stop.client_id]
        assert [row["purpose"] for row in fills] == ["stop"]
        trade = [row for row in rig.rows("executed_trades") if row["symbol"] == symbol][-1]
        assert trade["exit_rule"] == "protective_stop"
        assert rig.protected()
