"""Signing of Kraken Futures requests and websocket challenges: HMAC-SHA512 over SHA-256."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from tradingbot.core.errors import ConfigurationError

UNSIGNED_PREFIX: Final = "/derivatives"
"""The part of a path that is left out of the signature."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """One key pair; the secret is base64 text. Printing it shows neither half.

    Raises ConfigurationError for an empty key or a secret that is not base64.
    """

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.api_key.strip():
            raise ConfigurationError("Kraken Futures API key is empty; set KRAKEN_FUTURES_API_KEY")
        try:
            secret = base64.b64decode(self.api_secret, validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not secret:
            raise ConfigurationError(
                "Kraken Futures API secret is not base64 text; set KRAKEN_FUTURES_API_SECRET as Kraken showed it"
            )

    def __repr__(self) -> str:
        return "Credentials(***)"


class Signer:
    """Signs with one key pair."""

    def __init__(self, credentials: Credentials) -> None:
        self.api_key = credentials.api_key
        self._secret = base64.b64decode(credentials.api_secret)

    def __repr__(self) -> str:
        return "Signer(***)"

    def authent(self, path: str, data: str, nonce: str) -> str:
        """`Authent` header of a request to `path` whose query and body, exactly as sent, are `data`."""
        return self._sign(data + nonce + path.removeprefix(UNSIGNED_PREFIX))

    def challenge(self, text: str) -> str:
        """Answer to a websocket challenge."""
        return self._sign(text)

    def _sign(self, message: str) -> str:
        digest = hashlib.sha256(message.encode()).digest()
        return base64.b64encode(hmac.digest(self._secret, digest, "sha512")).decode()
