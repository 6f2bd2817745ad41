"""How each feed is doing. The log hears of it twice: when a feed starts to fail and when all of it works again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from tradingbot.core.errors import IntelError
from tradingbot.market.intelligence import Feed, FeedHealth

log = structlog.get_logger(__name__)


class HealthBoard:
    """Successes and failures by feed. A feed fails while any of its requests failed last."""

    def __init__(self) -> None:
        self._health = {feed: FeedHealth(feed) for feed in Feed}
        self._failing: dict[Feed, set[str]] = {feed: set() for feed in Feed}

    def succeeded(self, feed: Feed, request: str, now: datetime, counts: bool = True) -> None:
        """A request of the feed brought a readable answer. One that does not count only ends its own failure."""
        if counts:
            self._health[feed] = replace(self._health[feed], last_success_at=now, errors_in_a_row=0)
        self._clear(feed, {request})

    def failed(self, feed: Feed, request: str, now: datetime, error: IntelError, counts: bool = True) -> None:
        """A request of the feed brought none."""
        health = self._health[feed]
        in_a_row = health.errors_in_a_row + counts
        self._health[feed] = replace(health, last_error_at=now, last_error=str(error), errors_in_a_row=in_a_row)
        if not self._failing[feed]:
            log.warning("intel.feed_failing", feed=feed, request=request, error=str(error))
        self._failing[feed].add(request)

    def keep_only(self, requests: Iterable[str]) -> None:
        """Requests that are no longer made cannot fail any more."""
        alive = set(requests)
        for feed, failing in self._failing.items():
            self._clear(feed, failing - alive, recovered=False)

    def _clear(self, feed: Feed, requests: set[str], recovered: bool = True) -> None:
        failing = self._failing[feed]
        if not failing & requests:
            return
        failing -= requests
        if not failing and recovered:
            log.info("intel.feed_recovered", feed=feed)

    def snapshot(self, off: Mapping[Feed, str]) -> dict[Feed, FeedHealth]:
        """The health of every feed, with the reason of those that are off."""
        return {feed: replace(health, off=off.get(feed, "")) for feed, health in self._health.items()}
