"""Paging of /api/history/v3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tradingbot.sim_server.call import Answer, Call
from tradingbot.sim_server.errors import invalid

_MAX_PAGE = 1000

Element = tuple[str, int, dict[str, Any]]


def paged(call: Call, elements: Sequence[Element], account: str | None) -> Answer:
    """Elements (uid, time, event), oldest first, as one page of the history API."""
    since_ms, before_ms = call.moment_ms("since"), call.moment_ms("before")
    kept = [
        one
        for one in elements
        if (since_ms is None or one[1] >= since_ms) and (before_ms is None or one[1] < before_ms)
    ]
    if (call.text("sort") or "desc").lower() != "asc":
        kept.reverse()
    count = min(_MAX_PAGE, call.integer("count") or _MAX_PAGE)
    start = _offset(call)
    page = kept[start : start + count]
    answer: dict[str, Any] = {
        "len": len(page),
        "elements": [{"uid": uid, "timestamp": moment, "event": event} for uid, moment, event in page],
    }
    if account:
        answer["accountUid"] = account
    if start + count < len(kept):
        answer["continuationToken"] = f"o{start + count}"
    return answer


def _offset(call: Call) -> int:
    token = call.text("continuation_token") or call.text("continuationToken")
    if token is None:
        return 0
    if not token.startswith("o") or not token[1:].isdecimal():
        raise invalid("continuation_token")
    return int(token[1:])
