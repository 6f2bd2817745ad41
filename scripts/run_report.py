"""What became of every signal and trade of a run: blocked by which gate, traded, exits by rule, money.

    python scripts/run_report.py --home HOME [--out PAGE --note TEXT]

Reads signal_universe.jsonl, executed_trades.jsonl and kill_switches.jsonl with their rotated parts.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from tradingbot.research.run_report import (
    MONEY_HEADS,
    SIGNAL_HEADS,
    count_signals,
    markdown,
    money_by,
    money_row,
    signal_rows,
    total_of,
)
from tradingbot.storage.journal_reader import JournalReader

TITLE = "# A run on real candles\n\n"


def report(home: Path) -> str:
    """All tables as one page."""
    logs = home / "logs"
    signals = count_signals(JournalReader(logs / "signal_universe.jsonl"))
    trades = list({row["trade_id"]: row for row in JournalReader(logs / "executed_trades.jsonl")}.values())
    switches = Counter((row["switch"], row["event"]) for row in JournalReader(logs / "kill_switches.jsonl"))
    entered = signals.stages["entered"]
    parts = [
        f"{signals.total:,} signals, {signals.with_side:,} with a side, {signals.with_conviction:,} with conviction, "
        f"{entered:,} entered; {len(trades):,} trades finished.\n",
        "## Signals\n\n`against it`: how many of the signals with conviction the gate would have blocked, wherever "
        "they ended; `alone`: how many nobody else was against.\n",
        markdown(SIGNAL_HEADS, signal_rows(signals)),
    ]
    for title, key in (("Exits by rule", "exit_rule"), ("By symbol", "symbol"), ("By side", "direction")):
        rows = [money_row(name, money) for name, money in money_by(trades, key).items()]
        parts.append(f"\n## {title}\n\n{markdown(MONEY_HEADS, [*rows, money_row('all', total_of(trades))])}")
    rows = [(switch, event, f"{count}") for (switch, event), count in sorted(switches.items())]
    parts.append(f"\n## Kill switches\n\n{markdown(('switch', 'event', 'times'), rows)}")
    return "\n".join(parts) + "\n"


def main() -> None:
    """Print, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--note", default="")
    given = parser.parse_args()
    text = report(given.home)
    if given.out is None:
        print(text)
    else:
        note = f"{given.note}\n\n" if given.note else ""
        given.out.write_text(TITLE + note + text, encoding="utf-8")


if __name__ == "__main__":
    main()
