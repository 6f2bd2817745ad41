"""Reports of a day of trades on the simulated venue agree with the trades; what they join is what was recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.integration.daemon_rig import Rig, running
from tests.integration.test_post_trade import lines, stored
from tradingbot.engine.catalog import journal_path
from tradingbot.gates.table import GATES
from tradingbot.learning.exact_sums import total
from tradingbot.portfolio.position import ClosedTrade

LOOSE = {
    "TRADINGBOT__DASHBOARD__ENABLED": "true",
    "TRADINGBOT__DASHBOARD__PORT": "0",
    "TRADINGBOT__LEARNING__REVIEW__MISSED_MOVE_BPS": "10",
    "TRADINGBOT__LEARNING__REVIEW__MOVE_REVERSAL_BPS": "5",
}


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


class Night:
    """A home after a day of trades and its reports."""

    def __init__(self, rig: Rig) -> None:
        self.home = rig.home
        self.trades: tuple[ClosedTrade, ...] = tuple(rig.daemon._keeper.trades)
        self.now: datetime = rig.parts.clock.now()

    def report(self, name: str) -> dict[str, Any]:
        found = stored(self.home, name)
        assert found.venue_metadata.venue == "kraken_futures"
        report: dict[str, Any] = found.report
        return report


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """One life of the daemon, and every report twice."""
    home = tmp_path_factory.mktemp("night") / "home"

    async def live() -> Night:
        async with running(home, LOOSE) as rig:
            await rig.cycle_until("trades", lambda: len(rig.daemon._keeper.trades) >= 5, 90)
            bodies = rig.daemon._more_works.nightly.by_name()
            for name in [*bodies, *bodies]:
                await bodies[name]()
            await rig.stores.writer.flush()
            return Night(rig)

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    return asyncio.run(live())


def test_every_trade_is_joined_once_with_its_signal_and_orders(night: Night) -> None:
    """The line's gates are those of the signal that opened it; a second run writes nothing twice."""
    rows = lines(night.home, "enriched_trades")
    assert sorted(row["trade_id"] for row in rows) == sorted(trade.trade_id for trade in night.trades)
    signals = {line["signal_id"]: line for line in lines(night.home, "signal_universe")}
    by_id = {trade.trade_id: trade for trade in night.trades}
    for row in rows:
        trade, signal = by_id[row["trade_id"]], signals[row["signal_id"]]
        assert row["missing"] == []
        assert [gate["gate"] for gate in row["gates"]] == [gate.name for gate in GATES]
        assert signal["stage"] == "entered"
        assert (signal["symbol"], row["params_hash"]) == (trade.symbol, signal["params_hash"])
        assert Decimal(row["outcome"]["net_usd"]) == trade.net_pnl_usd
        assert {order["purpose"] for order in row["orders"]} & {"entry"}
        assert row["outcome"]["won"] is (trade.net_pnl > 0)


def test_horizons_and_week_add_up_to_the_trades(night: Night) -> None:
    """All of it lies within a day, so every horizon holds the same."""
    in_usd = total([trade.net_pnl_usd for trade in night.trades])
    horizons = night.report("attribution_horizons")["horizons"]
    assert list(horizons) == ["1", "7", "30", "90"]
    for one in horizons.values():
        assert (one["trades"], Decimal(one["net_usd"])) == (len(night.trades), in_usd)
        for members in one["groups"].values():
            assert total([Decimal(row["net_usd"]) for row in members.values()]) == in_usd
        assert total([Decimal(row["net_usd"]) for row in one["component"].values()]) == in_usd
        assert one["covered_days"] < 1
    week = night.report("weekly_analysis")
    assert Decimal(week["whole"]["net_usd"]) == in_usd
    assert week["whole"]["small"] is True
    assert len(lines(night.home, "weekly_analysis")) == 2
    assert f"{len(night.trades)} trades" in week["text"][0]


def test_the_use_of_the_gates_is_that_of_the_recorded_signals(night: Night) -> None:
    """Counted again, the plain way."""
    found = night.report("gate_complexity")
    records = lines(night.home, "signal_universe")
    assert found["signals"] == len(records)
    for name, row in found["gates"].items():
        said = [one for line in records for one in line["gates"] if one["gate"] == name]
        assert (row["asked"], row["blocked"]) == (len(said), sum(1 for one in said if not one["passed"]))
    assert list(found["gates"]) == [gate.name for gate in GATES]


def test_no_trade_took_what_is_called_missed(night: Night) -> None:
    """Moves of 10 bps on recorded minutes; what stopped us is the stage of a recorded signal."""
    found = night.report("missed_opportunities")
    assert (found["symbols"], found["with_candles"], found["moves"] > 10) == (3, 3, True)
    assert 0 < found["missed"] == sum(row["moves"] for row in found["by_stage"].values())
    worths = [row["worth_usd"] for row in found["opportunities"]]
    assert worths == sorted(worths, reverse=True)
    stages = {line["stage"] for line in lines(night.home, "signal_universe")} | {"no_signal"}
    assert set(found["by_stage"]) <= stages
    for row in found["opportunities"]:
        for trade in night.trades:
            same = (trade.symbol, trade.direction.value) == (row["symbol"], row["direction"])
            start, end = datetime.fromisoformat(row["from"]), datetime.fromisoformat(row["to"])
            assert not (same and trade.entry_time < end and trade.exit_time > start)


async def test_reports_of_a_home_without_trades_say_so(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.cycle(2)
        for body in rig.daemon._more_works.nightly.by_name().values():
            await body()
        await rig.stores.writer.flush()
        assert stored(tmp_path, "attribution_horizons").report["horizons"]["90"]["trades"] == 0
        assert stored(tmp_path, "weekly_analysis").report["whole"]["trades"] == 0
        assert stored(tmp_path, "missed_opportunities").report["missed"] == 0
        assert not journal_path(tmp_path, "enriched_trades").exists()


async def test_without_a_page_moves_are_those_of_the_prices_that_cycles_saw(tmp_path: Path) -> None:
    """Candles are kept for the page alone."""
    async with running(tmp_path, {**LOOSE, "TRADINGBOT__DASHBOARD__ENABLED": "false"}) as rig:
        await rig.cycle(20)
        await rig.daemon._more_works.nightly.probe_missed()
        await rig.stores.writer.flush()
        found = stored(tmp_path, "missed_opportunities").report
        assert (found["symbols"], found["with_candles"], found["minutes"]) == (3, 0, 60)
        assert found["moves"] > 0
