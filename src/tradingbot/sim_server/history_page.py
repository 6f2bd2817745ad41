"""Paging of /api/history/v3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tradingbot.sim_server.call import Answer, Call
from tradingbot.sim_server.errors import invalid
from tradingbot.sim_server.past import Span, Wanted

_MAX_PAGE: Final = 1000

Element = tuple[str, int, dict[str, Any]]


async def account_page(call: Call, kind: str, wanted: Wanted, show: Callable[[Any], Element]) -> Answer:
    """One page of the account's rows of a kind."""
    asked = _Asked.of(call)
    span = Span(kind, asked.since_ms, asked.before_ms, wanted=wanted)
    rows = await call.service.past.page(span, newest_first=asked.newest_first, skip=asked.start, count=asked.count + 1)
    return asked.answer([show(row) for row in rows], call.service.venue.account.uid)


def public_page(call: Call, elements: Sequence[Element]) -> Answer:
    """One page of elements (uid, time, event) that are given oldest first."""
    asked = _Asked.of(call)
    span = (asked.since_ms or 0, asked.before_ms)
    kept = [one for one in elements if one[1] >= span[0] and (span[1] is None or one[1] < span[1])]
    if asked.newest_first:
        kept.reverse()
    return asked.answer(kept[asked.start :])


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request says of the page it wants."""

    since_ms: int | None
    before_ms: int | None
    newest_first: bool
    start: int
    count: int

    @classmethod
    def of(cls, call: Call) -> _Asked:
        return cls(
            call.moment_ms("since"),
            call.moment_ms("before"),
            (call.text("sort") or "desc").lower() != "asc",
            _offset(call),
            min(_MAX_PAGE, call.integer("count") or _MAX_PAGE),
        )

    def answer(self, found: Sequence[Element], account: str | None = None) -> Answer:
        """The page, and where the next one begins when more than the page was found."""
        page = found[: self.count]
        answer: dict[str, Any] = {
            "len": len(page),
            "elements": [{"uid": uid, "timestamp": moment, "event": event} for uid, moment, event in page],
        }
        if account:
            answer["accountUid"] = account
        if len(found) > self.count:
            answer["continuationToken"] = f"o{self.start + self.count}"
        return answer


def _offset(call: Call) -> int:
    token = call.text("continuation_token") or call.text("continuationToken")
    if token is None:
        return 0
    if not token.startswith("o") or not token[1:].isdecimal():
        raise invalid("continuation_token")
    return int(token[1:])
