"""Counts of repairs in a rolling window, what follows from them, and the exchange's health."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from tradingbot.core.records import StreamHealth, reason
from tradingbot.guards.exchange_health import ExchangeHealth, ExchangeHealthParams, HealthLook, HealthStatus, looked
from tradingbot.guards.healing_escalation import (
    Escalation,
    Heal,
    HealCategory,
    HealingParams,
    HealingState,
    counts,
    escalation,
    with_heal,
    with_result,
    within,
)
from tradingbot.guards.health_findings import Look, findings
from tradingbot.guards.issues import Severity
from tradingbot.guards.kill_switch import resume, watch
from tradingbot.guards.self_review import DayFacts, counted, recommendations
from tradingbot.guards.switch_state import Facts, SwitchName, SwitchState, Tripped
from tradingbot.risk.params import KillSwitchParams

T0 = datetime(2026, 1, 5, 8, tzinfo=UTC)
HEALING = HealingParams()
EXCHANGE = ExchangeHealthParams()
SWITCHES = KillSwitchParams()


def heal(hour: float, category: HealCategory = HealCategory.CORRUPT_FILE) -> Heal:
    return Heal(T0 + timedelta(hours=hour), category, "state/runtime.json", "no JSON")


def state_of(*heals: Heal) -> HealingState:
    state = HealingState()
    for one in heals:
        state = with_heal(state, one, HEALING)
    return state


def test_repairs_older_than_a_day_no_longer_count_but_are_in_the_totals() -> None:
    state = state_of(heal(0), heal(1), heal(23.5), heal(24.5))
    assert counts(within(state, T0 + timedelta(hours=24.5), HEALING)) == {"corrupt_file": 3}
    assert state.ever == {"corrupt_file": 4}


def test_a_result_is_kept_with_its_repair() -> None:
    state = with_result(state_of(heal(0), heal(1)), heal(1), "g1 is used", succeeded=True)
    assert [(one.after, one.succeeded) for one in state.heals] == [("", None), ("g1 is used", True)]


def test_three_are_soft_and_five_critical() -> None:
    assert [escalation(count, HEALING) for count in range(7)] == [
        *[Escalation.NONE] * 3,
        *[Escalation.SOFT] * 2,
        *[Escalation.CRITICAL] * 2,
    ]
    with pytest.raises(ValidationError):
        HealingParams(soft_limit=5, critical_limit=4)


def facts(hour: float, *heals: Heal) -> Facts:
    now = T0 + timedelta(hours=hour)
    return Facts(now, heals=within(HealingState(heals), now, HEALING), heals_limit=HEALING.soft_limit)


def test_the_switch_trips_at_three_of_one_category_and_lifts_when_they_are_old() -> None:
    mixed = (heal(0), heal(1), heal(2, HealCategory.STALE_LOCK), heal(2, HealCategory.MISSING_FILE))
    state, changes = watch(SwitchState(), facts(2, *mixed), SWITCHES)
    assert changes == ()
    three = (*mixed, heal(3))
    state, changes = watch(state, facts(3, *three), SWITCHES)
    assert state.names == ("healing",)
    assert dict(changes[0].switch.reason.numbers)["categories"] == "corrupt_file"
    state, _ = watch(state, facts(23.9, *three), SWITCHES)
    assert state.names == ("healing",), "not before the first of them is a day old"
    state, changes = watch(state, facts(24.1, *three), SWITCHES)
    assert state.names == ()
    assert changes[0].event == "lift"


def test_a_resume_counts_repairs_anew() -> None:
    three = (heal(0), heal(1), heal(2))
    state, _ = watch(SwitchState(), facts(2, *three), SWITCHES)
    state, _ = resume(state, facts(2.5, *three), (SwitchName.HEALING,), "mended", "anna")
    state, _ = watch(state, facts(3, *three), SWITCHES)
    assert state.names == ()
    again = (*three, heal(4), heal(5), heal(6))
    state, _ = watch(state, facts(5, *again[:5]), SWITCHES)
    assert state.names == ()
    state, _ = watch(state, facts(6, *again), SWITCHES)
    assert state.names == ("healing",)


# ---------------------------------------------------------------- the exchange


def after(*looks: tuple[int, bool | None]) -> ExchangeHealth:
    health = ExchangeHealth()
    for number, (failures, probe_failed) in enumerate(looks):
        look = HealthLook(T0 + timedelta(minutes=number), failures, probe_failed, "timeout" if failures else "")
        health = looked(health, look, EXCHANGE)
    return health


@pytest.mark.parametrize(
    ("looks", "status"),
    [
        ([(0, None)], HealthStatus.HEALTHY),
        ([(1, None), (2, None)], HealthStatus.HEALTHY),
        ([(3, None)], HealthStatus.DEGRADED),
        ([(0, True), (0, True)], HealthStatus.HEALTHY),
        ([(0, True), (0, True), (0, True)], HealthStatus.DEGRADED),
        ([(0, True), (0, True), (0, False), (0, True)], HealthStatus.HEALTHY),
        ([(3, None), (0, None)], HealthStatus.DEGRADED),
        ([(3, None), (0, None), (0, None)], HealthStatus.HEALTHY),
        ([(3, None), (0, None), (1, None), (0, None)], HealthStatus.DEGRADED),
        ([(0, True)] * 3 + [(0, None)] * 9, HealthStatus.DEGRADED),
        ([(0, True)] * 3 + [(0, False), (0, None)], HealthStatus.HEALTHY),
    ],
)
def test_three_failures_in_a_row_degrade_and_two_good_looks_recover(
    looks: list[tuple[int, bool | None]], status: HealthStatus
) -> None:
    assert after(*looks).status is status


def test_health_remembers_since_when_and_why() -> None:
    health = after((0, False), (3, None), (4, None))
    assert health.since == T0 + timedelta(minutes=1)
    assert health.last_error == "timeout"
    assert (health.degraded_count, health.probes, health.probes_failed) == (1, 1, 0)
    assert health.wants_probe


# ---------------------------------------------------------------- what a look finds


def kinds(look: Look) -> dict[str, Severity]:
    return {f"{one.kind}:{one.subject}".rstrip(":"): one.judged for one in findings(look)}


def test_a_healthy_look_finds_nothing() -> None:
    stream = StreamHealth("public", True, T0)
    assert kinds(Look(streams=[stream], jobs={"a": "ok", "b": "never"}, silent_s={"cycle": 10})) == {}


def test_every_trouble_is_found() -> None:
    tripped = [Tripped(name, T0, reason("limit")) for name in (SwitchName.DRAWDOWN, SwitchName.WIN_RATE)]
    look = Look(
        streams=[StreamHealth("private", False, None, detail="closed")],
        exchange=ExchangeHealth(status=HealthStatus.DEGRADED),
        account_readable=False,
        skew_s=-6.0,
        storage_detail="No space left on device",
        margin_short="free 3",
        switches=tripped,
        differences=[("position_size", "ETHUSDT", "1", "2"), ("foreign_position", "BTCUSDT", "0", "1")],
        unprotected=["SOLUSDT"],
        unknown_orders_s={"tb-1": 130.0, "tb-2": 5.0},
        suppressed={"XRPUSDT": "validation: spread"},
        stale_s={"ADAUSDT": (200.0, "book"), "DOTUSDT": (60.0, "book")},
        feeds=[{"feed": "funding", "ok": 0, "problems": {"source_failing": 3}, "last_error": "500"}],
        cycle_failure="boom",
        failed_in_a_row=3,
        jobs={"symbol_validation": "failed: x"},
        silent_s={"scheduler": 310.0, "intelligence": 200.0},
    )
    assert kinds(look) == {
        "stream_down:private": Severity.ERROR,
        "venue_degraded": Severity.ERROR,
        "clock_skew": Severity.ERROR,
        "account_unreadable": Severity.ERROR,
        "storage_unavailable": Severity.CRITICAL,
        "margin_short": Severity.WARNING,
        "kill_switch:drawdown": Severity.CRITICAL,
        "kill_switch:win_rate": Severity.ERROR,
        "position_mismatch:ETHUSDT": Severity.CRITICAL,
        "foreign_position:BTCUSDT": Severity.WARNING,
        "unprotected_position:SOLUSDT": Severity.CRITICAL,
        "order_outcome_unknown:tb-1": Severity.ERROR,
        "symbol_suppressed:XRPUSDT": Severity.WARNING,
        "market_data_stale:ADAUSDT": Severity.WARNING,
        "feed_failing:funding": Severity.WARNING,
        "cycle_failing": Severity.CRITICAL,
        "job_failing:symbol_validation": Severity.WARNING,
        "heartbeat_silent:scheduler": Severity.ERROR,
        "heartbeat_silent:intelligence": Severity.WARNING,
    }


def test_an_outage_is_told_of_in_few_issues() -> None:
    look = Look(
        streams=[StreamHealth("public", False, None), StreamHealth("private", True, T0)],
        stale_s={f"S{number}": (200.0, "book, ticker" if number else "candles") for number in range(10)},
        silent_s={"public stream": 400.0, "private stream": 400.0},
    )
    assert set(kinds(look)) == {
        "stream_down:public",
        "market_data_stale:many symbols",
        "heartbeat_silent:private stream",
    }
    detail = next(one.detail for one in findings(look) if one.kind == "market_data_stale")
    assert detail.startswith("book, candles, ticker of S0, S1")


# ---------------------------------------------------------------- the daily review


def test_the_review_counts_a_day_and_ranks_what_is_worth_doing() -> None:
    cycles = [{"permission": {"reasons": ["win_rate"] if number % 2 else []}, "think_ms": 4} for number in range(100)]
    outcomes = [{"status": "accepted"}] * 10 + [{"status": "refused"}] * 5 + [{"status": "unknown"}]
    switches = [{"event": "trip", "switch": "win_rate"}, {"event": "lift", "switch": "win_rate"}]
    found = counted(cycles, switches, [], [{"event": "healed", "category": "torn_journal"}], outcomes, [(-1, 3)], 144)
    assert found.blocks == {"win_rate": 0.5}
    assert (found.orders, found.switches, found.heals) == (
        {"accepted": 10, "refused": 5, "unknown": 1},
        {"win_rate": 1},
        {"torn_journal": 1},
    )
    codes = [one.code for one in recommendations(found)]
    assert codes[0] == "entries_blocked"
    assert set(codes) == {
        "entries_blocked",
        "cycles_missed",
        "orders_refused",
        "orders_unknown",
        "repairs",
        "fees_eat_the_edge",
    }
    assert recommendations(DayFacts()) == []
