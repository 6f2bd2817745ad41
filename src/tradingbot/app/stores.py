"""Opens every document and journal of the catalogue under one home folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradingbot.engine.catalog import DOCUMENTS, JOURNALS, document_path, journal_path
from tradingbot.ports import Clock
from tradingbot.storage.document import Document
from tradingbot.storage.journal import Journal
from tradingbot.storage.writer import StorageWriter


@dataclass(frozen=True, slots=True)
class Stores:
    """All files of one home and the writer behind them."""

    writer: StorageWriter
    documents: dict[str, Document[Any]]
    journals: dict[str, Journal]


def open_document(
    home: Path, name: str, writer: StorageWriter, generations: int = 3, journals: Mapping[str, Journal] | None = None
) -> Document[Any]:
    """One document of the catalogue. Who writes it gives the `journals`: some must be on disk before it."""
    row = DOCUMENTS[name]
    encode = row.encoder() if row.encoder is not None else None
    path = document_path(home, name)
    after = [journals[other] for other in row.after] if journals is not None else []
    return Document(path, row.model, row.schema_version, writer, generations=generations, encode=encode, after=after)


def open_stores(home: Path, clock: Clock, generations: int = 3) -> Stores:
    """Everything the daemon owns under `home`."""
    writer = StorageWriter(clock)
    journals = {
        name: Journal(
            journal_path(home, name),
            writer,
            max_bytes=int(row.max_mb * 1_000_000),
            keep_files=row.keep_files,
            retention_days=row.retention_days,
        )
        for name, row in JOURNALS.items()
    }
    documents = {name: open_document(home, name, writer, generations, journals) for name in DOCUMENTS}
    return Stores(writer, documents, journals)
