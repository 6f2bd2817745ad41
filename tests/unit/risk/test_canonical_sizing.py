"""From USD to contracts: never more than asked, always on step and tick."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.risk.specs import INVERSE, LINEAR, THOUSANDS
from tradingbot.core.errors import SizingError
from tradingbot.core.rounding import ceil_size, round_marketable, round_price, round_size, round_stop
from tradingbot.core.types import Side
from tradingbot.market.contracts import ContractSpec
from tradingbot.risk.canonical_sizing import normalize_position_size

_specs = st.sampled_from([LINEAR, INVERSE, THOUSANDS])
_usd = st.decimals(Decimal("0.01"), Decimal(10_000_000), places=2)
_price = st.decimals(Decimal("0.00000001"), Decimal(200_000), places=8).filter(lambda price: price > 0)
_tick = st.sampled_from([Decimal("0.5"), Decimal("0.1"), Decimal(1), Decimal("1e-10"), Decimal("0.00025")])


@given(_specs, _usd, _price)
def test_a_size_is_on_step_within_limits_and_never_worth_more_than_asked(
    spec: ContractSpec, target: Decimal, price: Decimal
) -> None:
    """Or it is refused."""
    try:
        contracts, usd, adjustments = normalize_position_size(spec.symbol, target, price, spec)
    except SizingError:
        one_step = spec.notional_usd(spec.min_size, price)
        assert target < one_step
        return
    assert contracts % spec.size_step == 0
    assert spec.min_size <= contracts <= spec.max_size
    assert usd == spec.notional_usd(contracts, price) <= target
    assert not [change for change in adjustments if change.code == "minimum"]
    if not [change for change in adjustments if change.code == "maximum"]:
        assert spec.notional_usd(contracts + spec.size_step, price) > target


@given(_specs, _usd, _price)
def test_only_the_minimum_rule_may_exceed_the_target_and_says_so(
    spec: ContractSpec, target: Decimal, price: Decimal
) -> None:
    """When it was asked for."""
    contracts, usd, adjustments = normalize_position_size(spec.symbol, target, price, spec, raise_to_minimum=True)
    if usd > target:
        assert adjustments[-1].code == "minimum"
        assert contracts == spec.min_size


@given(_price, _tick)
def test_prices_land_on_tick_and_never_get_worse(price: Decimal, tick: Decimal) -> None:
    """Buy down, sell up, by less than one tick; stops never fire later; marketable limits still cross."""
    up = round_price(price, Side.SELL, tick)
    assert up % tick == 0
    assert price <= up < price + tick
    assert round_stop(price, Side.SELL, tick) == up
    assert round_marketable(price, Side.BUY, tick) >= price
    if price < tick:
        with pytest.raises(SizingError, match="below one tick"):
            round_price(price, Side.BUY, tick)
        return
    down = round_price(price, Side.BUY, tick)
    assert down % tick == 0
    assert price - tick < down <= price
    assert round_stop(price, Side.BUY, tick) == down
    assert tick <= round_marketable(price, Side.SELL, tick) <= price


def test_adjustments_tell_what_changed() -> None:
    """Maximum first, then step."""
    small = replace(LINEAR, max_size=Decimal("2.0005"))
    contracts, usd, adjustments = normalize_position_size(small.symbol, Decimal(9000), Decimal(3000), small)
    assert (contracts, usd) == (Decimal("2.000"), Decimal(6000))
    assert [(change.code, change.before, change.after) for change in adjustments] == [
        ("maximum", Decimal(3), Decimal("2.0005")),
        ("step", Decimal("2.0005"), Decimal(2)),
    ]


def test_inverse_contracts_are_dollars() -> None:
    """The price does not matter for their number."""
    contracts, usd, _ = normalize_position_size(INVERSE.symbol, Decimal("250.9"), Decimal(60000), INVERSE)
    assert (contracts, usd) == (250, 250)


def test_an_open_position_counts_against_the_limit() -> None:
    """Only the room that is left may be used."""
    contracts, _, adjustments = normalize_position_size(
        LINEAR.symbol, Decimal(30_000), Decimal(3000), LINEAR, open_size=Decimal(15_995)
    )
    assert contracts == 5
    assert adjustments[0].code == "maximum"


@pytest.mark.parametrize(
    ("target", "price", "more", "why"),
    [
        ("0", "1", {}, "target_usd must be"),
        ("-5", "1", {}, "target_usd must be"),
        ("5", "0", {}, "price must be"),
        ("NaN", "1", {}, "target_usd must be"),
        ("1", "3000", {}, "below the minimum of 0.001"),
        ("40", "3000", {"min_notional_usd": Decimal(50)}, "below the minimum of 50 USD"),
        ("40", "3000", {"open_size": Decimal(16000), "raise_to_minimum": True}, "room left at the venue: 0"),
    ],
)
def test_what_cannot_be_sized_is_refused(target: str, price: str, more: dict[str, Decimal], why: str) -> None:
    """One clear sentence."""
    with pytest.raises(SizingError, match=why):
        normalize_position_size(LINEAR.symbol, Decimal(target), Decimal(price), LINEAR, **more)  # type: ignore[arg-type]


def test_rounding_of_sizes() -> None:
    """Steps above one too; negative sizes are refused."""
    assert round_size(Decimal(12_345), Decimal(1000)) == 12_000
    assert ceil_size(Decimal(12_345), Decimal(1000)) == 13_000
    assert ceil_size(Decimal(12_000), Decimal(1000)) == 12_000
    with pytest.raises(SizingError, match="negative"):
        round_size(Decimal(-1), Decimal(1))
