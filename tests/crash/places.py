"""Names of crash points: which file of the catalogue a path is, which endpoint a URL, which feed a message."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Final

from tradingbot.engine.catalog import DOCUMENTS, JOURNALS

_GENERATION: Final = re.compile(r"(.+)\.g\d+$")
_TEMPORARY: Final = re.compile(r"^\.(.+)\.tmp$")
_PART: Final = re.compile(r"(.+?)\.\d{6,}\.\d{8}T\d{9}Z(\.jsonl)(\.gz)?$")
_API: Final = re.compile(r"^/(?:derivatives/api/v\d|api/history/v\d|api)/")
_FEED: Final = re.compile(r'"feed"\s*:\s*"(\w+)"')
_EVENT: Final = re.compile(r'"event"\s*:\s*"(\w+)"')
_PRIVATE: Final = ("fills", "open_orders", "open_positions", "balances", "notifications", "account_log")

OPERATIONS: Final = {
    "open": "a file is opened for writing (and made where there is none)",
    "write": "bytes are handed to the system; `.torn`: half of them are",
    "truncate": "a file is cut to its length",
    "fsync": "its bytes are made durable",
    "replace": "the finished temporary file takes the name of the file",
    "shift": "an older generation moves back by one",
    "recycle": "the oldest generation becomes the temporary file",
    "link": "the current file gets its second name, .g1",
    "unlink": "a name is taken away",
    "rename": "a file is moved, as into quarantine",
    "mkdir": "a folder is made",
    "before": "the request is about to be written to the socket",
    "sent": "the request has been written to the socket",
    "answered": "status and headers have come",
    "received": "the whole answer, or message, has come and nothing has been made of it",
    "send": "a message of ours goes out on the websocket",
    "connect": "a websocket is opened",
}
"""What the middle or last part of a point's name means."""


def _names() -> dict[str, str]:
    named = {row.path: f"{name}-journal" if name in DOCUMENTS else name for name, row in JOURNALS.items()}
    for name, row in DOCUMENTS.items():
        named[row.path] = name.removesuffix(".json").replace(":", "-").replace("/", "-")
    return named | {"state/nonce.json": "nonce", "tradingbot.lock": "lock"}


NAMES: Final = _names()
DOCUMENT_PLACES: Final = {NAMES[row.path]: row.path for row in DOCUMENTS.values()}
JOURNAL_PLACES: Final = {NAMES[row.path]: row.path for row in JOURNALS.values()}


class Places:
    """Names for paths below one home."""

    def __init__(self, home: Path) -> None:
        self.home = os.path.realpath(home)
        self._prefix = self.home + os.sep
        self._known: dict[str, str] = {}

    def relative(self, path: object) -> str | None:
        """The path below the home; None for what is elsewhere."""
        if isinstance(path, int):
            return None
        text = os.path.abspath(os.fsdecode(path))  # type: ignore[arg-type]
        if text == self.home:
            return "."
        return text[len(self._prefix) :] if text.startswith(self._prefix) else None

    def name(self, relative: str) -> str:
        """The place that a file belongs to, whatever its generation or temporary name."""
        if relative not in self._known:
            self._known[relative] = _name_of(relative)
        return self._known[relative]

    def folder(self, relative: str) -> str:
        """The name of a folder."""
        return "home-folder" if relative == "." else f"{relative.replace('/', '-')}-folder"


def _name_of(relative: str) -> str:
    folder, _, base = relative.rpartition("/")
    last = folder.rpartition("/")[2]
    if last in ("inbox", "outbox", "quarantine"):
        return last
    if base.startswith(".probe-"):
        return "probe"
    for pattern in (_TEMPORARY, _GENERATION):
        if match := pattern.match(base):
            base = match[1]
    if base == "nonce.tmp":
        base = "nonce.json"
    if match := _PART.match(base):
        base = match[1] + match[2]
    path = f"{folder}/{base}" if folder else base
    return NAMES.get(path, path.replace("/", "-"))


def operation_of_move(source: str, target: str, replaces: bool) -> str:
    """Which step of the life of a file a rename is."""
    if _GENERATION.match(target):
        return "shift"
    if _TEMPORARY.match(target.rpartition("/")[2]):
        return "recycle"
    if "/quarantine/" in target or not replaces:
        return "rename"
    return "replace"


def endpoint(path: str) -> str:
    """``sendorder``, ``orders-status``, ``account-log``, ``charts-v1``: an endpoint without what changes."""
    short = _API.sub("", path)
    if short.startswith("charts/"):
        return "charts"
    return short.strip("/").replace("/", "-") or "root"


def message(text: str | bytes | None) -> str:
    """``private.fills`` or ``public.book``, with the event where it has one."""
    head = (text.decode(errors="replace") if isinstance(text, bytes) else text or "")[:400]
    feed, event = _FEED.search(head), _EVENT.search(head)
    if feed is None and event is not None and event[1] == "challenge":
        return "private.challenge"
    side = "private" if feed is not None and feed[1].startswith(_PRIVATE) else "public"
    parts = [side, *(found[1] for found in (feed, event) if found is not None)]
    return ".".join(parts)


def meaning(point: str) -> str:
    """One line about a point for `--list`."""
    words = point.split(".")
    said = [OPERATIONS[word] for word in words if word in OPERATIONS and word != "before"] or [OPERATIONS["before"]]
    return f"{words[0]}: {said[-1]}" + (f" ({words[-1]})" if words[-1] in ("before", "after", "torn") else "")


def parse_plan(text: str) -> dict[str, object]:
    """A command to the launcher. Raises ValueError."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"no object: {text!r}")
    return found
