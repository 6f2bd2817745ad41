"""Values come back from the journal of inputs exactly, and so do changes between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tradingbot.core.records import AccountState, Reason, Ticker, Wallet
from tradingbot.core.types import Direction, Symbol
from tradingbot.engine.input_codec import Codecs, UnknownLayoutError
from tradingbot.engine.input_columns import appended_from, checksum, joined, rows_from
from tradingbot.engine.input_delta import SAME, change_of, changed


@dataclass(frozen=True, slots=True)
class Inner:
    name: str
    amount: Decimal
    share: float


@dataclass(frozen=True, slots=True)
class Odd:
    """One field of every kind that inputs have."""

    number: float
    count: int
    money: Decimal | None
    at: datetime
    side: Direction
    inner: Inner | None
    rows: tuple[Inner, ...] = ()
    ids: tuple[str, ...] = ()
    pair: tuple[int, float] = (0, 0.0)
    by_side: dict[Direction, float] = field(default_factory=dict)
    free: Any = None


FLOATS = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, -0.0, 5e-324, 0.1 + 0.2, 1e22])
DECIMALS = st.decimals(allow_nan=True, allow_infinity=True) | st.sampled_from([Decimal("1.0"), Decimal("1.00")])
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(fold=0)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
FREE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FLOATS | TEXTS | DECIMALS | MOMENTS,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
INNERS = st.builds(Inner, TEXTS, DECIMALS, FLOATS)
ODDS = st.builds(
    Odd,
    FLOATS,
    st.integers(-(2**63), 2**63 - 1),
    st.none() | DECIMALS,
    MOMENTS,
    st.sampled_from(Direction),
    st.none() | INNERS,
    st.lists(INNERS, max_size=4).map(tuple),
    st.lists(TEXTS, max_size=40).map(tuple),
    st.tuples(st.integers(0, 9), FLOATS),
    st.dictionaries(st.sampled_from(Direction), FLOATS),
    FREE,
)


def written(plain: Any) -> Any:
    """As it reads back from the file."""
    return orjson.loads(orjson.dumps(plain))


@settings(max_examples=60, deadline=None)
@given(ODDS)
def test_every_value_comes_back_to_the_last_bit(value: Odd) -> None:
    """`repr` tells 1 from 1.0, 0.0 from -0.0, Decimal('1.0') from Decimal('1.00')."""
    codec = Codecs().of(Odd)
    assert repr(codec.decode(written(codec.encode(value)))) == repr(value)


def test_free_values_that_look_like_a_change_are_told_apart_from_one() -> None:
    """A key of a person's context may be one that changes use themselves."""
    for kept in ({"+": None}, {"=": {"@": 1.0}}, {}):
        assert change_of(kept, dict(kept)) is SAME
        assert changed({"+": 0}, change_of({"+": 0}, kept)) == kept


@settings(max_examples=25, deadline=None)
@given(ODDS, ODDS)
def test_a_change_makes_the_newer_of_the_older(old: Odd, new: Odd) -> None:
    """By the quick way over values and by the one over plain forms; nothing changed is said exactly when it is so."""
    codec = Codecs().of(Odd)
    before, after = codec.encode(old), codec.encode(new)
    for change in (codec.change(old, new), change_of(before, after)):
        made = before if change is SAME else changed(written(before), written(change))
        assert repr(codec.decode(written(made))) == repr(new)
    assert codec.change(old, codec.decode(written(before))) is SAME


def test_equal_values_of_other_bits_are_changes() -> None:
    """What compares as equal may still print, round or hash otherwise."""
    codecs = Codecs()
    assert codecs.of(Decimal).change(Decimal("1.0"), Decimal("1.00")) == "1.00"
    assert codecs.of(float).change(0.0, -0.0) is not SAME
    assert codecs.of(float).change(1.0, 1) is not SAME
    assert codecs.of(float).change(math.nan, -math.nan) is SAME
    assert change_of([1], [True]) is not SAME


def test_a_moment_from_a_file_and_a_numpy_float_stay_what_they_are() -> None:
    """They print otherwise, and the snapshot's hash is taken over what they print."""
    codecs = Codecs()
    loaded = TypeAdapter(datetime).validate_python("2026-01-05T08:00:00.123456Z")
    for kind, value in ((datetime, loaded), (float, np.float64(0.1)), (float, np.float64("nan"))):
        codec = codecs.of(kind)
        assert repr(codec.decode(written(codec.encode(value)))) == repr(value)


def test_records_that_come_and_go_are_not_written_again() -> None:
    """One position closed, one opened, one changed: the one that stays costs its place alone."""
    old = [["a", 1], ["b", 2], ["c", 3]]
    new = [["b", 2], ["c", 4], ["d", 5]]
    change = change_of(old, new)
    assert change == {"@": [[1], [2, {"1": 4}], {"=": ["d", 5]}]}
    assert changed(old, change) == new
    ids = [str(number) for number in range(40)]
    assert change_of(ids, [*ids[2:], "x"]) == {"+": [2, ["x"]]}


def test_fields_of_an_older_version_are_read_by_name() -> None:
    """A field with a default may be missing; one that is unknown, or needed, is refused with its name."""
    ticker = {"Ticker": tuple(name for name in Ticker.__dataclass_fields__ if name not in ("suspended", "post_only"))}
    codec = Codecs(ticker).of(Ticker)
    now = datetime(2026, 1, 5, tzinfo=UTC)
    value = Ticker(Symbol("BTCUSDT"), now, now, Decimal(1), None, None, None, None)
    plain = Codecs().of(Ticker).encode(value)[:-2]
    assert codec.decode(plain) == value
    with pytest.raises(UnknownLayoutError, match="Wallet has other fields in this version: colour"):
        Codecs({"AccountState": ("as_of", "wallets"), "Wallet": ("name", "colour")}).of(AccountState)
    with pytest.raises(UnknownLayoutError, match="balance"):
        Codecs({"Wallet": ("name",)}).of(Wallet)
    assert Codecs({"Reason": ("code",)}).of(Reason).decode(["x"]) == Reason("x")


COLUMN = st.lists(FLOATS | st.integers(0, 10**6).map(float), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(COLUMN, st.integers(0, 12), st.integers(0, 12))
@example([-math.nan, 1.0], 0, 0)
@example([1.0, -math.nan, 2.0], 1, 2)
def test_rows_make_the_same_series(values: list[float], dropped: int, known: int) -> None:
    """A window that moves on: rows that are new, and the window again, bit for bit."""
    times = 1_767_600_000_000 + 60_000 * np.arange(len(values), dtype=np.int64)
    whole = (times, np.array(values), np.array(values[::-1]))
    old = tuple(column[: min(known, len(values))] for column in whole)
    new = tuple(column[min(dropped, len(values) - 1) :] for column in whole)
    first = appended_from(old, new)
    made = joined(old if len(old[0]) else None, written(rows_from(new, first)))
    assert checksum(made) == checksum(new)
    assert [column.dtype for column in made] == [column.dtype for column in new]


def test_a_corrected_bar_is_no_continuation() -> None:
    """Then the whole series is written; so it is when a gap in the middle was filled."""
    times = 60_000 * np.arange(10, dtype=np.int64)
    old, other = (times[:8], np.arange(8.0)), np.arange(10.0)
    assert appended_from(old, (times, other)) == 8
    other[3] = 9.0
    assert appended_from(old, (times, other)) == 0
    gap = (np.delete(times, 4), np.delete(np.arange(10.0), 4))
    assert appended_from(gap, (times, np.arange(10.0))) == 0
    assert timedelta(milliseconds=int(joined(None, rows_from(gap, 0))[0][4])) == timedelta(minutes=5)
    with pytest.raises(ValueError, match="older rows"):
        joined(None, rows_from(gap, 3))
