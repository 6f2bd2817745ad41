"""Messages for people without secrets in them, also where somebody put a key into the wrong place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tradingbot.alerts.addresses import secret_pieces
from tradingbot.config.environment import ALERT_URL, SECRET_NAMES

MASK: Final = "***"
SHORTEST: Final = 6
_LONG: Final = re.compile(r"(?<![A-Za-z0-9+/=_.-])[A-Za-z0-9+][A-Za-z0-9+/=_-]{27,}")


def masked(text: str, environ: Mapping[str, str]) -> str:
    """The text with every value of a secret variable, and whatever looks like a key, replaced by ``***``."""
    values = [environ.get(name, "").strip() for name in SECRET_NAMES]
    for name, value in environ.items():
        values += secret_pieces(value.strip()) if name.startswith(ALERT_URL) and value.strip() else []
    for value in sorted((one for one in values if len(one) >= SHORTEST), key=len, reverse=True):
        text = text.replace(value, MASK)
    return _LONG.sub(lambda found: MASK if _looks_like_a_key(found[0]) else found[0], text)


def _looks_like_a_key(word: str) -> bool:
    """Long and mixed as random text in base64 or hex is; names, paths and times are not."""
    upper = sum(char.isupper() for char in word)
    lower = sum(char.islower() for char in word)
    digits = sum(char.isdigit() for char in word)
    return (upper >= 4 and lower >= 4 and digits >= 2) or (digits >= 8 and not set(word) - set("0123456789abcdef"))
