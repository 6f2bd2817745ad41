"""The polling plan: within the budget always, and nothing is lost without a word."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.intel.support import START, TEN, THREE
from tradingbot.core.types import Asset
from tradingbot.intel.endpoints import FACTS, Endpoint, PlanLevel
from tradingbot.intel.params import CoinglassFeatures, CoinglassParams
from tradingbot.intel.plan import PollPlan, due_at, make_plan, next_due
from tradingbot.intel.plan_rows import BACKFILL, Circumstances, PollRow, Priority, wishes
from tradingbot.market.intelligence import Feed

USUAL = CoinglassParams()


def periods(plan: PollPlan, endpoint: Endpoint, variant: str = "") -> dict[str, float]:
    chosen = [row for row in plan.rows if row.endpoint is endpoint and variant in ("", row.variant)]
    return {row.subject or "*": row.period_s for row in chosen}


def test_ten_assets_fit_the_hobbyist_plan_whole() -> None:
    """Nothing is stretched, nothing left out for the budget: 24 calls a minute are enough."""
    plan = make_plan(USUAL, Circumstances(TEN))
    assert plan.per_min <= 24
    assert not any("budget" in line for line in plan.left_out)
    assert periods(plan, Endpoint.TAKER) == dict.fromkeys(TEN, 60)
    assert periods(plan, Endpoint.OPEN_INTEREST) == dict.fromkeys(TEN, 120)
    assert periods(plan, Endpoint.LIQUIDATION_EXCHANGES, "1h") == dict.fromkeys(TEN, 120)
    assert periods(plan, Endpoint.LIQUIDATION_EXCHANGES, "24h") == dict.fromkeys(TEN, 600)
    assert periods(plan, Endpoint.FUNDING) == {"*": 300}
    assert periods(plan, Endpoint.FEAR_GREED) == {"*": 3600}
    assert periods(plan, Endpoint.BALANCE_LIST) == {"BTC": 3600, "ETH": 3600}
    assert periods(plan, Endpoint.TOKEN_TRANSFERS) == {"LINK": 300, "POL": 300}
    assert periods(plan, Endpoint.LONG_SHORT_HISTORY, "recent") == dict.fromkeys(TEN, 14_400)
    assert periods(plan, Endpoint.LIQUIDATION_COINS) == {}
    assert "liquidation coin list: needs the startup plan" in plan.left_out


def test_the_startup_plan_asks_the_coin_list_once_for_all() -> None:
    plan = make_plan(USUAL, Circumstances(TEN, PlanLevel.STARTUP))
    assert periods(plan, Endpoint.LIQUIDATION_COINS) == {"*": 120}
    assert periods(plan, Endpoint.LIQUIDATION_EXCHANGES) == {}
    assert "BTC" in periods(plan, Endpoint.WHALE_TRANSFERS)


def test_a_gated_coin_list_gives_way_to_its_substitute() -> None:
    gated = frozenset({Endpoint.LIQUIDATION_COINS})
    plan = make_plan(USUAL, Circumstances(TEN, PlanLevel.STARTUP, gated=gated))
    assert len(periods(plan, Endpoint.LIQUIDATION_EXCHANGES, "1h")) == 10
    assert "liquidation coin list: refused by the plan of this key" in plan.left_out


def test_less_urgent_rows_give_way_first() -> None:
    plan = make_plan(USUAL, Circumstances([Asset(f"A{n}") for n in range(12)]))
    assert set(periods(plan, Endpoint.TAKER).values()) == {60}
    assert min(periods(plan, Endpoint.LIQUIDATION_EXCHANGES, "24h").values()) > 600
    assert any(line.startswith("liquidations (24h): every 20 min instead of 10 min") for line in plan.left_out)


def test_a_tiny_budget_keeps_the_most_urgent_and_names_the_rest() -> None:
    plan = make_plan(USUAL, Circumstances(TEN, budget_per_min=0.5))
    assert plan.per_min <= 0.5
    assert {row.endpoint for row in plan.rows} >= {Endpoint.SUBSCRIPTION, Endpoint.FEAR_GREED}
    assert any(line.startswith("open interest: left out, request budget 0.5/min: BTC, ETH") for line in plan.left_out)
    assert plan.off[Feed.OPEN_INTEREST] == "budget"


@pytest.mark.parametrize("name", list(CoinglassFeatures.model_fields))
def test_a_feature_that_is_switched_off_is_said_so(name: str) -> None:
    params = CoinglassParams.model_validate({"features": {name: False}})
    plan, whole = (make_plan(one, Circumstances(TEN)) for one in (params, USUAL))
    gone = {row.feed for row in whole.rows} - {row.feed for row in plan.rows}
    assert gone
    assert all(plan.off[feed] == "switched_off" for feed in gone if feed)
    assert f"{name}: switched off in the settings" in plan.left_out


@pytest.mark.parametrize("why", ["no_api_key", "key_refused", "switched_off"])
def test_without_a_key_only_free_sources_are_asked(why: str) -> None:
    params = CoinglassParams.model_validate({"volatility": {"source": "dvol"}})
    plan = make_plan(params, Circumstances(TEN, no_key=why))
    keyed = {row.endpoint for row in plan.rows if FACTS[row.endpoint].needs_key}
    assert keyed == ({Endpoint.SUBSCRIPTION} if why == "key_refused" else set())
    off = {feed for feed, reason in plan.off.items() if reason == why}
    assert plan.off[Feed.OPTION_SKEW] == "no_option_source"
    expected = set(Feed) - {Feed.VOLATILITY_INDEX, Feed.FEAR_GREED, Feed.OPTION_SKEW}
    assert off - {Feed.FEAR_GREED} == expected
    assert (Feed.FEAR_GREED in off) == (why == "switched_off")


_assets = st.lists(st.sampled_from([*TEN, *(Asset(f"X{n}") for n in range(70))]), unique=True, max_size=80)


@settings(max_examples=60, deadline=None)
@given(
    _assets,
    st.sampled_from(list(PlanLevel)),
    st.floats(0.05, 400),
    st.frozensets(st.sampled_from(list(Endpoint)), max_size=4),
    st.booleans(),
)
def test_the_budget_is_never_exceeded_and_nothing_silently_dropped(
    assets: list[Asset], level: PlanLevel, budget: float, gated: frozenset[Endpoint], fallback: bool
) -> None:
    """Every wanted row is in the plan with its own period, or a line of `left_out` speaks of it."""
    params = CoinglassParams.model_validate({"fear_greed": {"fallback_enabled": fallback}})
    now = Circumstances(assets, level, budget, gated=gated - {Endpoint.SUBSCRIPTION})
    plan = make_plan(params, now)
    kept = {row.key: row for row in plan.rows}
    assert plan.per_min <= budget + 1e-6 or set(kept) <= {"SUBSCRIPTION"}
    for row in wishes(params, now).rows:
        lines = [line for line in plan.left_out if line.startswith(f"{row.label}:")]
        if row.key not in kept:
            assert any("left out" in line and (row.subject or "all") in line for line in lines)
        elif kept[row.key].period_s != row.period_s:
            assert any("instead of" in line for line in lines)
            assert kept[row.key].period_s <= row.period_s * params.polling.most_stretch + 1e-6
    told = {row.feed for row in plan.rows} | set(plan.off)
    assert told >= set(Feed)


def test_the_most_overdue_goes_first_and_backfill_last() -> None:
    """Relative to its own period; of rows never asked the most urgent; backfill only when others are nearly on time."""
    rows = make_plan(USUAL, Circumstances(THREE)).rows
    first = next_due(rows, {}, START)
    assert first is not None
    assert first.endpoint is Endpoint.SUBSCRIPTION
    asked = {row.key: START for row in rows if row.variant != BACKFILL}
    backfill = next_due(rows, asked, START + timedelta(seconds=62))
    assert backfill is not None
    assert backfill.variant == BACKFILL
    late = next_due(rows, asked, START + timedelta(seconds=90))
    assert late is not None
    assert late.endpoint is Endpoint.TAKER


def test_nothing_is_due_before_its_time() -> None:
    rows = make_plan(USUAL, Circumstances(THREE)).rows
    asked = {row.key: START for row in rows}
    assert next_due(rows, asked, START + timedelta(seconds=59)) is None
    assert due_at(rows, asked, START) == START + timedelta(seconds=60)
    assert next_due(rows, asked, START - timedelta(hours=1)) is not None


def test_at_full_load_every_row_keeps_its_rhythm() -> None:
    """A day of one call each 2.5 s: nothing ever waits longer than half a period beyond its own."""
    rows = make_plan(USUAL, Circumstances(TEN)).rows
    asked: dict[str, datetime] = {}
    worst: dict[Priority, float] = {}
    now = START
    while now < START + timedelta(hours=6):
        row = next_due(rows, asked, now)
        if row is not None:
            if row.key in asked:
                waited = (now - asked[row.key]).total_seconds() / row.period_s
                worst[row.priority] = max(worst.get(row.priority, 0), waited)
            asked[row.key] = now
        now += timedelta(seconds=2.5)
    assert len(asked) == len(rows)
    assert max(worst.values()) < 1.7


def plainly(rows: Sequence[PollRow], asked: Mapping[str, datetime], now: datetime) -> PollRow | None:
    """The rule, row by row."""
    never = {Priority.SELF_CHECK: math.inf, Priority.BACKFILL: 1.1}
    best, most = None, 1.0 - 1e-9
    for row in rows:
        at = asked.get(row.key)
        waited_s = None if at is None else (now - at).total_seconds()
        late = never.get(row.priority, 1.5) if waited_s is None else waited_s / row.period_s if waited_s >= 0 else 1.0
        if late > most or (late == most and (best is None or row.priority < best.priority)):
            best, most = row, late
    return best


def test_what_is_due_is_what_the_rule_says_of_every_row() -> None:
    """Also of rows that are equally late, exactly due or a hair before, never asked, and asked in the future."""
    rows, dice = make_plan(USUAL, Circumstances(TEN)).rows, random.Random(6)
    due = 0
    for _ in range(600):
        share = dice.choice((0.3, 0.9, 0.999_999_9, 1.0, 1.2))
        asked = {}
        for row in dice.sample(rows, dice.choice((len(rows), len(rows) - 3))):
            back = row.period_s * dice.choice((share, share, dice.uniform(0, share), -0.01))
            asked[row.key] = START - timedelta(seconds=back) + timedelta(microseconds=dice.choice((-1, 0, 0, 1)))
        found = next_due(rows, asked, START)
        assert found is plainly(rows, asked, START)
        due += found is not None
        soonest = min(asked[row.key] + timedelta(seconds=row.period_s) if row.key in asked else START for row in rows)
        assert due_at(rows, asked, START) == soonest
    assert due > 100
