"""While the exchange answers no order, exits are asked for at once: none waits for the silence of another."""

from __future__ import annotations

from pathlib import Path

from tests.integration.daemon_rig import running
from tradingbot.engine.operator_desk import OperatorOrder

SILENCE_S = 8.0
"""How long an order's answer is waited for."""


async def test_flatten_waits_once_for_all_its_orders(tmp_path: Path) -> None:
    async with running(tmp_path / "home", symbols=("BTC", "ETH", "SOL", "XRP")) as rig:
        await rig.cycle_until("three positions", lambda: len(rig.held) >= 3)
        held = len(rig.held)
        rig.fault("timeout_before", path="sendorder")
        began = rig.parts.clock.now()
        await rig.daemon.operate(OperatorOrder("flatten"))
        took_s = (rig.parts.clock.now() - began).total_seconds()
        assert SILENCE_S <= took_s < 2 * SILENCE_S
        rig.heal()
        await rig.cycle_until("the outcomes are known", lambda: not rig.daemon.unresolved)
        answer = await rig.daemon.operate(OperatorOrder("flatten"))
        assert answer.done
        assert rig.held == {}
        assert held >= 3
        await rig.assert_agrees()
