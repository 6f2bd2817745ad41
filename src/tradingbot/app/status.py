"""What a home folder says of its daemon, running or stopped, and whether it agrees with the venue."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tradingbot.app.agreement import Agreement, ask_venue, compare
from tradingbot.app.bootstrap import load, open_venue
from tradingbot.app.home import make_home
from tradingbot.app.options import RunOptions
from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.core.errors import AlreadyRunningError, ConfigurationError
from tradingbot.engine.catalog import DOCUMENTS, journal_path
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.models import LatestSignalsState, PositionsState, RuntimeState, TradesState
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.lock import InstanceLock
from tradingbot.storage.writer import StorageWriter

SHOWN_TRADES = 10
ATTEMPTS = 3


def read_documents(home: Path) -> dict[str, Any]:
    """Every document of the home as far as it exists; None for a missing one. Moves nothing: a daemon may own them."""
    writer = StorageWriter(SystemClock())
    return {name: open_document(home, name, writer).peek() for name in DOCUMENTS}


def is_running(home: Path) -> bool:
    """Whether a daemon holds the home."""
    lock = InstanceLock(home)
    try:
        lock.acquire(SystemClock().now())
    except AlreadyRunningError:
        return True
    lock.release()
    return False


def read_status(home: Path) -> dict[str, Any]:
    """Facts for ``tradingbot status``."""
    found = read_documents(home) if (home / "state").is_dir() else {}
    runtime: RuntimeState | None = found.get("runtime")
    positions: PositionsState = found.get("positions") or PositionsState()
    trades: TradesState = found.get("trades") or TradesState()
    latest: LatestSignalsState | None = found.get("latest_signals")
    return {
        "known": runtime is not None,
        "home": str(home),
        "running": runtime is not None and is_running(home),
        "runtime": runtime.model_dump(mode="json") if runtime else None,
        "regime": latest.regime if latest else None,
        "feeds": latest.feeds if latest else [],
        "left_out": latest.left_out if latest else [],
        "silent_components": silent_components(latest) if latest else [],
        "positions": positions.model_dump(mode="json")["positions"],
        "trade_count": len(trades.trades),
        "net_pnl_usd": str(sum((trade.net_pnl_usd for trade in trades.trades), start=0)),
        "trades": TradesState.model_construct(trades=trades.trades[-SHOWN_TRADES:]).model_dump(mode="json")["trades"],
    }


def silent_components(latest: LatestSignalsState) -> list[dict[str, Any]]:
    """Components that cannot judge somewhere: in how many symbols, and why, most frequent reason first."""
    found: dict[str, dict[str, int]] = {}
    for record in latest.symbols.values():
        for item in record["components"]:
            if not item["live"]:
                codes = found.setdefault(item["name"], {})
                for code in {why["code"] for why in item["reasons"]}:
                    codes[code] = codes.get(code, 0) + 1
    total = len(latest.symbols)
    return [
        {
            "component": name,
            "symbols": max(codes.values(), default=0),
            "of": total,
            "reasons": dict(sorted(codes.items(), key=lambda item: -item[1])),
        }
        for name, codes in found.items()
    ]


async def reconcile_home(home: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """Compare a home with its venue: the live one, or the simulated one's persisted account after both stopped.

    While the daemon runs its files may be a moment behind, so a difference is looked at again before it counts.
    """
    make_home(home)
    running = is_running(home)
    async with AsyncExitStack() as stack:
        options = options_of_last_run(home)
        settings, secrets = load(options, environ)
        parts = await open_venue(options, settings, secrets, stack, frozen=True, running=running, offline=True)
        agreement = await _compare(home, parts.venue)
        for _ in range(ATTEMPTS - 1 if running else 0):
            if agreement.agree:
                break
            await parts.clock.sleep(1.0)
            agreement = await _compare(home, parts.venue)
    return {
        "agree": agreement.agree,
        "differences": [asdict(difference) for difference in agreement.differences],
        "counts": dict(agreement.counts),
        "booked": dict(agreement.sums),
    }


async def _compare(home: Path, venue: Any) -> Agreement:
    found = read_documents(home)
    if found["instance"] is None:
        raise ConfigurationError(f"no daemon has run in {home}: there is nothing to reconcile")
    positions = found["positions"] or PositionsState()
    journal = list(JournalReader(journal_path(home, "fills")))
    records = await ask_venue(venue, positions, found["trades"] or TradesState(), journal)
    return compare(records, OrderIds(found["instance"].instance))


def options_of_last_run(home: Path) -> RunOptions:
    """The options that the home's last daemon ran with. Raises ConfigurationError when there was none."""
    runtime: RuntimeState | None = read_documents(home)["runtime"]
    if runtime is None:
        raise ConfigurationError(f"no daemon has run in {home}: there is nothing to reconcile")
    return RunOptions(
        home=home,
        profile=runtime.profile,
        source=runtime.source,
        data=Path(runtime.data) if runtime.data else None,
        symbols=tuple(runtime.symbols),
        seed=runtime.seed,
        venue_url=runtime.venue_url,
        venue_ws_url=runtime.venue_ws_url or None,
    )
