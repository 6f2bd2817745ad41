"""Tables on narrow terminals."""

from __future__ import annotations

import io

from rich.console import Console

from tradingbot.app.cli.listing import Listing


def shown(width: int) -> str:
    listing = Listing("Gates", "gate", "verdict", "why")
    listing.add_row("microstructure", "[red]BLOCK[/]", "the spread leaves less than a fifth of the size, or no book")
    out = io.StringIO()
    Console(file=out, width=width).print(listing)
    return out.getvalue()


def test_columns_where_there_is_room() -> None:
    assert "gate             verdict   why" in shown(100)


def test_a_list_where_there_is_none_and_nothing_is_cut() -> None:
    text = shown(40)
    assert "microstructure  BLOCK\n" in text
    assert " ".join(text.split()).endswith("the spread leaves less than a fifth of the size, or no book")
    assert max(len(line) for line in text.splitlines()) <= 40
