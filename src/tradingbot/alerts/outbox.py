"""Owner of the alerts: taken at once, on disk before the first attempt, delivered beside everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog

from tradingbot.alerts.book import AlertBook
from tradingbot.alerts.delivering import delivered, failed
from tradingbot.alerts.routing import UNDELIVERED, Audience, Note, Step, digest, fitted, missed, take, turn
from tradingbot.alerts.sender import Sender
from tradingbot.alerts.texts import one_line
from tradingbot.core.errors import StorageUnavailableError
from tradingbot.engine.alert_models import AlertsState, Message
from tradingbot.engine.portfolio_keeper import StateDocument
from tradingbot.guards.issues import Finding, Issue, IssueChange
from tradingbot.ports import Clock, Journal

log = structlog.get_logger(__name__)

TURN_S: Final = 30.0
"""How often the clock is looked at when nothing happens."""
LEAST_REST_S: Final = 1.0
JOURNALLED: Final = ("held_back", "throttled", "dropped")


class Outbox:
    """The only writer of `feature_store/alerts_state.json` and `logs/alerts.jsonl`.

    `note` is told of a channel that could not be reached. `mask` takes secrets out of every text. Nothing here raises
    but for cancellation, and nothing waits for a channel but its own delivery.
    """

    def __init__(
        self,
        home: Path,
        state: AlertsState | None,
        document: StateDocument[AlertsState],
        journal: Journal,
        clock: Clock,
        audience: Audience,
        sender: Sender,
        note: Callable[[Finding], None],
        mask: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._home = home
        self._document = document
        self._journal = journal
        self._clock = clock
        self._audience = audience
        self._sender = sender
        self._note = note
        self._mask = mask
        self._news = asyncio.Event()
        self.turned_s: float | None = None
        """When the loop came round last, on the clock's monotonic scale."""
        self._book = AlertBook.of(state) if state is not None else AlertBook()
        if state is not None or audience.channels:
            self._take(fitted(self._book, audience, clock.now()))

    @property
    def book(self) -> AlertBook:
        """Everything that is known, frozen."""
        return self._book

    # ------------------------------------------------------------ taking

    def changed(self, change: IssueChange) -> None:
        """One change of an issue: a listener of the registry. Returns at once."""
        issue = self._clean(change.issue)
        try:
            self._take(take(self._book, replace(change, issue=issue), self._audience, self._clock.now()))
        except Exception as error:  # noqa: BLE001 - whoever told of the issue must not suffer from who hears of it
            log.warning("alerts.not_taken", issue=issue.issue_id, error=f"{type(error).__name__}: {error}")

    def _clean(self, issue: Issue) -> Issue:
        detail, subject = one_line(self._mask(issue.detail)), one_line(self._mask(issue.subject))
        return replace(issue, detail=detail, subject=subject)

    def catch_up(self, open_issues: Iterable[Issue]) -> None:
        """Once at the start: what a crash kept from being taken."""
        for change in missed(self._book, map(self._clean, open_issues), self._clock.now()):
            self.changed(change)

    def send_digest(self, title: str, body: str, page: str) -> int:
        """Queue the digest for every channel that wants it; how many do. `page` is its HTML file within the home."""
        step = digest(self._book, self._mask(title), self._mask(body), page, self._audience, self._clock.now())
        self._take(step)
        return sum(note.event == "queued" for note in step[1])

    def _take(self, step: Step) -> None:
        book, notes = step
        if book == self._book:
            return
        self._book = book
        for note in notes:
            if note.event in JOURNALLED:
                self._journal.append(self._note_line(note))
        with suppress(StorageUnavailableError):  # the files are closed already; the next start catches up
            self._document.put(book.to_state(self._clock.now()))
        self._news.set()

    # ------------------------------------------------------------ delivering

    async def run(self) -> None:
        """Deliver what waits, remind, tell what was held back; until cancelled."""
        while True:
            self._beat()
            self._news.clear()
            try:
                await self.round()
            except Exception as error:  # noqa: BLE001 - alerts may fail in any way, the daemon goes on
                log.warning("alerts.round_failed", error=f"{type(error).__name__}: {error}")
                await self._clock.sleep(TURN_S)
            await self._rest()

    async def round(self) -> None:
        """One look at the clock, and one attempt for everything that is due. What is sent is on disk before."""
        now = self._clock.now()
        self._take(turn(self._book, self._audience, now))
        due = [channel for channel in self._audience.channels if self._book.due(channel, now)]
        if not due:
            return
        with suppress(StorageUnavailableError):  # of a disk that refuses, people must hear all the more
            await self._document.commit(self._book.to_state(now))
        async with asyncio.TaskGroup() as group:
            for channel in due:
                group.create_task(self._deliver(channel), name=f"alerts-{channel}")

    async def _deliver(self, channel: str) -> None:
        """Everything that this channel is owed, each once; one that hangs is left alone until the next round."""
        tried: set[str] = set()
        while (message := self._next(channel, tried)) is not None:
            tried.add(message.message_id)
            page = self._home / message.page if message.page else None
            started_s = self._clock.perf_s()
            why = await self._sender.send(channel, message.title, message.body, page)
            self._beat()
            if not why:
                self._sent(message)
                continue
            self._failed(message, self._mask(why))
            if self._sender.is_busy(channel):
                log.debug("alerts.channel_hangs", channel=channel, waited_s=round(self._clock.perf_s() - started_s, 1))
                return

    def _next(self, channel: str, tried: Collection[str]) -> Message | None:
        due = self._book.due(channel, self._clock.now())
        return next((one for one in due if one.message_id not in tried), None)

    def _sent(self, message: Message) -> None:
        now = self._clock.now()
        self._book = delivered(self._book, message, self._audience.params, now)
        self._journal.append(self._line("sent", message, message.attempts + 1))
        self._put()

    def _failed(self, message: Message, why: str) -> None:
        params = self._audience.params
        self._book, given_up = failed(self._book, message, why, params, self._clock.now())
        self._journal.append({**self._line("failed", message, message.attempts + 1), "why": why})
        if given_up:
            after = f"after {message.attempts + 1} attempts: {why}"
            self._journal.append({**self._line("dropped", message, message.attempts + 1), "why": after})
            log.warning("alerts.given_up", channel=message.channel, title=message.title, why=why)
        self._put()
        if given_up:
            self._note(Finding(UNDELIVERED, message.channel, f"given up {after}"))

    def _put(self) -> None:
        with suppress(StorageUnavailableError):
            self._document.put(self._book.to_state(self._clock.now()))

    def _beat(self) -> None:
        self.turned_s = self._clock.monotonic_s()

    async def _rest(self) -> None:
        """Until there are news, or the next delivery is due."""
        rest_s, at = TURN_S, self._book.next_at()
        if at is not None:
            rest_s = min(TURN_S, max(LEAST_REST_S, (at - self._clock.now()).total_seconds()))
        with suppress(TimeoutError):
            async with self._clock.timeout(rest_s):
                await self._news.wait()

    # ------------------------------------------------------------ lines

    def _line(self, event: str, message: Message, attempts: int) -> dict[str, Any]:
        return {
            "at": self._clock.now(),
            "event": event,
            "channel": message.channel,
            "kind": message.kind,
            "id": message.message_id,
            "severity": message.severity.value,
            "title": message.title,
            "attempts": attempts,
        }

    def _note_line(self, note: Note) -> Mapping[str, Any]:
        return {
            "at": self._clock.now(),
            "event": note.event,
            "channel": note.channel,
            "kind": "change",
            "id": note.message_id,
            "severity": note.severity.value,
            "title": note.title,
            "why": note.why,
        }
