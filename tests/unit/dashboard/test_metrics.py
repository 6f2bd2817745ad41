"""Figures for Prometheus: right numbers in base units, nothing stale, nothing unbounded, nothing secret."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.builders_moment import a_moment, a_position, a_runtime
from tests.promtool import promtool
from tests.support import NOW
from tradingbot.clock import SystemClock
from tradingbot.dashboard.metric_rows import MAX_SERIES
from tradingbot.dashboard.metrics import DURATION, ROWS, UNREADABLE, Figures
from tradingbot.dashboard.moment import Moment
from tradingbot.engine.models import JobStatus
from tradingbot.guards.healing_escalation import HealCategory
from tradingbot.guards.issue_kinds import KINDS
from tradingbot.guards.switch_state import SwitchName

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "metrics.md"
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"


class StoppedClock(SystemClock):
    """Stands half a minute after the moment's cycle."""

    def now(self) -> Any:
        return NOW + timedelta(seconds=30)


def figures_of(*moments: Moment) -> Figures:
    figures = Figures(StoppedClock(), {"version": "0.1.0", "python": "3.11.7"})
    for moment in moments:
        figures.take(moment)
    return figures


def values(figures: Figures) -> dict[str, float]:
    """Every series of an exposition, ``name{label=value}`` with sorted labels."""
    body, _ = figures.expose()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            name = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert name not in found, f"{name} twice"
            found[name] = sample.value
    return {name.removeprefix("tradingbot_"): value for name, value in found.items()}


def shown(**changes: Any) -> dict[str, float]:
    return values(figures_of(a_moment(**changes)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("equity_usd", 9900.5),
        ("equity_peak_usd", 11000.0),
        ("equity_change_usd{period=today}", -12.5),
        ("equity_change_ratio{period=since_start}", -0.00995),
        ("realised_pnl_usd{period=since_start}", -80.0),
        ("unrealised_pnl_usd", 200.0),
        ("open_positions", 1.0),
        ("unprotected_positions", 0.0),
        ("position_notional_usd{direction=long,symbol=ETHUSDT}", 6200.0),
        ("trades_total", 40.0),
        ("trades_won_total", 22.0),
        ("kill_switch_tripped{switch=drawdown}", 1.0),
        ("kill_switch_tripped{switch=daily_loss}", 0.0),
        ("entries_blocked", 1.0),
        ("entries_blocked_by{reason=downtime}", 1.0),
        ("symbols_blocked", 1.0),
        ("downtime_state{state=TRADING}", 1.0),
        ("downtime_state{state=DOWNTIME}", 0.0),
        ("regime{regime=RISK_ON}", 1.0),
        ("strategy_share_ratio{strategy=trend}", 0.75),
        ("issues_open{severity=warning}", 1.0),
        ("issues_unacknowledged{severity=warning}", 0.0),
        ("issues_open_by_kind{kind=unprotected_position}", 1.0),
        ("heals_24h{category=torn_journal}", 1.0),
        ("heartbeat_age_seconds{subsystem=public stream}", 0.4),
        ("orders_unresolved", 1.0),
        ("book_differences", 1.0),
        ("exchange_health{state=healthy}", 1.0),
        ("exchange_health{state=degraded}", 0.0),
        ("stream_connected{stream=private}", 0.0),
        ("stream_reconnects_total{stream=private}", 3.0),
        ("stream_gaps_total{stream=public}", 2.0),
        ("feed_subjects_ok{feed=funding}", 9.0),
        ("feed_subjects{feed=funding}", 10.0),
        ("symbols{status=suppressed}", 1.0),
        ("sample_readiness_ratio{symbol=ETHUSDT}", 0.4),
        ("cycles_total", 600.0),
        ("cycles_failed_total", 2.0),
        ("last_cycle_duration_seconds", 0.042),
        ("last_cycle_age_seconds", 30.0),
        ("clock_timestamp_seconds", (NOW + timedelta(seconds=30)).timestamp()),
        ("start_timestamp_seconds", (NOW - timedelta(hours=10)).timestamp()),
        ("build_info{mode=paper,python=3.11.7,source=simulated,venue=kraken_futures,version=0.1.0}", 1.0),
        ("loop_lag_p99_seconds", 0.006),
        ("resident_memory_bytes", 128.5e6),
        ("disk_free_bytes", 50e9),
        ("home_size_bytes", 31.25e6),
        ("job_runs_total{job_name=exchange_health}", 120.0),
        ("job_failures_total{job_name=exchange_health}", 1.0),
        ("job_last_duration_seconds{job_name=exchange_health}", 0.125),
        ("job_last_success_timestamp_seconds{job_name=exchange_health}", (NOW - timedelta(minutes=2)).timestamp()),
        ("job_next_run_timestamp_seconds{job_name=maintenance}", (NOW + timedelta(hours=17)).timestamp()),
    ],
)
def test_a_figure_is_what_the_moment_says_in_its_base_unit(name: str, value: float) -> None:
    assert FULL[name] == pytest.approx(value)


FULL = values(figures_of(a_moment()))


def test_every_row_of_the_table_is_shown_and_nothing_else() -> None:
    names = {re.sub(r"_(bucket|sum|count)$|\{.*", "", re.sub(r"\{.*", "", name)) for name in FULL}
    assert {f"tradingbot_{name}" for name in names} == {row.full_name for row in (*ROWS, DURATION, UNREADABLE)}


def test_the_page_describes_every_figure_with_kind_labels_and_meaning() -> None:
    text = PAGE.read_text(encoding="utf-8")
    described = re.findall(r"^\| `(tradingbot_\w+)` \| (\w+) \| (.*?) \| (.+) \|$", text, flags=re.MULTILINE)
    expected = [
        (row.full_name, row.kind, ", ".join(f"`{name}`" for name in row.labels), row.meaning)
        for row in (DURATION, *ROWS, UNREADABLE)
    ]
    assert sorted(described) == sorted(expected)


def test_closed_sets_of_labels_are_always_whole() -> None:
    found = shown(kill_switches=[], issues=[], runtime=a_runtime(heals_24h={}))
    for switch in SwitchName:
        assert found[f"kill_switch_tripped{{switch={switch.value}}}"] == 0
    for kind in KINDS:
        assert found[f"issues_open_by_kind{{kind={kind}}}"] == 0
    for category in HealCategory:
        assert found[f"heals_24h{{category={category.value}}}"] == 0


def test_drawdown_is_measured_from_the_known_peak_else_from_the_highest_of_this_process() -> None:
    assert shown()["drawdown_ratio"] == pytest.approx(1 - 9900.5 / 11000)
    high, low = a_runtime(equity_usd=Decimal(10000)), a_runtime(equity_usd=Decimal(9000))
    own = figures_of(a_moment(runtime=high, peak_equity_usd=None), a_moment(runtime=low, peak_equity_usd=None))
    assert values(own)["drawdown_ratio"] == pytest.approx(0.1)
    above = a_moment(peak_equity_usd=Decimal(9000))
    assert values(figures_of(above))["drawdown_ratio"] == 0


def test_what_is_over_is_not_shown_any_more() -> None:
    figures = figures_of(a_moment(), a_moment(positions=[], runtime=a_runtime(entry_blocks=[], jobs=[])))
    found = values(figures)
    assert not [name for name in found if name.startswith(("position_notional_usd", "job_runs_total"))]
    assert found["entries_blocked"] == 0
    assert found["entries_blocked_by{reason=downtime}"] == 0, "a reason that was seen falls to 0"


def test_a_reason_that_is_no_name_holds_while_any_of_them_does() -> None:
    first, second = a_runtime(entry_blocks=["z is\nno name"]), a_runtime(entry_blocks=["a is\nno name"])
    assert (
        values(figures_of(a_moment(runtime=first), a_moment(runtime=second)))["entries_blocked_by{reason=other}"] == 1
    )


def test_positions_of_one_symbol_are_summed_and_settling_ones_do_not_count() -> None:
    rows = [a_position(), a_position(size="1"), a_position(size="0"), a_position(symbol="ADAUSDT", newest_price=None)]
    inverse = a_position(symbol="BTCUSD", kind="inverse", size="500", stop_order_id=None)
    found = shown(positions=[*rows, inverse])
    assert found["position_notional_usd{direction=long,symbol=ETHUSDT}"] == 9300
    assert found["position_notional_usd{direction=long,symbol=ADAUSDT}"] == 6000, "at its entry price"
    assert found["position_notional_usd{direction=long,symbol=BTCUSD}"] == 500
    assert found["open_positions"] == 4
    assert found["unprotected_positions"] == 1


def test_a_good_cycle_is_timed_once_and_a_failed_one_not() -> None:
    first, second = a_runtime(last_cycle_ms=42.0), a_runtime(cycle_id="20260105T1201", last_cycle_ms=3000.0)
    failed = second.model_copy(update={"failed_cycles": 3})
    found = values(figures_of(a_moment(runtime=first), a_moment(runtime=second), a_moment(runtime=failed)))
    assert found["cycle_duration_seconds_count"] == 2
    assert found["cycle_duration_seconds_sum"] == pytest.approx(3.042)
    assert found["cycle_duration_seconds_bucket{le=0.05}"] == 1
    assert found["cycle_duration_seconds_bucket{le=2.5}"] == 1
    assert found["cycle_duration_seconds_bucket{le=5.0}"] == 2
    assert found["cycle_duration_seconds_bucket{le=+Inf}"] == 2


def test_before_the_first_moment_there_is_only_the_empty_histogram() -> None:
    assert {re.sub(r"_(bucket|sum|count).*", "", name) for name in values(figures_of())} == {"cycle_duration_seconds"}


def test_what_is_not_known_is_left_out_and_not_zero() -> None:
    runtime = a_runtime(equity_usd=None, peak_rss_mb=None, entries_left_today=None, exchange_health="")
    found = shown(runtime=runtime, profit={}, downtime={}, regime={}, peak_equity_usd=None)
    for name in ("equity_usd", "drawdown_ratio", "unrealised_pnl_usd", "resident_memory_peak_bytes", "regime"):
        assert not [one for one in found if one.startswith(name)], name
    assert not [one for one in found if one.startswith(("exchange_health", "downtime_state", "entries_left"))]
    assert found["figures_unreadable"] == 0


def test_broken_values_cost_their_own_figure_alone_and_are_counted() -> None:
    found = shown(positions=[a_position(size="many")], strategies={"trend": float("nan")}, readiness=[{"no": "symbol"}])
    assert found["figures_unreadable"] == 6
    assert found["equity_usd"] == 9900.5
    assert not [name for name in found if name.startswith("strategy_share_ratio")]


def test_no_free_text_becomes_a_label_and_series_are_bounded() -> None:
    secret = 'K"\n# HELP x{secret="' + "A1b2" * 30
    rows = [{"feed": f"feed {number}", "ok": 1, "of": 2} for number in range(MAX_SERIES + 100)]
    found = shown(
        feeds=[{"feed": secret, "ok": 1, "of": 2}, *rows],
        runtime=a_runtime(
            entry_blocks=[secret],
            last_failure=secret,
            stopped=secret,
            differences=[secret],
            unresolved_orders=[secret],
            jobs=[JobStatus(name=secret, last_result=secret)],
        ),
        symbols={secret: {"status": secret}},
    )
    assert found["entries_blocked_by{reason=other}"] == 1
    assert found["job_runs_total{job_name=other}"] == 0
    assert found["symbols{status=other}"] == 1
    assert len([name for name in found if name.startswith("feed_subjects_ok{")]) == MAX_SERIES
    assert not [name for name in found if "A1b2" in name]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text; version=x.y", "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text;q=0, text/plain", "text/plain; version=0.0.4"),
        ("text/html,*/*", "text/plain; version=0.0.4"),
        ("", "text/plain; version=0.0.4"),
        (";;,=,q", "text/plain; version=0.0.4"),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(accept: str, kind: str) -> None:
    body, content_type = figures_of(a_moment()).expose(accept)
    assert content_type.startswith(kind)
    assert body.endswith(b"# EOF\n") is kind.startswith("application/openmetrics")


def test_openmetrics_says_the_same_with_units() -> None:
    body, _ = figures_of(a_moment()).expose(OPENMETRICS)
    families = {family.name: family for family in openmetrics.text_string_to_metric_families(body.decode())}
    assert families["tradingbot_heartbeat_age_seconds"].unit == "seconds"
    assert families["tradingbot_equity_usd"].unit == "usd"
    assert families["tradingbot_cycles"].samples[0].value == 600
    assert families["tradingbot_build"].type == "info"
    assert families["tradingbot_cycle_duration_seconds"].type == "histogram"


def test_two_daemons_in_one_process_do_not_mix() -> None:
    one, two = figures_of(a_moment()), figures_of(a_moment(runtime=a_runtime(equity_usd=Decimal(1))))
    assert (values(one)["equity_usd"], values(two)["equity_usd"]) == (9900.5, 1)


def test_promtool_finds_nothing_to_say() -> None:
    body, _ = figures_of(a_moment()).expose()
    assert promtool("check", "metrics", stdin=body) == ""
