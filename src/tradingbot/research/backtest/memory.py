"""Documents and journals of a backtest: nothing outlives it, so nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class MemoryDocument(Generic[T]):
    """The newest value, as good as durable."""

    def __init__(self) -> None:
        self.newest: T | None = None

    def put(self, value: T) -> None:
        """Take the value."""
        self.newest = value

    async def commit(self, value: T) -> None:
        """Take the value."""
        self.newest = value


class Unwritten:
    """A journal that nobody reads."""

    def append(self, record: Mapping[str, Any]) -> bool | None:  # noqa: ARG002 - that is its point
        """Let the line go."""
        return True

    async def commit(self, record: Mapping[str, Any]) -> None:
        """Let the line go."""
