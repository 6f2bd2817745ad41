"""What every benchmark returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One measured number beside its reference. `ratio` is value / reference; `met` whether it reaches the target."""

    name: str
    value: float
    unit: str
    reference: float
    ratio: float
    target: str
    met: bool
