"""`python -m benchmarks [name ...]`: run all or the named modules, show a table, write latest.json."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.harness import Result, show, write

MODULES = ("order_book", "signed_rest", "durable_save", "synthetic_market", "cycle", "daemon_run")
"""Every module here has `run() -> list[Result]`."""


def main(names: list[str]) -> int:
    """0 when every target is met, else 1; 2 for an unknown name."""
    unknown = [name for name in names if name not in MODULES]
    if unknown:
        print(f"unknown benchmark {', '.join(unknown)}; there are: {', '.join(MODULES)}", file=sys.stderr)
        return 2
    results: list[Result] = []
    for name in names or MODULES:
        results += importlib.import_module(f"benchmarks.{name}").run()
    show(results)
    write(results, Path(__file__).with_name("latest.json"))
    return 0 if all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
