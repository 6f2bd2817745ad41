"""Results kept for inputs that come again: the same frozen objects give the same result, so it need not be made twice.

Most of what a decision looks at changes once an hour or once a bar, while decisions are made every minute. Arguments
are told apart by identity, which costs next to nothing and cannot confuse 0.0 with -0.0 or 1 with 1.0; that is why
this is for pure functions of immutable records alone. The arguments are held as long as their result, so an identity
is never reused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


class Remembering(Protocol[P, R]):
    """A function that remembers its results."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The result, made or remembered."""

    def note(self, found: R, *args: P.args, **kwargs: P.kwargs) -> None:
        """Remember a result that was made otherwise, and is proven equal: for many at once there are quicker ways."""


def by_identity(size: int, by_value: int = 0) -> Callable[[Callable[P, R]], Remembering[P, R]]:
    """Remember the results of a pure function for at most `size` lists of positional arguments.

    The last `by_value` arguments (whole numbers, words) are compared by value. When it is full, all is forgotten.
    """

    def remembering(function: Callable[P, R]) -> Remembering[P, R]:
        known: dict[tuple[Any, ...], tuple[tuple[Any, ...], R]] = {}
        made = cast("Callable[..., R]", function)

        def key_of(args: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(map(id, args)) if not by_value else (*map(id, args[:-by_value]), *args[-by_value:])

        @wraps(function)
        def remembered(*args: Any) -> R:
            key = tuple(map(id, args)) if not by_value else (*map(id, args[:-by_value]), *args[-by_value:])
            found = known.get(key)
            if found is not None:
                return found[1]
            result = made(*args)
            if len(known) >= size:
                known.clear()
            known[key] = (args, result)
            return result

        def note(found: R, *args: Any) -> None:
            if len(known) >= size:
                known.clear()
            known[key_of(args)] = (args, found)

        remembered.note = note  # type: ignore[attr-defined]
        return cast("Remembering[P, R]", remembered)

    return remembering
