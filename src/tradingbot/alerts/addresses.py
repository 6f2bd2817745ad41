"""Addresses of channels: whether one can be used, and which parts of it must never be shown."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

SHORTEST: Final = 6
TOKEN: Final = 8
MASK: Final = "***"
_SCHEME: Final = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
HTML_SCHEMES: Final = ("mailto", "mailtos")
"""Channels that show a page as it was made; others are sent plain text."""


def problem_of(address: str) -> str:
    """Why an address cannot be used, without saying what it is; empty when it can."""
    if len(address.split()) != 1:
        return "it must be one address without blanks"
    if not _SCHEME.match(address):
        return "it must begin with a scheme such as tgram://, slack://, mailtos:// or jsons://"
    from tradingbot.alerts.sender import instance_of  # takes a while to load, and most runs need it not

    return "" if instance_of(address) is not None else "apprise cannot read it; compare with docs/alerts.md"


def secret_pieces(address: str) -> list[str]:
    """The address, and every part of it that looks like a password or token, the longest first."""
    found = {address}
    try:
        parts = urlsplit(address)
        words = [*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query)), parts.fragment]
        account, _, host = parts.netloc.rpartition("@")
    except ValueError:
        return [address]
    user, _, password = account.partition(":")
    words += [user, *([] if _is_host(host) else [host, *host.split(":")])]
    found |= {word for word in words if _is_token(word)}
    found |= {password} if len(password) >= SHORTEST else set()
    found |= {unquote(one) for one in found}
    return sorted(found, key=lambda one: (-len(one), one))


def hidden(text: str, secrets: list[str]) -> str:
    """The text without these."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _is_host(netloc: str) -> bool:
    """A name or number of a machine; some services have a token in its place."""
    name = netloc.rpartition(":")[0] or netloc
    return "." in name or name == "localhost" or netloc.startswith("[")


def _is_token(word: str) -> bool:
    """Long and mixed enough that no ordinary word is taken for one."""
    digit = any(char.isdigit() for char in word)
    mixed = any(char.isupper() for char in word) and any(char.islower() for char in word)
    return len(word) >= TOKEN and (digit or mixed)
