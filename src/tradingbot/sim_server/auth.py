"""Keys, signatures, nonces and challenges as the venue checks them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """An API key and its base64 secret."""

    api_key: str
    api_secret: str


def sign(secret: str, data: str, nonce: str, path: str) -> str:
    """Authent of a request: `data` is query and form body exactly as sent, `path` without ``/derivatives``."""
    return sign_text(secret, data + nonce + path)


def sign_text(secret: str, text: str) -> str:
    """HMAC-SHA512 over the SHA-256 of a text, base64; a challenge is signed like this. ValueError: bad secret."""
    try:
        key = base64.b64decode(secret, validate=True)
    except binascii.Error as error:
        raise ValueError("the API secret is not base64") from error
    return base64.b64encode(hmac.new(key, hashlib.sha256(text.encode()).digest(), hashlib.sha512).digest()).decode()


def verified(credentials: Credentials, api_key: str, authent: str, data: str, nonce: str, path: str) -> bool:
    """Whether key and signature belong to these credentials."""
    expected = sign(credentials.api_secret, data, nonce, path.removeprefix("/derivatives"))
    return hmac.compare_digest(api_key, credentials.api_key) and hmac.compare_digest(authent, expected)


class NonceWindow:
    """Nonces rise; a little disorder is forgiven, a repetition never."""

    def __init__(self, highest: int = 0, tolerance: int = 10_000, remembered: int = 256) -> None:
        self.highest = highest
        self._tolerance = tolerance
        self._recent: deque[int] = deque(maxlen=remembered)

    def problem(self, nonce: str) -> str | None:
        """The error that this nonce earns; None when it is fine (a missing one is)."""
        if not nonce:
            return None
        if not nonce.isdecimal():
            return "invalidArgument: nonce"
        number = int(nonce)
        if number >= 1 << 63:
            return "invalidArgument: nonce"
        if number in self._recent:
            return "nonceDuplicate"
        if self._too_low(number):
            return "nonceBelowThreshold"
        self._recent.append(number)
        self.highest = max(self.highest, number)
        return None

    def _too_low(self, number: int) -> bool:
        within_recent = bool(self._recent) and number > min(self._recent)
        return number <= self.highest - self._tolerance and not within_recent
