"""How often the daemon repaired itself, by category, in a rolling window; too often stops entries (SPEC 13.2). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction

KEPT_HEALS: Final = 500
"""More than this many repairs in one window are not remembered one by one; far below, entries are blocked anyway."""


class HealCategory(StrEnum):
    """What kind of repair it was."""

    MISSING_FILE = "missing_file"
    CORRUPT_FILE = "corrupt_file"
    TORN_JOURNAL = "torn_journal"
    STALE_LOCK = "stale_lock"
    STUCK_SUBSYSTEM = "stuck_subsystem"
    POSITION_MISMATCH = "position_mismatch"
    STRAY_ORDER = "stray_order"


class HealingParams(Params):
    """When repairs are too many."""

    window_h: float = Field(default=24.0, gt=0, description="Repairs of the newest so many hours count.")
    soft_limit: int = Field(
        default=3, ge=1, description="So many repairs of one category trip the kill switch `healing`."
    )
    critical_limit: int = Field(default=5, ge=1, description="So many repairs of one category are critical.")

    @model_validator(mode="after")
    def _in_order(self) -> HealingParams:
        if self.critical_limit < self.soft_limit:
            raise contradiction("critical_limit must not be below soft_limit", "critical_limit")
        return self


class Escalation(StrEnum):
    """What follows from the number of repairs."""

    NONE = "none"
    SOFT = "soft"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Heal:
    """One repair: what was found, and what it was made into. `after` is empty while it is under way."""

    at: datetime
    category: HealCategory
    subject: str
    before: str
    after: str = ""
    succeeded: bool | None = None


@dataclass(frozen=True, slots=True)
class HealingState:
    """Repairs of the window, oldest first, and how many there have ever been of each category."""

    heals: tuple[Heal, ...] = ()
    totals: Mapping[str, int] | None = None

    @property
    def ever(self) -> dict[str, int]:
        """Repairs since the beginning."""
        return dict(self.totals or {})


def with_heal(state: HealingState, heal: Heal, params: HealingParams) -> HealingState:
    """The state after one more repair."""
    totals = state.ever
    totals[heal.category.value] = totals.get(heal.category.value, 0) + 1
    return HealingState((*within(state, heal.at, params), heal)[-KEPT_HEALS:], totals)


def with_result(state: HealingState, heal: Heal, after: str, succeeded: bool) -> HealingState:
    """The state once a repair's result is known."""
    done = replace(heal, after=after, succeeded=succeeded)
    return replace(state, heals=tuple(done if one == heal else one for one in state.heals))


def within(state: HealingState, now: datetime, params: HealingParams) -> tuple[Heal, ...]:
    """Repairs that count now. Those of a clock that ran ahead count too."""
    oldest = now - timedelta(hours=params.window_h)
    return tuple(heal for heal in state.heals if heal.at > oldest)


def counts(heals: Iterable[Heal], since: datetime | None = None) -> dict[str, int]:
    """How many of each category, after a moment where one is given."""
    return dict(Counter(heal.category.value for heal in heals if since is None or heal.at > since))


def escalation(count: int, params: HealingParams) -> Escalation:
    """What a number of repairs of one category means."""
    if count >= params.critical_limit:
        return Escalation.CRITICAL
    return Escalation.SOFT if count >= params.soft_limit else Escalation.NONE
