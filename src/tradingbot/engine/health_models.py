"""What the files of health, healing and issues hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from tradingbot.engine.models import StateModel
from tradingbot.guards.exchange_health import ExchangeHealth
from tradingbot.guards.healing_escalation import Heal, HealingState
from tradingbot.guards.issues import Cleared, Issue, IssueBook


class ExchangeHealthState(StateModel):
    """`feature_store/exchange_health_state.json`: whether the exchange is healthy, since when, and what was counted."""

    as_of: datetime
    health: ExchangeHealth = Field(default_factory=ExchangeHealth)
    clock_skew_s: float = 0.0


class HealingEscalationState(StateModel):
    """`feature_store/healing_escalation_state.json`: repairs of the newest 24 hours, counts and what follows."""

    as_of: datetime
    counts_24h: dict[str, int] = Field(default_factory=dict)
    escalation: dict[str, str] = Field(default_factory=dict)
    totals: dict[str, int] = Field(default_factory=dict)
    heals: list[Heal] = Field(default_factory=list)

    def to_state(self) -> HealingState:
        """The state that this content holds."""
        return HealingState(tuple(self.heals), dict(self.totals))


class IssuesState(StateModel):
    """`feature_store/issues.json`: open issues, and ids of those cleared within some hours."""

    as_of: datetime
    open: list[Issue] = Field(default_factory=list)
    cleared: list[Cleared] = Field(default_factory=list)

    def to_book(self) -> IssueBook:
        """The book that this content holds."""
        return IssueBook(tuple(self.open), tuple(self.cleared))

    @classmethod
    def of(cls, book: IssueBook, now: datetime) -> IssuesState:
        """The content for a book."""
        return cls.model_construct(as_of=now, open=list(book.open), cleared=list(book.cleared))


class ReplayState(StateModel):
    """`feature_store/replay_state.json`: the newest nightly replay, as `tradingbot replay --json` tells it."""

    as_of: datetime
    home: str
    since: datetime
    until: datetime
    program: str
    cycles: int
    replayed: int
    equal: int
    mismatched: int
    otherwise: int
    damaged: int
    orphans: int
    covered_s: float
    took_s: float
    speed: float | None = None
    left_out: dict[str, int] = Field(default_factory=dict)
    stages: dict[str, int] = Field(default_factory=dict)
    versions: dict[str, int] = Field(default_factory=dict)
    mismatches: list[dict[str, Any]] = Field(default_factory=list)
    damages: list[dict[str, Any]] = Field(default_factory=list)


class StrategicReviewState(StateModel):
    """`feature_store/strategic_review.json`: the newest daily review of how the daemon itself did."""

    as_of: datetime
    since: datetime
    facts: dict[str, Any] = Field(default_factory=dict)
    recommendations: list[dict[str, Any]] = Field(default_factory=list)
