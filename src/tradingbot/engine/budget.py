"""A limit on what one question to the venue may take."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from tradingbot.core.errors import VenueTimeoutError
from tradingbot.ports import Clock

T = TypeVar("T")


async def within(clock: Clock, limit_s: float, what: str, question: Awaitable[T]) -> T:
    """The answer. Raises VenueTimeoutError naming `what` after `limit_s` seconds, retries included."""
    try:
        async with clock.timeout(limit_s):
            return await question
    except TimeoutError as error:
        raise VenueTimeoutError(f"{what}: no answer within {limit_s:g} s") from error
