"""The cache files of market intelligence as documents of the catalogue."""

from __future__ import annotations

import structlog

from tradingbot.app.stores import Stores
from tradingbot.core.errors import StateError
from tradingbot.intel.cache_models import FILES, CachedIntel, CacheModel

log = structlog.get_logger(__name__)


class IntelCacheFiles:
    """Reads and writes the files under `feature_store/`. A cache may be lost: an unreadable file is set aside."""

    def __init__(self, stores: Stores) -> None:
        self._documents = {name: stores.documents[f"intel:{name}"] for name in FILES}

    def load(self) -> CachedIntel | None:
        """What the files hold; one that cannot be read is left out and said."""
        found: dict[str, CacheModel] = {}
        for name, document in self._documents.items():
            try:
                loaded = document.load(allow_loss=True)
            except StateError as error:
                log.warning("intel.cache_unreadable", file=name, error=str(error))
                continue
            for note in loaded.notes:
                log.warning("intel.cache_damaged", file=name, note=note)
            if loaded.value is not None:
                found[name] = loaded.value
        return CachedIntel(found) if found else None

    def put(self, name: str, model: CacheModel) -> None:
        """Queue one file for writing."""
        self._documents[name].put(model)
