"""How much a channel may get: a bucket of tokens; and when it wants to be left alone. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tradingbot.alerts.book import AlertBook
from tradingbot.alerts.params import AlertParams
from tradingbot.engine.alert_models import ChannelState

HOUR_S: Final = 3600.0


def state_of(book: AlertBook, channel: str, params: AlertParams, now: datetime) -> ChannelState:
    """The channel's state with its tokens as of now; a new one has them all."""
    known = book.channels.get(channel)
    if known is None:
        return ChannelState(tokens=float(params.burst), counted_at=now)
    hours = max(0.0, (now - known.counted_at).total_seconds()) / HOUR_S
    tokens = min(float(params.burst), known.tokens + hours * params.messages_per_hour)
    return replace(known, tokens=tokens, counted_at=now)


def has_token(state: ChannelState) -> bool:
    """Whether one more message may go out."""
    return state.tokens >= 1


def spent(state: ChannelState) -> ChannelState:
    """With one token less; a critical message may take one that is not there, but never goes into debt."""
    return replace(state, tokens=max(0.0, state.tokens - 1))


def is_quiet(params: AlertParams, now: datetime) -> bool:
    """Whether quiet hours are on; they may go over midnight."""
    if params.quiet is None:
        return False
    (start, end), at = params.quiet, now.time()
    return start <= at < end if start < end else at >= start or at < end


def quiet_ends(params: AlertParams, now: datetime) -> datetime:
    """When the quiet hours that are on end; now when there are none."""
    if params.quiet is None or not is_quiet(params, now):
        return now
    end = params.quiet[1]
    today = now.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)
