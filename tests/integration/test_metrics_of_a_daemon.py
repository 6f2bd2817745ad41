"""Figures of the real daemon on the simulated exchange."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.daemon_rig import Rig, running
from tests.promtool import promtool
from tradingbot.app.status import read_status
from tradingbot.app.venue_standing import readiness_of_home
from tradingbot.dashboard.metrics import DURATION, ROWS, UNREADABLE, Figures
from tradingbot.dashboard.moment import Moment
from tradingbot.guards.downtime import downtime_at
from tradingbot.jobs.routine import JOBS

SECRETS = re.compile(r"tb-[0-9a-f]{6}-|127\.0\.0\.1|/tmp/", re.IGNORECASE)


async def moment_of(rig: Rig) -> Moment:
    """What the files of the running daemon say, as one moment."""
    await rig.stores.writer.flush()
    facts, state = read_status(rig.home), rig.daemon.state
    validated = rig.stores.documents["symbol_status"].peek()
    return Moment(
        as_of=state.as_of,
        cycle_id=state.cycle_id,
        runtime=state,
        profit=facts["profit"],
        positions=facts["positions"],
        kill_switches=facts["kill_switches"],
        issues=facts["issues"],
        downtime={"state": downtime_at(state.as_of, rig.settings.downtime).state.value},
        regime=facts["regime"],
        strategies={row["name"]: row["share_pct"] for row in facts["regime"]["strategies"]},
        symbols={} if validated is None else validated.model_dump(mode="json")["symbols"],
        readiness=readiness_of_home(rig.home, rig.settings) or [],
        feeds=facts["feeds"],
    )


async def test_the_exposition_of_a_real_daemon_is_whole_and_true(tmp_path: Path) -> None:
    async with running(tmp_path / "home", symbols=("BTC", "ETH")) as rig:
        clock, figures = rig.parts.clock, Figures(rig.parts.clock)
        await rig.cycle_until("a position", lambda: rig.held)
        figures.take(await moment_of(rig))
        await rig.good_cycle()
        figures.take(moment := await moment_of(rig))
        body, _ = figures.expose()
        families = {family.name: family for family in text_string_to_metric_families(body.decode())}
        found = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in families.values()
            for sample in family.samples
        }
        assert found["tradingbot_figures_unreadable",] == 0
        shown = {
            family.name.removesuffix("_total") + "_total" * (family.type == "counter") for family in families.values()
        }
        assert shown == {row.full_name for row in (*ROWS, DURATION, UNREADABLE)}
        assert found["tradingbot_equity_usd",] == float(rig.reports[-1].equity_usd)  # type: ignore[union-attr,arg-type]
        assert found["tradingbot_open_positions",] == len(rig.held)
        assert found["tradingbot_unprotected_positions",] == 0
        for name, size in rig.held.items():
            symbol, direction = rig.symbol_of(name), "long" if size > 0 else "short"
            row = next(one for one in moment.positions if one["symbol"] == symbol)
            worth = found["tradingbot_position_notional_usd", *sorted((direction, symbol))]
            assert abs(worth - float(abs(size)) * float(row["newest_price"])) < 0.01
        assert found["tradingbot_cycle_duration_seconds_count",] == 2
        assert found["tradingbot_stream_connected", "private"] == 1
        assert found["tradingbot_exchange_health", "healthy"] == 1
        assert {one[1] for one in found if one[0] == "tradingbot_job_runs_total"} == {job.name for job in JOBS}
        before_s = found["tradingbot_last_cycle_age_seconds",]
        await clock.sleep(30)
        later = figures.expose()[0].decode()
        age_s = float(re.search(r"^tradingbot_last_cycle_age_seconds (\S+)$", later, re.MULTILINE)[1])  # type: ignore[index]
        assert before_s + 29 <= age_s, "the age is that of the scrape"
        assert timedelta(seconds=age_s) < timedelta(minutes=2)
        assert not SECRETS.search(later)
        assert len(
            list(openmetrics.text_string_to_metric_families(figures.expose("application/openmetrics-text")[0].decode()))
        )
    assert promtool("check", "metrics", stdin=body) == ""
