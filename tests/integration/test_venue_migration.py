"""The real daemon in a home whose learning files say that they come from another exchange."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
import structlog
from click.testing import CliRunner

import tradingbot
from tests.integration.daemon_rig import running
from tradingbot.app.cli import cli
from tradingbot.app.venue_standing import newest_record
from tradingbot.engine.catalog import LEARNING, document_path


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def retag(home: Path, venue: str) -> None:
    """Every learning file, its hash made anew, as if it had been learned at another venue."""
    for name in LEARNING:
        path = document_path(home, name)
        if path.exists():
            envelope = orjson.loads(path.read_bytes())
            envelope["data"]["_venue_metadata"]["venue"] = venue
            data = orjson.dumps(envelope["data"])
            head = f'{{"schema_version":{envelope["schema_version"]},"sha256":"{hashlib.sha256(data).hexdigest()}",'
            path.write_bytes(f'{head}"saved_at":"{envelope["saved_at"]}","data":'.encode() + data + b"}\n")


async def test_a_start_migrates_says_so_and_begins_the_early_days_anew(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with running(home) as rig:
        await rig.cycle_until("trades", lambda: len(rig.daemon._keeper.trades) >= 1, 90)
        await rig.stores.writer.flush()
        learned = rig.daemon._post_trade.learned()
    known = {name: document_path(home, name).read_bytes() for name in LEARNING if document_path(home, name).exists()}
    retag(home, "blofin")
    assert {name: document_path(home, name).read_bytes() for name in known} != known

    async with running(home) as rig:
        now = rig.parts.clock.now()
        assert rig.daemon._bot_cycle._p.params().decision.venue_since >= now - timedelta(minutes=1)
        (issue,) = [one for one in rig.daemon.health.issues.open if one.kind == "venue_migration"]
        assert issue.subject == "blofin"
        after = rig.daemon._post_trade.learned()
        assert after.records.keys() == learned.records.keys()
        for pair, record in learned.records.items():
            assert after.records[pair].mean_net_bps == pytest.approx(record.mean_net_bps, abs=1e-9)
        assert {one.trades for one in after.symbols.values()} == {0}
        await rig.good_cycle()
        await rig.assert_agrees()
    record = newest_record(home)
    assert record is not None
    assert (record.source, record.period, record.status) == ("blofin", 2, "done")

    shown = CliRunner().invoke(cli, ["status", "--home", str(home)])
    assert "migrated: blofin -> kraken_futures" in shown.output
    assert "period 2: new for 14.0 more days" in shown.output
    facts = tradingbot.sample_readiness(home=str(home))
    assert facts["ready"] == []
    assert {one["missing"] for one in facts["symbols"].values()} == {"30 trades, 7.0 days"}

    async with running(home) as rig:
        await rig.stores.writer.flush()
        assert newest_record(home) == record
        assert rig.daemon._account.standing.venue_since == record.since
