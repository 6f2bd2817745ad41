"""``tradingbot doctor``: everything that a person would look at when something is wrong. It changes nothing.

Every look is on its own: one that fails is a finding, and the others go on. That must hold for homes in any shape.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson

from tradingbot.app.bootstrap import completed, load, open_venue
from tradingbot.app.deployment_checks import MIN_FREE_MB, CheckResult, check_clock, check_venue
from tradingbot.app.doctor_files import LOST, SECURITY, age_text, look_at_documents, look_at_home, look_at_journals
from tradingbot.app.findings import Finding, fine, problem, warning
from tradingbot.app.home import config_folder
from tradingbot.app.installation import check_packages, check_python, check_secret_files, installed_unit, secret_files
from tradingbot.app.masking import masked
from tradingbot.app.options import PROFILES, RunOptions
from tradingbot.app.status import open_issues, tripped_switches
from tradingbot.clock import SystemClock
from tradingbot.config import Secrets, Settings
from tradingbot.config.environment import SECRET_NAMES, is_secret
from tradingbot.core.errors import TradingBotError
from tradingbot.engine.kill_switches import switch_record
from tradingbot.storage.copies import newest_copy
from tradingbot.storage.lock import LOCK_NAME, is_held

DEPLOYMENT: Final = "docs/deployment.md"
CONFIGURATION: Final = "docs/configuration.md"
FAULTS: Final = "docs/faults.md"
SWITCHES: Final = "docs/kill-switches.md"
VENUE_WAIT_S: Final = 15.0
OLD_CYCLE_S: Final = 180.0


async def examine(home: Path, environ: Mapping[str, str], offline: bool = False) -> list[Finding]:
    """All findings, in the order in which a person would look."""
    runtime = _runtime(home)
    options = _options(home, runtime)
    looks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("program", lambda: _program(home)),
        ("configuration", lambda: _configuration(options, environ)),
        ("home", lambda: look_at_home(home)),
        ("disk", lambda: _disk(home)),
        ("daemon", lambda: _daemon(home, runtime)),
        ("documents", lambda: look_at_documents(home)),
        ("journals", lambda: look_at_journals(home)),
        ("kill switches", lambda: _switches(home)),
        ("issues", lambda: _issues(home)),
    ]
    found = [finding for area, look in looks for finding in _guarded(area, look)]
    return [*found, *await _venue(options, environ, offline)]


def _guarded(area: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except (OSError, TradingBotError, ValueError, KeyError, TypeError, AttributeError) as error:
        detail = f"could not be looked at: {type(error).__name__}: {error}"
        yield problem(area, area, detail, "look at the permissions of the home, and at what the message names", LOST)


def _runtime(home: Path) -> dict[str, Any]:
    """`state/runtime.json` as far as it can be read; its daemon may be dead and its file garbage."""
    return _data(home / "state" / "runtime.json")


def _data(path: Path) -> dict[str, Any]:
    copy = newest_copy(path)
    if copy is None:
        return {}
    found = orjson.loads(copy.data)
    return found if isinstance(found, dict) else {}


def _options(home: Path, runtime: Mapping[str, Any]) -> RunOptions:
    """Those of the last run; of the default profile where none is known."""
    profile = str(runtime.get("profile", "paper"))
    data = runtime.get("data")
    return RunOptions(
        home=home,
        profile=profile if profile in PROFILES else "paper",
        source=str(runtime.get("source") or ""),
        data=Path(data) if data else None,
        symbols=tuple(map(str, runtime.get("symbols") or ())),
        seed=runtime.get("seed"),
        venue_url=str(runtime.get("venue_url") or "") or None,
        venue_ws_url=str(runtime.get("venue_ws_url") or "") or None,
    )


def _as_finding(area: str, result: CheckResult, page: str) -> Finding:
    if result.ok:
        return fine(area, result.name, result.detail)
    make = problem if result.critical else warning
    return make(area, result.name, result.detail, result.remedy or "mend what the message names", page)


def _program(home: Path) -> Iterator[Finding]:
    yield fine("program", "version", f"{version('tradingbot')} on {platform.platform()}")
    yield _as_finding("program", check_python(), DEPLOYMENT)
    yield _as_finding("program", check_packages(critical=False), DEPLOYMENT)
    unit = installed_unit()
    if unit is None:
        yield fine("program", "systemd unit", "not installed; the daemon is started by hand")
    else:
        yield fine("program", "systemd unit", f"{unit}; systemctl status tradingbot")
    yield fine("program", "home", str(home))


def _configuration(options: RunOptions, environ: Mapping[str, str]) -> Iterator[Finding]:
    yield _as_finding("configuration", check_secret_files(options.home, environ), SECURITY)
    try:
        settings, secrets = load(options, environ)
    except TradingBotError as error:
        remedy = "mend what the message names; tradingbot check says when it is right"
        yield problem("configuration", "settings", masked(str(error), environ), remedy, CONFIGURATION)
        return
    where = config_folder(options.home)
    yield fine(
        "configuration", "settings", f"{where}, profile {options.profile}, {len(settings.provenance)} values set"
    )
    yield _keys(options, secrets)
    unread = [name for name in environ if is_secret(name)] and secret_files(options.home, environ)
    if unread:
        detail = "keys are in the environment, which wins, and in " + ", ".join(map(str, unread))
        yield warning("configuration", "two places", detail, "keep them in one place", SECURITY)


def _keys(options: RunOptions, secrets: Secrets) -> Finding:
    """Which are there; of each its length only."""
    present = [
        f"{name} ({len(value.get_secret_value())} characters)"
        for name, field in SECRET_NAMES.items()
        if (value := getattr(secrets, field)) is not None
    ]
    present += [f"address of the alert channel {name}" for name in secrets.alert_urls]
    detail = ", ".join(present) or "no keys"
    if secrets.kraken_futures_key is None and not options.embedded:
        remedy = "set KRAKEN_FUTURES_API_KEY and KRAKEN_FUTURES_API_SECRET"
        return problem("configuration", "keys", f"{detail}; {options.profile} needs them", remedy, SECURITY)
    return fine("configuration", "keys", detail)


def _disk(home: Path) -> Iterator[Finding]:
    where = home
    while not where.exists():
        where = where.parent
    free_mb = shutil.disk_usage(where).free // 1_000_000
    if free_mb < MIN_FREE_MB:
        detail = f"{free_mb:,} MB free; a start needs {MIN_FREE_MB}"
        yield problem("disk", str(where), detail, "free space; old backups and set-aside folders first", LOST)
    else:
        yield fine("disk", str(where), f"{free_mb:,} MB free")


def _daemon(home: Path, runtime: Mapping[str, Any]) -> Iterator[Finding]:
    running = is_held(home)
    if not runtime:
        detail = "holds the home, but has not finished a cycle" if running else "none has finished a cycle here yet"
        yield fine("daemon", "process", detail)
        return
    pid, ended = runtime.get("pid"), runtime.get("stopped") or ""
    if running:
        yield _holder(home, pid)
    elif ended:
        yield fine("daemon", "process", f"stopped: {ended}")
    else:
        remedy = "start it: it reconciles with the venue first; journalctl -u tradingbot says why it ended"
        yield warning(
            "daemon", "process", f"process {pid} is gone without having stopped", remedy, "docs/crash-safety.md"
        )
    yield from _cycles(runtime, running)


def _holder(home: Path, pid: Any) -> Finding:
    facts = orjson.loads((home / LOCK_NAME).read_bytes() or b"{}")
    holder = facts.get("pid")
    if not isinstance(holder, int) or not Path(f"/proc/{holder}").exists():
        remedy = f"look who holds it: fuser {home / LOCK_NAME}"
        return warning("daemon", "process", f"the lock is held, its process {holder} cannot be seen", remedy, LOST)
    note = "" if holder == pid else f"; runtime.json is of process {pid}"
    return fine("daemon", "process", f"process {holder} runs since {facts.get('started_at')}{note}")


def _cycles(runtime: Mapping[str, Any], running: bool) -> Iterator[Finding]:
    done, failed = runtime.get("cycles", 0), runtime.get("failed_cycles", 0)
    detail = (
        f"{done} done, {failed} failed, newest {runtime.get('cycle_id') or 'none'} ({age_text(str(runtime['as_of']))})"
    )
    age_s = (SystemClock().now() - datetime.fromisoformat(str(runtime["as_of"]))).total_seconds()
    real_time = runtime.get("profile") == "live" or runtime.get("source") == "kraken"
    if running and real_time and age_s > OLD_CYCLE_S:
        remedy = "journalctl -u tradingbot; systemd restarts a daemon that no longer cycles"
        yield problem("daemon", "cycles", detail, remedy, DEPLOYMENT)
    elif failed:
        why = str(runtime.get("last_failure", ""))
        yield warning("daemon", "cycles", f"{detail}; last failure: {why}", "look at logs/daemon.jsonl", FAULTS)
    else:
        yield fine("daemon", "cycles", detail)
    if not runtime.get("storage_ok", True):
        remedy = "free space or mend permissions; it resumes by itself"
        yield problem("daemon", "storage", str(runtime.get("storage_detail")), remedy, LOST)
    for line in runtime.get("differences") or ():
        remedy = "tradingbot status --reconcile lists both sides; nothing is corrected silently"
        yield problem("daemon", "difference", str(line), remedy, FAULTS)
    for name in runtime.get("entry_blocks") or ():
        yield warning("daemon", "entries", f"blocked: {name}", "tradingbot status says more", SWITCHES)


def _switches(home: Path) -> Iterator[Finding]:
    tripped = [switch_record(one) for one in tripped_switches(home)]
    for one in tripped:
        name = str(one["switch"])
        remedy = f"read why; it lifts by its rule, or: tradingbot resume --switch {name}"
        yield warning("kill switches", name, f"tripped since {one['since']}: {one['reason']}", remedy, SWITCHES)
    if not tripped:
        yield fine("kill switches", "state", "none is tripped")


def _issues(home: Path) -> Iterator[Finding]:
    """Every open issue with its own remedy and runbook."""
    rows = open_issues(home)
    for one in rows:
        subject = f"{one['kind']} {one['subject']}".strip()
        make = problem if one["severity"] == "critical" else warning
        yield make("issues", subject, f"{one['title']}: {one['detail']}", one["remedy"], one["runbook"])
    if not rows:
        yield fine("issues", "registry", "none is open")


async def _venue(options: RunOptions, environ: Mapping[str, str], offline: bool) -> list[Finding]:
    """Reachability and clock. An embedded venue lives inside the daemon, so there is nothing to be reached."""
    if offline or (options.embedded and options.source != "kraken"):
        why = "not asked: --offline" if offline else "simulated inside the daemon"
        return [fine("venue", "reachability", why)]
    try:
        settings, secrets = load(options, environ)
        return await _asked(options, settings, secrets)
    except (TradingBotError, OSError, TimeoutError) as error:
        remedy = "look at the network and at the venue's status page"
        return [problem("venue", "reachability", masked(f"{type(error).__name__}: {error}", environ), remedy, FAULTS)]


async def _asked(options: RunOptions, settings: Settings, secrets: Secrets) -> list[Finding]:
    clock = SystemClock()
    async with clock.timeout(VENUE_WAIT_S), AsyncExitStack() as stack:
        parts = await open_venue(completed(options, settings), settings, secrets, stack, frozen=True)
        results = [await check_venue(parts.venue), await check_clock(parts.venue, parts.clock)]
    return [_as_finding("venue", one, FAULTS) for one in results]
