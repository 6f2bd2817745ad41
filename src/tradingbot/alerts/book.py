"""What is known of alerts: what waits to be sent, what was taken, held back and dropped. Plain frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from tradingbot.engine.alert_models import AlertsState, ChannelState, Message, Told

MAX_PENDING: Final = 200
"""Messages that wait for one channel; beyond it the oldest that is not critical is dropped and counted."""
MAX_TAKEN: Final = 500
"""Changes that are remembered as taken."""
MAX_HELD: Final = 100
"""Changes of the quiet hours told one by one in their summary; further ones are counted."""
MAX_TOLD: Final = 1000
MAX_TITLE: Final = 200
MAX_BODY: Final = 60_000


@dataclass(frozen=True, slots=True)
class AlertBook:
    """Everything of all channels."""

    pending: tuple[Message, ...] = ()
    taken: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()
    channels: Mapping[str, ChannelState] = field(default_factory=dict)
    number: int = 0
    """Of the newest message."""

    def find(self, message_id: str) -> Message | None:
        """The waiting message of that id."""
        return next((one for one in self.pending if one.message_id == message_id), None)

    def due(self, channel: str, now: datetime) -> tuple[Message, ...]:
        """What a channel is owed now, the oldest first: nothing is over before it was raised."""
        return tuple(one for one in self.pending if one.channel == channel and one.next_at <= now)

    def retry_at(self, channel: str) -> datetime | None:
        """When a channel that fails is tried next; None for one that does not fail."""
        return min((one.next_at for one in self.pending if one.channel == channel and one.attempts), default=None)

    def next_at(self) -> datetime | None:
        """When the next delivery is due."""
        return min((one.next_at for one in self.pending), default=None)

    def with_channel(self, name: str, state: ChannelState) -> AlertBook:
        """The book with this state of a channel."""
        return replace(self, channels={**self.channels, name: state})

    def with_message(self, message: Message) -> AlertBook:
        """The book with one more message, whose id is given here."""
        number = self.number + 1
        named = replace(
            message,
            message_id=f"{message.created_at:%Y%m%d}-{number}",
            title=message.title[:MAX_TITLE],
            body=message.body[:MAX_BODY],
        )
        return replace(self, pending=(*self.pending, named), number=number)

    def without(self, message_ids: Iterable[str]) -> AlertBook:
        """The book without these messages."""
        gone = set(message_ids)
        return replace(self, pending=tuple(one for one in self.pending if one.message_id not in gone))

    def with_replaced(self, message: Message) -> AlertBook:
        """The book with this message in place of the one of the same id."""
        same = (message if one.message_id == message.message_id else one for one in self.pending)
        return replace(self, pending=tuple(same))

    @classmethod
    def of(cls, state: AlertsState) -> AlertBook:
        """The book that a file holds."""
        return cls(tuple(state.pending), tuple(state.taken), tuple(state.told), dict(state.channels), state.number)

    def to_state(self, now: datetime) -> AlertsState:
        """The content of the file."""
        return AlertsState.model_construct(
            as_of=now,
            number=self.number,
            pending=list(self.pending),
            taken=list(self.taken),
            told=list(self.told),
            channels=dict(self.channels),
        )
