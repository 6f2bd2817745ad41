"""The reality-gap meter on the real engine and a fake exchange: one line per order, also after a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes import MemoryDocument, MemoryJournal
from tests.support import BTC, ETH, NOW, a_plan, a_snapshot, a_symbol
from tests.unit.engine.test_engine import Rig, rig  # noqa: F401 - a fixture
from tradingbot.core.records import Ticker
from tradingbot.core.types import Regime, Side, iso_utc
from tradingbot.decision import ClosePosition, OpenPosition
from tradingbot.engine.entry_facts import with_entry_facts
from tradingbot.engine.execution_quality import ExecutionQuality
from tradingbot.engine.learning_models import RealityGapState, VenueMetadata
from tradingbot.learning.params import LearningParams
from tradingbot.learning.reality_gap import RealityGap

D = Decimal


class Meter:
    """A meter on a rig; `again` is the meter of the next life."""

    def __init__(self, rig: Rig) -> None:  # noqa: F811
        self.rig, self.journal, self.file = rig, MemoryJournal(), MemoryDocument()
        self.again()

    def again(self) -> None:
        state = self.file.value or RealityGapState(
            venue_metadata=VenueMetadata(venue="fake", since=NOW - timedelta(days=1)), content=RealityGap()
        )
        self.quality = ExecutionQuality(
            self.rig.intents, self.journal, self.file, state, LearningParams(default_slippage_bps=5.0)
        )
        self.quality.restore(list(self.journal.records), list(self.rig.journals["fills"].records))
        self.rig.keeper.listen_to_fills(self.quality.note)

    def write(self) -> list[dict]:
        before = len(self.journal.records)
        held = {position.position_id for position in self.rig.keeper.book.positions}
        self.quality.write_complete(self.rig.clock.now(), held)
        return self.journal.records[before:]


def quote(rig: Rig, bid: str, ask: str, age_s: float = 0.0) -> None:  # noqa: F811
    at = rig.clock.now() - timedelta(seconds=age_s)
    middle = (D(bid) + D(ask)) / 2
    rig.venue.live_ticker = lambda symbol: Ticker(symbol, at, at, middle, middle, middle, D(bid), D(ask))


async def test_an_entry_is_measured_when_it_has_traded(rig: Rig) -> None:  # noqa: F811
    """Decided at 2000, quoted 2000.5 / 2001.5 when sent, filled at 2002: 5 + 2.5 + 2.5 bps."""
    meter = Meter(rig)
    quote(rig, "2000.5", "2001.5")
    rig.venue.prices[ETH] = D(2002)
    await rig.open()
    assert meter.write() == []  # the stream's fills are not taken yet
    rig.settlement.absorb_stream()
    (line,) = meter.write()
    parts = [line[f"{name}_bps"] for name in ("delay", "spread", "impact", "total", "gap")]
    assert parts == [5, D("2.5"), D("2.5"), 10, D("2.5")]
    assert (line["purpose"], line["decision_mid"], line["notional_usd"]) == ("entry", 2000, 2002)
    assert line["decided_at"] == line["sent_at"] == iso_utc(rig.clock.now())
    assert meter.write() == []


async def test_an_exit_costs_with_the_other_sign_and_a_rung_is_one(rig: Rig) -> None:  # noqa: F811
    meter = Meter(rig)
    await rig.open(size="2")
    rig.settlement.absorb_stream()
    meter.write()
    quote(rig, "1999", "2001")
    rig.venue.prices[ETH] = D(1998)
    position = rig.keeper.book.open_for(ETH)
    close = ClosePosition(position.position_id, ETH, Side.SELL, D(1), "ladder", {"a": 1}, rung=0, mid_price=D(2000))
    await rig.executor.close("c2", close)
    rig.settlement.absorb_stream()
    (line,) = meter.write()
    assert (line["purpose"], line["rule"]) == ("rung", "ladder")
    assert [line[f"{name}_bps"] for name in ("delay", "spread", "impact", "total")] == [0, 5, 5, 10]
    assert rig.keeper.book.open_for(ETH).exit_context["decision_mid"] == "2000"


async def test_an_exit_without_a_decided_price_says_so(rig: Rig) -> None:  # noqa: F811
    meter = Meter(rig)
    await rig.open()
    rig.settlement.absorb_stream()
    await rig.close()
    rig.settlement.absorb_stream()
    _, line = meter.write()
    assert (line["delay_bps"], line["total_bps"], line["gap_bps"]) == (None, None, None)
    assert (line["spread_bps"], line["impact_bps"]) == (0, 0)


async def test_an_old_quote_is_no_market(rig: Rig) -> None:  # noqa: F811
    meter = Meter(rig)
    quote(rig, "1999", "2001", age_s=31)
    await rig.open()
    rig.settlement.absorb_stream()
    (line,) = meter.write()
    assert (line["bid"], line["spread_bps"], line["total_bps"]) == (None, None, 0)


async def test_a_stop_slips_from_its_price(rig: Rig) -> None:  # noqa: F811
    meter = Meter(rig)
    await rig.open()
    rig.settlement.absorb_stream()
    meter.write()
    await rig.protect()
    rig.venue.prices[ETH] = D(1940)
    rig.venue.fire_stop(ETH)
    rig.settlement.absorb_stream()
    (line,) = meter.write()
    assert (line["purpose"], line["stop_price"], line["delay_bps"]) == ("stop", 1950, None)
    assert line["slip_bps"] == line["total_bps"] == pytest.approx(D("51.282051"))


async def test_an_inverse_order_is_worth_its_contracts(rig: Rig) -> None:  # noqa: F811
    meter = Meter(rig)
    rig.venue.prices[BTC] = D(2000)
    await rig.open(symbol=BTC, size="500")
    rig.settlement.absorb_stream()
    (line,) = meter.write()
    assert (line["notional_usd"], line["total_bps"]) == (500, 0)


async def test_a_restart_between_fill_and_line_writes_the_line_once(rig: Rig) -> None:  # noqa: F811
    """Everything that the measurement needs is in the journals: of intents, outcomes and fills."""
    meter = Meter(rig)
    quote(rig, "2000.5", "2001.5")
    await rig.open()
    rig.settlement.absorb_stream()
    rig.restart()
    meter.again()
    (line,) = meter.write()
    assert (line["delay_bps"], line["spread_bps"], line["bid"]) == (5, D("2.5"), D("2000.5"))
    gap = meter.file.value
    assert gap.content.symbols[ETH].orders == 1
    meter.again()
    assert meter.write() == []
    assert meter.file.value is gap


async def test_lost_distributions_are_made_again_from_the_lines(rig: Rig) -> None:  # noqa: F811
    meter = Meter(rig)
    await rig.open()
    rig.settlement.absorb_stream()
    await rig.close()
    rig.settlement.absorb_stream()
    meter.write()
    before, meter.file.value = meter.file.value, None
    meter.again()
    assert meter.file.value == before


async def test_lines_of_another_shape_do_not_keep_it_from_starting(rig: Rig) -> None:  # noqa: F811
    meter = Meter(rig)
    await rig.open()
    rig.settlement.absorb_stream()
    odd = [{"client_order_id": "x"}, {"client_order_id": "y", "filled_at": "soon"}]
    meter.quality.restore(odd, [{"client_order_id": "z", "purpose": "entry", "time": "?"}])
    assert len(meter.write()) == 1


async def test_a_refused_order_is_not_measured(rig: Rig) -> None:  # noqa: F811
    meter = Meter(rig)
    rig.venue.drop_orders = True
    await rig.open()
    rig.settlement.absorb_stream()
    assert meter.write() == []


def test_the_plan_of_an_entry_tells_what_the_market_was_like() -> None:
    part = a_symbol()
    snapshot = a_snapshot(part)
    plan = replace(a_plan(), signal_context={"regime": "SAID_BEFORE"})
    action = OpenPosition(ETH, Side.BUY, D(1), D(2000), D(2000), D(2000), "flex", D("0.1"), plan)
    context = with_entry_facts(action, snapshot, Regime.PANIC, {"hurst": 0.5}).plan.signal_context
    assert context["regime"] == "SAID_BEFORE"
    assert context["decision_mid"] == "2000"
    assert context["decided_at"] == iso_utc(snapshot.as_of)
    assert context["spread_bps"] == pytest.approx(1.0)
    assert context["component_weights"] == {"hurst": 0.5}
