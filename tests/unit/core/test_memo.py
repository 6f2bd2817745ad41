"""A remembered result is given for the same objects and for nothing else."""

from __future__ import annotations

from tradingbot.core.memo import by_identity
from tradingbot.core.params import Params
from tradingbot.market.multi_timeframe import FrameWeights


def test_the_same_objects_are_judged_once_and_equal_ones_anew() -> None:
    asked: list[float] = []

    @by_identity(8)
    def twice(value: float, unused: object) -> float:
        asked.append(value)
        return 2 * value

    one, other = float("1.5"), float("1.5")
    key = object()
    assert [twice(one, key), twice(one, key), twice(other, key), twice(one, object())] == [3.0] * 4
    assert len(asked) == 3


def test_what_is_equal_but_not_the_same_is_not_mixed_up() -> None:
    @by_identity(8)
    def word(value: float) -> str:
        return repr(value)

    assert [word(0.0), word(-0.0), word(1), word(1.0), word(True)] == ["0.0", "-0.0", "1", "1.0", "True"]


def test_the_last_arguments_may_count_by_their_value() -> None:
    asked: list[int] = []

    @by_identity(8, by_value=1)
    def noted(_: object, number: int) -> int:
        asked.append(number)
        return number

    key = object()
    assert [noted(key, int("1000")), noted(key, int("1000")), noted(key, 7)] == [1000, 1000, 7]
    assert asked == [1000, 7]


def test_no_more_is_kept_than_was_said() -> None:
    class Watched:
        pass

    asked: list[object] = []

    @by_identity(2)
    def seen(one: object) -> int:
        asked.append(one)
        return len(asked)

    first, *others = (Watched() for _ in range(3))
    assert [seen(one) for one in (first, *others)] == [1, 2, 3]
    assert seen(first) == 4, "the oldest was forgotten"


def test_arguments_live_as_long_as_their_result() -> None:
    """Else another object could come to the same place in memory, and get the result of the one that is gone."""

    @by_identity(4)
    def text(one: list[int]) -> str:
        return str(one)

    assert [text([number]) for number in range(50)] == [f"[{number}]" for number in range(50)]


def test_settings_that_are_copied_with_a_change_forget_what_followed_from_the_old_ones() -> None:
    class Holder(Params):
        weights: FrameWeights = FrameWeights()

    old = Holder().weights
    assert old.counted[0][1] == old.m1
    new = old.model_copy(update={"m1": 0.2})
    assert new.counted[0][1] == 0.2
    assert old.counted[0][1] == 0.05


def test_a_result_that_was_made_otherwise_is_remembered_for_these_very_arguments() -> None:
    made = []

    @by_identity(2)
    def total(numbers: tuple[int, ...]) -> int:
        made.append(numbers)
        return sum(numbers)

    first, same = (1, 2, 3), tuple(range(1, 4))
    total.note(6, first)
    assert (total(first), made) == (6, [])
    assert (total(same), made) == (6, [same])
    total.note(0, (7,))
    assert (total(first), made) == (6, [same, first]), "it was full, and all was forgotten"
