"""A table that becomes a list where the terminal is too narrow for its columns."""

from __future__ import annotations

from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

GAP: Final = 3
LEAST_LAST: Final = 30
SHORT: Final = 16


class Listing:
    """Rows under columns; the last column may wrap. Cells are markup.

    Where the other columns leave too little for the last one, each row is a line of its own, the last cell below it.
    """

    def __init__(self, title: str, *columns: str) -> None:
        self.title = title
        self.columns = columns
        self.rows: list[tuple[tuple[str, ...], str | None]] = []

    def add_row(self, *cells: str, style: str | None = None) -> None:
        """One more row."""
        self.rows.append((cells, style))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich asks for it."""
        if self._fits(options.max_width):
            yield self._table()
            return
        yield Text(f"{self.title} ({', '.join(name for name in self.columns if name)})", style="italic")
        for cells, style in self.rows:
            first = Text.from_markup("  ".join(cell for cell in cells[:-1] if cell), style=style or "")
            last = Text.from_markup(cells[-1])
            if last.cell_len < SHORT or first.cell_len + len("  ") + last.cell_len < options.max_width:
                yield Text.assemble(first, "  ", last)
            else:
                yield first
                yield Padding(last, (0, 0, 0, 4))
        yield ""

    def _fits(self, width: int) -> bool:
        rows = [self.columns, *(cells for cells, _ in self.rows)]
        widths = [max(Text.from_markup(row[place]).cell_len for row in rows) for place in range(len(self.columns))]
        return sum(widths[:-1]) + min(widths[-1], LEAST_LAST) + GAP * len(widths) + 1 <= width

    def _table(self) -> Table:
        table = Table(title=self.title, box=SIMPLE_HEAD, title_justify="left")
        for name in self.columns[:-1]:
            table.add_column(name, no_wrap=True)
        table.add_column(self.columns[-1], overflow="fold")
        for cells, style in self.rows:
            table.add_row(*cells, style=style)
        return table
