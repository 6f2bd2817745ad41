"""What a home folder says of its daemon, running or stopped, and whether it agrees with the venue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tradingbot.app.agreement import Agreement, ask_venue, compare
from tradingbot.app.bootstrap import load, open_venue
from tradingbot.app.home import make_home
from tradingbot.app.job_book import job_rows
from tradingbot.app.operator import waiting
from tradingbot.app.options import RunOptions
from tradingbot.app.profit import newest_price, profit_facts, unrealised_usd
from tradingbot.app.stores import open_document
from tradingbot.app.venue_standing import learning_facts, readiness_of_home
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError, StateCorruptError
from tradingbot.core.types import parse_utc
from tradingbot.engine.catalog import DOCUMENTS, journal_path
from tradingbot.engine.health_models import IssuesState
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.issue_registry import issue_record
from tradingbot.engine.journalled_trades import older_trades
from tradingbot.engine.kill_switches import switch_record
from tradingbot.engine.models import InstanceState, LatestSignalsState, PositionsState, RuntimeState, TradesState
from tradingbot.engine.switch_models import KillSwitchesState
from tradingbot.engine.trade_archive import archived
from tradingbot.guards.switch_state import Tripped
from tradingbot.portfolio.position import Position
from tradingbot.storage.document import Document
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.lock import is_held
from tradingbot.storage.writer import StorageWriter

_POSITION: TypeAdapter[Position] = TypeAdapter(Position)
SHOWN_TRADES = 10
ATTEMPTS = 3
REPLACED = ("kill_switches",)
"""State files whose loss the next start makes up for: by a review that holds entries back."""


def read_documents(home: Path) -> dict[str, Any]:
    """Every document of the home as far as it exists; None for a missing one. Moves nothing: a daemon may own them.

    One of the feature store counts as missing when it cannot be read: it is made again. Raises StateError for others.
    """
    writer = StorageWriter(SystemClock())
    return {
        name: _peek(open_document(home, name, writer), essential=name not in REPLACED and row.path.startswith("state/"))
        for name, row in DOCUMENTS.items()
    }


def _peek(document: Document[Any], *, essential: bool) -> Any:
    try:
        return document.peek()
    except StateCorruptError:
        if essential:
            raise
        return None


def is_running(home: Path) -> bool:
    """Whether a daemon holds the home."""
    return is_held(home)


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
        "profit": profit_facts(home, runtime, trades, positions, latest) if runtime else None,
        "regime": latest.regime if latest else None,
        "feeds": latest.feeds if latest else [],
        "left_out": latest.left_out if latest else [],
        "silent_components": silent_components(latest) if latest else [],
        "kill_switches": [switch_record(switch) for switch in _tripped(found.get("kill_switches"))],
        "issues": issue_rows(found.get("issues")),
        "jobs": job_rows(found.get("jobs")),
        "requests_waiting": waiting(home),
        "positions": position_rows(positions, latest),
        "trade_count": trades.count,
        "net_pnl_usd": str(trades.net_pnl_usd),
        "trades": TradesState.model_construct(trades=trades.trades[-SHOWN_TRADES:]).model_dump(mode="json")["trades"],
    }


def read_learning(home: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """What ``tradingbot status`` says of learning; by the built-in settings when others cannot be read."""
    try:
        settings, _ = load(options_to_look(home), environ)
    except ConfigurationError:
        settings = Settings()
    return {"learning": learning_facts(home, settings), "sample_readiness": readiness_of_home(home, settings) or []}


def options_to_look(home: Path) -> RunOptions:
    """Options with the profile of the home's last run; the defaults where nothing ran yet."""
    runtime: RuntimeState | None = _one_document(home, "runtime") if (home / "state").is_dir() else None
    return RunOptions(home=home, profile=runtime.profile) if runtime is not None else RunOptions(home=home)


def position_rows(positions: PositionsState, latest: LatestSignalsState | None) -> list[dict[str, Any]]:
    """Positions for people and programs, with the newest cycle's prices."""
    return [position_row(one, latest) for one in positions.positions]


def position_row(position: Position, latest: LatestSignalsState | None) -> dict[str, Any]:
    """A position as plain values, with the newest cycle's price and what it has won at that."""
    row: dict[str, Any] = _POSITION.dump_python(position, mode="json")
    gain, price = unrealised_usd(position, latest), newest_price(position, latest)
    row["unrealised_usd"] = None if gain is None else str(gain)
    row["newest_price"] = None if price is None else str(price)
    return row


def tripped_switches(home: Path) -> tuple[Tripped, ...]:
    """The kill switches that the files say are tripped."""
    return _tripped(_one_document(home, "kill_switches"))


def _one_document(home: Path, name: str) -> Any:
    """None when it is missing or cannot be read: what a person wants done must not hang on a damaged file."""
    return _peek(open_document(home, name, StorageWriter(SystemClock())), essential=False)


def _tripped(known: KillSwitchesState | None) -> tuple[Tripped, ...]:
    return known.state.tripped if known is not None else ()


def open_issues(home: Path) -> list[dict[str, Any]]:
    """Open issues as the file has them, the worst first."""
    return issue_rows(_one_document(home, "issues"))


def issue_rows(known: IssuesState | None) -> list[dict[str, Any]]:
    """Issues for people and programs, the worst first, then the oldest."""
    rows = known.open if known is not None else []
    return [issue_record(one) for one in sorted(rows, key=lambda one: (-one.severity.rank, one.since, one.issue_id))]


def open_position_lines(home: Path) -> list[str]:
    """One line per open position: symbol, direction, size, and what it is worth at the newest cycle's price."""
    positions: PositionsState = _one_document(home, "positions") or PositionsState()
    latest: LatestSignalsState | None = _one_document(home, "latest_signals")
    return [_position_line(one, latest) for one in positions.positions if one.is_open]


def _position_line(position: Position, latest: LatestSignalsState | None) -> str:
    line = f"{position.symbol} {position.direction.value} {position.size}, entry {position.entry_price:.8g}"
    mark, gain = newest_price(position, latest), unrealised_usd(position, latest)
    if mark is None or gain is None:
        return f"{line}, unrealised unknown"
    return f"{line}, now {mark:.8g}, unrealised about {gain:+.2f} USD"


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
    options = options_of_last_run(home)
    make_home(home)
    running = is_running(home)
    async with AsyncExitStack() as stack:
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
    instance: InstanceState = found["instance"]
    records = JournalReader(journal_path(home, "executed_trades"))
    trades, lines, fills = at_this_account(
        instance, found["trades"] or TradesState(), records, JournalReader(journal_path(home, "fills"))
    )
    return compare(await ask_venue(venue, positions, trades, fills, lines), OrderIds(instance.instance))


def at_this_account(
    instance: InstanceState,
    trades: TradesState,
    records: Iterable[Mapping[str, Any]],
    fills: Iterable[Mapping[str, Any]],
) -> tuple[TradesState, Iterable[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Trades, their lines and fills since the book went over to this account: of those before, it knows nothing.

    The sums of archived trades are not kept by account, so they are made again from the lines.
    """
    since = instance.account_since
    if since is None:
        return trades, records, list(fills)
    lines = [line for line in records if parse_utc(str(line["entry_time"])) >= since]
    before = archived([one for one in older_trades(trades, lines) if one.entry_time >= since])
    ours = TradesState.model_construct(
        trades=[trade for trade in trades.trades if trade.entry_time >= since], archived=before
    )
    return ours, lines, [row for row in fills if parse_utc(str(row["time"])) >= since]


def options_of_last_run(home: Path) -> RunOptions:
    """The options that the home's last daemon ran with. Raises ConfigurationError when there was none."""
    runtime: RuntimeState | None = read_documents(home)["runtime"] if (home / "state").is_dir() else None
    if runtime is None:
        raise ConfigurationError(f"no daemon has run in {home}: there is nothing to reconcile; is --home right?")
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
