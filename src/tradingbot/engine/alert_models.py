"""What the file of alerts holds: messages that wait, issues that were told, the state of each channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from tradingbot.engine.models import StateModel
from tradingbot.guards.issues import Severity


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one channel. `kind`: ``change``, ``reminder``, ``summary``, ``more``, ``digest``.

    `next_at` is when delivery is tried next, `page` a file of the home with the same as HTML.
    """

    message_id: str
    channel: str
    kind: str
    severity: Severity
    title: str
    body: str
    created_at: datetime
    next_at: datetime
    attempts: int = 0
    last_error: str = ""
    page: str = ""
    issue_id: str = ""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """One change that came in the quiet hours."""

    at: datetime
    line: str


@dataclass(frozen=True, slots=True)
class Told:
    """An issue that was taken as raised and is not over: what reminders and a restart need."""

    issue_id: str
    kind: str
    subject: str
    severity: Severity
    since: datetime
    last_told_at: datetime
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class ChannelState:
    """Of one channel: tokens of the throttle and when they were counted, what was left out, held back, last sent."""

    tokens: float
    counted_at: datetime
    more: int = 0
    held: tuple[HeldBack, ...] = ()
    held_more: int = 0
    sent: int = 0
    failed: int = 0
    dropped: int = 0
    last_sent_at: datetime | None = None
    last_title: str = ""
    last_error: str = ""
    last_error_at: datetime | None = None


class AlertsState(StateModel):
    """`feature_store/alerts_state.json`: what waits to be sent, what was taken, and the state of each channel."""

    as_of: datetime
    number: int = 0
    pending: list[Message] = Field(default_factory=list)
    taken: list[str] = Field(default_factory=list)
    told: list[Told] = Field(default_factory=list)
    channels: dict[str, ChannelState] = Field(default_factory=dict)
