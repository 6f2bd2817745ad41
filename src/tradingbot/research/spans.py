"""Spans of time, half open and in whole milliseconds: what was asked for, and what is still missing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[int, int]
"""[from, until) in epoch milliseconds."""


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time as few spans as possible, in order; empty ones are dropped."""
    found: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


def missing(wanted: Span, known: Iterable[Span]) -> tuple[Span, ...]:
    """The parts of `wanted` that no known span covers, in order."""
    begin, end = wanted
    found = []
    for first, last in joined(known):
        if begin < first and begin < end:
            found.append((begin, min(first, end)))
        begin = max(begin, last)
    return tuple(joined([*found, (begin, end)]))


def pieces(spans: Sequence[Span], length_ms: int) -> tuple[Span, ...]:
    """The spans cut into pieces of at most this length, in order."""
    return tuple(
        (begin, min(begin + length_ms, last)) for first, last in spans for begin in range(first, last, length_ms)
    )
