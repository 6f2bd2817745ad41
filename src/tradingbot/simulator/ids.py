"""Identifiers that look like UUIDs and follow from seed and counter."""

from __future__ import annotations

import hashlib
import uuid


def derived_uuid(*parts: object) -> str:
    """The same parts give the same UUID-shaped text."""
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))


def unit_noise(*parts: object) -> float:
    """A number in [0, 1) that follows from the parts."""
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
