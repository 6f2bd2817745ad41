"""Judges a started daemon by `tradingbot status --json` on standard input; for deploy.sh. Standard library only.

Exit codes: 0 good, 1 not yet, 2 bad. One line says why.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def critical_issues(status: dict[str, Any]) -> set[str]:
    """What is open and critical: issues of the registry, where there is one, and disagreements with the venue."""
    rows = status.get("issues") or []
    named = {
        f"{row.get('kind')} {row.get('subject')}".strip()
        for row in rows
        if isinstance(row, dict) and row.get("severity") == "critical" and not row.get("cleared_at")
    }
    runtime = status.get("runtime") or {}
    return named | {f"difference: {line}" for line in runtime.get("differences") or []}


def judge(status: dict[str, Any], pid: int, cycles: int, known: set[str]) -> tuple[int, str]:
    """(exit code, why)."""
    runtime = status.get("runtime") or {}
    if not status.get("running") or runtime.get("pid") != pid:
        return 1, f"process {pid} has not finished a cycle yet"
    if runtime.get("failed_cycles"):
        return 2, f"a cycle failed: {runtime.get('last_failure')}"
    if not runtime.get("storage_ok", True):
        return 2, f"storage: {runtime.get('storage_detail')}"
    new = critical_issues(status) - known
    if new:
        return 2, f"new critical issues: {'; '.join(sorted(new))}"
    done = int(runtime.get("cycles", 0))
    return (0 if done >= cycles else 1), f"{done} of {cycles} good cycles"


def main() -> int:
    """Judge, or with --issues list what is known before a switch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pid", type=int, default=0)
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--known", type=Path)
    parser.add_argument("--issues", action="store_true")
    options = parser.parse_args()
    try:
        status = json.load(sys.stdin)
    except json.JSONDecodeError:
        print("no status yet")
        return 1
    if options.issues:
        print("\n".join(sorted(critical_issues(status))))
        return 0
    known = set(options.known.read_text(encoding="utf-8").splitlines()) if options.known else set()
    code, why = judge(status, options.pid, options.cycles, known)
    print(why)
    return code


if __name__ == "__main__":
    sys.exit(main())
