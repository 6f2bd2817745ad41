"""The check before a cycle: free margin of each wallet, equity, entries that the day has left."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support import NOW
from tradingbot.core.records import AccountState, Wallet
from tradingbot.guards.margin import entries_left, margin_shortage


def wallet(name: str = "flex", equity: str = "1000", available: str = "500", initial: str = "500") -> Wallet:
    zero = Decimal(0)
    return Wallet(name, "USD", Decimal(equity), Decimal(equity), Decimal(available), Decimal(initial), zero, zero)


def shortage(*wallets: Wallet, equity: str | None = "1000") -> str | None:
    known = None if equity is None else Decimal(equity)
    found = margin_shortage(AccountState(NOW, wallets), known, {"flex", "fi_xbtusd"}, 20.0)
    return None if found is None else found.code


@pytest.mark.parametrize(
    ("available", "initial", "code"),
    [
        ("200", "800", None),
        ("199.99", "800", "margin_short"),
        ("900", "800.01", "margin_short"),
        ("1000", "0", None),
        ("-5", "1005", "margin_short"),
    ],
)
def test_the_free_share_at_its_limit(available: str, initial: str, code: str | None) -> None:
    """Exactly 20 per cent suffice; the lesser of the venue's word and our own sum counts."""
    assert shortage(wallet(available=available, initial=initial)) == code


def test_one_short_wallet_stops_the_cycle_and_an_empty_one_does_not() -> None:
    assert shortage(wallet(), wallet("fi_xbtusd", "1", "0.1", "0.9")) == "margin_short"
    assert shortage(wallet(), wallet("fi_xbtusd", "0", "0", "0")) is None
    assert shortage(wallet(), wallet("other", "1", "0", "1")) is None, "nothing is traded from it"


def test_a_wallet_in_debt_is_short() -> None:
    assert shortage(wallet(), wallet("fi_xbtusd", "-0.1", "0", "0")) == "margin_short"


@pytest.mark.parametrize(("equity", "code"), [("0", "no_equity"), ("-1", "no_equity"), ("0.01", None), (None, None)])
def test_equity_must_be_above_nothing(equity: str | None, code: str | None) -> None:
    """An unknown one is not this check's affair."""
    assert shortage(wallet(), equity=equity) == code


def test_an_account_that_cannot_be_read_is_not_this_check_s_affair() -> None:
    assert margin_shortage(None, None, {"flex"}, 20.0) is None


@pytest.mark.parametrize(("opened", "left"), [(0, 20), (19, 1), (20, 0), (25, 0)])
def test_entries_that_the_day_has_left(opened: int, left: int) -> None:
    assert entries_left(20, opened) == left
