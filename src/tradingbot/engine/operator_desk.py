"""Carries out what a person asks for: pause, resume, flatten, acknowledge. Every order may be repeated without harm."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tradingbot.core.types import iso_utc
from tradingbot.engine.flatten import Flattened, Flattener, flattened_record
from tradingbot.engine.issue_registry import IssueRegistry, issue_record
from tradingbot.engine.kill_switches import KillSwitches, switch_record
from tradingbot.guards.switch_state import SwitchName, Tripped

Command = Literal["pause", "resume", "flatten", "acknowledge", "run_job", "revert", "set_override", "clear_override"]


@dataclass(frozen=True, slots=True)
class OperatorOrder:
    """What is asked. `switches` are for resume: empty means `operator_pause`; `every` means all that are tripped.

    `issue` is the id that `acknowledge` concerns, `job` the name that `run_job` does, `generation` the number that
    `revert` does; `key`, `value` and `for_s` (seconds) say which override is set or cleared, to what, for how long.
    """

    command: Command
    text: str = ""
    by: str = "operator"
    switches: tuple[SwitchName, ...] = ()
    every: bool = False
    issue: str = ""
    job: str = ""
    generation: int = 0
    key: str = ""
    value: str = ""
    for_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it, in a sentence, in lines, and as facts."""

    done: bool
    text: str
    lines: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


Elsewhere = Mapping[Command, Callable[[OperatorOrder], Awaitable[Answer]]]


class OperatorDesk:
    """Serves one order at a time."""

    def __init__(
        self,
        switches: KillSwitches,
        flattener: Flattener,
        account_lock: asyncio.Lock,
        issues: IssueRegistry,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """`elsewhere`: who carries out commands that concern neither switches, positions nor issues."""
        self._elsewhere = elsewhere or {}
        self._switches = switches
        self._issues = issues
        self._flattener = flattener
        self._lock = account_lock

    async def carry_out(self, order: OperatorOrder) -> Answer:
        """Do it now. A running cycle is only waited for by `flatten`."""
        if order.command in self._elsewhere:
            return await self._elsewhere[order.command](order)
        if order.command == "pause":
            return await self._pause(order)
        if order.command == "resume":
            return await self._resume(order)
        if order.command == "acknowledge":
            return self._acknowledge(order)
        return await self._flatten(order)

    async def _pause(self, order: OperatorOrder) -> Answer:
        was = self._switches.state.find(SwitchName.OPERATOR_PAUSE)
        switch = await self._switches.pause(order.text, order.by)
        what = f"were paused already, since {iso_utc(switch.since)}" if was else "are paused"
        lines = ("exits and protective stops go on", "lifts only by `tradingbot resume`")
        return Answer(True, f"entries {what}", lines, self._facts())

    async def _resume(self, order: OperatorOrder) -> Answer:
        wanted = tuple(SwitchName) if order.every else order.switches or (SwitchName.OPERATOR_PAUSE,)
        lifted = await self._switches.resume(wanted, order.text, order.by)
        names = ", ".join(switch.name.value for switch in lifted)
        text = f"lifted: {names}" if lifted else "nothing to lift: none of these switches is tripped"
        left = self._switches.state.tripped
        lines = tuple(f"still tripped: {switch_line(switch)}" for switch in left)
        if not left:
            lines = ("no kill switch holds entries back",)
        return Answer(True, text, lines, {**self._facts(), "lifted": [switch.name.value for switch in lifted]})

    def _acknowledge(self, order: OperatorOrder) -> Answer:
        issue = self._issues.acknowledge(order.issue, order.by)
        known = ", ".join(one.issue_id for one in self._issues.open) or "none"
        if issue is None:
            return Answer(False, f"no open issue has the id {order.issue!r}", (f"open issues: {known}",))
        text = f"{issue.issue_id} is acknowledged; it stays open until it is over, and is told again if it gets worse"
        return Answer(True, text, (), {"issue": issue_record(issue)})

    async def _flatten(self, order: OperatorOrder) -> Answer:
        await self._switches.pause(order.text or "flatten", order.by)
        async with self._lock:
            found = await self._flattener.flatten({"by": order.by, "text": order.text})
        text = _flatten_text(found)
        lines = (*_flatten_lines(found), "entries are paused; lift that with `tradingbot resume`")
        return Answer(found.complete, text, lines, {**self._facts(), **flattened_record(found)})

    def _facts(self) -> dict[str, Any]:
        return {"kill_switches": [switch_record(switch) for switch in self._switches.state.tripped]}


def switch_line(switch: Tripped) -> str:
    """One tripped switch in a line: since when, why, how it lifts."""
    numbers = ", ".join(f"{key} {_short(value)}" for key, value in switch.reason.numbers if value != "")
    why = switch.reason.code.replace("_", " ")
    until = f" (not before {iso_utc(switch.lifts_at)})" if switch.lifts_at is not None else ""
    return f"{switch.name.value} since {iso_utc(switch.since)}: {why} ({numbers}); lifts {switch.lifts}{until}"


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.10g}"


def _flatten_text(found: Flattened) -> str:
    if not found.readable:
        return "orders were sent, but the exchange cannot be asked what came of them: look again with `status`"
    if found.unresolved:
        return f"the outcome of {len(found.unresolved)} orders is not known; they are being looked up, none is repeated"
    if not found.positions:
        return "no position of ours was open"
    closed = sum(1 for row in found.positions if row["state"] == "closed")
    if found.complete:
        return "the one position of ours is closed" if closed == 1 else f"all {closed} positions of ours are closed"
    return f"{closed} of {len(found.positions)} positions of ours are closed"


def _flatten_lines(found: Flattened) -> tuple[str, ...]:
    return tuple(_position_line(row) for row in found.positions) + tuple(
        f"{row['symbol']} {row['direction']} {row['size']}: {row['state']}" for row in found.foreign
    )


def _position_line(row: dict[str, Any]) -> str:
    line = f"{row['symbol']} {row['direction']} {row['size']}: {row['state']}"
    if row["state"] != "closed":
        return f"{line}, {row['left']} left ({row['answer']})"
    price = "" if row["exit_price"] is None else f" at {float(row['exit_price']):.8g}"
    net = row["net_pnl_usd"]
    return f"{line}{price}, " + ("net is booked with the next cycle" if net is None else f"net {float(net):+.2f} USD")
