"""One typed JSON document per file, replaced atomically, with older generations to fall back on.

The file is one line of JSON, readable with cat and jq::

    {"schema_version":1,"sha256":"<hex>","saved_at":"2026-01-31T12:00:00.000Z","data":{...}}

`sha256` is taken over the bytes of `data` exactly as they stand in the file. ``<name>.g1`` is the value before,
``<name>.g2`` the one before that. Decimals are stored as text, digit for digit.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from tradingbot.core.errors import StateCorruptError, StateError, StateNewerError, StorageUnavailableError
from tradingbot.core.types import iso_utc
from tradingbot.storage.files import make_folder, quarantine_path, sync_folder, write_file
from tradingbot.storage.repairs import Repair, RepairLog
from tradingbot.storage.writer import StorageWriter, Target

T = TypeVar("T", bound=BaseModel)
Migration = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the data of one schema version into the data of the next."""

_HEAD: Final = re.compile(rb'\{"schema_version":(\d+),"sha256":"([0-9a-f]{64})","saved_at":"[^"]*","data":')
_TAIL: Final = b"}\n"


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """What was found. `source` is ``current``, ``generation-N`` or ``missing``; `notes` are sentences for a person."""

    value: T | None
    source: str
    notes: tuple[str, ...] = ()


class _BadCopyError(Exception):
    """This copy cannot be used; the message says why."""


class Document(Generic[T]):
    """A typed state file. Values are handed over whole and not changed afterwards. One owner per file.

    `migrations[n]` turns data of version n into version n + 1; they must lead without a gap to `schema_version`.
    """

    newest_only = True

    def __init__(
        self,
        path: Path,
        model: type[T],
        schema_version: int,
        writer: StorageWriter,
        migrations: Mapping[int, Migration] | None = None,
        generations: int = 3,
        encode: Callable[[T], bytes] | None = None,
        after: Sequence[Target] = (),
        repairs: RepairLog | None = None,
    ) -> None:
        """`encode` stands in for pydantic's encoder of the whole and gives the same bytes, in the writer thread.

        `after`: journals whose lines the value rests on; it is written only when they are durable. `repairs` is told of
        every copy that was set aside and of an older one that took its place.
        """
        self.path = path
        self.after = tuple(after)
        self._model = model
        self._version = schema_version
        self._writer = writer
        self._encode = encode or model.__pydantic_serializer__.to_json
        self._migrations = dict(migrations or {})
        gaps = set(range(min(self._migrations, default=schema_version), schema_version)) ^ set(self._migrations)
        if gaps:
            raise ValueError(f"{path.name}: migrations do not lead to version {schema_version}: {sorted(gaps)}")
        self._older = tuple(path.with_name(f"{path.name}.g{number}") for number in range(1, generations + 1))
        self._newest_generation = path.with_name(f"{path.name}.g1")
        self._temp = path.with_name(f".{path.name}.tmp")
        self._checked = False
        self._suspect = True
        self._repairs = repairs or RepairLog()
        self._newest: T | None = None
        self._loaded: T | None = None

    # ------------------------------------------------------------ reading

    @property
    def newest(self) -> T | None:
        """What was loaded or written last by this process; None before either."""
        return self._newest if self._newest is not None else self._loaded

    def load(self, allow_loss: bool = False) -> Loaded[T]:
        """The newest good copy; bad newer ones are moved to the quarantine folder and named in the notes.

        Raises StateNewerError for a file of a newer version, StorageUnavailableError when the disk refuses to be
        read, and StateCorruptError when copies exist and none is good; these stay where they are, unless
        `allow_loss` says that starting empty is right: then they are set aside and the value is None.
        """
        value, number, bad = self._newest_good()
        if value is None and bad and not allow_loss:
            raise self._no_copy_left(bad)
        self._checked, self._loaded = True, value
        if value is not None:
            return Loaded(value, *self._describe(number, bad))
        notes = self._set_aside(bad)
        for path, why in bad:
            self._repairs.note(Repair("corrupt", path, why, "set aside; no good copy is left, it is made again"))
        return Loaded(None, "missing", notes)

    def peek(self) -> T | None:
        """The newest good copy, for those who do not own the file: nothing is moved, nothing is written.

        None when there is no copy at all. Raises as `load` does.
        """
        value, _, bad = self._newest_good()
        if value is None and bad:
            raise self._no_copy_left(bad)
        return value

    def newest_copy(self) -> tuple[T, Path] | None:
        """The newest good copy and its file, None without any; nothing is moved. Raises as `load` does."""
        value, number, bad = self._newest_good()
        if value is None and bad:
            raise self._no_copy_left(bad)
        return None if value is None else (value, (self.path, *self._older)[number])

    def fault(self) -> str:
        """What is wrong with the file on disk, which this life has written; empty when nothing is, or nothing was put.

        Reads the file, so not on the event loop. The hash suffices for what this life has written: to build the value
        again would keep the loop from running. Raises StorageUnavailableError, StateNewerError.
        """
        if self._newest is None or self._suspect:
            return ""
        content = _bytes_of(self.path)
        if content is None:
            return "missing"
        try:
            self._open_envelope(self.path, content)
        except _BadCopyError as why:
            return str(why)
        return ""

    async def mend(self) -> None:
        """Set the bad file aside and write the newest value again. Raises StorageUnavailableError."""
        if self._newest is not None:
            await asyncio.to_thread(self._set_bad_one_aside)
            await self._writer.submit_and_wait(self, self._newest, 0)

    def _set_bad_one_aside(self) -> None:
        with suppress(OSError):
            if self.path.exists():
                self.path.rename(quarantine_path(self.path, "corrupt", self._writer.clock.now()))

    def _newest_good(self) -> tuple[T | None, int, list[tuple[Path, str]]]:
        bad: list[tuple[Path, str]] = []
        for number, path in enumerate((self.path, *self._older)):
            try:
                value = self._read(path)
            except _BadCopyError as why:
                bad.append((path, str(why)))
                continue
            if value is not None:
                return value, number, bad
        return None, 0, bad

    def _no_copy_left(self, bad: list[tuple[Path, str]]) -> StateCorruptError:
        listed = "; ".join(f"{path}: {why}" for path, why in bad)
        return StateCorruptError(
            f"{self.path}: no readable copy is left ({listed}); restore a backup, "
            f"or move these files away to start without them"
        )

    def _describe(self, number: int, bad: list[tuple[Path, str]]) -> tuple[str, tuple[str, ...]]:
        if number == 0:
            return "current", ()
        used = self._older[number - 1].name
        for path, why in bad:
            self._repairs.note(Repair("corrupt", path, why, f"set aside; {used} is used instead"))
        notes = self._set_aside(bad)
        if not bad:
            notes = (f"{self.path.name} is missing",)
            self._repairs.note(Repair("missing", self.path, "missing", f"{used} is used instead"))
        return f"generation-{number}", (*notes, f"{used} is used instead")

    def _set_aside(self, bad: list[tuple[Path, str]]) -> tuple[str, ...]:
        return tuple(self._quarantine(path, why) for path, why in bad)

    def _quarantine(self, path: Path, why: str) -> str:
        try:
            target = quarantine_path(path, "corrupt", self._writer.clock.now())
            path.rename(target)
        except OSError as error:
            return f"{path.name} is corrupt ({why}) and could not be moved to quarantine ({error.strerror})"
        return f"{path.name} is corrupt ({why}) and was moved to {target}"

    def _read(self, path: Path) -> T | None:
        """The value of one copy, None when there is no such file. Raises _BadCopyError."""
        content = _bytes_of(path)
        if content is None:
            return None
        version, data = self._open_envelope(path, content)
        try:
            if version == self._version:
                return self._model.model_validate_json(data)
            return self._model.model_validate_json(orjson.dumps(self._migrate(path, version, data)))
        except ValidationError as error:
            raise _BadCopyError(_first_problem(error)) from error

    def _open_envelope(self, path: Path, content: bytes) -> tuple[int, bytes]:
        head = _HEAD.match(content)
        if head is None or not content.endswith(_TAIL):
            self._refuse_newer(path, content)
            raise _BadCopyError(_shape_problem(content))
        data = content[head.end() : -len(_TAIL)]
        if hashlib.sha256(data).hexdigest().encode() != head[2]:
            raise _BadCopyError("its content does not match its hash")
        version = int(head[1])
        self._compare_version(path, version)
        return version, data

    def _refuse_newer(self, path: Path, content: bytes) -> None:
        """A newer version may lay out its envelope differently; it is never taken for a corrupt one."""
        with suppress(orjson.JSONDecodeError):
            envelope = orjson.loads(content)
            if isinstance(envelope, dict) and isinstance(version := envelope.get("schema_version"), int):
                self._compare_version(path, version)

    def _compare_version(self, path: Path, version: int) -> None:
        if version > self._version:
            raise StateNewerError(
                f"{path}: written by a newer version of the program (schema {version}, this one knows "
                f"{self._version}); install that version again or restore an older backup"
            )

    def _migrate(self, path: Path, version: int, data: bytes) -> dict[str, Any]:
        if version not in self._migrations:
            raise StateError(f"{path}: schema version {version} is older than this program can migrate")
        content: dict[str, Any] = orjson.loads(data)
        self._keep_original(path, version)
        for step in range(version, self._version):
            try:
                content = self._migrations[step](content)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                raise StateError(f"{path}: cannot be migrated from schema {step} to {step + 1}: {error!r}") from error
        return content

    def _keep_original(self, path: Path, version: int) -> None:
        """The file as the older version wrote it stays beside the new one, for a way back."""
        with suppress(FileExistsError, OSError):
            os.link(path, self.path.with_name(f"{self.path.name}.schema-{version}"))

    # ------------------------------------------------------------ writing

    def put(self, value: T) -> None:
        """Queue the value; it is durable soon, or a newer one in its stead. Raises StateNewerError."""
        self._check_before_writing()
        self._newest, self._loaded = value, None
        self._writer.submit(self, value, 0)

    async def commit(self, value: T) -> None:
        """Return when this value (or a newer one) is durable. Raises StorageUnavailableError, StateNewerError."""
        self._check_before_writing()
        self._newest, self._loaded = value, None
        await self._writer.submit_and_wait(self, value, 0)

    def save(self, value: T) -> None:
        """Write now, blocking: for tools without an event loop. Raises StorageUnavailableError, StateNewerError."""
        self._check_before_writing()
        try:
            self.write([value], durable=True)
        except OSError as error:
            raise StorageUnavailableError(f"{self.path}: cannot be written: {error.strerror}") from error
        self._loaded = value

    def _check_before_writing(self) -> None:
        if not self._checked:
            self.load(allow_loss=True)

    def write(self, payloads: Sequence[Any], durable: bool) -> None:  # noqa: ARG002 - a document is always durable
        """In the writer thread: replace the file. Raises OSError."""
        content = self._envelope(payloads[-1])
        if self._suspect:  # a first write, or one after a failure: the folder may be anyhow
            make_folder(self.path.parent)
            self._temp.unlink(missing_ok=True)
        shift = not (self._suspect and _same_file(self.path, self._newest_generation))
        self._suspect = True
        if shift:
            self._recycle_oldest()
        write_file(self._temp, content)
        if shift:
            self._shift()
        os.replace(self._temp, self.path)
        sync_folder(self.path.parent)
        self._suspect = False

    def _envelope(self, value: T) -> bytes:
        data = self._encode(value)
        digest = hashlib.sha256(data).hexdigest()
        saved_at = iso_utc(self._writer.clock.now())
        head = f'{{"schema_version":{self._version},"sha256":"{digest}","saved_at":"{saved_at}","data":'
        return b"".join((head.encode(), data, _TAIL))

    def _recycle_oldest(self) -> None:
        """The oldest generation becomes the temporary file, so that its disk blocks are used again.

        Not when it has another name too, such as a backup made of hard links: that one must not change.
        """
        with suppress(FileNotFoundError):
            if self._older and os.stat(self._older[-1]).st_nlink == 1:
                os.replace(self._older[-1], self._temp)

    def _shift(self) -> None:
        """Move the generations back by one; the current file stays in place until it is replaced."""
        if not self._older:
            return
        for younger, older in zip(self._older[-2::-1], self._older[:0:-1], strict=True):
            with suppress(FileNotFoundError):
                os.replace(younger, older)
        with suppress(FileNotFoundError):
            self._newest_generation.unlink(missing_ok=True)
            os.link(self.path, self._newest_generation)

    def sync(self) -> None:
        """Nothing left to do: every write is durable."""

    def idle_work(self) -> None:
        """No housekeeping."""

    def close(self) -> None:
        """No descriptor is held."""


def _bytes_of(path: Path) -> bytes | None:
    """Everything in the file; None when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageUnavailableError(f"{path}: cannot be read: {error.strerror}") from error


def _same_file(first: Path, second: Path) -> bool:
    try:
        return os.path.samestat(os.stat(first), os.stat(second))
    except FileNotFoundError:
        return False


def _shape_problem(content: bytes) -> str:
    if not content:
        return "it is empty"
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError as error:
        return f"it is no JSON: {error}"
    return "its envelope is not as this program writes it, as after an edit by hand"


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place or 'data'}: {first['msg']}"
