"""The daemon with room for three finished trades: everything that reads trades stays right beyond that."""

from __future__ import annotations

import asyncio
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from click.testing import CliRunner

from tests.integration.daemon_rig import Rig, running
from tradingbot.app import restore
from tradingbot.app.cli import cli
from tradingbot.app.status import read_status
from tradingbot.config import sections
from tradingbot.engine.catalog import DOCUMENTS, document_path, journal_path
from tradingbot.engine.models import TradesState
from tradingbot.engine.opened_today import opened_today
from tradingbot.engine.post_trade import EMPTY
from tradingbot.learning.exact_sums import total
from tradingbot.storage.journal_reader import JournalReader

KEPT = 3
ENVIRON = {"TRADINGBOT__STORAGE__KEPT_TRADES": str(KEPT)}


def few() -> pytest.MonkeyPatch:
    """Fewer than any real daemon keeps."""
    patch = pytest.MonkeyPatch()
    patch.setattr(sections, "LEAST_KEPT_TRADES", 1)
    patch.setattr(restore, "looked_at", lambda _: 0)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    return patch


@pytest.fixture(autouse=True)
def few_are_kept():  # type: ignore[no-untyped-def]
    """Also in lives that a test begins."""
    patch = few()
    yield
    patch.undo()
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a daemon after nine trades."""
    home = tmp_path_factory.mktemp("few") / "home"
    patch = few()
    try:
        asyncio.run(_trade(home))
    finally:
        patch.undo()
    return home


async def _trade(home: Path) -> None:
    async with running(home, ENVIRON) as rig:
        for count in (5, 9):
            await rig.cycle_until("trades", lambda count=count: finished(rig) >= count, 150)
            await rig.assert_agrees()
        await rig.cycle()
        assert rig.failures == []
        assert len(rig.daemon._keeper.trades) <= KEPT + 1
        midnight = rig.parts.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        ours = {row["position_id"] for row in rig.rows("fills") if row["purpose"] == "entry"}
        assert opened_today(rig.daemon._keeper, midnight) == len(ours)
        await rig.stores.writer.flush()
        await rig.assert_agrees()


def finished(rig: Rig) -> int:
    return rig.daemon._keeper.state.count


@pytest.fixture
def home(traded: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(traded, tmp_path / "home"))


def lines(home: Path) -> list[dict[str, Any]]:
    return list(JournalReader(journal_path(home, "executed_trades")))


def stored(home: Path, name: str) -> Any:
    envelope = orjson.loads(document_path(home, name).read_bytes())
    return DOCUMENTS[name].model.model_validate_json(orjson.dumps(envelope["data"]))


def lose(home: Path, *names: str) -> None:
    for name in names:
        path = document_path(home, name)
        for copy in path.parent.glob(f"{path.name}*"):
            copy.unlink()


def test_status_counts_all_of_them(traded: Path) -> None:
    state: TradesState = stored(traded, "trades")
    written = lines(traded)
    assert state.archived.count >= 5
    assert len(state.trades) <= KEPT + 1
    assert len({row["trade_id"] for row in written}) == len(written) == state.count
    facts = read_status(traded)
    in_usd = total([Decimal(row["net_pnl_usd"]) for row in written])
    won = sum(1 for row in written if Decimal(row["net_pnl_usd"]) > 0)
    assert facts["trade_count"] == len(written)
    assert Decimal(facts["net_pnl_usd"]) == in_usd
    for span in ("today", "since_start"):  # all of it was one day
        told = facts["profit"][span]
        assert (told["trades"], told["won"], Decimal(told["net_pnl_usd"])) == (len(written), won, in_usd), span


def test_old_trades_are_explained_and_analysed(traded: Path) -> None:
    first, state = lines(traded)[0], stored(traded, "trades")
    assert first["trade_id"] not in {trade.trade_id for trade in state.trades}
    run = CliRunner().invoke
    told = run(cli, ["explain", first["trade_id"], "--home", str(traded), "--json"])
    assert told.exit_code == 0, told.output
    facts = orjson.loads(told.output)
    assert (facts["trade_id"], facts["check"]["agrees"]) == (first["trade_id"], True)
    assert facts["result"]["net_pnl"] == first["net_pnl"]
    whole = orjson.loads(run(cli, ["analyze", "--home", str(traded), "--json"]).output)
    assert whole["trade_count"] == len(lines(traded))
    assert Decimal(whole["trades"]["all"]["net_usd"]) == total([Decimal(r["net_pnl_usd"]) for r in lines(traded)])
    late = orjson.loads(
        run(cli, ["analyze", "--home", str(traded), "--json", "--since", lines(traded)[2]["exit_time"]]).output
    )
    assert late["trade_count"] == sum(1 for row in lines(traded) if row["exit_time"] >= lines(traded)[2]["exit_time"])


@pytest.mark.parametrize("lost", [("attribution", "timing", "trades"), ("positions", "expectancy")])
async def test_what_is_lost_is_made_again_as_it_was(lost: tuple[str, ...], home: Path) -> None:
    before, count = {name: stored(home, name) for name in (*EMPTY, "trades")}, len(lines(home))
    lose(home, *lost)
    async with running(home, ENVIRON) as rig:
        await rig.stores.writer.flush()
        for name in before:
            assert stored(home, name) == before[name], name
        assert len(rig.rows("executed_trades")) == count
        await rig.cycle(3)
        assert rig.protected()
        await rig.assert_agrees()
        await rig.daemon._analyst.advise()
        await rig.stores.writer.flush()
        assert rig.rows("strategic_advice")[-1]["trades"] == len(lines(home)) == finished(rig)


async def test_a_journal_without_an_archived_trade_is_a_difference(home: Path) -> None:
    journal = journal_path(home, "executed_trades")
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[1:]))
    async with running(home, ENVIRON) as rig:
        found = await rig.agreement()
    assert {one.kind for one in found.differences} >= {"archived_trades", "archived_cash"}
