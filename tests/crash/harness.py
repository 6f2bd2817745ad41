"""Random kills and the invariants that must hold after each and at the end."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from tests.crash.processes import DaemonProcess, VenueProcess, reconciled, wait_until
from tradingbot.sim_server.books import transactions

STATE = ("positions_futures.json", "trades_futures.json", "instance.json", "runtime.json")


@dataclass
class Outcome:
    """What a series of kills came to; `violations` must stay empty."""

    kills: int = 0
    kills_with_order_under_way: int = 0
    entries: int = 0
    trades: int = 0
    positions_at_kills: int = 0
    restart_to_protected_s: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)


def run_kills(folder: Path, kills: int, seed: int, speed: float = 120.0, longest_s: float = 3.0) -> Outcome:
    """Kill the daemon at `kills` random moments, restart it each time, and check everything."""
    rng, outcome = random.Random(seed), Outcome()
    home = folder / "daemon"
    venue = VenueProcess(folder / "venue", speed, seed)
    try:
        for number in range(kills):
            _one_life(home, venue, speed, rng, longest_s, number, outcome)
        last = DaemonProcess(home, venue, speed)
        wait_until("two cycles of the last life", lambda: last.cycles() >= 2, 60)
        if code := last.stop():
            outcome.violations.append(f"the last daemon ended with {code}")
        agree(home, venue, outcome)
        no_duplicates(home, venue, outcome)
    finally:
        venue.stop()
    return outcome


def _one_life(
    home: Path, venue: VenueProcess, speed: float, rng: random.Random, longest_s: float, number: int, outcome: Outcome
) -> None:
    started_s = time.monotonic()
    daemon = DaemonProcess(home, venue, speed)
    try:
        wait_until(f"first cycle of life {number}", lambda: daemon.cycles() >= 1, 60)
    except (TimeoutError, AssertionError) as error:
        outcome.violations.append(f"life {number}: {error}")
        daemon.kill()
        return
    outcome.restart_to_protected_s.append(time.monotonic() - started_s)
    protected(home.parent / "venue", number, outcome)
    if rng.random() < 0.5:
        time.sleep(rng.uniform(0.0, longest_s))
    else:
        _wait_for_an_intent(home, longest_s)
        time.sleep(rng.uniform(0.0, 0.006))
    daemon.kill()
    outcome.kills += 1
    readable(home, number, outcome)
    positions = data(home / "state" / "positions_futures.json").get("positions", [])
    outcome.positions_at_kills += sum(1 for position in positions if float(position["size"]) > 0)
    outcome.kills_with_order_under_way += _under_way(home)


def _wait_for_an_intent(home: Path, longest_s: float) -> None:
    """Return as soon as an order is about to leave: the most delicate moment to be killed."""
    path, deadline_s = home / "logs" / "intents.jsonl", time.monotonic() + longest_s
    before = path.stat().st_size if path.exists() else 0
    while time.monotonic() < deadline_s and (not path.exists() or path.stat().st_size == before):
        time.sleep(0.0005)


def protected(venue_folder: Path, number: int, outcome: Outcome) -> None:
    """After the first cycle of a life the venue itself holds exactly one right stop for every position.

    A position that is opened in the very moment of looking has its stop a moment later, so what is missing is looked
    at again; it must not stay missing.
    """
    missing = unprotected(venue_folder)
    for _ in range(8):
        if not missing:
            return
        time.sleep(0.1)
        missing &= unprotected(venue_folder)
    outcome.violations.append(f"life {number}: unprotected at the venue: {sorted(missing)}")


def unprotected(venue_folder: Path) -> set[str]:
    """Contracts whose position has not exactly one stop of its size."""
    account = venue_account(venue_folder)
    resting = [order for order in account["orders"] if order["reduce_only"] and order["kind"] == "stp"]
    stops = Counter((order["symbol"], Decimal(order["open"])) for order in resting)
    sizes = {symbol: abs(Decimal(str(position["size"]))) for symbol, position in held(account).items()}
    return {symbol for symbol, size in sizes.items() if stops[(symbol, size)] != 1}


def venue_account(venue_folder: Path) -> dict[str, Any]:
    """The account as the venue's newest transaction left it."""
    newest: dict[str, Any] = deque(transactions(venue_folder), maxlen=1)[0]
    account: dict[str, Any] = newest["account"]
    return account


def held(account: dict[str, Any]) -> dict[str, Any]:
    """Positions of that account."""
    return {symbol: row for symbol, row in account["positions"].items() if Decimal(row["size"])}


def readable(home: Path, number: int, outcome: Outcome) -> None:
    """Every document is whole JSON; every journal line but a torn last one is."""
    for name in STATE:
        path = home / "state" / name
        try:
            if path.exists():
                orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError as error:
            outcome.violations.append(f"life {number}: {name} is unreadable: {error}")
    for path in (home / "logs").glob("*.jsonl"):
        for line in path.read_bytes().split(b"\n")[:-1]:
            try:
                orjson.loads(line)
            except orjson.JSONDecodeError:
                outcome.violations.append(f"life {number}: {path.name} has a broken line: {line[:80]!r}")


def _under_way(home: Path) -> int:
    """1 when the newest intent had no outcome written yet."""
    open_ids: set[str] = set()
    for row in rows(home / "logs" / "intents.jsonl"):
        (open_ids.add if row["event"] == "intent" else open_ids.discard)(row["client_order_id"])
    return 1 if open_ids else 0


def agree(home: Path, venue: VenueProcess, outcome: Outcome) -> None:
    """Files and venue say the same."""
    try:
        facts = reconciled(home, venue)
    except AssertionError as error:
        outcome.violations.append(str(error))
        return
    outcome.trades = facts["trade_count"]
    outcome.violations += [f"reconcile: {difference}" for difference in facts["reconcile"]["differences"]]


def no_duplicates(home: Path, venue: VenueProcess, outcome: Outcome) -> None:
    """The venue's own transaction file: no order id twice, no entry that no intent explains, each fill once for us."""
    intents = {
        row["client_order_id"]: row["intent"]
        for row in rows(home / "logs" / "intents.jsonl")
        if row["event"] == "intent"
    }
    fills = venue_fills(home.parent / "venue")
    placed = Counter(str(fill["client_id"]) for fill in fills)
    outcome.entries = sum(1 for order_id in placed if order_id.endswith("-entry"))
    strangers = [order_id for order_id in placed if order_id not in intents]
    if strangers:
        outcome.violations.append(f"the venue filled orders that no intent explains: {strangers[:5]}")
    for order_id, intent in intents.items():
        filled = sum(float(fill["size"]) for fill in fills if fill["client_id"] == order_id)
        if filled > float(intent["size"]) * 1.000001:
            outcome.violations.append(f"{order_id}: filled {filled}, asked {intent['size']}")
    counted = Counter(row["fill_id"] for row in rows(home / "logs" / "fills.jsonl"))
    doubles = [fill_id for fill_id, count in counted.items() if count > 1]
    if doubles:
        outcome.violations.append(f"fills counted twice: {doubles[:5]}")


def venue_fills(folder: Path) -> list[dict[str, Any]]:
    """Every fill of the account, ours or not."""
    found: list[dict[str, Any]] = []
    for row in transactions(folder):
        found += row.get("rows", {}).get("fills", [])
    return found


def rows(path: Path) -> list[dict[str, Any]]:
    """Whole lines of a journal."""
    if not path.exists():
        return []
    return [orjson.loads(line) for line in path.read_bytes().split(b"\n")[:-1] if line]


def data(path: Path) -> dict[str, Any]:
    """Content of a state file; empty before there is one."""
    return orjson.loads(path.read_bytes())["data"] if path.exists() else {}
