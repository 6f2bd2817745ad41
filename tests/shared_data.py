"""Where recorded data lies, beside the checkout; tests over it are skipped, visibly, where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_PLACES = (
    os.environ.get("TRADINGBOT_SHARED_DATA", ""),
    str(_ROOT / "../shared/data"),
    str(_ROOT / "../../shared/data"),
)


def recorded(relative: str) -> Path:
    """A recorded file or folder; skips the test when there is none."""
    for place in _PLACES:
        path = Path(place) / relative
        if place and path.exists():
            return path
    pytest.skip(f"recorded data {relative} is not beside this checkout")
