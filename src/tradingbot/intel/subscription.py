"""What the key has paid for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tradingbot.core.errors import IntelProtocolError
from tradingbot.intel.endpoints import PlanLevel, plan_level
from tradingbot.intel.fields import moment, record, shown, text


@dataclass(frozen=True, slots=True)
class Subscription:
    """The plan in CoinGlass's own word and in ours, and until when."""

    word: str
    level: PlanLevel
    expires_at: datetime | None
    expired: bool


def parse_subscription(data: Any) -> Subscription:
    """The plan of the key.

    ``{"level": "HOBBYIST", "expire_time": 1805943491000, "expired": false}``
    """
    row = record(data, "subscription")
    if row is None:
        raise IntelProtocolError("subscription: no data")
    expired = row.get("expired", False)
    if not isinstance(expired, bool):
        raise IntelProtocolError(f"field 'expired' must be true or false: {shown(row)}")
    at = row.get("expire_time")
    word = text(row, "level")
    return Subscription(word, plan_level(word), None if at is None else moment(at, "expire_time"), expired)
