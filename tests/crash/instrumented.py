"""``python -m tests.crash.instrumented <tradingbot arguments>``: the product unmodified, its boundaries watched.

The plan is in the variable CRASH_PLAN as JSON: `home`, `side` (a folder outside of it), `power` (keep the durable
view), `commands` (carried out before the program begins), `mutation` (see `tests.crash.mutations`). Later commands come
as lines on standard input.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from pathlib import Path
from typing import Any

from tests.crash.boundaries import Files, note_promises, watch_network
from tests.crash.mutations import MUTATIONS
from tests.crash.places import parse_plan
from tests.crash.world import World

VARIABLE = "CRASH_PLAN"


def main() -> None:
    """Install, then hand over to the product's own entry point."""
    plan: dict[str, Any] = parse_plan(os.environ.pop(VARIABLE))
    world = World(Path(plan["home"]), Path(plan["side"]), bool(plan.get("power")))
    files = Files(world)
    files.install()
    watch_network(world)
    if name := plan.get("mutation"):
        MUTATIONS[name].apply()
    if plan.get("power"):
        note_promises(world)  # last: a promise is what the product believes, mutated or not
    for command in plan.get("commands", ()):
        world.obey(command)
    atexit.register(world.obey, {"do": "count", "as": "stop"})
    threading.Thread(target=_listen, args=(world,), daemon=True, name="crash-commands").start()
    from tradingbot.app.cli import main as tradingbot

    sys.argv[0] = "tradingbot"
    tradingbot()


def _listen(world: World) -> None:
    for line in sys.stdin:
        world.obey(parse_plan(line))


if __name__ == "__main__":
    main()
