"""The road from a command to the running daemon: files in `state/inbox`, answers in `state/outbox`.

A request is carried out at least once: it is removed only after its answer and its audit line are there. Names begin
with milliseconds of the caller's clock, so that requests are served in the order in which they were made.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradingbot.beside import in_thread
from tradingbot.core.errors import ConfigurationError, StorageUnavailableError
from tradingbot.core.types import epoch_ms, iso_utc
from tradingbot.engine.operator_desk import Answer, Command, OperatorOrder
from tradingbot.guards.switch_state import SwitchName
from tradingbot.ports import Clock, Journal
from tradingbot.storage.files import make_folder, quarantine_path, replace_file

log = structlog.get_logger(__name__)

POLL_S: Final = 1.0
KEPT_ANSWERS: Final = 50
MAX_BYTES: Final = 65_536
SLOW: Final = ("run_job",)
"""Commands that may take minutes: served beside the others, so that none waits for them, and never later than asked."""
STALE: Final = "no daemon was running when this was asked; ask again"


class OperatorRequest(BaseModel):
    """One file of the inbox. `user` and `pid` are what the caller says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: Command
    at: datetime
    reason: str = Field(default="", max_length=500)
    switches: tuple[SwitchName, ...] = ()
    every: bool = False
    issue: str = Field(default="", max_length=200)
    job: str = Field(default="", max_length=100)
    generation: int = Field(default=0, ge=0)
    key: str = Field(default="", max_length=100)
    value: str = Field(default="", max_length=100)
    for_s: float = Field(default=0.0, ge=0, le=1e8)
    user: str = Field(default="", max_length=100)
    pid: int = 0

    def order(self) -> OperatorOrder:
        """What the desk is asked to do."""
        by = f"operator {self.user or 'unknown'} (pid {self.pid})"
        return OperatorOrder(
            command=self.command,
            text=self.reason,
            by=by,
            switches=self.switches,
            every=self.every,
            issue=self.issue,
            job=self.job,
            key=self.key,
            value=self.value,
            for_s=self.for_s,
            generation=self.generation,
        )


def inbox(home: Path) -> Path:
    """Where requests are left."""
    return home / "state" / "inbox"


def outbox(home: Path) -> Path:
    """Where answers are left."""
    return home / "state" / "outbox"


# ---------------------------------------------------------------- the caller's side


def leave_request(home: Path, request: OperatorRequest) -> str:
    """Put a request into the inbox, whole or not at all; its name. Raises ConfigurationError."""
    name = f"{epoch_ms(request.at)}-{request.command}-{secrets.token_hex(4)}.json"
    try:
        _write(inbox(home), name, request.model_dump_json().encode())
    except OSError as error:
        raise ConfigurationError(f"{inbox(home)} cannot be written: {error.strerror}; is --home right?") from error
    return name


def take_answer(home: Path, name: str) -> dict[str, Any] | None:
    """The answer to a request, which is then gone; None while there is none."""
    path = outbox(home) / name
    try:
        found = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}; the answer is also in {home / 'logs' / 'operator_audit.jsonl'}; "
            "ask as the user that runs the daemon"
        ) from error
    with suppress(OSError):
        path.unlink()
    return found if isinstance(found, dict) else None


def withdraw(home: Path, name: str) -> bool:
    """Take a request back; False when it has been carried out already, or is being so."""
    try:
        (inbox(home) / name).unlink()
    except OSError:
        return False
    return True


def waiting(home: Path) -> list[str]:
    """Names of the requests in the inbox, in the order in which they will be served."""
    try:
        with os.scandir(inbox(home)) as entries:
            return sorted(entry.name for entry in entries if entry.name.endswith(".json") and entry.name[0] != ".")
    except OSError:
        return []


def _write(folder: Path, name: str, content: bytes) -> None:
    replace_file(folder / name, content + b"\n")


# ---------------------------------------------------------------- the daemon's side


class OperatorInbox:
    """Serves the inbox: nothing before `open`, then everything that waits there, then what comes."""

    def __init__(
        self,
        home: Path,
        clock: Clock,
        carry_out: Callable[[OperatorOrder], Awaitable[Answer]],
        audit: Journal,
    ) -> None:
        self._home = home
        self._clock = clock
        self._carry_out = carry_out
        self._audit = audit
        self._opened = asyncio.Event()
        self._served: set[str] = set()
        self._under_way: set[str] = set()
        self.turned_s: float | None = None
        """When the inbox was looked at last, on the clock's monotonic scale."""

    async def open(self) -> None:
        """Serve what was left while no daemon ran; from here on `run` serves."""
        with suppress(OSError):
            make_folder(inbox(self._home))
        await self._serve(None)
        self._opened.set()

    async def run(self) -> None:
        """Look once a second until cancelled."""
        await self._opened.wait()
        async with asyncio.TaskGroup() as group:
            while True:
                await self._serve(group)
                self.turned_s = self._clock.monotonic_s()
                await self._clock.sleep(POLL_S)

    async def _serve(self, group: asyncio.TaskGroup | None) -> None:
        """What waits, one after the other; slow ones in the `group`, and without one not at all."""
        for name in waiting(self._home):
            if name not in self._served and name not in self._under_way:
                await self._serve_one(name, group)

    async def _serve_one(self, name: str, group: asyncio.TaskGroup | None) -> None:
        path = inbox(self._home) / name
        try:
            request = _read(path)
        except FileNotFoundError:  # withdrawn
            return
        except (OSError, ValueError) as error:
            self._set_aside(path, _first_problem(error))
            return
        if request.command not in SLOW:
            await self._finish(name, request, await self._answered(request))
        elif group is None:
            await self._finish(name, request, Answer(False, STALE))
        else:
            self._under_way.add(name)
            group.create_task(self._serve_slowly(name, request), name=f"operator-{request.command}")

    async def _serve_slowly(self, name: str, request: OperatorRequest) -> None:
        try:
            await self._finish(name, request, await self._answered(request))
        finally:
            self._under_way.discard(name)

    async def _answered(self, request: OperatorRequest) -> Answer:
        try:
            return await self._carry_out(request.order())
        except Exception as error:  # noqa: BLE001 - a command that fails is answered; it must not end the daemon
            log.error("operator.failed", command=request.command, error=f"{type(error).__name__}: {error}")
            return Answer(False, f"failed: {type(error).__name__}: {error}")

    async def _finish(self, name: str, request: OperatorRequest, answer: Answer) -> None:
        """Audit line, answer, and only then the request is gone."""
        now = self._clock.now()
        log.info("operator.served", command=request.command, done=answer.done, result=answer.text, user=request.user)
        with suppress(StorageUnavailableError):  # the writer tells of its troubles itself
            await self._audit.commit(audit_record(now, name, request, answer))
        try:
            await in_thread(self._clock, self._write_answer, name, _answer_record(now, request, answer))
        except OSError as error:
            log.error("operator.answer_not_written", request=name, error=str(error))
        self._remove(name)

    def _write_answer(self, name: str, record: Mapping[str, Any]) -> None:
        folder = outbox(self._home)
        _write(folder, name, orjson.dumps(record, default=str))
        for old in sorted(path for path in folder.glob("*.json"))[:-KEPT_ANSWERS]:
            old.unlink(missing_ok=True)

    def _remove(self, name: str) -> None:
        try:
            (inbox(self._home) / name).unlink(missing_ok=True)
        except OSError as error:
            self._served.add(name)  # not again in this life
            log.error("operator.request_not_removed", request=name, error=str(error))

    def _set_aside(self, path: Path, problem: str) -> None:
        self._served.add(path.name)
        place = ""
        with suppress(OSError):
            target = quarantine_path(path, "corrupt", self._clock.now())
            path.rename(target)
            place = str(target)
        log.error("operator.request_unreadable", request=path.name, problem=problem, set_aside=place or "could not be")


def _read(path: Path) -> OperatorRequest:
    """Raises OSError and ValueError."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    return OperatorRequest.model_validate_json(content)


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place or 'content'}: {first['msg']}"
    return str(error)


def audit_record(now: datetime, name: str, request: OperatorRequest, answer: Answer) -> dict[str, Any]:
    """One line of the audit: who asked for what, and what came of it. `name` is where the request came from."""
    return {
        "at": now,
        "request": name,
        "asked_at": request.at,
        "command": request.command,
        "switches": [switch.value for switch in request.switches],
        "every": request.every,
        "issue": request.issue,
        "job": request.job,
        "generation": request.generation,
        "key": request.key,
        "value": request.value,
        "for_s": request.for_s,
        "reason": request.reason,
        "user": request.user,
        "pid": request.pid,
        "done": answer.done,
        "result": answer.text,
        "lines": list(answer.lines),
    }


def _answer_record(now: datetime, request: OperatorRequest, answer: Answer) -> dict[str, Any]:
    return {
        "command": request.command,
        "done": answer.done,
        "text": answer.text,
        "lines": list(answer.lines),
        "at": iso_utc(now),
        **answer.facts,
    }
