"""What every benchmark returns, and how it is shown and kept."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement. `ratio` is ours over the reference; `target` says what it should be; `met` whether it is."""

    name: str
    value: float
    unit: str
    reference: float | None
    ratio: float | None
    target: str
    met: bool


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_pairs(
    ours: Callable[[], float], reference: Callable[[], float], rounds: int = 5
) -> tuple[float, float, float]:
    """Medians of ours, of the reference, and of their ratio, measured in turn so that both see the same machine."""
    pairs = [(ours(), reference()) for _ in range(rounds)]
    ratios = [mine / other for mine, other in pairs]
    return (
        statistics.median(mine for mine, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(ratios),
    )


def show(results: Iterable[Result]) -> None:
    """A table for people."""
    table = Table(title="benchmarks")
    for column in ("name", "value", "unit", "reference", "ratio", "target", "met"):
        is_text = column in ("name", "unit", "target")
        table.add_column(column, justify="left" if is_text else "right", no_wrap=column == "name")
    for result in results:
        reference = "" if result.reference is None else f"{result.reference:,.4g}"
        ratio = "" if result.ratio is None else f"{result.ratio:.3f}"
        met = "[green]yes[/green]" if result.met else "[red]NO[/red]"
        table.add_row(result.name, f"{result.value:,.4g}", result.unit, reference, ratio, result.target, met)
    Console(width=None if sys.stdout.isatty() else 150).print(table)


def write(results: Iterable[Result], path: Path) -> None:
    """The same for programs."""
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")
