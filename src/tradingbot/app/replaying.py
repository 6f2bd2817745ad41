"""Replay of a home: what `tradingbot replay` tells, and the nightly job that replays the last day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from tradingbot.app.program import program_version
from tradingbot.app.stores import Stores
from tradingbot.beside import in_process
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError, StorageUnavailableError
from tradingbot.core.types import iso_utc, parse_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.health_models import ReplayState
from tradingbot.engine.journal_moments import moment_of
from tradingbot.guards.issues import Finding
from tradingbot.ports import Clock
from tradingbot.research.replay.naming import Mismatch
from tradingbot.research.replay.replay import Damage, ReplayResult, Span, Told
from tradingbot.research.replay.workers import replayed
from tradingbot.storage.journal_reader import JournalReader

log = structlog.get_logger(__name__)

DAY: Final = timedelta(days=1)
LIMIT_S: Final = 570.0
"""Real seconds that the nightly replay may take."""
SHOWN: Final = 20
"""Mismatches and damaged lines that the nightly result keeps."""


class NightlyReplay:
    """Body of the job `replay`: the decisions of the last day once more, in a process of their own."""

    def __init__(
        self, home: Path, stores: Stores, clock: Clock, observe: Callable[[Iterable[Finding]], None], wanted: bool
    ) -> None:
        """`observe` takes what stands against the last day. Without `wanted` nothing is done."""
        self._home = home
        self._stores = stores
        self._clock = clock
        self._observe = observe
        self._wanted = wanted

    async def run(self) -> None:
        """`feature_store/replay_state.json`, and an issue when a decision comes out differently."""
        if not self._wanted:
            return
        now = self._clock.now()
        with suppress(StorageUnavailableError):  # then of what is on disk
            await self._stores.writer.flush()
        asked = {"home": self._home, "since": now - DAY, "until": now}
        found = await in_process(self._clock, replay_of_home, asked, LIMIT_S)
        self._stores.documents["replay"].put(ReplayState.model_validate({"as_of": now, **found}))
        self._observe(findings_of(found))
        told = {name: found[name] for name in ("cycles", "replayed", "mismatched", "otherwise", "damaged", "speed")}
        log.info("replay.done", **told)


def findings_of(found: Mapping[str, Any]) -> list[Finding]:
    """What stands against a replay: cycles that this very program decides differently, and damaged lines."""
    wrong, damaged = found["mismatched"] - found["otherwise"], found["damaged"]
    if not wrong and not damaged:
        return []
    said = []
    if wrong:
        first = next((one for one in found["mismatches"] if one["same_program"]), None)
        where = f"; the first, {first['cycle_id']}, in {first['stage']}" if first else ""
        said.append(f"{wrong} of {found['replayed']} cycles come out differently{where}")
    if damaged:
        said.append(f"{damaged} lines of inputs are damaged; the first: {_place(found['damages'][0])}")
    return [Finding("replay_mismatch", "", "; ".join(said))]


def _place(damage: Mapping[str, Any]) -> str:
    return f"{damage['file']}:{damage['line']} ({', '.join(damage['parts'])})"


def replay_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a replay of `home` from `since` to `until`; a few of its mismatches only."""
    facts = replay_facts(Path(asked["home"]), parse_utc(asked["since"]), parse_utc(asked["until"]))
    return {**facts, "mismatches": facts["mismatches"][:SHOWN], "damages": facts["damages"][:SHOWN]}


def replay_facts(
    home: Path,
    since: datetime,
    until: datetime,
    limit: int | None = None,
    workers: int = 1,
    told: Told | None = None,
) -> dict[str, Any]:
    """What came of a replay, for people and programs."""
    clock = SystemClock()
    started_s = clock.perf_s()
    result = replayed(Span(home, since, until, limit), program_version(), workers, told)
    took_s = clock.perf_s() - started_s
    return {
        "home": str(home),
        "since": iso_utc(since),
        "until": iso_utc(until),
        "program": program_version(),
        **_counts(result),
        "took_s": round(took_s, 3),
        "speed": round(result.covered_s / took_s, 1) if took_s > 0 else None,
    }


def _counts(result: ReplayResult) -> dict[str, Any]:
    return {
        "cycles": result.cycles,
        "replayed": result.replayed,
        "equal": result.equal,
        "mismatched": result.mismatched,
        "otherwise": result.otherwise,
        "damaged": result.damaged,
        "orphans": result.orphans,
        "covered_s": result.covered_s,
        "left_out": dict(result.left_out.most_common()),
        "stages": dict(result.stages.most_common()),
        "versions": dict(result.versions.most_common()),
        "mismatches": [_mismatch(one) for one in result.mismatches],
        "damages": [_damage(one) for one in result.damages],
    }


def _mismatch(one: Mismatch) -> dict[str, Any]:
    return {**asdict(one), "stages": list(one.stages), "values": list(one.values)}


def _damage(one: Damage) -> dict[str, Any]:
    return {**asdict(one), "parts": list(one.parts)}


def span_of(home: Path, since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """From when to when: by default the day up to the newest cycle. Raises ConfigurationError."""
    reader = JournalReader(journal_path(home, "cycles"))
    newest = reader.tail(1)
    if not newest:
        raise ConfigurationError(
            f"no cycle is on file in {home}; choose another folder with --home, or start a daemon: "
            f"tradingbot run --home {home}"
        )
    until = until or parse_utc(str(newest[-1]["as_of"]))
    since = since or until - DAY
    if since > until:
        raise ConfigurationError(f"--from {since:%Y-%m-%dT%H:%M} is after the end, {until:%Y-%m-%dT%H:%M}")
    oldest = moment_of(next(iter(reader), {}))
    return since if oldest is None else min(max(since, oldest), until), until
