"""What was left behind is handed to those who repair it; fees that nobody expects are an issue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from tests.integration.daemon_rig import running
from tradingbot.app.nightly_reports import DAY
from tradingbot.core.types import Symbol


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


async def test_a_position_that_no_cycle_protects_gets_its_stop(tmp_path: Path) -> None:
    """Its stop vanished, and no cycle has run for minutes."""
    async with running(tmp_path) as rig:
        await rig.cycle_until("a position", lambda: rig.held, 60)
        recovery, keeper = rig.daemon._more_works.recovery, rig.daemon._keeper
        await recovery.run()
        assert rig.rows("governance") == []
        for uid in [order.uid for order in rig.venue.account.orders.values() if order.is_trigger]:
            rig.cancel_by_hand(uid)
        assert not rig.protected()
        bare = [replace(one, stop_order_id=None) for one in keeper.book.positions]
        keeper.set_book(replace(keeper.book, positions=tuple(bare)))
        await rig.parts.clock.sleep(180)
        symbols = {str(one.symbol) for one in keeper.book.open_positions}
        assert set(recovery.look().unprotected) == symbols
        await recovery.run()
        assert rig.protected()
        await rig.stores.writer.flush()
        (line,) = [row for row in rig.rows("governance") if row["role"] == "recovery_cycle"]
        assert set(line["unprotected"]) == symbols
        assert line["left"] == []
        await rig.good_cycle()
        await rig.assert_agrees()


async def test_symbols_that_are_fit_again_return_within_the_hour(tmp_path: Path) -> None:
    """Not only with the next night's validation."""
    async with running(tmp_path) as rig:
        await rig.good_cycle()
        works = rig.daemon._works
        works.suppressed = {Symbol("ETHUSDT"): "validation: spread_too_wide"}
        await rig.daemon._more_works.recovery.run()
        assert works.suppressed
        await rig.parts.clock.sleep(3600)
        await rig.daemon._more_works.recovery.run()
        assert works.suppressed == {}


async def test_a_subsystem_that_stays_silent_is_handed_to_the_watchdog(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.good_cycle()
        recovery = rig.daemon._more_works.recovery
        rig.daemon._switchboard.loops["book-samples"] = lambda: rig.parts.clock.monotonic_s() - 100_000
        assert recovery.look().silent == ("book-samples",)
        await recovery.run()
        await rig.stores.writer.flush()
        healed = [row for row in rig.rows("healing") if row["event"] == "healed"]
        assert [(row["category"], row["subject"]) for row in healed] == [("stuck_subsystem", "book-samples")]


async def test_fees_that_are_not_reckoned_with_are_told_and_over_when_they_are(tmp_path: Path) -> None:
    """The simulated venue charges 5 bps; the schedule says so too. Someone sets the gate to 9."""
    environ = {"TRADINGBOT__HEALTH__FEE_AUDIT__LEAST_ORDERS": "1"}
    async with running(tmp_path, environ) as rig:
        await rig.cycle_until("orders", lambda: len(rig.rows("execution_quality")) >= 2, 90)
        audit, issues = rig.daemon._more_works.fees, rig.daemon.health.issues
        await audit.run()
        assert audit._tiers_bps == [5.0]
        assert not [one for one in issues.open if one.kind == "fee_drift"]
        audit._gate_bps = lambda _: 9.0  # type: ignore[method-assign]
        await audit.run()
        await audit.run()
        drifting = [one for one in issues.open if one.kind == "fee_drift"]
        assert drifting
        assert "the fee gate reckons with 9.00" in drifting[0].detail
        await rig.stores.writer.flush()
        told = [row for row in rig.rows("governance") if row["role"] == "fee_audit"]
        assert len(told) == len(drifting)
        del audit._gate_bps
        await rig.parts.clock.sleep(DAY.total_seconds() / 24)
        await audit.run()
        assert not [one for one in issues.open if one.kind == "fee_drift"]
