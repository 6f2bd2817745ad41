"""Opens every document and journal of the catalogue under one home folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradingbot.config.sections import StorageParams
from tradingbot.engine.catalog import DIAGNOSTICS_DAYS, DOCUMENTS, JOURNALS, JournalRow, document_path, journal_path
from tradingbot.ports import Clock
from tradingbot.storage.document import Document
from tradingbot.storage.journal import Journal
from tradingbot.storage.repairs import RepairLog
from tradingbot.storage.writer import StorageWriter


@dataclass(frozen=True, slots=True)
class Stores:
    """All files of one home and the writer behind them."""

    writer: StorageWriter
    documents: dict[str, Document[Any]]
    journals: dict[str, Journal]
    repairs: RepairLog = field(default_factory=RepairLog)


def open_document(
    home: Path,
    name: str,
    writer: StorageWriter,
    generations: int = 3,
    repairs: RepairLog | None = None,
    journals: Mapping[str, Journal] | None = None,
) -> Document[Any]:
    """One document of the catalogue. Who writes it gives the `journals`: some must be on disk before it."""
    row = DOCUMENTS[name]
    encode = row.encoder() if row.encoder is not None else None
    after = [journals[other] for other in row.after] if journals is not None else []
    return Document(
        document_path(home, name),
        row.model,
        row.schema_version,
        writer,
        row.migrations,
        generations,
        encode=encode,
        after=after,
        repairs=repairs,
    )


def open_stores(home: Path, clock: Clock, params: StorageParams | None = None) -> Stores:
    """Everything the daemon owns under `home`."""
    writer, repairs, params = StorageWriter(clock), RepairLog(), params or StorageParams()
    journals = {
        name: Journal(
            journal_path(home, name),
            writer,
            max_bytes=int(min(row.max_mb, params.journal_max_mb or row.max_mb) * 1_000_000),
            keep_files=row.keep_files,
            retention_days=retention_days(row, params),
            repairs=repairs,
        )
        for name, row in JOURNALS.items()
    }
    documents = {name: open_document(home, name, writer, params.generations, repairs, journals) for name in DOCUMENTS}
    return Stores(writer, documents, journals, repairs)


def retention_days(row: JournalRow, params: StorageParams) -> float:
    """How long rotated parts are kept: money and learning by the catalogue alone, the rest by the settings too."""
    if row.path == JOURNALS["cycle_inputs"].path:
        days = params.inputs_days or row.retention_days
        return min(days, params.diagnostics_days or days)
    if params.diagnostics_days is None or row.retention_days > DIAGNOSTICS_DAYS:
        return row.retention_days
    return min(row.retention_days, params.diagnostics_days)
