"""`python -m benchmarks [--strict] [name ...]`: run all or the named modules, show a table, write latest.json.

With `--strict` a missed target is exit code 1; without it the table alone tells.
"""

from __future__ import annotations

import gc
import importlib
import sys
from pathlib import Path

from benchmarks.harness import Result, show, write

MODULES = (
    "order_book",
    "signed_rest",
    "durable_save",
    "synthetic_market",
    "reading",
    "cycle",
    "post_trade",
    "backtest",
    "ema_cross",
    "daemon_run",
)
"""Every module here has `run() -> list[Result]`."""


def main(arguments: list[str]) -> int:
    """0; with --strict 1 when a target is missed; 2 for an unknown name."""
    names = [argument for argument in arguments if argument != "--strict"]
    unknown = [name for name in names if name not in MODULES]
    if unknown:
        print(f"unknown benchmark {', '.join(unknown)}; there are: {', '.join(MODULES)}", file=sys.stderr)
        return 2
    results: list[Result] = []
    for name in names or MODULES:
        gc.collect()
        gc.freeze()  # what earlier modules left must not be walked in the middle of a later one's cycle
        results += importlib.import_module(f"benchmarks.{name}").run()
    show(results)
    if not names:  # a part of the table must not pass for the whole
        write(results, Path(__file__).with_name("latest.json"))
    missed = any(not result.met for result in results)
    return 1 if missed and "--strict" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
