"""What must hold whatever was killed when. Each function gives sentences about what does not."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson

from tests.crash.processes import VenueProcess, reconciled
from tests.crash.venue_file import PREFIX, VenueFile
from tradingbot.engine.catalog import DOCUMENTS, JOURNALS

LATEST_S: Final = 180.0
"""An order may arrive so long after its intent (market time): its validity, and what a slow machine adds before."""
_HEAD: Final = b',"data":'


def readable(home: Path) -> Iterator[str]:
    """Every document is whole and matches its hash; every journal line but a torn last one is a record."""
    for row in DOCUMENTS.values():
        path = home / row.path
        if path.exists() and (why := broken_document(path)):
            yield f"{row.path} is unreadable: {why}"
    for journal in JOURNALS.values():
        path = home / journal.path
        if not path.exists():
            continue
        for line in path.read_bytes().split(b"\n")[:-1]:
            try:
                orjson.loads(line)
            except orjson.JSONDecodeError:
                yield f"{journal.path} has a broken line: {line[:80]!r}"


def broken_document(path: Path) -> str:
    """Why a document cannot be used; empty when it can."""
    content = path.read_bytes()
    try:
        envelope = orjson.loads(content)
        data = content.split(_HEAD, 1)[1][: -len(b"}\n")]
    except (orjson.JSONDecodeError, IndexError) as error:
        return f"{len(content)} bytes, {type(error).__name__}: {error}"
    return "" if hashlib.sha256(data).hexdigest() == envelope["sha256"] else "its hash does not match"


def promises_kept(home: Path, cut: Mapping[str, Any]) -> Iterator[str]:
    """After a power cut: what the storage had called written is on the disk, or something newer."""
    for name, digest in cut["believed"].items():
        path = Path(name)
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "nothing"
        if found not in (digest, cut["begun"].get(name)):
            yield f"{path.relative_to(home)} was called written and the disk holds something else after the power cut"
    for name, size in cut["believed_bytes"].items():
        path = Path(name)
        there = path.stat().st_size if path.exists() else 0
        if there < size:
            yield f"{path.relative_to(home)} was called written up to byte {size}; the disk holds {there}"


def journal(home: Path, name: str) -> list[dict[str, Any]]:
    """Whole records of a journal."""
    path = home / JOURNALS[name].path
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            found.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            continue  # said by `readable`
    return found


def document(home: Path, name: str) -> dict[str, Any]:
    """Data of a document; empty where there is none."""
    path = home / DOCUMENTS[name].path
    try:
        data: dict[str, Any] = orjson.loads(path.read_bytes())["data"]
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError):
        return {}
    return data


def intents(home: Path) -> dict[str, dict[str, Any]]:
    """Every intent by its order id."""
    return {row["client_order_id"]: row["intent"] for row in journal(home, "intents") if row["event"] == "intent"}


def orders_under_way(home: Path) -> int:
    """1 when some intent has no outcome."""
    waiting: set[str] = set()
    for row in journal(home, "intents"):
        (waiting.add if row["event"] == "intent" else waiting.discard)(row["client_order_id"])
    return int(bool(waiting))


def explained(home: Path, book: VenueFile, purposes: Sequence[str]) -> Iterator[str]:
    """Every order of ours that the venue accepted has its intent, was in time, and is there once."""
    known = intents(home)
    for order_id, uids in book.orders.items():
        if not order_id.startswith(PREFIX):
            continue
        if len(uids) > 1:
            yield f"{order_id} was accepted {len(uids)} times"
        if order_id not in known:
            if order_id.rpartition("-")[2].rstrip("0123456789") in purposes:
                yield f"{order_id} was accepted by the venue and no intent explains it"
            continue
        made = datetime.fromisoformat(known[order_id]["created_at"]).timestamp()
        if (late_s := book.first_ms[order_id] / 1000 - made) > LATEST_S:
            yield f"{order_id} was accepted {late_s:.0f} s after its intent"


def no_duplicates(home: Path, book: VenueFile) -> Iterator[str]:
    """No order is filled beyond its intent; no fill is in our journal twice."""
    filled: Counter[str] = Counter()
    for fill in book.fills:
        filled[str(fill["client_id"])] += Decimal(fill["size"])  # type: ignore[assignment]
    for order_id, intent in intents(home).items():
        if filled[order_id] > Decimal(str(intent["size"])):
            yield f"{order_id}: filled {filled[order_id]}, asked {intent['size']}"
    counted = Counter(row["fill_id"] for row in journal(home, "fills"))
    if doubles := [fill_id for fill_id, count in counted.items() if count > 1]:
        yield f"fills counted twice: {doubles[:5]}"


def tripped(home: Path) -> set[str]:
    """Names of the kill switches that the file says are tripped."""
    state = document(home, "kill_switches").get("state", {})
    return {str(row["name"]) for row in state.get("tripped", [])}


def heals(home: Path) -> list[Any]:
    """Events of self-healing that count, where the product keeps them."""
    path = home / "feature_store" / "healing_escalation_state.json"
    if not path.exists():
        return []
    found: list[Any] = []
    _collect_times(orjson.loads(path.read_bytes()).get("data"), "", found)
    return sorted(found)


def _collect_times(value: Any, place: str, found: list[Any]) -> None:
    """Every moment in a document, with the place where it stands, whatever its shape."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _collect_times(item, f"{place}.{key}", found)
    elif isinstance(value, list):
        for item in value:
            _collect_times(item, f"{place}[]", found)
    elif isinstance(value, str) and value[:2] == "20" and "T" in value and "[]" in place:
        found.append((value, place))


def heals_lost(before: Sequence[Any], after: Sequence[Any]) -> Iterator[str]:
    """Events that are gone though they are not older than a day before the newest."""
    if not before:
        return
    newest = datetime.fromisoformat(max([*before, *after])[0])
    left = Counter(after)
    for event, count in Counter(before).items():
        age_s = (newest - datetime.fromisoformat(event[0])).total_seconds()
        if left[event] < count and age_s < 86_000:
            yield f"{event[0]} at {event[1]}"


def agree(home: Path, venue: VenueProcess, book: VenueFile, purposes: Sequence[str]) -> Iterator[str]:
    """A daemon that was stopped in order: files and venue say the same, by the product's proof and by our own."""
    try:
        facts = reconciled(home, venue)
    except AssertionError as error:
        yield str(error)
        return
    yield from (f"reconcile: {difference}" for difference in facts["reconcile"]["differences"])
    yield from readable(home)
    yield from explained(home, book.read(), purposes)
    yield from no_duplicates(home, book)
    yield from _all_fills(home, book)


def _all_fills(home: Path, book: VenueFile) -> Iterator[str]:
    """Every fill of an order of ours that happened while the daemon lived is in the journal, once.

    What a stop took after the last look is not: the newest minute of the market is left out.
    """
    journalled = {row["fill_id"] for row in journal(home, "fills")}
    since = max((row["time"] for row in journal(home, "fills")), default="")
    lost = [
        fill["fill_id"]
        for fill in book.fills
        if str(fill["client_id"] or "").startswith(PREFIX)
        and fill["fill_id"] not in journalled
        and since
        and fill["time_ms"] / 1000 < datetime.fromisoformat(since).timestamp()
    ]
    if lost:
        yield f"fills of ours that the journal lacks: {lost[:5]}"
