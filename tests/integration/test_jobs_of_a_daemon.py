"""Jobs of the running daemon: asked for by hand, kept over a restart, and shown the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import structlog

from tests.integration.daemon_rig import running
from tests.integration.test_kill_switches import command, locked
from tradingbot.app.job_book import jobs_of_home
from tradingbot.core.errors import ConfigurationError
from tradingbot.jobs.routine import JOBS


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


async def test_a_job_runs_by_hand_and_is_remembered(tmp_path: Path) -> None:
    """Command, audit, state file, `status` and page say the same; a second life goes on counting."""
    async with locked(tmp_path) as rig:
        await rig.good_cycle()
        done = await command(rig, "jobs", "run", "strategic_advice", "--reason", "curious", "--json")
        assert done.exit_code == 0, done.output
        answer = orjson.loads(done.stdout)
        assert (answer["text"], answer["job"]["by_hand"]) == ("strategic_advice: ok", 1)
        (line,) = rig.rows("strategic_advice")
        assert line["trades"] == 0
        audit = rig.rows("operator_audit")[-1]
        assert (audit["command"], audit["job"], audit["reason"]) == ("run_job", "strategic_advice", "curious")
        wrong = await command(rig, "jobs", "run", "nonsense")
        assert isinstance(wrong.exception, ConfigurationError)
        await rig.good_cycle()
        await rig.stores.writer.flush()
        shown = {one.name: one.model_dump(mode="json") for one in rig.daemon.state.jobs}
        assert {row["name"]: row["by_hand"] for row in jobs_of_home(tmp_path)} == {
            name: one["by_hand"] for name, one in shown.items()
        }
        status = orjson.loads((await command(rig, "status", "--json")).stdout)
        assert [row["name"] for row in status["jobs"]] == [row.name for row in JOBS]
        assert "all well" in (await command(rig, "status")).stdout
    async with running(tmp_path) as rig:
        known = rig.daemon.scheduler.runner("strategic_advice").status
        assert (known.by_hand, known.last_result) == (1, "ok")


async def test_a_failed_job_is_an_issue_and_the_cycle_goes_on(tmp_path: Path) -> None:
    """Told with its name and result; over with its next good run."""
    async with locked(tmp_path) as rig:
        await rig.good_cycle()
        (tmp_path / "logs" / "digests").write_text("a file where a folder should be")
        failed = await command(rig, "jobs", "run", "digest")
        assert failed.exit_code == 1
        assert "digest: failed: " in failed.stdout
        await rig.good_cycle()
        assert "job_failing:digest" in {issue.issue_id for issue in rig.daemon.health.issues.open}
        (tmp_path / "logs" / "digests").unlink()
        assert (await command(rig, "jobs", "run", "digest")).exit_code == 0
        await rig.good_cycle()
        assert "job_failing:digest" not in {issue.issue_id for issue in rig.daemon.health.issues.open}
