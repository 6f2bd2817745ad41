"""A daemon that had to jump far ahead with its nonces leaves an account that can still be looked at."""

from __future__ import annotations

from pathlib import Path

from tests.integration.daemon_rig import running
from tradingbot.app.status import reconcile_home


async def test_a_stopped_home_is_compared_after_minutes_of_refused_nonces(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with running(home, symbols=("BTC", "ETH")) as rig:
        await rig.cycle()
        rig.fault("nonce_error")
        await rig.cycle()
        rig.heal()
        await rig.cycle()
        floor = int((home / "state" / "nonce.json").read_text())
        assert floor > 10 * rig.parts.clock.now().timestamp() * 1e6  # otherwise nothing is proven here
    assert (await reconcile_home(home, {}))["agree"] is True
