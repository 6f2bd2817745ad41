"""``python -m tests.crash.switches [--only NAME] [--seed N]``: every kill switch on real processes.

The exit code is 1 when anything could not be shown.
Each switch has a venue process that lives on and a daemon process that is killed twice while the switch is tripped.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.crash.switch_drill import COLUMNS, Case, Drill, Result

SWITCHES = "TRADINGBOT__RISK__KILL_SWITCHES__"
LIMITS = "TRADINGBOT__RISK__LIMITS__"
EVENING = (21, 45)
LATE_EVENING = (22, 45)


def withdrawn(percent: str) -> Callable[[Drill], None]:
    """So much of the equity is taken out of the trading wallet."""
    return lambda drill: drill.desk.withdraw(drill.equity_usd() * Decimal(percent) / 100)


CASES = (
    Case(
        "consecutive_losses",
        {f"{SWITCHES}MAX_CONSECUTIVE_LOSSES": "3", f"{SWITCHES}CONSECUTIVE_LOSSES_PAUSE_H": "2"},
        "clock",
        "losses",
        "limit",
        hours=2.0,
        warm=True,
    ),
    Case(
        "daily_loss",
        {f"{SWITCHES}MAX_DAILY_LOSS_PCT": "2"},
        "midnight",
        "loss_pct",
        "limit_pct",
        withdrawn("2.1"),
        begins=LATE_EVENING,
    ),
    Case(
        "drawdown",
        {f"{SWITCHES}MAX_DRAWDOWN_PCT": "20"},
        "resume",
        "drawdown_pct",
        "limit_pct",
        withdrawn("20.5"),
        begins=LATE_EVENING,
    ),
    Case(
        "win_rate",
        {f"{SWITCHES}MIN_WIN_RATE_PCT": "60", f"{SWITCHES}WIN_RATE_WINDOW_TRADES": "5"},
        "resume",
        "win_rate_pct",
        "limit_pct",
        begins=EVENING,
        warm=True,
    ),
    Case(
        "reject_rate",
        {f"{SWITCHES}REJECT_WINDOW_ORDERS": "5", f"{SWITCHES}REJECT_COOLDOWN_H": "2"},
        "clock",
        "reject_rate_pct",
        "limit_pct",
        lambda drill: drill.desk.fault("reject_orders"),
        hours=2.0,
        heals=True,
    ),
    Case(
        "stale_heartbeat",
        {f"{SWITCHES}HEARTBEAT_STALE_S": "600", f"{SWITCHES}HEARTBEAT_CLEAR_CYCLES": "10"},
        "alive",
        "longest_s",
        "limit_s",
        lambda drill: drill.desk.fault("maintenance"),
        cycles=10,
        speed=120.0,
        heals=True,
    ),
    Case("operator_pause", {}, "resume", "text", "", lambda drill: drill.pause(), begins=LATE_EVENING),
    Case(
        "trades_per_day",
        {f"{LIMITS}MAX_TRADES_PER_DAY": "12"},
        "midnight",
        "opened",
        "limit",
        stored=False,
        begins=EVENING,
        warm=True,
    ),
    Case("margin_short", {f"{LIMITS}MIN_FREE_MARGIN_PCT": "99.9"}, "facts", "free_pct", "limit_pct", stored=False),
)


def drilled(case: Case, seed: int, keep: Path | None) -> Result:
    """One drill in a folder of its own, which is gone afterwards unless it is to be kept."""
    if keep is not None:
        return Drill(case, keep / case.name, seed).run()
    with tempfile.TemporaryDirectory() as folder:
        return Drill(case, Path(folder), seed).run()


def main() -> int:
    """Drill every chosen case and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.switches")
    parser.add_argument("--only", action="append", choices=[case.name for case in CASES], default=[])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=2, help="drills at a time")
    parser.add_argument("--keep", type=Path, help="folder for homes and logs, to look at them afterwards")
    chosen = parser.parse_args()
    cases = [case for case in CASES if not chosen.only or case.name in chosen.only]
    with ThreadPoolExecutor(chosen.lanes) as lanes:
        results = list(lanes.map(lambda case: drilled(case, chosen.seed, chosen.keep), cases))
    for result in results:
        for column, problems in result.problems.items():
            for problem in problems:
                print(f"{result.name}: {column}: {problem}", file=sys.stderr)
    Console(width=210).print(_table(results))
    return 0 if all(result.good for result in results) else 1


def _table(results: list[Result]) -> Table:
    figures = ("limit", "at the trip", "cycles tripped", "entries", "exits", "of them stops", "kills", "lifted by")
    table = Table("switch", *COLUMNS, *figures, "entries after", "s")
    for result in results:
        ticks = ["✓" if result.ticked(column) else "✗" for column in COLUMNS]
        counts = (result.cycles_tripped, result.entries_tripped, result.exits_tripped, result.stops_tripped)
        ends = (result.restarts, result.lifted_by, result.entries_after, f"{result.took_s:.0f}")
        table.add_row(result.name, *ticks, result.limit, result.value, *map(str, counts), *map(str, ends))
    return table


if __name__ == "__main__":
    sys.exit(main())
