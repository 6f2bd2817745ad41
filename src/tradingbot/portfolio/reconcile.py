"""The venue's truth against our book: named differences, never silent corrections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradingbot.core.records import VenuePosition
from tradingbot.core.types import Symbol
from tradingbot.portfolio.book import Book, total_open_size


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement. `kind`: ``position_size``, ``foreign_position``, ``missing_stop`` ...; values as plain text."""

    kind: str
    symbol: str
    ours: str
    venue: str
    detail: str = ""


def signed_sizes(positions: Iterable[VenuePosition]) -> dict[Symbol, Decimal]:
    """Signed size per symbol: positive long, negative short."""
    return {position.symbol: position.size * position.direction.sign for position in positions}


def compare_positions(book: Book, positions: Sequence[VenuePosition]) -> tuple[Difference, ...]:
    """Every symbol whose open size differs. A position that we know nothing of is ``foreign_position``."""
    theirs = signed_sizes(positions)
    symbols = sorted({*theirs, *(position.symbol for position in book.open_positions)})
    found = []
    for symbol in symbols:
        ours, venue = total_open_size(book, symbol), theirs.get(symbol, Decimal(0))
        if ours != venue:
            kind = "foreign_position" if ours == 0 else "position_size"
            found.append(Difference(kind, symbol, str(ours), str(venue)))
    return tuple(found)
