"""Owner of the count of repairs: every repair is counted on disk before it is made, and told with before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import structlog

from tradingbot.core.errors import StorageUnavailableError
from tradingbot.core.types import parse_utc
from tradingbot.engine.health_models import HealingEscalationState
from tradingbot.guards.healing_escalation import (
    Escalation,
    Heal,
    HealCategory,
    HealingParams,
    HealingState,
    counts,
    escalation,
    with_heal,
    with_result,
    within,
)
from tradingbot.guards.issues import Finding, Severity
from tradingbot.ports import Clock, Journal

log = structlog.get_logger(__name__)


class HealingDocument(Protocol):
    """The part of a stored document that is needed here."""

    async def commit(self, value: HealingEscalationState) -> None:
        """Durable when it returns."""

    def put(self, value: HealingEscalationState) -> None:
        """Durable soon."""


class HealingDesk:
    """The only writer of `feature_store/healing_escalation_state.json` and `logs/healing_escalation_log.jsonl`."""

    def __init__(
        self,
        state: HealingState,
        document: HealingDocument,
        journal: Journal,
        clock: Clock,
        params: HealingParams,
    ) -> None:
        self._state = state
        self._document = document
        self._journal = journal
        self._clock = clock
        self._params = params
        self._levels = self._escalations()

    async def begin(self, category: HealCategory, subject: str, before: str) -> Heal:
        """Count a repair that is about to be made; it is on disk when this returns, if the disk takes it."""
        heal = Heal(self._clock.now(), category, subject, before)
        self._state = with_heal(self._state, heal, self._params)
        self._journal.append(heal_line("healing", heal, self.counts()))
        try:
            await self._document.commit(self._content())
        except StorageUnavailableError as error:
            log.error("healing.not_durable", error=str(error))
        return heal

    def finish(self, heal: Heal, after: str, succeeded: bool = True) -> None:
        """The repair is made, or has failed."""
        self._state = with_result(self._state, heal, after, succeeded)
        done = replace(heal, after=after, succeeded=succeeded)
        self._journal.append(heal_line("healed" if succeeded else "not_healed", done, self.counts()))
        say = log.warning if succeeded else log.error
        say(
            "healing.done" if succeeded else "healing.failed",
            category=heal.category.value,
            subject=heal.subject,
            before=heal.before,
            after=after,
        )
        self._document.put(self._content())
        self._tell_escalation()

    def note(self, category: HealCategory, subject: str, before: str, after: str) -> None:
        """A repair that a start has made already, before there was anything to count with."""
        heal = Heal(self._clock.now(), category, subject, before)
        self._state = with_heal(self._state, heal, self._params)
        self.finish(heal, after)

    # ------------------------------------------------------------ what follows from it

    def heals(self) -> tuple[Heal, ...]:
        """Repairs that count now."""
        return within(self._state, self._clock.now(), self._params)

    def counts(self) -> dict[str, int]:
        """Repairs that count now, by category."""
        return counts(self.heals())

    def findings(self) -> list[Finding]:
        """Issues: categories that are repaired too often, and newest repairs that failed."""
        found = [
            Finding(
                "healing_escalated",
                name,
                f"{count} repairs in {self._params.window_h:g} h; entries are held from {self._params.soft_limit} on",
                Severity.CRITICAL if level is Escalation.CRITICAL else Severity.ERROR,
            )
            for name, count in self.counts().items()
            if (level := escalation(count, self._params)) is not Escalation.NONE
        ]
        newest = {(heal.category, heal.subject): heal for heal in self.heals()}
        failed = [heal for heal in newest.values() if heal.succeeded is False]
        return found + [Finding("repair_failed", f"{heal.category}/{heal.subject}", heal.after) for heal in failed]

    def tick(self) -> None:
        """Tell when a category's count has fallen with time."""
        self._tell_escalation()

    def _tell_escalation(self) -> None:
        levels = self._escalations()
        if levels == self._levels:
            return
        for name in sorted({*levels, *self._levels}):
            before, after = self._levels.get(name, "none"), levels.get(name, "none")
            if before != after:
                count = self.counts().get(name, 0)
                line = {"at": self._clock.now(), "event": "escalation", "category": name, "count_24h": count}
                self._journal.append({**line, "before": before, "after": after})
                say = log.critical if after == Escalation.CRITICAL else log.error if after != "none" else log.info
                say("healing.escalation", category=name, before=before, after=after, count_24h=count)
        self._levels = levels
        self._document.put(self._content())

    def _escalations(self) -> dict[str, str]:
        found = {name: escalation(count, self._params) for name, count in self.counts().items()}
        return {name: level.value for name, level in found.items() if level is not Escalation.NONE}

    def _content(self) -> HealingEscalationState:
        return HealingEscalationState.model_construct(
            as_of=self._clock.now(),
            counts_24h=self.counts(),
            escalation=self._escalations(),
            totals=self._state.ever,
            heals=list(self.heals()),
        )


def heal_line(event: str, heal: Heal, counted: dict[str, int]) -> dict[str, Any]:
    """One line of `logs/healing_escalation_log.jsonl`: ``healing`` before a repair, ``healed`` or ``not_healed``."""
    return {
        "at": heal.at,
        "event": event,
        "category": heal.category.value,
        "subject": heal.subject,
        "before": heal.before,
        "after": heal.after,
        "count_24h": counted.get(heal.category.value, 0),
    }


def restored_healing(known: HealingEscalationState | None, lines: Sequence[dict[str, Any]]) -> HealingState:
    """The state that a start begins with: the file's, and repairs that only the journal knows of.

    A line ``healing`` without its counterpart is a repair during which the process died; it counts.
    """
    state = known.to_state() if known is not None else HealingState()
    told = {(heal.at, heal.category.value, heal.subject) for heal in state.heals}
    extra = [heal for line in lines if (heal := _heal_of(line)) is not None]
    missing = {(heal.at, heal.category.value, heal.subject): heal for heal in extra}
    lost = [heal for key, heal in missing.items() if key not in told]
    if known is not None and state.heals:
        lost = [heal for heal in lost if heal.at >= state.heals[0].at]
    totals = state.ever
    for heal in lost:
        totals[heal.category.value] = totals.get(heal.category.value, 0) + 1
    return HealingState(tuple(sorted((*state.heals, *lost), key=lambda heal: heal.at)), totals)


def _heal_of(line: dict[str, Any]) -> Heal | None:
    try:
        if line["event"] not in ("healing", "healed", "not_healed"):
            return None
        succeeded = None if line["event"] == "healing" else line["event"] == "healed"
        moment = parse_utc(line["at"])
        return Heal(moment, HealCategory(line["category"]), line["subject"], line["before"], line["after"], succeeded)
    except (KeyError, ValueError, TypeError):
        return None
