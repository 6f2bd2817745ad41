"""Each kill switch at its threshold and just below, how it lifts, and that nothing else lifts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import NOW
from tradingbot.core.records import OrderAccepted, OrderDenied, OrderOutcome, OrderRefused, OrderUnknown, RefusalCode
from tradingbot.core.types import ClientOrderId, VenueOrderId
from tradingbot.engine.switch_models import KillSwitchesState
from tradingbot.guards.kill_switch import noted, pause, resume, review, watch
from tradingbot.guards.switch_rules import RULES, is_refusal
from tradingbot.guards.switch_state import LIFTS, Change, Facts, SwitchName, SwitchState, TradeResult
from tradingbot.risk.params import KillSwitchParams

PARAMS = KillSwitchParams()
ID = ClientOrderId("tb-aa-x")
ACCEPTED = OrderAccepted(ID, VenueOrderId("v"))
REFUSED = OrderRefused(ID, RefusalCode.INSUFFICIENT_FUNDS, "no")
MINUTE = timedelta(minutes=1)


def trades(*nets: float, end: datetime = NOW) -> tuple[TradeResult, ...]:
    """Trades a minute apart, oldest first; the newest ended at `end`."""
    first = end - MINUTE * (len(nets) - 1)
    return tuple(TradeResult(first + MINUTE * number, Decimal(str(net))) for number, net in enumerate(nets))


def facts(at: datetime = NOW, equity: str | None = None, **changes: Any) -> Facts:
    return Facts(at, None if equity is None else Decimal(equity), **changes)


def reloaded(state: SwitchState) -> SwitchState:
    """What a restart reads of it."""
    text = KillSwitchesState.of(state).model_dump_json()
    return KillSwitchesState.model_validate_json(text).state


def saw(state: SwitchState, *looks: Facts, params: KillSwitchParams = PARAMS) -> tuple[SwitchState, list[Change]]:
    """Several looks, with a restart after each."""
    found: list[Change] = []
    for look in looks:
        state, changes = watch(state, look, params)
        state = reloaded(state)
        found += changes
    return state, found


def events(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.event, change.switch.name.value) for change in changes]


# ---------------------------------------------------------------- losses in a row


@pytest.mark.parametrize(
    ("nets", "trips"),
    [
        ((-1, -1, -1), True),
        ((5, -1, -1, -1), True),
        ((-1, -1), False),
        ((-1, -1, 5, -1), False),
        ((-1, -1, 0, -1), False),
        ((-1, -1, -1, 0.01), False),
    ],
)
def test_losses_in_a_row(nets: tuple[float, ...], trips: bool) -> None:
    """Three trip; two, or three with anything else among them, do not."""
    state, _ = saw(SwitchState(), facts(trades=trades(*nets)))
    assert (state.names == ("consecutive_losses",)) is trips


def test_trades_count_by_the_time_they_ended() -> None:
    """However they are handed over."""
    won_last = tuple(reversed(trades(-1, -1, -1, 5)))
    assert saw(SwitchState(), facts(trades=won_last))[0].names == ()


def test_the_pause_after_losses_ends_by_itself_and_counts_anew() -> None:
    old = trades(-1, -1, -1)
    state, _ = saw(SwitchState(), facts(trades=old))
    tripped = state.tripped[0]
    assert tripped.lifts_at == NOW + timedelta(hours=4)
    assert dict(tripped.reason.numbers) == {"losses": 3, "limit": 3, "net_pnl_usd": -3}
    just_before, due = NOW + timedelta(hours=4) - timedelta(seconds=1), NOW + timedelta(hours=4)
    state, changes = saw(state, facts(just_before, trades=old))
    assert changes == []
    state, changes = saw(state, facts(due, trades=old))
    assert events(changes) == [("lift", "consecutive_losses")]
    two_more = (*old, *trades(-1, -1, end=due + 5 * MINUTE))
    state, changes = saw(state, facts(due + 5 * MINUTE, trades=two_more))
    assert changes == [], "trades before the lift never trip it again"
    state, changes = saw(state, facts(due + 9 * MINUTE, trades=(*two_more, *trades(-1, end=due + 9 * MINUTE))))
    assert events(changes) == [("trip", "consecutive_losses")]


def test_more_losses_while_it_is_tripped_are_told_and_do_not_put_off_the_lift() -> None:
    state, _ = saw(SwitchState(), facts(trades=trades(-1, -1, -1)))
    state, changes = saw(state, facts(NOW + MINUTE, trades=trades(-1, -1, -1, -1, end=NOW + MINUTE)))
    assert events(changes) == [("worsened", "consecutive_losses")]
    assert state.tripped[0].lifts_at == NOW + timedelta(hours=4)
    assert saw(state, facts(NOW + 2 * MINUTE, trades=trades(-1, -1, -1, -1, end=NOW + MINUTE)))[1] == []


# ---------------------------------------------------------------- equity


@pytest.mark.parametrize(("equity", "trips"), [("9800", True), ("9800.01", False), ("9799.99", True), (None, False)])
def test_the_loss_of_the_day_at_its_threshold(equity: str | None, trips: bool) -> None:
    """Exactly 2 per cent trips; an unknown equity changes nothing."""
    state, _ = saw(SwitchState(), facts(equity="10000"), facts(NOW + MINUTE, equity))
    assert (state.names == ("daily_loss",)) is trips
    assert state.day_equity_usd == 10_000


def test_a_restart_within_the_day_keeps_its_first_equity() -> None:
    state, _ = saw(SwitchState(), facts(equity="10000"))
    state = reloaded(state)
    state, changes = saw(state, facts(NOW + timedelta(hours=11), "9790"))
    assert events(changes) == [("trip", "daily_loss")]


def test_the_loss_of_the_day_lifts_at_midnight_utc_and_the_new_day_begins_with_its_own_equity() -> None:
    state, _ = saw(SwitchState(), facts(equity="10000"), facts(NOW + MINUTE, "9700"))
    midnight = datetime.combine(NOW.date() + timedelta(days=1), datetime.min.time(), NOW.tzinfo)
    assert state.tripped[0].lifts_at == midnight
    state, changes = saw(state, facts(midnight - timedelta(seconds=1), "9900"))
    assert changes == []
    state, changes = saw(state, facts(midnight, "9700"))
    assert events(changes) == [("lift", "daily_loss")]
    assert state.day_equity_usd == 9700
    state, changes = saw(state, facts(midnight + MINUTE, "9506"))
    assert events(changes) == [("trip", "daily_loss")]


def test_midnight_with_an_unknown_equity_begins_the_day_with_the_first_known_one() -> None:
    state, _ = saw(SwitchState(), facts(equity="10000"))
    midnight = datetime.combine(NOW.date() + timedelta(days=1), datetime.min.time(), NOW.tzinfo)
    state, _ = saw(state, facts(midnight), facts(midnight + MINUTE, "9000"), facts(midnight + 2 * MINUTE, "8900"))
    assert state.names == ()
    assert state.day_equity_usd == 9000


def test_a_clock_that_is_set_back_lifts_nothing_and_begins_no_day() -> None:
    state, _ = saw(SwitchState(), facts(equity="10000"), facts(NOW + MINUTE, "9700", trades=trades(-1, -1, -1)))
    held = state.names
    assert held == ("consecutive_losses", "daily_loss")
    for back in (timedelta(hours=1), timedelta(days=1), timedelta(days=400)):
        later, changes = saw(state, facts(NOW - back, "9700", trades=trades(-1, -1, -1)))
        assert changes == []
        assert later.names == held
        assert later.day_equity_usd == 10_000


def test_a_day_that_trips_while_the_clock_is_back_holds_until_that_day_is_over() -> None:
    state, _ = saw(SwitchState(), facts(equity="10000"))
    state, _ = saw(state, facts(NOW - timedelta(days=2), "9700"))
    (switch,) = state.tripped
    assert switch.lifts_at is not None
    assert switch.lifts_at > NOW


@pytest.mark.parametrize(("equity", "trips"), [("8800", True), ("8800.01", False)])
def test_the_drawdown_at_its_threshold(equity: str, trips: bool) -> None:
    """Exactly 20 per cent below the highest equity ever known."""
    looks = [facts(equity="10000"), facts(NOW + MINUTE, "11000"), facts(NOW + timedelta(days=9), equity)]
    state, _ = saw(SwitchState(), *looks)
    assert ("drawdown" in state.names) is trips


def test_only_a_person_lifts_the_drawdown_and_the_peak_begins_anew() -> None:
    state, _ = saw(SwitchState(), facts(equity="10000"), facts(NOW + timedelta(days=1), "7900"))
    assert state.names == ("drawdown",)
    state, changes = saw(state, facts(NOW + timedelta(days=50), "12000"))
    assert changes == [], "not even a recovery does"
    state, _ = saw(SwitchState(), facts(equity="10000"), facts(NOW + timedelta(days=1), "7900"))
    state, lifted = resume(state, facts(NOW + timedelta(days=1)), [SwitchName.DRAWDOWN], "seen", "operator jo")
    assert [(change.by, change.why) for change in lifted] == [
        ("operator jo", "seen; the next known equity is the new peak")
    ]
    state, changes = saw(state, facts(NOW + timedelta(days=1), "7900"))
    assert changes == []
    assert state.peak_equity_usd == 7900


def test_a_deeper_loss_is_told_by_steps() -> None:
    """Every quarter of the limit, not every cycle."""
    state, _ = saw(SwitchState(), facts(equity="10000"), facts(NOW, "9800"))
    assert saw(state, facts(NOW, "9751"))[1] == []
    state, changes = saw(state, facts(NOW, "9750"))
    assert events(changes) == [("worsened", "daily_loss")]
    assert dict(state.tripped[0].reason.numbers)["loss_pct"] == 2.5
    assert state.tripped[0].since == NOW


def test_nothing_is_concluded_from_an_equity_of_nothing() -> None:
    """A day that begins with nothing has no percentage."""
    assert saw(SwitchState(), facts(equity="0"), facts(NOW, "-5"))[0].names == ()


# ---------------------------------------------------------------- win rate

WINDOW = KillSwitchParams(win_rate_window_trades=8, max_consecutive_losses=100)


@pytest.mark.parametrize(
    ("nets", "trips"),
    [
        ([1] + [-1] * 7, True),
        ([1, 1] + [-1] * 6, False),
        ([-1] * 7, False),
        ([1, 1, 1, 1] + [-1] * 8, True),
        ([1, 1] + [0] * 6, False),
        ([1] + [0] * 7, True),
    ],
)
def test_the_win_rate_below_its_limit_once_the_window_is_full(nets: list[float], trips: bool) -> None:
    """Exactly 25 per cent is still allowed; what came out even did not win."""
    state, _ = saw(SwitchState(), facts(trades=trades(*nets)), params=WINDOW)
    assert ("win_rate" in state.names) is trips


def test_after_a_resume_the_window_of_trades_must_fill_anew() -> None:
    old = trades(*[-1] * 8)
    state, _ = saw(SwitchState(), facts(trades=old), params=WINDOW)
    state, changes = saw(state, facts(NOW + timedelta(days=30), trades=old), params=WINDOW)
    assert changes == [], "no time lifts it"
    at = NOW + timedelta(days=30)
    state, _ = resume(state, facts(at, trades=old), [SwitchName.WIN_RATE], "", "operator")
    state, changes = saw(state, facts(at, trades=(*old, *trades(*[-1] * 7, end=at + 9 * MINUTE))), params=WINDOW)
    assert changes == []
    state, changes = saw(state, facts(at, trades=(*old, *trades(*[-1] * 8, end=at + 9 * MINUTE))), params=WINDOW)
    assert events(changes) == [("trip", "win_rate")]


# ---------------------------------------------------------------- refused orders


def after(*outcomes: OrderOutcome, state: SwitchState | None = None, at: datetime = NOW) -> SwitchState:
    state = state or SwitchState()
    for outcome in outcomes:
        state = reloaded(noted(state, outcome, at, PARAMS))
    return state


@pytest.mark.parametrize(("refused", "accepted", "trips"), [(6, 14, True), (5, 15, False), (6, 0, True), (5, 0, False)])
def test_the_rate_of_refusals_is_of_the_whole_window(refused: int, accepted: int, trips: bool) -> None:
    """Six of the newest twenty trip, also when only six were ever sent; the first refusal of a life does not."""
    state, _ = saw(after(*[ACCEPTED] * accepted, *[REFUSED] * refused), facts())
    assert (state.names == ("reject_rate",)) is trips


def test_old_refusals_leave_the_window() -> None:
    assert saw(after(*[REFUSED] * 6, *[ACCEPTED] * 15), facts())[0].names == ()


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (ACCEPTED, False),
        (REFUSED, True),
        (OrderRefused(ID, RefusalCode.INVALID_SIZE, ""), True),
        (OrderRefused(ID, RefusalCode.NOTHING_TO_MATCH, ""), None),
        (OrderRefused(ID, RefusalCode.WOULD_NOT_REDUCE, ""), None),
        (OrderRefused(ID, RefusalCode.MARKET_SUSPENDED, ""), None),
        (OrderRefused(ID, RefusalCode.TOO_LATE, ""), None),
        (OrderDenied(ID, ""), None),
        (OrderUnknown(ID, ""), None),
    ],
)
def test_which_outcomes_count(outcome: OrderOutcome, counts: bool | None) -> None:
    assert is_refusal(outcome) is counts


def test_refusals_lift_an_hour_after_the_last_one_with_an_empty_window() -> None:
    state, _ = saw(after(*[REFUSED] * 6), facts())
    half, hour = NOW + timedelta(minutes=30), timedelta(hours=1)
    state = after(REFUSED, state=state, at=half)
    assert saw(state, facts(NOW + hour))[1] == [], "a later refusal put it off"
    state, changes = saw(state, facts(half + hour))
    assert events(changes) == [("lift", "reject_rate")]
    assert state.refused == ()
    assert saw(after(*[REFUSED] * 5, state=state), facts(half + hour))[1] == []


# ---------------------------------------------------------------- heartbeats


@pytest.mark.parametrize(("age_s", "trips"), [(300.0, True), (299.9, False)])
def test_a_silent_subsystem_at_its_threshold(age_s: float, trips: bool) -> None:
    state, _ = saw(SwitchState(), facts(silent_s={"scheduler": 1.0, "public stream": age_s}))
    assert (state.names == ("stale_heartbeat",)) is trips
    if trips:
        assert dict(state.tripped[0].reason.numbers)["subsystems"] == "public stream"


def test_heartbeats_lift_after_three_cycles_in_a_row_with_all_alive() -> None:
    silent, alive = {"storage": 400.0}, {"storage": 1.0}
    state, _ = saw(SwitchState(), facts(silent_s=silent), facts(silent_s=alive), facts(silent_s=alive))
    state, changes = saw(state, facts(silent_s=silent), facts(silent_s=alive), facts(silent_s=alive))
    assert changes == [], "the count began again"
    state, changes = saw(state, facts(silent_s=alive))
    assert events(changes) == [("lift", "stale_heartbeat")]


def test_another_subsystem_that_falls_silent_is_told() -> None:
    state, _ = saw(SwitchState(), facts(silent_s={"a": 400.0}))
    assert events(saw(state, facts(silent_s={"a": 400.0, "b": 301.0}))[1]) == [("worsened", "stale_heartbeat")]


# ---------------------------------------------------------------- by hand


def test_a_pause_holds_until_a_person_resumes() -> None:
    state, changes = pause(SwitchState(), NOW, "lunch", "operator jo")
    assert events(list(changes)) == [("trip", "operator_pause")]
    assert pause(reloaded(state), NOW + MINUTE, "again", "operator al") == (state, ())
    state, changes = saw(state, facts(NOW + timedelta(days=999), "1"))
    assert events(changes) == []
    state, lifted = resume(state, facts(), [SwitchName.OPERATOR_PAUSE], "", "operator jo")
    assert state.names == ()
    assert [(change.event, change.by) for change in lifted] == [("lift", "operator jo")]


def test_resume_lifts_nothing_but_what_it_is_told() -> None:
    state, _ = pause(SwitchState(), NOW, "", "operator")
    state, _ = review(state, NOW, "lost")
    state, _ = saw(state, facts(equity="10000"), facts(equity="9000"))
    after_it, lifted = resume(state, facts(), [SwitchName.OPERATOR_PAUSE, SwitchName.DRAWDOWN], "", "operator")
    assert after_it.names == ("operator_review", "daily_loss")
    assert events(list(lifted)) == [("lift", "operator_pause")]


def test_every_switch_says_how_it_lifts() -> None:
    assert set(LIFTS) == set(SwitchName)
    assert set(SwitchName) - set(RULES) == {SwitchName.OPERATOR_PAUSE, SwitchName.OPERATOR_REVIEW}


# ---------------------------------------------------------------- any sequence

QUICK = KillSwitchParams(win_rate_window_trades=5, reject_window_orders=5, reject_cooldown_h=0.5)
BY_HAND = {SwitchName.DRAWDOWN, SwitchName.WIN_RATE, SwitchName.OPERATOR_PAUSE, SwitchName.OPERATOR_REVIEW}

LOOKS = st.builds(
    lambda minutes, equity, nets, silent: ("watch", minutes, equity, nets, silent),
    st.integers(-3000, 600),
    st.none() | st.integers(5000, 12000),
    st.lists(st.sampled_from([-1, -1, 0, 1]), max_size=4),
    st.sampled_from([0.0, 299.0, 301.0]),
)
MOVES = st.one_of(
    LOOKS,
    LOOKS,
    st.sampled_from([("order", True), ("order", False), ("pause",), ("review",), ("restart",)]),
    st.tuples(st.just("resume"), st.sets(st.sampled_from(list(SwitchName)), max_size=2)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(MOVES, max_size=25))
def test_no_sequence_lifts_a_switch_but_by_its_rule(moves: list[Any]) -> None:
    """Whatever happens: what vanished has a lift that its rule allows, and a restart changes nothing."""
    state, now, done = SwitchState(), NOW, ()
    for move in moves:
        before = state
        changes: tuple[Change, ...] = ()
        match move:
            case ("watch", minutes, equity, nets, silent_s):
                now += minutes * MINUTE
                done += trades(*nets, end=now) if nets else ()
                seen = facts(now, None if equity is None else str(equity), trades=done, silent_s={"x": silent_s})
                state, changes = watch(state, seen, QUICK)
                assert all(_allowed(change, before, silent_s) for change in changes)
            case ("order", refused):
                state = noted(state, REFUSED if refused else ACCEPTED, now, QUICK)
            case ("pause",):
                state, changes = pause(state, now, "", "operator")
            case ("review",):
                state, changes = review(state, now, "")
            case ("resume", names):
                state, changes = resume(state, facts(now, trades=done), names, "", "operator")
                assert {change.switch.name for change in changes} <= names
            case _:
                state = reloaded(state)
        lifted = {change.switch.name.value for change in changes if change.event == "lift"}
        tripped = {change.switch.name.value for change in changes if change.event == "trip"}
        assert set(before.names) - set(state.names) == lifted - tripped, "gone without a word, or not gone"
        assert set(state.names) - set(before.names) == tripped - set(before.names)
        assert len(set(state.names)) == len(state.names)
        assert reloaded(state) == state


def _allowed(change: Change, before: SwitchState, silent_s: float) -> bool:
    """Whether the rule of the switch allows this change."""
    switch = change.switch
    if change.event != "lift":
        return True
    if switch.name in BY_HAND or before.find(switch.name) != switch or change.by != "rule":
        return False
    if switch.name is SwitchName.STALE_HEARTBEAT:
        return silent_s < 300 and before.clear_cycles == QUICK.heartbeat_clear_cycles - 1
    return switch.lifts_at is not None and change.at >= switch.lifts_at


def test_a_copy_of_the_state_is_equal_in_everything() -> None:
    """Every field survives the file."""
    state, _ = pause(SwitchState(), NOW, "x", "y")
    state = replace(
        state,
        day=NOW.date(),
        day_equity_usd=Decimal("1.10"),
        peak_equity_usd=Decimal(2),
        losses_from=NOW,
        win_rate_from=NOW,
        refused=(True, False),
        clear_cycles=2,
    )
    assert reloaded(state) == state


def test_a_date_in_the_file_does_not_lift_what_only_a_person_lifts() -> None:
    state, _ = pause(SwitchState(), NOW, "", "operator")
    dated = replace(state, tripped=(replace(state.tripped[0], lifts_at=NOW),))
    assert saw(dated, facts(NOW + MINUTE))[0].names == ("operator_pause",)


def test_the_page_has_a_row_for_every_switch() -> None:
    docs = Path(__file__).resolve().parents[3] / "docs"
    page, blocks = ((docs / name).read_text(encoding="utf-8") for name in ("kill-switches.md", "architecture.md"))
    for name in SwitchName:
        assert f"\n| `{name.value}` |" in page
        assert f"`{name.value}`" in blocks
