"""The archive of a backup: a tar.gz whose last member, MANIFEST.json, names size and SHA-256 of every other one."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradingbot.app.home_cut import ROOTS, Kept
from tradingbot.core.errors import StateError
from tradingbot.storage.files import FILE_MODE, sync_folder

MANIFEST: Final = "MANIFEST.json"
FORMAT: Final = 1
MAX_MANIFEST_BYTES: Final = 64_000_000
_BLOCK: Final = 262_144
_LEVEL: Final = 5


class BackupError(StateError):
    """A backup cannot be made, read or trusted; the message says why and what to do."""


class FileEntry(BaseModel):
    """One file of the archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    size: int = Field(ge=0)
    sha256: str
    schema_version: int | None = None


class Manifest(BaseModel):
    """What an archive holds and where it came from."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int
    created_at: str
    version: str
    home: str
    instance: str = ""
    profile: str = ""
    venue: str = ""
    daemon_running: bool = False
    at_one_moment: bool = True
    notes: list[str] = Field(default_factory=list)
    files: list[FileEntry] = Field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(entry.size for entry in self.files)


def write_archive(path: Path, files: Iterable[Kept], facts: dict[str, Any]) -> Manifest:
    """Write the archive durably under a temporary name, verify it, and only then give it its name. Raises OSError."""
    temp = path.with_name(f".{path.name}.partial")
    descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        with open(descriptor, "wb") as raw:
            manifest = _pack(raw, files, facts)
            raw.flush()
            os.fsync(raw.fileno())
        if verified(temp) != manifest:
            raise BackupError(f"{path}: what was read back is not what was written; look at the disk")
        os.replace(temp, path)
        sync_folder(path.parent)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    return manifest


def _pack(raw: IO[bytes], files: Iterable[Kept], facts: dict[str, Any]) -> Manifest:
    entries = []
    with (
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=_LEVEL, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for kept in files:
            reader = _Hashing(kept)
            tar.addfile(_member(kept.name, kept.size), reader)
            entries.append(
                FileEntry(path=kept.name, size=kept.size, sha256=reader.hexdigest(), schema_version=kept.schema_version)
            )
        manifest = Manifest(format=FORMAT, files=entries, **facts)
        content = manifest.model_dump_json(indent=1).encode()
        tar.addfile(_member(MANIFEST, len(content)), io.BytesIO(content))
    return manifest


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, FILE_MODE
    return member


class _Hashing(io.RawIOBase):
    """Reads at most `size` bytes of a kept file and hashes them on their way into the archive."""

    def __init__(self, kept: Kept) -> None:
        self._stream: IO[bytes] = io.BytesIO(kept.content) if kept.content is not None else _opened(kept)
        self._stream.seek(0)
        self._left = kept.size
        self._digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, none beyond the size of the cut."""
        wanted = self._left if size < 0 else min(size, self._left)
        block = self._stream.read(wanted)
        self._left -= len(block)
        self._digest.update(block)
        return block

    def hexdigest(self) -> str:
        """SHA-256 of everything read."""
        return self._digest.hexdigest()


def _opened(kept: Kept) -> IO[bytes]:
    assert kept.stream is not None
    return kept.stream


def verified(path: Path, into: Path | None = None) -> Manifest:
    """The manifest of an archive of which every byte was read and every hash is right; unpacked `into` a folder.

    Raises BackupError for anything that is not exactly what its manifest says: damaged or missing files, links,
    devices, names that lead out of the folder.
    """
    seen: dict[str, FileEntry] = {}
    manifest: Manifest | None = None
    try:
        with gzip.open(path, "rb") as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            for member in tar:
                if manifest is not None:
                    raise BackupError(f"{path}: {member.name} comes after the manifest; this is no backup of ours")
                stream = tar.extractfile(member) if member.isreg() else None
                if stream is None:
                    raise BackupError(f"{path}: {member.name} is no regular file; links and devices are refused")
                if member.name == MANIFEST:
                    manifest = _manifest(path, stream.read(MAX_MANIFEST_BYTES))
                    continue
                _refuse_unsafe(path, member.name, seen)
                seen[member.name] = _unpacked(member.name, stream, into)
            while packed.read(_BLOCK):  # to the very end: only there gzip's own sum is compared
                pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BackupError(f"{path}: damaged or cut off ({error}); take another backup") from error
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror or error}") from error
    _compare(path, manifest, seen)
    assert manifest is not None
    return manifest


def _manifest(path: Path, content: bytes) -> Manifest:
    try:
        found = Manifest.model_validate(orjson.loads(content))
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise BackupError(f"{path}: its manifest cannot be read; take another backup") from error
    if found.format > FORMAT:
        raise BackupError(f"{path}: made by a newer version ({found.version}); restore it with that version")
    return found


def _refuse_unsafe(path: Path, name: str, seen: dict[str, FileEntry]) -> None:
    parts = PurePosixPath(name).parts
    outside = name.startswith("/") or ".." in parts or "\\" in name or "\0" in name
    if outside or len(parts) < 2 or parts[0] not in ROOTS or PurePosixPath(*parts).as_posix() != name:
        raise BackupError(f"{path}: {name!r} leads out of {', '.join(ROOTS)}; it is refused as a whole")
    if name in seen:
        raise BackupError(f"{path}: {name} is in it twice; it is refused as a whole")


def _unpacked(name: str, stream: IO[bytes], into: Path | None) -> FileEntry:
    digest, size = hashlib.sha256(), 0
    for block in _blocks(stream, into / name if into is not None else None):
        digest.update(block)
        size += len(block)
    return FileEntry(path=name, size=size, sha256=digest.hexdigest())


def _blocks(stream: IO[bytes], target: Path | None) -> Iterator[bytes]:
    if target is None:
        while block := stream.read(_BLOCK):
            yield block
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    with open(descriptor, "wb") as out:
        while block := stream.read(_BLOCK):
            out.write(block)
            yield block
        out.flush()
        os.fsync(out.fileno())


def _compare(path: Path, manifest: Manifest | None, seen: dict[str, FileEntry]) -> None:
    if manifest is None:
        raise BackupError(f"{path}: no manifest at its end: cut off, or no backup of ours")
    listed = {entry.path: entry for entry in manifest.files}
    for name in sorted({*listed, *seen}):
        if name not in seen or name not in listed:
            where = "the manifest names it, the archive lacks it" if name in listed else "not in the manifest"
            raise BackupError(f"{path}: {name}: {where}; take another backup")
        if (seen[name].size, seen[name].sha256) != (listed[name].size, listed[name].sha256):
            raise BackupError(f"{path}: {name} does not match its hash; take another backup")
