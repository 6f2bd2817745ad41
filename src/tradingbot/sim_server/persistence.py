"""What else the venue keeps on disk: its key, the time it had reached, and the prices then."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import orjson

from tradingbot.core.types import utc_from_ms
from tradingbot.sim_server.auth import Credentials
from tradingbot.sim_server.books import last_transaction_ms

_KEYS = "api_keys.json"
_CLOCK = "clock.json"


def persisted_now(home: Path) -> datetime | None:
    """Venue time at which a restarted venue must resume; None when it has never run."""
    moments = [moment for moment in (_clock_ms(home), last_transaction_ms(home)) if moment is not None]
    return utc_from_ms(max(moments)) if moments else None


def persisted_prices(home: Path) -> dict[str, tuple[Decimal, Decimal]]:
    """Last known (index, mark) of every contract; nothing when the venue has never run."""
    try:
        stored = orjson.loads((home / _CLOCK).read_bytes()).get("prices", {})
        return {symbol: (Decimal(index), Decimal(mark)) for symbol, (index, mark) in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError, ArithmeticError):
        return {}


def load_credentials(home: Path) -> Credentials:
    """The venue's key and secret; made on the first call, the same ever after. The file is for its owner alone."""
    path = home / _KEYS
    if path.exists():
        stored = orjson.loads(path.read_bytes())
        return Credentials(stored["api_key"], stored["api_secret"])
    home.mkdir(parents=True, exist_ok=True)
    material = secrets.token_bytes(64)
    key = base64.b64encode(hashlib.sha256(material).digest() + secrets.token_bytes(9)).decode()
    made = Credentials(key, base64.b64encode(material).decode())
    _write_whole(path, orjson.dumps({"api_key": made.api_key, "api_secret": made.api_secret}), 0o600)
    return made


def note_time(home: Path, now_ms: int, prices: Mapping[str, tuple[Decimal, Decimal]] | None = None) -> None:
    """Note how far the venue's time has come, and the (index, mark) of every contract then."""
    shown = {symbol: [str(index), str(mark)] for symbol, (index, mark) in (prices or {}).items()}
    home.mkdir(parents=True, exist_ok=True)
    _write_whole(home / _CLOCK, orjson.dumps({"now_ms": now_ms, "prices": shown}), 0o600)


def _clock_ms(home: Path) -> int | None:
    try:
        return int(orjson.loads((home / _CLOCK).read_bytes())["now_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_whole(path: Path, data: bytes, mode: int) -> None:
    temporary = path.with_suffix(".tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(handle, data)
    finally:
        os.close(handle)
    temporary.replace(path)
