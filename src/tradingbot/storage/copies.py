"""Copies of a document as bytes: which is the newest good one; without knowing its model, and nothing is moved."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ENVELOPE: Final = re.compile(
    rb'\{"schema_version":(\d+),"sha256":"([0-9a-f]{64})","saved_at":"([^"]*)","data":(.*)\}\n', re.DOTALL
)
MAX_GENERATIONS: Final = 20


@dataclass(frozen=True, slots=True)
class Copy:
    """One good copy. `content` is the whole file, `data` the part under the hash; generation 0 is the current file."""

    path: Path
    generation: int
    schema_version: int
    saved_at: str
    content: bytes
    data: bytes


def sealed(content: bytes) -> tuple[int, str, bytes] | None:
    """(schema version, saved_at, data) of an envelope whose data match their hash; None for anything else."""
    found = _ENVELOPE.fullmatch(content)
    if found is None or hashlib.sha256(found[4]).hexdigest().encode() != found[2]:
        return None
    return int(found[1]), found[3].decode(errors="replace"), found[4]


def newest_copy(path: Path) -> Copy | None:
    """The newest copy that matches its hash; None when there is none. Copies that cannot be read are passed over."""
    for number in range(MAX_GENERATIONS + 1):
        one = path if number == 0 else path.with_name(f"{path.name}.g{number}")
        try:
            content = one.read_bytes()
        except OSError:
            continue
        if (parts := sealed(content)) is not None:
            return Copy(one, number, *parts[:2], content, parts[2])
    return None
