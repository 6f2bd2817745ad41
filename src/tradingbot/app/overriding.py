"""Overrides of the running daemon: set and cleared by a person, taken by the next cycle, over by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from tradingbot.app.deployment_checks import CheckResult
from tradingbot.app.overridable import levers_withheld, overridden, problem_of, rows_of
from tradingbot.app.stores import Stores, open_document
from tradingbot.app.thinking import DecisionSettings
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError, StateCorruptError, StorageUnavailableError
from tradingbot.core.types import iso_utc
from tradingbot.engine.bot_cycle import ParamsInForce
from tradingbot.engine.cycle_record import digest_of
from tradingbot.engine.models import OverridesState, RuntimeState
from tradingbot.engine.operator_desk import Answer, OperatorOrder
from tradingbot.guards.issues import Finding
from tradingbot.guards.overrides import LONGEST, SHORTEST, Override, standing, with_override, without
from tradingbot.ports import Clock
from tradingbot.storage.writer import StorageWriter

log = structlog.get_logger(__name__)

SOURCE = "overrides"


class Overrides:
    """Owner of `feature_store/overrides.json`, and of what the next cycle decides with.

    `settings` are those in force: the profile's with every override. Whatever is over is reverted by the next cycle
    that asks for `params`, and by the jobs.
    """

    def __init__(self, base: Settings, venue_since: datetime, stores: Stores, clock: Clock) -> None:
        self._base = base
        self._stores = stores
        self._clock = clock
        self._document = stores.documents["overrides"]
        self._audit_told = digest_of([[], [], []])
        found: OverridesState | None = self._document.load(allow_loss=True).value
        self._known: tuple[Override, ...] = ()
        self.settings = base
        left_behind = found.overrides if found is not None else []
        for one in left_behind:
            self._take_again(one)
        if len(self._known) < len(left_behind):
            self._document.put(self._state())
        journal = stores.journals["decision_params"]
        self.decisions = DecisionSettings(self.settings, venue_since, journal, clock.now)
        self.decisions.rebase(self.settings, levers_withheld(self._known))

    # ------------------------------------------------------------ for the cycle

    @property
    def in_force(self) -> tuple[Override, ...]:
        """By key."""
        return self._known

    def params(self) -> ParamsInForce:
        """What a cycle that begins now decides with."""
        self.expire()
        return self.decisions.params()

    def expire(self) -> list[Override]:
        """Revert what is over; what that was."""
        kept, over = standing(self._known, self._clock.now())
        if not over:
            return []
        self._change_to(kept)
        for one in over:
            self._note("override_expired", one, "over")
        return list(over)

    # ------------------------------------------------------------ for a person

    async def set(self, order: OperatorOrder) -> Answer:
        """Put one in force; it is on disk when this returns."""
        now = self._clock.now()
        length = timedelta(seconds=order.for_s)
        if not order.text:
            return Answer(False, "an override needs a reason")
        if not SHORTEST <= length <= LONGEST:
            return Answer(False, f"an override lasts from a minute to {LONGEST.days} days; longer belongs to settings")
        one = Override(order.key, order.value, now, now + length, order.text, order.by)
        known = with_override(standing(self._known, now)[0], one)
        try:
            settings = overridden(self._base, known)
        except ConfigurationError as error:
            return Answer(False, str(error))
        self._change_to(known, settings)
        durable = await self._made_durable()
        lines = (f"until {iso_utc(one.until)[:19]} UTC, then back to the profile's by itself", *durable)
        return Answer(True, f"{one.key}={one.value} holds from the next cycle on", lines, self._facts())

    async def clear(self, order: OperatorOrder) -> Answer:
        """End one now."""
        if order.key not in {one.key for one in self._known}:
            names = ", ".join(one.key for one in self._known) or "none"
            return Answer(False, f"no override of {order.key!r} is in force; in force: {names}")
        self._change_to(without(self._known, order.key))
        durable = await self._made_durable()
        return Answer(True, f"{order.key} is the profile's again from the next cycle on", tuple(durable), self._facts())

    # ------------------------------------------------------------ for the jobs

    def audit(self) -> list[Finding]:
        """What is in force, for how long yet, and what speaks against it; told in `logs/governance.jsonl` on change."""
        self.expire()
        now, findings = self._clock.now(), list[Finding]()
        for one in self._known:
            if problem := problem_of(one.key, one.value, self._base):
                findings.append(Finding("override_questionable", one.key, problem))
            elif one.is_long(now):
                days = (now - one.since).days
                findings.append(Finding("override_questionable", one.key, f"in force for {days} days: {one.reason}"))
        near = [one.key for one in self._known if one.is_near_end(now)]
        said = [[f"{one.key}={one.value}" for one in self._known], near, [one.subject for one in findings]]
        told = digest_of(said)
        if told != self._audit_told:
            line = {"at": now, "role": "override_audit", "in_force": rows_of_overrides(self._known, now)}
            problems = [f"{one.subject}: {one.detail}" for one in findings]
            self._stores.journals["governance"].append({**line, "near_end": near, "questionable": problems})
        self._audit_told = told
        return findings

    def shown(self) -> list[dict[str, Any]]:
        """Rows for `runtime.json`, page and status."""
        return rows_of_overrides(self._known, self._clock.now())

    # ------------------------------------------------------------ inside

    def _take_again(self, one: Override) -> None:
        """Of the last life. One that the settings no longer allow is dropped, and that is told."""
        if not one.holds(self._clock.now()):
            self._note("override_expired", one, "over while the daemon was down")
            return
        try:
            self.settings = overridden(self._base, [*self._known, one])
            self._known = (*self._known, one)
        except ConfigurationError as error:
            self._note("override_dropped", one, str(error))

    def _change_to(self, known: Sequence[Override], settings: Settings | None = None) -> None:
        self._known = tuple(known)
        self.settings = settings or overridden(self._base, self._known)
        self.decisions.rebase(self.settings, levers_withheld(self._known))
        self._document.put(self._state())

    def _state(self) -> OverridesState:
        return OverridesState(as_of=self._clock.now(), overrides=list(self._known))

    async def _made_durable(self) -> list[str]:
        try:
            await self._document.commit(self._state())
        except StorageUnavailableError as error:
            return [f"it is not on disk yet and would not survive a restart: {error}"]
        return []

    def _note(self, command: str, one: Override, result: str) -> None:
        """A line of the audit for what happened without a person."""
        now = self._clock.now()
        line = {"at": now, "request": "", "asked_at": one.since, "command": command, "key": one.key}
        more = {"value": one.value, "reason": one.reason, "user": one.by, "done": True, "result": result}
        self._stores.journals["operator_audit"].append({**line, **more})
        log.info(command.replace("_", "."), key=one.key, value=one.value, result=result)

    def _facts(self) -> dict[str, Any]:
        return {"overrides": self.shown(), "params_hash": self.decisions.params().digest}


class OverrideJobs:
    """Bodies of `override_audit` and `override_expiry`."""

    def __init__(self, overrides: Overrides, observe: Callable[[str, Iterable[Finding]], None]) -> None:
        self._overrides = overrides
        self._observe = observe

    async def audit(self) -> None:
        """Every ten minutes."""
        self._observe(SOURCE, self._overrides.audit())

    async def expire(self) -> None:
        """Nightly, so that the day begins without what is over even when no cycle ran."""
        over = self._overrides.expire()
        log.info("overrides.expired", keys=[one.key for one in over], left=len(self._overrides.in_force))


def rows_of_overrides(known: Iterable[Override], now: datetime) -> list[dict[str, Any]]:
    """Overrides for people and programs."""
    return [
        {**asdict(one), "left_s": round(one.left_s(now)), "near_end": one.is_near_end(now), "holds": one.holds(now)}
        for one in known
    ]


def overrides_of_home(home: Path) -> list[dict[str, Any]]:
    """What the home's file says, of a running or a stopped daemon, as of its newest cycle: its clock may be another.

    A damaged file counts as none.
    """
    found: OverridesState | None = _peeked(home, "overrides")
    runtime: RuntimeState | None = _peeked(home, "runtime")
    if found is None:
        return []
    now = max(found.as_of, runtime.as_of) if runtime is not None else found.as_of
    return rows_of_overrides(found.overrides, now)


def _peeked(home: Path, name: str) -> Any:
    try:
        return open_document(home, name, StorageWriter(SystemClock())).peek()
    except StateCorruptError:
        return None


def check_overrides(home: Path, settings: Settings, now: datetime) -> CheckResult:
    """For the banner: what a person has changed for a while. Never a reason not to start."""
    found: OverridesState | None = _peeked(home, "overrides")
    held = [one for one in (found.overrides if found is not None else []) if one.holds(now)]
    if not held:
        return CheckResult("overrides", True, "none in force", critical=False)
    dropped = {one.key for one in held if problem_of(one.key, one.value, settings)}
    said = [
        f"{one.key}={one.value} until {iso_utc(one.until)[:16]}"
        + (" (dropped: the settings do not allow it)" if one.key in dropped else "")
        for one in held
    ]
    return CheckResult("overrides", False, "; ".join(said), critical=False)


def key_rows(settings: Settings) -> list[dict[str, str]]:
    """What may be overridden, and how far."""
    return [{"key": row.key, "allowed": row.bound, "text": row.text} for row in rows_of(settings).values()]
