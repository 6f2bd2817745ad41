"""Settings of alerts. Addresses of channels are secrets and come from the environment alone."""

from __future__ import annotations

import re
from datetime import time
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.guards.issues import Severity

Event = Literal["raised", "worsened", "cleared", "acknowledged"]
SeverityName = Literal["warning", "error", "critical"]
MAX_CHANNELS: Final = 20
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TIME: Final = r"^(([01]\d|2[0-3]):[0-5]\d)?$"


class ChannelParams(Params):
    """What one channel is told."""

    min_severity: SeverityName = Field(default="warning", description="Issues below this are not told.")
    events: tuple[Event, ...] = Field(
        default=("raised", "worsened", "cleared"), description="Changes of an issue that are told."
    )
    quiet_hours: bool = Field(default=True, description="Keep the quiet hours; critical issues pass all the same.")
    digest: bool = Field(default=True, description="Send the nightly digest.")

    @property
    def least(self) -> Severity:
        """The lowest severity that is told."""
        return Severity(self.min_severity)


class AlertParams(Params):
    """Alerts and the nightly digest (SPEC 14, 18)."""

    enabled: bool = Field(default=True, description="Send alerts and the digest; false: addresses are not even read.")
    channels: dict[str, ChannelParams] = Field(
        default_factory=dict,
        description="What each channel is told, by name: min_severity, events, quiet_hours, digest. A channel whose "
        "address is set and that has no row here is told with the defaults.",
    )
    quiet_start: str = Field(default="", pattern=_TIME, description="Quiet hours begin, HH:MM UTC; empty: none.")
    quiet_end: str = Field(default="", pattern=_TIME, description="Quiet hours end, HH:MM UTC; empty: none.")
    messages_per_hour: float = Field(
        default=20.0, ge=1, le=1000, description="Messages that a channel gets per hour in the long run."
    )
    burst: int = Field(default=10, ge=1, le=200, description="Messages that a channel may get at once.")
    reminder_min: float = Field(
        default=60.0,
        ge=0,
        le=10_080,
        description="Critical issues that nobody acknowledged are told again after so many minutes; 0: never.",
    )
    send_deadline_s: float = Field(default=20.0, ge=1, le=120, description="One delivery may take so long, s.")
    attempts: int = Field(default=10, ge=1, le=50, description="Deliveries tried before a message is given up.")
    first_retry_s: float = Field(
        default=15.0, ge=1, le=3600, description="Pause after the first failed delivery, s; doubled with each further."
    )
    longest_retry_s: float = Field(default=1800.0, ge=1, le=86_400, description="Longest pause between two tries, s.")
    digest_days: int = Field(default=60, ge=1, le=3650, description="Days that written digests are kept.")

    @field_validator("channels")
    @classmethod
    def _names_are_lower_case(cls, value: dict[str, ChannelParams]) -> dict[str, ChannelParams]:
        found: dict[str, ChannelParams] = {}
        for name, row in value.items():
            lower = name.lower()
            if not is_channel_name(lower):
                raise ValueError(f"{name!r} is no name of a channel: letters, digits and _, a letter first")
            if lower in found:
                raise ValueError(f"{lower} is there twice; case does not matter")
            found[lower] = row
        if len(found) > MAX_CHANNELS:
            raise ValueError(f"has {len(found)} rows; at most {MAX_CHANNELS}")
        return found

    @model_validator(mode="after")
    def _quiet_hours_are_whole(self) -> AlertParams:
        if bool(self.quiet_start) != bool(self.quiet_end):
            raise contradiction("quiet hours need a start and an end", "quiet_start", "quiet_end")
        if self.quiet_start and self.quiet_start == self.quiet_end:
            raise contradiction("quiet hours that never end would hold everything back", "quiet_start", "quiet_end")
        if self.first_retry_s > self.longest_retry_s:
            raise contradiction("the first pause is longer than the longest", "first_retry_s", "longest_retry_s")
        return self

    @property
    def quiet(self) -> tuple[time, time] | None:
        """Start and end of the quiet hours, UTC; None without any."""
        if not self.quiet_start:
            return None
        return time.fromisoformat(self.quiet_start), time.fromisoformat(self.quiet_end)

    def channel(self, name: str) -> ChannelParams:
        """The row of a channel, else the defaults."""
        return self.channels.get(name) or ChannelParams()


def is_channel_name(name: str) -> bool:
    """Whether this may be the name of a channel, in lower case."""
    return _NAME.fullmatch(name) is not None
