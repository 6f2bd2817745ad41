"""The nightly digest of a real run with trades, its files, its way to a channel, and the commands on a home."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import orjson
import pytest
import structlog
from click.testing import CliRunner, Result
from pydantic import SecretStr

from tests.integration.daemon_rig import Rig, running
from tests.integration.test_alerts import TOKEN, a_target, nothing_secret_under
from tests.unit.alerts.test_digest import Page
from tradingbot.alerts.sender import AppriseSender
from tradingbot.app.cli import cli
from tradingbot.app.digesting import FOLDER
from tradingbot.clock import SystemClock
from tradingbot.guards.issues import Finding
from tradingbot.jobs.scheduler import JobRunner


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def the_job(rig: Rig) -> JobRunner:
    return next(one for one in rig.daemon.scheduler.runners if one.job.name == "digest")


async def tradingbot(*arguments: str, **env: str) -> Result:
    """One command, in a thread, because the target answers from this loop."""
    return await asyncio.to_thread(CliRunner().invoke, cli, list(arguments), env=env)


async def test_a_day_with_trades_becomes_text_and_page_and_reaches_the_channel(tmp_path: Path) -> None:
    """Facts agree with the files; a hostile issue is escaped; old digests go; commands print what was written."""
    hostile = "<script>alert(1)</script>"
    old = tmp_path / FOLDER / "2025-01-01.txt"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    async with a_target() as target:
        with nothing_secret_under(tmp_path):
            environ = {"TRADINGBOT_ALERT_URL_OPS": target.url}
            async with running(tmp_path, environ) as rig:
                await rig.cycle_until("a trade", lambda: rig.rows("executed_trades"))
                rig.daemon.health.issues.note(Finding("logged_error", "x", hostile))
                await rig.good_cycle()
                runner = the_job(rig)
                await runner.run_now()
                assert runner.status.last_result == "ok"
                await rig.parts.clock.sleep(5)
                (digest,) = [one for one in target.got if one["title"].startswith("[DIGEST]")]
                trades = rig.rows("executed_trades")
                equity = float(rig.rows("cycles")[-1]["equity_usd"])
                day = rig.parts.clock.now().date().isoformat()
            files = {path.suffix: path.read_text() for path in (tmp_path / FOLDER).iterdir()}
            assert sorted(files) == [".html", ".json", ".txt"]
            net = sum(float(one["net_pnl_usd"]) for one in trades)
            for part in (f"{equity:,.2f} USD", f"{net:+,.2f} USD", f"by {trades[0]['exit_rule']}", hostile):
                assert part in files[".txt"], part
                assert part in Page(files[".html"]).text
            assert "<script>" not in files[".html"]
            assert digest["message"].strip() == files[".txt"].strip()
            await commands(tmp_path, day, files, target.url)
            assert target.titles[-1] == "[TEST] tradingbot paper: a test message"


async def test_a_mail_channel_gets_the_page_and_others_the_text(tmp_path: Path) -> None:
    """A real mail server, as small as one can be."""
    mails: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                mails.append(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    page = tmp_path / "page.html"
    page.write_text("<html><body><h1>Käse &amp; trades</h1></body></html>", encoding="utf-8")
    url = SecretStr(f"mailto://127.0.0.1:{port}?from=bot@example.com&to=ops@example.com")
    first, second = (AppriseSender({"mail": url}, SystemClock(), 10) for _ in range(2))
    assert await first.send("mail", "[DIGEST] a day", "as text", page) == ""
    assert await second.send("mail", "[ERROR] <b>", "line <one>\nline two") == ""
    server.close()
    parts = [part for part in message_from_bytes(mails[0]).walk() if part.get_content_type() == "text/html"]
    assert "Käse &amp; trades" in parts[0].get_payload(decode=True).decode()
    alert = message_from_bytes(mails[1])
    assert (alert.get_content_type(), alert["Subject"]) == ("text/plain", "[ERROR] <b>")
    assert alert.get_payload(decode=True).split() == [b"line", b"<one>", b"line", b"two", b"."]


async def commands(home: Path, day: str, files: dict[str, str], url: str) -> None:
    """Printed as written; now; of a day that has none; who is told."""
    where = ("--home", str(home))
    for ending, options in {".txt": [], ".html": ["--html"], ".json": ["--json"]}.items():
        printed = await tradingbot("digest", "--date", day, *options, *where)
        assert printed.stdout.strip() == files[ending].strip()
    fresh = await tradingbot("digest", "--json", *where)
    assert len(orjson.loads(fresh.stdout)["sections"]) == 13
    assert "Open positions" in (await tradingbot("digest", *where)).stdout
    missing = await tradingbot("digest", "--date", "2020-01-01", *where)
    assert f"there are {day}" in str(missing.exception)
    env = {"TRADINGBOT_ALERT_URL_OPS": url}
    listed = orjson.loads((await tradingbot("alerts", "--json", *where, **env)).stdout)
    assert listed["channels"][0]["last_title"].startswith("[DIGEST]")
    table = await tradingbot("alerts", *where, **env)
    sent = await tradingbot("alerts", "test", "--channel", "OPS", *where, **env)
    assert (sent.exit_code, sent.stdout.split()) == (0, ["ops", "delivered"])
    broken = {"TRADINGBOT_ALERT_URL_OPS": "json://127.0.0.1:9/x?cto=0.2"}
    failed = await tradingbot("alerts", "test", "--json", *where, **broken)
    assert failed.exit_code == 1
    assert orjson.loads(failed.stdout)["tests"][0]["error"]
    for said in (table, sent, failed):
        assert TOKEN not in said.output


def test_commands_on_a_home_where_nothing_ran_say_so(tmp_path: Path) -> None:
    """One clear sentence."""
    done = CliRunner().invoke(cli, ["digest", "--home", str(tmp_path)])
    assert "no daemon has run" in str(done.exception)
    done = CliRunner().invoke(cli, ["alerts", "--home", str(tmp_path)])
    assert "nobody is told" in done.stdout
    done = CliRunner().invoke(cli, ["alerts", "test", "--home", str(tmp_path)])
    assert "TRADINGBOT_ALERT_URL_NAME" in str(done.exception)
    done = CliRunner().invoke(cli, ["digest", "--date", "yesterday", "--home", str(tmp_path)])
    assert done.exit_code == 2


def test_the_job_runs_at_seven_utc() -> None:
    """SPEC 14."""
    from tests.integration.test_alerts import T0
    from tradingbot.jobs.routine import JOBS

    (row,) = [one for one in JOBS if one.name == "digest"]
    due = row.trigger.get_next_fire_time(None, T0)
    assert due - T0.replace(hour=7) < timedelta(days=1, minutes=1)
    assert (due.hour, due.minute) == (7, 0)
