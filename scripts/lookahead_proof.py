"""Prove that no feature, component, reading, strategy or label knows its own future, and print the table.

    python scripts/lookahead_proof.py
    python scripts/lookahead_proof.py --data candles_1m.parquet

Without --data the market is synthetic and every planted fault must be caught. With it the candles are those of the file
(columns ts, in UTC ms of the open, symbol, open, high, low, close, volume; one minute each) and everything else is
synthetic; a file too short for a timeframe leaves its probes without values. Exit code 1 when anything knows its
future, or when, without --data, a planted shift went unnoticed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import Symbol, Timeframe, utc_from_ms
from tradingbot.market.candles import Candles
from tradingbot.research.lookahead_report import Proof, ProofRow, run_proof
from tradingbot.research.probes import all_probes
from tradingbot.research.recorded_inputs import RecordedInputs
from tradingbot.research.synthetic_inputs import (
    AFTER,
    DAY_MS,
    FOLLOWER,
    LEADER,
    SEED,
    THIRD,
    record,
    synthetic_inputs,
    synthetic_moments,
    unarrived_moments,
)
from tradingbot.sim_server.recorded_files import RecordedColumns, asset_of, read_recording


def recorded_case(path: Path, symbol: Symbol) -> tuple[RecordedInputs, tuple[datetime, ...]]:
    """A store over the file's candles and the moments to look at: few bars known, then every four hours of four days.

    Raises ConfigurationError for a file that cannot be read or lacks a symbol.
    """
    symbols = list(dict.fromkeys((LEADER, symbol, FOLLOWER, THIRD)))[:3]
    columns = read_recording(path, [asset_of(one) for one in symbols])
    candles = {one: candles_of(one, columns[asset_of(one)]) for one in symbols}
    first = max(int(one.open_ms[0]) for one in candles.values())
    last = min(int(one.open_ms[-1]) for one in candles.values())
    start, end = utc_from_ms(-(-first // DAY_MS) * DAY_MS), utc_from_ms(last // DAY_MS * DAY_MS)
    early = (start + timedelta(hours=hours) + AFTER for hours in (2, 5.5, 24, 96, 384))
    late = (end - timedelta(hours=4 * step) + AFTER for step in range(24, 0, -1))
    moments = (*(moment for moment in early if moment < end - timedelta(days=4)), *late)
    return record(candles, moments, SEED), moments


def candles_of(symbol: Symbol, columns: RecordedColumns) -> Candles:
    """A file's columns as one-minute candles. Raises ConfigurationError when the bars are longer."""
    if columns.step_ms != Timeframe.M1.ms:
        raise ConfigurationError(f"{symbol}: bars are {columns.step_ms / 60_000:g} minutes long; one minute is needed")
    values = (columns.open, columns.high, columns.low, columns.close, columns.volume)
    return Candles(symbol, Timeframe.M1, columns.open_ms, *values)


def row_cells(row: ProofRow) -> tuple[str, ...]:
    """One row as text."""
    same = ("yes" if equal else "[red]NO[/red]" for equal in (row.cut_equal, row.poison_equal))
    missed = "[red]NO[/red]" if row.valued else "no value"
    shift = "by " + " and ".join(row.shift_caught) if row.shift_caught else missed
    return row.probe, str(row.moments), str(row.valued), *same, shift, " and ".join(row.early_caught) or "-"


def table_of(proof: Proof) -> Table:
    """All rows as a table."""
    table = Table(title="Nothing knows its own future")
    for head in (
        "probe",
        "moments",
        "with value",
        "cut equal",
        "poison equal",
        "planted shift caught",
        "planted haste caught",
    ):
        table.add_column(head)
    for row in proof.rows:
        table.add_row(*row_cells(row))
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Prove, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="one-minute candles; synthetic ones without it")
    parser.add_argument("--symbol", default=FOLLOWER, help="the symbol that is looked at; not the leader")
    options = parser.parse_args(arguments)
    symbol = Symbol(options.symbol)
    if options.data is None:
        store, moments, unarrived = synthetic_inputs(), synthetic_moments(), unarrived_moments()
    else:
        store, moments = recorded_case(options.data, symbol)
        unarrived = (moments[-1] - AFTER + timedelta(milliseconds=500),)
    proof = run_proof(all_probes(symbol), store, moments, unarrived)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table_of(proof))
    for one in proof.violations[:10]:
        console.print(f"[red]{one.probe}[/red] at {one.moment}: {one.how} gives {one.other}, the whole {one.whole}")
    proven = sum(row.proven for row in proof.rows)
    console.print(f"{proven} of {len(proof.rows)} proven; {len(proof.violations)} differences without a planted fault.")
    sys.exit(1 if proof.violations or (options.data is None and proven < len(proof.rows)) else 0)


if __name__ == "__main__":
    main()
