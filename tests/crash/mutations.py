"""One thing taken away from the product at a time, in the process under test alone: the harness must notice each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True)
class Mutation:
    """`apply` patches the process; `section` is the part of the harness that must notice, `points` where it looks."""

    what: str
    apply: Callable[[], None]
    section: str
    points: tuple[str, ...] = ()


@contextmanager
def _without_fsync() -> Iterator[None]:
    real = os.fsync
    os.fsync = lambda descriptor: None
    try:
        yield
    finally:
        os.fsync = real


def _document_fsync() -> None:
    """The temporary file of a document is not synced."""
    import tradingbot.storage.document as module

    real = module.write_file

    def write_file(path: Path, payload: bytes) -> None:
        with _without_fsync():
            real(path, payload)

    module.write_file = write_file


def _folder_fsync() -> None:
    """The folder is not synced after a document took its name."""
    import tradingbot.storage.document as module

    module.sync_folder = lambda folder: None


def _intents_fsync() -> None:
    """An intent is written, not synced, and its order sent."""
    from tradingbot.storage.journal import Journal

    real = Journal.write

    def write(self: Any, payloads: Any, durable: bool) -> None:
        real(self, payloads, durable and self.path.name != "intents.jsonl")

    Journal.write = write  # type: ignore[method-assign]


def _intent_after_send() -> None:
    """An order is sent first and its intent written after."""
    from tradingbot.engine.execute import Executor
    from tradingbot.engine.intents import IntentLog

    write, send = IntentLog.before_sending, Executor._send

    async def before_sending(self: Any, intent: Any) -> None:
        self._remember(intent)
        self._unresolved[intent.client_order_id] = "no outcome yet"

    async def _send(self: Any, what: str, intent: Any) -> Any:
        done = await send(self, what, intent)
        known = self._intents._unresolved.pop(intent.client_order_id, None)
        await write(self._intents, intent)
        if known is None:
            self._intents._unresolved.pop(intent.client_order_id, None)
        return done

    IntentLog.before_sending = before_sending  # type: ignore[method-assign]
    Executor._send = _send  # type: ignore[method-assign]


def _no_dedup() -> None:
    """A fill that was applied before is applied again."""
    import tradingbot.engine.portfolio_keeper as module

    real = module.apply_fill

    def apply_fill(book: Any, fill: Any, *more: Any) -> Any:
        return real(replace(book, seen_fills=()), fill, *more)

    module.apply_fill = apply_fill


def _no_generations() -> None:
    """No last good copy is kept."""
    from tradingbot.storage.document import Document

    Document._shift = lambda self: None  # type: ignore[method-assign]


def _forgotten_pause() -> None:
    """Kill switches are kept in memory alone."""
    from tradingbot.storage.document import Document

    real = Document.write

    def write(self: Any, payloads: Any, durable: bool) -> None:
        if self.path.name != "kill_switches.json":
            real(self, payloads, durable)

    Document.write = write  # type: ignore[method-assign]
    import tradingbot.engine.kill_switches as module

    module.change_record = lambda change: {"event": "none"}


def _in_place() -> None:
    """Documents are written in place instead of aside and renamed."""
    import tradingbot.storage.document as module
    from tradingbot.storage.document import Document

    def write(self: Any, payloads: Any, durable: bool) -> None:
        module.make_folder(self.path.parent)
        module.write_file(self.path, self._envelope(payloads[-1]))

    Document.write = write  # type: ignore[method-assign]


MUTATIONS: Final = {
    "document-fsync": Mutation("fsync of a document before its rename", _document_fsync, "power"),
    "folder-fsync": Mutation("fsync of the folder after the rename", _folder_fsync, "power"),
    "intents-fsync": Mutation(
        "fsync of the intents before the send",
        _intents_fsync,
        "power",
        ("http.sendorder.sent", "http.sendorder.answered"),
    ),
    "intent-first": Mutation(
        "the intent's write before the send",
        _intent_after_send,
        "points",
        ("http.sendorder.sent", "http.sendorder.received"),
    ),
    "fill-dedup": Mutation(
        "a fill counts once, by its id", _no_dedup, "points", ("positions.write.before", "positions.replace.before")
    ),
    "generations": Mutation("the last good copy of a document", _no_generations, "damage"),
    "switches-saved": Mutation("the file of the kill switches", _forgotten_pause, "switches"),
    "atomic-replace": Mutation(
        "a temporary file and a rename", _in_place, "points", ("positions.write.torn", "runtime.write.torn")
    ),
}
