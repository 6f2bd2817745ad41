"""Which program this is: its version, and a hash of the code that decides."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import tradingbot

DECIDING: Final = ("core", "market", "portfolio", "signals", "strategies", "gates", "risk", "exits", "guards")
"""Rooms whose code takes part in a decision, beside the modules at the top."""


@cache
def program_version() -> str:
    """``0.1.0+1a2b3c4d``: the same for two programs exactly when version and deciding code are the same."""
    root = Path(tradingbot.__file__).parent
    files = [*root.glob("*.py"), *(path for room in DECIDING for path in (root / room).glob("*.py"))]
    state = hashlib.blake2b(digest_size=4)
    for path in sorted(files):
        state.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return f"{version('tradingbot')}+{state.hexdigest()}"
