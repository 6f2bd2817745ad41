"""The nightly digest put together from the home's files, written beside the logs, and handed to the alerts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from tradingbot.alerts.digest import CycleDay, Digest, Facts
from tradingbot.alerts.digest_text import as_html, as_text
from tradingbot.alerts.digest_view import digest_of
from tradingbot.alerts.outbox import Outbox
from tradingbot.app.options import RunOptions
from tradingbot.app.profit import profit_facts
from tradingbot.app.status import issue_rows, position_rows, read_documents
from tradingbot.app.stores import Stores
from tradingbot.app.venue_standing import learning_facts, readiness_of_home
from tradingbot.beside import in_process, in_thread
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError, StorageUnavailableError
from tradingbot.core.types import parse_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.journal_moments import WRITTEN_LATER, within
from tradingbot.engine.journalled_trades import trades_since
from tradingbot.engine.models import LatestSignalsState, PositionsState, RuntimeState, TradesState
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.ports import Clock
from tradingbot.storage.files import replace_file
from tradingbot.storage.journal_reader import JournalReader

log = structlog.get_logger(__name__)

DAY: Final = timedelta(days=1)
NEWEST_TRADES: Final = 2000
FOLDER: Final = Path("logs") / "digests"
_NAME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.(txt|html|json)")


class DigestJob:
    """Body of the job `digest`."""

    def __init__(self, options: RunOptions, settings: Settings, stores: Stores, clock: Clock, outbox: Outbox) -> None:
        self._home = options.home
        self._who = f"tradingbot {options.profile}"
        self._settings = settings
        self._stores = stores
        self._clock = clock
        self._outbox = outbox

    async def run(self) -> None:
        """Read, write `logs/digests/<date>.*`, queue for the channels. Raises OSError when it cannot be written."""
        now = self._clock.now()
        with suppress(StorageUnavailableError):  # then of what is on disk
            await self._stores.writer.flush()
        settings = self._settings.model_dump(mode="json")
        asked = {"home": self._home, "settings": settings, "who": self._who, "until": now}
        made = await in_process(self._clock, made_of_home, asked)
        files: dict[str, str] = made["files"]
        await in_thread(self._clock, self._keep, files, now)
        channels = self._outbox.send_digest(f"[DIGEST] {made['title']}", files["txt"], str(page_of(now, "html")))
        log.info("digest.written", date=now.date().isoformat(), headline=made["headline"], channels=channels)

    def _keep(self, files: Mapping[str, str], now: datetime) -> None:
        for ending, text in files.items():
            replace_file(self._home / page_of(now, ending), text.encode())
        forget_old(self._home, now - timedelta(days=self._settings.alerts.digest_days))


def made_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The digest of the 24 hours before `until`: title, headline, and its files by how their names end."""
    settings = Settings.model_validate(asked["settings"])
    digest = digest_of(facts_of_home(Path(asked["home"]), settings, asked["who"], parse_utc(asked["until"])))
    as_json = orjson.dumps(plain(digest), option=orjson.OPT_INDENT_2).decode()
    files = {"txt": as_text(digest), "html": as_html(digest), "json": as_json}
    return {"title": digest.title, "headline": digest.headline, "files": files}


def page_of(at: datetime, ending: str) -> Path:
    """Where the digest of a day lies, within the home."""
    return FOLDER / f"{at:%Y-%m-%d}.{ending}"


def plain(digest: Digest) -> dict[str, Any]:
    """The digest for programs."""
    return asdict(digest)


def forget_old(home: Path, before: datetime) -> None:
    """Remove digests of days before this one. Files of other names stay."""
    for path in (home / FOLDER).iterdir():
        match = _NAME.fullmatch(path.name)
        if match and match[1] < before.date().isoformat():
            with suppress(OSError):
                path.unlink()


def stored_digest(home: Path, date: datetime, ending: str) -> str:
    """A digest as it was written. Raises ConfigurationError naming those that there are."""
    path = home / page_of(date, ending)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        found = sorted(one.stem for one in path.parent.glob("*.txt")) if path.parent.is_dir() else []
        there = f"there are {found[0]} to {found[-1]}" if found else "there are none yet"
        raise ConfigurationError(f"no digest of {date:%Y-%m-%d} was written in {home}; {there}") from None


def digest_now(home: Path, settings: Settings) -> Digest:
    """The 24 hours up to the newest cycle of a home. Raises ConfigurationError where no daemon ever ran."""
    runtime: RuntimeState | None = read_documents(home)["runtime"] if (home / "state").is_dir() else None
    if runtime is None:
        raise ConfigurationError(f"no daemon has run in {home}; start one with: tradingbot run --home {home}")
    return digest_of(facts_of_home(home, settings, f"tradingbot {runtime.profile}", runtime.as_of))


# ------------------------------------------------------------ reading


def facts_of_home(home: Path, settings: Settings, who: str, until: datetime) -> Facts:
    """What the files say of the 24 hours before. Moves nothing: a daemon may own them. May take a second."""
    since, found = until - DAY, read_documents(home)
    runtime: RuntimeState | None = found.get("runtime")
    positions: PositionsState | None = found.get("positions")
    trades: TradesState | None = found.get("trades")
    latest: LatestSignalsState | None = found.get("latest_signals")
    known = (trades or TradesState(), positions or PositionsState(), latest)

    def lines(name: str) -> list[Mapping[str, Any]]:
        return list(of_day(home, name, since, until))

    return Facts(
        who=who,
        since=since,
        until=until,
        cycle_s=settings.engine.cycle_s,
        day=_cycle_day(home, since, until),
        runtime=runtime,
        profit=None if runtime is None else profit_facts(home, runtime, *known),
        trades=None if trades is None else _trades(home, trades, since, until),
        positions=None if positions is None else position_rows(positions, latest),
        switches=lines("kill_switches"),
        issues=lines("issues"),
        open_issues=issue_rows(found.get("issues")),
        heals=lines("healing"),
        exchange=lines("exchange_health"),
        resources=lines("resources"),
        learning=learning_facts(home, settings),
        readiness=readiness_of_home(home, settings),
        feeds=None if latest is None else latest.feeds,
    )


def of_day(home: Path, name: str, since: datetime, until: datetime) -> Iterator[Mapping[str, Any]]:
    """Lines of a journal within [since, until], one at a time."""
    return within(JournalReader(journal_path(home, name)).since(since, until + WRITTEN_LATER), since, until)


def _cycle_day(home: Path, since: datetime, until: datetime) -> CycleDay:
    day = CycleDay()
    for line in of_day(home, "cycles", since, until):
        day.add(line)
    return day


def _trades(home: Path, known: TradesState, since: datetime, until: datetime) -> list[ClosedTrade]:
    journal = JournalReader(journal_path(home, "executed_trades"))
    return [one for one in trades_since(known, journal, since, NEWEST_TRADES) if one.exit_time <= until]
