"""Builders for storage tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from tradingbot.clock import SystemClock
from tradingbot.storage.document import Document
from tradingbot.storage.writer import StorageWriter


class Wallet(BaseModel):
    """A small state with every awkward kind of value."""

    number: int
    cash: Decimal = Decimal("10000.00")
    names: tuple[str, ...] = ()
    note: str | None = None


def wallet_document(path: Path, writer: StorageWriter, **changes: object) -> Document[Wallet]:
    """A version 1 document of wallets."""
    settings = {"schema_version": 1, **changes}
    return Document(path, Wallet, writer=writer, **settings)  # type: ignore[arg-type]


@asynccontextmanager
async def writing(retry_s: float = 0.01) -> AsyncIterator[StorageWriter]:
    """A writer that is closed at the end."""
    writer = StorageWriter(SystemClock(), retry_s=retry_s)
    try:
        yield writer
    finally:
        await writer.close(10.0)
