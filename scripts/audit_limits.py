"""Were the limits kept? Derives every limit anew from a home's journals, without the code that keeps them.

    python scripts/audit_limits.py --home HOME [--candles FILE] [--json]

`--candles`: the recorded one-minute candles that the run traded on; with them pair-wise correlations are checked too.
Exit code 0 when no limit was exceeded in any cycle, 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
from rich.console import Console
from rich.table import Table

from tradingbot.research.limit_audit import Journals, LimitAudit, by_cycle, summary
from tradingbot.storage.journal_reader import JournalReader

JUST_CLOSED = pd.Timedelta(minutes=2)


class RecordedCorrelation:
    """Pearson correlation of hourly log returns over the 168 hours that had closed, by pandas."""

    def __init__(self, path: Path, window_h: int, min_h: int) -> None:
        frame = pd.read_parquet(path, columns=["ts", "symbol", "close"])
        frame["hour"] = pd.to_datetime(frame["ts"], unit="ms", utc=True).dt.floor("h")
        hourly = frame.sort_values("ts").groupby(["symbol", "hour"])["close"].last().unstack(0)
        hourly.columns = [_symbol(name) for name in hourly.columns]
        self._returns = np.log(hourly).diff()
        self._window_h, self._min_h = window_h, min_h
        self._known: dict[object, pd.DataFrame] = {}

    def __call__(self, one: str, two: str, at: datetime) -> float | None:
        """None when a symbol is not in the file or has too few hours."""
        if one not in self._returns or two not in self._returns:
            return None
        hour = pd.Timestamp(at).floor("h")
        found = self._at(hour, one, two)
        if found is None or pd.Timestamp(at) - hour > JUST_CLOSED:
            return found
        # Seconds after a full hour its candle may not have been there to be read yet.
        before = self._at(hour - pd.Timedelta(hours=1), one, two)
        return found if before is None else min(found, before, key=abs)

    def _at(self, hour: pd.Timestamp, one: str, two: str) -> float | None:
        """As of the hours that had closed by a full hour."""
        until = hour - pd.Timedelta(hours=1)
        if until not in self._known:
            since = until - pd.Timedelta(hours=self._window_h - 1)
            self._known[until] = self._returns.loc[since:until].corr(min_periods=self._min_h)
        found = float(self._known[until].loc[one, two])
        return None if np.isnan(found) else found


def _symbol(name: str) -> str:
    base = name.replace("/", "").replace(":USDT", "").replace("-", "")
    base = base if base.endswith("USDT") else f"{base}USDT"
    return {"MATICUSDT": "POLUSDT"}.get(base, base)


def lifted(logs: Path) -> list[tuple[str, str]]:
    """(when, switch) of everything that a person lifted."""
    rows = JournalReader(logs / "kill_switches.jsonl")
    return [(row["at"], row["switch"]) for row in rows if row["event"] == "lift" and row["by"] != "rule"]


def main() -> int:
    """Read, check, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--candles", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    logs = given.home / "logs"
    params = {row["params_hash"]: row["params"] for row in JournalReader(logs / "decision_params.jsonl")}
    gate = next(iter(params.values()))["gates"]["correlation"]
    correlation = RecordedCorrelation(given.candles, gate["window_h"], gate["min_h"]) if given.candles else None
    journals = Journals(
        cycles=JournalReader(logs / "cycles.jsonl"),
        signals=by_cycle(JournalReader(logs / "predictive_signals.jsonl")),
        intents=list(JournalReader(logs / "intents.jsonl")),
        fills=list(JournalReader(logs / "fills.jsonl")),
        trades=list(JournalReader(logs / "executed_trades.jsonl")),
        params=params,
        lifts=[(datetime.fromisoformat(at), name) for at, name in lifted(logs)],
    )
    audit = LimitAudit(journals, correlation).run()
    if given.json:
        facts = {"checked": dict(audit.checked), "breaches": [asdict(one) for one in audit.breaches]}
        sys.stdout.buffer.write(orjson.dumps(facts, option=orjson.OPT_INDENT_2) + b"\n")
    else:
        table = Table("limit", "checked", "breaches", "closest, of the limit")
        for limit, checked, broken, near in summary(audit):
            table.add_row(limit, f"{checked:,}", f"[red]{broken}[/]" if broken else "0", near)
        Console(width=110).print(table)
        for breach in audit.breaches[:40]:
            print(f"{breach.at} {breach.symbol}: {breach.limit}: {breach.value} (allowed {breach.allowed})")
    return 1 if audit.breaches else 0


if __name__ == "__main__":
    raise SystemExit(main())
