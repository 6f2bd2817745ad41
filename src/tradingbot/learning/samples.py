"""A mean with what it is worth: count and standard error beside it, and whether it is enough to conclude from. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """`mean` is None without values, `standard_error` below two; `small`: nothing may be concluded from it."""

    count: int
    mean: float | None
    standard_error: float | None
    small: bool


def sample(values: Sequence[float | None], small_below: int) -> Sample:
    """The known ones of these values."""
    known = [value for value in values if value is not None]
    count = len(known)
    if not known:
        return Sample(0, None, None, True)
    mean = math.fsum(known) / count
    error = None
    if count > 1:
        error = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / (count - 1) / count)
    return Sample(count, mean, error, count < small_below)
