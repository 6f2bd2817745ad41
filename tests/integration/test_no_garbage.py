"""Cycles leave nothing to the garbage collector: what is no longer needed is gone at once.

A full collection is rare on purpose, because it stops the event loop; whatever only it could free would pile up.
"""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path

from tests.integration.daemon_rig import running
from tests.integration.test_dashboard import ENVIRON

CYCLES = 10
FEW = 40
"""Objects. One cycle that leaves a single closure behind leaves more in all."""


async def test_ten_cycles_leave_no_cyclic_garbage(tmp_path: Path) -> None:
    async with running(tmp_path / "home", ENVIRON, ("BTC", "ETH")) as rig:
        await rig.cycle(5)
        gc.collect()
        gc.disable()
        try:
            await rig.cycle(CYCLES)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.garbage)
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert rig.failures == []
    assert left.total() < FEW, left.most_common(8)
