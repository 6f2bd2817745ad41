"""Facts survive a journal: the recorded close is judged again and ends the same (SPEC 8.8)."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support import ETH
from tests.unit.exits.builders import LEAVE, facts
from tradingbot.core.records import Reason
from tradingbot.core.types import Conviction, Direction
from tradingbot.exits.exit_engine import judge
from tradingbot.exits.facts import ExitAdvice, ExitFacts, facts_from, facts_record
from tradingbot.exits.params import ExitParams

number = st.floats(-1000, 1000)
maybe = st.none() | st.floats(-1, 1)
contracts = st.decimals(Decimal("0.0001"), Decimal(100_000), places=4)
words = st.lists(
    st.builds(
        ExitAdvice,
        st.sampled_from(["TrendFollower", "StableAllocator"]),
        st.booleans(),
        st.builds(
            Reason,
            st.sampled_from(["idea_over", "idea_holds"]),
            st.lists(st.tuples(st.text(max_size=5), number | st.sampled_from(["inf", "1.5", ""])), max_size=3).map(
                tuple
            ),
        ),
    ),
    max_size=2,
).map(tuple)
any_facts = st.builds(
    ExitFacts,
    st.just("t-1"),
    st.just(ETH),
    st.sampled_from([Direction.LONG, Direction.SHORT]),
    st.booleans(),
    st.floats(0, 1e6),
    number,
    number,
    contracts,
    contracts,
    st.sampled_from([Decimal("0.0001"), Decimal(1)]),
    st.sampled_from([Decimal("0.001"), Decimal(10)]),
    maybe,
    maybe,
    maybe,
    maybe,
    st.none() | st.floats(1, 1000),
    maybe,
    maybe,
    st.sampled_from(Direction),
    st.sampled_from(Conviction),
    st.floats(0, 1),
    words,
)


@given(any_facts)
@settings(max_examples=150)
def test_a_recorded_close_is_judged_the_same_again(one: ExitFacts) -> None:
    """Through real JSON, to the last bit."""
    back = facts_from(orjson.loads(orjson.dumps(facts_record(one))))
    assert back == one
    assert judge(back, ExitParams()) == judge(one, ExitParams())


def test_the_record_holds_plain_json_and_every_field() -> None:
    record = facts_record(facts(**LEAVE))
    assert set(record) == {field.name for field in fields(ExitFacts)}
    assert (record["size"], record["direction"], record["alignment"]) == ("1", "long", 0.6)
    assert record["strategy_words"][0]["why"] == {"code": "mean_reached", "numbers": [["zscore", 0.1]]}


def test_a_record_that_is_none_is_refused() -> None:
    record = facts_record(facts())
    with pytest.raises(ValidationError):
        facts_from({**record, "direction": "sideways"})
    with pytest.raises(ValidationError):
        facts_from({name: value for name, value in record.items() if name != "held_s"})


@given(any_facts)
@settings(max_examples=150)
def test_a_verdict_never_closes_more_than_is_open(one: ExitFacts) -> None:
    """A part is less than the whole and more than nothing; only the ladder's rules make parts."""
    found = judge(one, ExitParams())
    if found.part is not None:
        assert 0 < found.part < one.size
        assert found.rule in ("ladder", "take_profit")
        assert found.rung is not None
    if found.rule is not None and one.in_grace:
        assert found.rule in ("hard_stop", "force_exit")
