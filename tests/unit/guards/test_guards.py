"""When nothing may be opened, and every reason for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support import BTC, ETH
from tradingbot.guards.downtime import Downtime, DowntimeParams, TradingState, downtime_at
from tradingbot.guards.entry_permission import AlphaTradingPolicy, EntryPermission, VenueView, entry_permission

NIGHT = DowntimeParams(start="03:00", end="05:00", transition_min=5)
MIDNIGHT = DowntimeParams(start="23:30", end="00:30", transition_min=10)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-05T{text}").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("params", "moment", "state", "seconds"),
    [
        (NIGHT, "02:54:59", TradingState.TRADING, 1),
        (NIGHT, "02:55:00", TradingState.TRANSITION, 300),
        (NIGHT, "03:00:00", TradingState.DOWNTIME, 7200),
        (NIGHT, "04:59:59", TradingState.DOWNTIME, 1),
        (NIGHT, "05:00:00", TradingState.TRADING, 21 * 3600 + 55 * 60),
        (MIDNIGHT, "23:20:00", TradingState.TRANSITION, 600),
        (MIDNIGHT, "23:59:59", TradingState.DOWNTIME, 1801),
        (MIDNIGHT, "00:00:00", TradingState.DOWNTIME, 1800),
        (MIDNIGHT, "00:30:00", TradingState.TRADING, 22 * 3600 + 50 * 60),
    ],
)
def test_the_window_in_utc(params: DowntimeParams, moment: str, state: TradingState, seconds: float) -> None:
    """Boundaries belong to what begins there; a window may cross midnight."""
    found = downtime_at(at(moment), params)
    assert (found.state, found.seconds_to_boundary) == (state, seconds)


def test_no_window_means_trading_always() -> None:
    """Switched off there is no boundary."""
    assert downtime_at(at("04:00:00"), DowntimeParams(enabled=False)) == Downtime(TradingState.TRADING, None, None)


def permission(**changes: Any) -> EntryPermission:
    facts: dict[str, Any] = {
        "symbols": (BTC, ETH),
        "policy": AlphaTradingPolicy(enabled_symbols=("BTCUSDT", "ETHUSDT")),
        "downtime": Downtime(TradingState.TRADING, None, None),
        "venue": VenueView(True, False, True),
        "storage_ok": True,
        "stopping": False,
        "per_symbol": {},
    }
    return entry_permission(**{**facts, **changes})


def test_nothing_against_it() -> None:
    """All well: entries are free."""
    assert permission() == EntryPermission()
    assert permission().allowed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"policy": AlphaTradingPolicy(enabled=False, enabled_symbols=("BTCUSDT", "ETHUSDT"))},
            "alpha_trading_disabled",
        ),
        ({"downtime": Downtime(TradingState.DOWNTIME, None, None)}, "downtime"),
        ({"storage_ok": False}, "storage_unavailable"),
        ({"venue": VenueView(False, False, True)}, "stream_down"),
        ({"venue": VenueView(True, True, True)}, "venue_degraded"),
        ({"venue": VenueView(True, False, False)}, "account_unreadable"),
        ({"venue": VenueView(True, False, True, clock_agrees=False)}, "clock_skew"),
        ({"stopping": True}, "stopping"),
        ({"margin_short": True}, "margin_short"),
        ({"entries_left_today": 0}, "trades_per_day"),
        ({"switches": ("drawdown",)}, "drawdown"),
    ],
)
def test_each_reason_blocks_by_its_name(changes: dict[str, Any], reason: str) -> None:
    """One thing wrong, one reason."""
    assert permission(**changes).reasons == (reason,)


def test_an_entry_that_the_day_has_left_blocks_nothing() -> None:
    """The last one may still be made."""
    found = permission(entries_left_today=1)
    assert (found.reasons, found.entries_left_today) == ((), 1)


def test_all_reasons_are_told_at_once() -> None:
    """Not only the first that was found."""
    assert permission(storage_ok=False, stopping=True).reasons == ("storage_unavailable", "stopping")


def test_a_symbol_outside_the_policy_is_blocked_alone() -> None:
    """Others stay free."""
    found = permission(policy=AlphaTradingPolicy(enabled_symbols=("BTCUSDT",)))
    assert found.reasons == ()
    assert found.per_symbol == {ETH: "not_in_enabled_symbols"}
