"""``python -m tests.crash [--kills N] [--seeds N]``: the long form; prints a table, exit code 1 on any violation."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.crash.harness import run_kills


def main() -> int:
    """Run every seed in a folder of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--speed", type=float, default=120.0)
    chosen = parser.parse_args()
    table = Table(
        "seed", "kills", "order under way", "positions at kills", "entries", "trades", "restart p50 s", "violations"
    )
    failed = False
    for seed in range(1, chosen.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            outcome = run_kills(Path(folder), chosen.kills, seed, chosen.speed)
        failed = failed or bool(outcome.violations)
        median_s = statistics.median(outcome.restart_to_protected_s or [0])
        cells = (seed, outcome.kills, outcome.kills_with_order_under_way, outcome.positions_at_kills, outcome.entries)
        table.add_row(*map(str, cells), str(outcome.trades), f"{median_s:.2f}", str(len(outcome.violations)))
        for violation in outcome.violations:
            print(f"seed {seed}: {violation}", file=sys.stderr)
    Console().print(table)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
