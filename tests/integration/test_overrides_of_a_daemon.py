"""A person changes settings of the running daemon: the next cycle decides with them, and replay agrees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
import structlog

from tests.integration.daemon_rig import running
from tests.integration.test_kill_switches import command, entries, locked
from tradingbot.app.overriding import overrides_of_home
from tradingbot.app.replaying import replay_facts
from tradingbot.core.errors import ConfigurationError
from tradingbot.engine.operator_desk import OperatorOrder


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def override(key: str, value: str, minutes: float) -> tuple[str, ...]:
    return ("override", "set", key, value, "--for", f"{minutes:g}m", "--reason", "a look at the [/odd] market")


async def test_the_next_cycle_decides_with_it_until_it_ends_and_replay_agrees(tmp_path: Path) -> None:
    """Suppressed symbols open nothing, sizes are half; afterwards all is as before, and every cycle replays exactly."""
    async with locked(tmp_path) as rig:
        begun = rig.parts.clock.now()
        await rig.good_cycle()
        plain = rig.rows("decision_params")[-1]["params_hash"]
        await rig.stores.writer.flush()
        for symbol in ("ETHUSDT", "SOLUSDT"):
            done = await command(rig, *override(f"suppress.{symbol}", "true", 40))
            assert done.exit_code == 0, done.output
        half = await command(rig, *override("size_scale", "0.5", 40), "--json")
        assert half.exit_code == 0, half.output
        assert len(orjson.loads(half.stdout)["overrides"]) == 3
        wrong = await command(rig, *override("size_scale", "1.5", 40))
        assert isinstance(wrong.exception, ConfigurationError)
        await rig.cycle(30)
        assert entries(rig) > 0
        await rig.stores.writer.flush()
        under = [line for line in rig.rows("signal_universe") if line["params_hash"] != plain]
        assert {line["symbol"] for line in under if line["stage"] == "entered"} <= {"BTCUSDT"}
        steps = [line["size"]["steps"] for line in under if line["size"]]
        assert steps
        assert all(
            Decimal(one["number"]) == Decimal("0.5") for row in steps for one in row if one["name"] == "size_scale"
        )
        assert "override" in (await command(rig, "status")).stdout
        shown = (await command(rig, "override", "list")).stdout
        assert "size_scale" in shown
        await rig.cycle(15)
        await rig.stores.writer.flush()
        assert overrides_of_home(tmp_path) == []
        cycles = rig.rows("cycles")
        assert cycles[-1]["params_hash"] == plain
        on_file = {line["params_hash"] for line in rig.rows("decision_params")}
        assert {line["params_hash"] for line in cycles} <= on_file
        expired = [row["key"] for row in rig.rows("operator_audit") if row["command"] == "override_expired"]
        assert sorted(expired) == ["size_scale", "suppress.ETHUSDT", "suppress.SOLUSDT"]
        await rig.assert_agrees()
        until = rig.parts.clock.now()
    found = replay_facts(tmp_path, begun, until)
    assert (found["mismatched"], found["damaged"]) == (0, 0)
    assert found["equal"] == found["replayed"] == len(cycles)


async def test_the_daily_number_of_entries_can_be_cut_at_once(tmp_path: Path) -> None:
    """What was opened today already counts."""
    async with running(tmp_path) as rig:
        await rig.cycle_until("an entry", lambda: entries(rig), 40)
        order = OperatorOrder("set_override", "enough", "jo", key="max_trades_per_day", value="1", for_s=86_400)
        assert (await rig.daemon.operate(order)).done
        count = entries(rig)
        await rig.cycle(10)
        assert entries(rig) == count
        assert "trades_per_day" in rig.daemon.state.entry_blocks


async def test_it_survives_a_crash_and_is_in_force_before_the_first_decision(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.good_cycle()
        order = OperatorOrder("set_override", "night", "jo", key="alpha_trading", value="off", for_s=7 * 86_400)
        assert (await rig.daemon.operate(order)).done
        until = rig.daemon.state.overrides[0]["until"]
    async with running(tmp_path) as rig:
        report = await rig.good_cycle()
        assert "alpha_trading_disabled" in report.permission.reasons
        assert rig.daemon.state.overrides[0]["until"] == until
        assert rig.parts.clock.now() + timedelta(days=5) < until
