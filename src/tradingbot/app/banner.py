"""The start-up banner: what runs, on what, and every check with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from tradingbot.app.deployment_checks import CheckResult


def print_banner(console: Console, title: str, results: Sequence[CheckResult]) -> None:
    """One line per check with a tick or a cross."""
    table = Table.grid(padding=(0, 1))
    for result in results:
        mark = "[green]✓[/]" if result.ok else ("[red]✗[/]" if result.critical else "[yellow]![/]")
        table.add_row(mark, f"[bold]{result.name}[/]", result.detail)
    console.print(Panel(table, title=title, title_align="left", border_style="cyan", expand=False))
