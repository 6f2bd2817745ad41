"""What becomes of a message that was tried: delivered, tried again later, or given up. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tradingbot.alerts.book import AlertBook
from tradingbot.alerts.params import AlertParams
from tradingbot.alerts.throttle import state_of
from tradingbot.engine.alert_models import Message


def delivered(book: AlertBook, message: Message, params: AlertParams, now: datetime) -> AlertBook:
    """The book after a delivery: the channel works, so what failed before is due at once."""
    state = state_of(book, message.channel, params, now)
    done = replace(state, sent=state.sent + 1, last_sent_at=now, last_title=message.title, last_error="")
    pending = tuple(
        replace(one, next_at=min(one.next_at, now)) if _waited_for(one, message.channel) else one
        for one in book.pending
        if one.message_id != message.message_id
    )
    return replace(book, pending=pending).with_channel(message.channel, done)


def _waited_for(message: Message, channel: str) -> bool:
    """Whether a message waits because the channel failed; a digest may wait for the end of the quiet hours."""
    return message.channel == channel and (message.attempts > 0 or message.kind != "digest")


def pause(params: AlertParams, attempts: int) -> timedelta:
    """How long to wait after so many failed attempts."""
    return timedelta(seconds=min(params.first_retry_s * 2 ** min(attempts - 1, 30), params.longest_retry_s))


def failed(book: AlertBook, message: Message, why: str, params: AlertParams, now: datetime) -> tuple[AlertBook, bool]:
    """The book after an attempt that failed, and whether the message was given up."""
    attempts = message.attempts + 1
    given_up = attempts >= params.attempts
    state = state_of(book, message.channel, params, now)
    counted = replace(
        state,
        failed=state.failed + 1,
        dropped=state.dropped + given_up,
        last_error=why,
        last_error_at=now,
    )
    book = book.with_channel(message.channel, counted)
    if given_up:
        return book.without([message.message_id]), True
    later = replace(message, attempts=attempts, next_at=now + pause(params, attempts), last_error=why)
    return book.with_replaced(later), False
