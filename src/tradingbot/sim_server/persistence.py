"""The venue's memory on disk: keys, one append-only transaction file, and the time it had reached."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from tradingbot.core.errors import StateCorruptError, StorageUnavailableError
from tradingbot.core.types import utc_from_ms
from tradingbot.sim_server.auth import Credentials
from tradingbot.simulator.account import ROW_KINDS, Account, Rows
from tradingbot.simulator.codec import pack, unpack

_KEYS = "api_keys.json"
_TRANSACTIONS = "transactions.jsonl"
_CLOCK = "clock.json"
_TAIL_BYTES = 4_000_000


def persisted_now(home: Path) -> datetime | None:
    """Venue time at which a restarted venue must resume; None when it has never run."""
    moments = [moment for moment in (_clock_ms(home), _last_transaction_ms(home)) if moment is not None]
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


class TransactionFile:
    """One line per transaction: the whole small account and the rows it added."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._handle: int | None = None

    def load(self) -> tuple[Account | None, Rows]:
        """Account and rows as of the last complete line. Raises StateCorruptError when an earlier line is broken."""
        account: Account | None = None
        rows = Rows()
        lines = _lines(self._home / _TRANSACTIONS)
        for number, line in enumerate(lines, 1):
            try:
                entry = orjson.loads(line)
                _read_rows(entry["rows"], rows)
                account = Account.from_json(entry["account"]) if number == len(lines) else account
            except (ValueError, KeyError, TypeError) as error:
                raise StateCorruptError(
                    f"{self._home / _TRANSACTIONS}, line {number} is damaged ({error}); "
                    "move the folder away to start with a fresh account"
                ) from error
        return account, rows

    def append(self, account: Account, rows: Rows, now_ms: int) -> None:
        """Write one transaction. Raises StorageUnavailableError when the disk refuses."""
        entry = {"time_ms": now_ms, "account": account.to_json(), "rows": _pack_rows(rows)}
        data = orjson.dumps(entry) + b"\n"
        try:
            if os.write(self._open(), data) != len(data):
                raise OSError("short write")
        except OSError as error:
            raise StorageUnavailableError(f"cannot write {self._home / _TRANSACTIONS}: {error}") from error

    def note_time(self, now_ms: int, prices: Mapping[str, tuple[Decimal, Decimal]] | None = None) -> None:
        """Note how far the venue's time has come, and the (index, mark) of every contract then."""
        shown = {symbol: [str(index), str(mark)] for symbol, (index, mark) in (prices or {}).items()}
        self._home.mkdir(parents=True, exist_ok=True)
        _write_whole(self._home / _CLOCK, orjson.dumps({"now_ms": now_ms, "prices": shown}), 0o600)

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int:
        if self._handle is None:
            self._home.mkdir(parents=True, exist_ok=True)
            path = self._home / _TRANSACTIONS
            _drop_torn_line(path)
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return self._handle


def _pack_rows(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    return {name: [pack(row) for row in getattr(rows, name)] for name in ROW_KINDS if getattr(rows, name)}


def _read_rows(packed: dict[str, list[dict[str, Any]]], into: Rows) -> None:
    for name, kind in ROW_KINDS.items():
        getattr(into, name).extend(unpack(kind, row) for row in packed.get(name, ()))


def _lines(path: Path) -> list[bytes]:
    """Complete lines; what follows the last newline is a torn write."""
    if not path.exists():
        return []
    return path.read_bytes().split(b"\n")[:-1]


def _drop_torn_line(path: Path) -> None:
    if not path.exists():
        return
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        os.truncate(path, data.rfind(b"\n") + 1)


def _clock_ms(home: Path) -> int | None:
    try:
        return int(orjson.loads((home / _CLOCK).read_bytes())["now_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _last_transaction_ms(home: Path) -> int | None:
    path = home / _TRANSACTIONS
    if not path.exists():
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().split(b"\n")[:-1]
    try:
        return int(orjson.loads(lines[-1])["time_ms"]) if lines else None
    except (ValueError, KeyError) as error:
        raise StateCorruptError(f"the last line of {path} is damaged: {error}") from error


def _write_whole(path: Path, data: bytes, mode: int) -> None:
    temporary = path.with_suffix(".tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(handle, data)
    finally:
        os.close(handle)
    temporary.replace(path)
