"""Keeps the venue's contract specifications between runs (SPEC 2.5)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradingbot.app.stores import open_document
from tradingbot.engine.models import ContractSpecsState
from tradingbot.ports import Clock
from tradingbot.storage.writer import StorageWriter


class SpecCacheFile:
    """`feature_store/contract_specs.json`, with a writer of its own: the venue is opened before the other files."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self._writer = StorageWriter(clock)
        self._document = open_document(home, "contract_specs", self._writer)

    def load(self) -> Mapping[str, Any] | None:
        """What was kept last, or None. A damaged cache is no loss: the venue is asked anyway."""
        found = self._document.load(allow_loss=True)
        return found.value.model_dump() if found.value is not None else None

    def save(self, document: Mapping[str, Any]) -> None:
        """Keep it, soon."""
        self._document.put(ContractSpecsState(specs=list(document["specs"])))

    async def close(self) -> None:
        """Write what waits."""
        await self._writer.close(5.0)
