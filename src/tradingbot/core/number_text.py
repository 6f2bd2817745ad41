"""Numbers as people read them: no exponent, no more digits than mean something. Pure."""

from __future__ import annotations

import math
from decimal import Decimal


def number_text(value: float | Decimal, digits: int = 4) -> str:
    """`digits` significant digits, all of the whole part, thousands separated from 10,000 on, never an exponent."""
    number = float(value) + 0.0  # no minus before zero
    if not math.isfinite(number):
        return str(number)
    if abs(number) >= 10_000:
        decimals = max(0, digits - len(str(int(abs(number)))))
        text = f"{number:,.{decimals}f}"
        return text.rstrip("0").rstrip(".") if decimals else text
    if abs(number) >= 10 ** (digits - 1):
        return f"{number:.0f}"
    return f"{Decimal(f'{number:.{digits}g}'):f}"
