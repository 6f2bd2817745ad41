"""Runs every trouble of the venue against the real daemon and writes what was seen into docs/faults.md.

    python scripts/write_fault_docs.py [--check]

`--check` writes nothing and fails when the page lacks a fault.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import structlog

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.integration.fault_rows import TABLE, Observed, Row, observe  # noqa: E402

from tradingbot.simulator.faults import FAULTS  # noqa: E402

PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->"
HEAD = (
    "| fault | what was injected | entries meanwhile | reasons shown | exits meanwhile | issues raised "
    "| entries free after | traded again after |\n|---|---|---|---|---|---|---|---|\n"
)


def main() -> int:
    """Measure every row, one after the other."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv:
        missing = [name for name in FAULTS if f"| `{name}` |" not in text]
        print(f"missing in {PAGE.name}: {', '.join(missing)}" if missing else "every fault has a row")
        return 1 if missing else 0
    lines = []
    for row in TABLE:
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(observe(row, Path(folder)))
        lines.append(line(row, found))
        print(lines[-1], flush=True)
    table = HEAD + "\n".join(lines) + "\n"
    PAGE.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: BEGIN + table + END, text, flags=re.DOTALL), encoding="utf-8")
    return 0


def line(row: Row, found: Observed) -> str:
    """One row of the table."""
    settings = "".join(f", {name} {value:g}" for name, value in row.settings.items())
    entries = f"yes ({found.entries})" if row.entries else "none"
    exits = f"yes ({found.exits})" if found.exits else "none was due" if row.exits else "none got through"
    cells = (
        f"`{row.fault}`",
        FAULTS[row.fault] + settings,
        entries,
        _names(found.reasons),
        exits,
        _names(found.issues),
        f"{found.free_after_s:.0f} s",
        f"{found.traded_after_s:.0f} s",
    )
    return f"| {' | '.join(cells)} |"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.exit(main())
