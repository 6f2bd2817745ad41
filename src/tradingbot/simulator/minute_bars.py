"""From rows of numbers to `MinuteBar`s."""

from __future__ import annotations

from typing import Any

from tradingbot.simulator.market_feed import MinuteBar


def bar_of(open_ms: int, fields: list[Any], regime: str) -> MinuteBar:
    """A bar of its fields in the order of `MinuteBar`, without the first and the last."""
    return MinuteBar(open_ms, *[*fields, regime])
