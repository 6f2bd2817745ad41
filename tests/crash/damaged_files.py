"""The daemon started on every state file missing, empty, cut, overwritten or too new: what it does, what is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from structlog.testing import capture_logs

from tests.integration.daemon_rig import Rig, running
from tradingbot.app.deployment_checks import check_state
from tradingbot.core.errors import TradingBotError
from tradingbot.engine.catalog import DOCUMENTS, JOURNALS
from tradingbot.engine.operator_desk import OperatorOrder

GARBAGE: Final = b"\x00\xff no JSON\n"
STRANGE_LINE: Final = b'{"schema_version":99,"data":"a line of a newer version"}\n'
QUIET: Final = 50
SAID: Final = ("state.", "journal.", "kill_switches.", "instance.", "positions.rebuilt", "regime.", "learning.")


@dataclass(frozen=True)
class Facts:
    """What must not be lost: trades with their net result, sizes of positions, tripped switches, fills."""

    trades: dict[str, str]
    positions: dict[str, str]
    switches: set[str]
    fills: set[str]


@dataclass
class Outcome:
    """One file with one damage: what happened, and what is gone (nothing, when it is right)."""

    name: str
    path: str
    damage: str
    happened: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: bool = False

    @property
    def said(self) -> str:
        """In one sentence."""
        return "; ".join(self.happened) or "nothing to do"


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _too_new(path: Path) -> None:
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), "schema_version": 99}))


def _copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}*"))


def _each(damage: Callable[[Path], Any]) -> Callable[[Path], None]:
    def all_of_them(path: Path) -> None:
        for copy in _copies(path):
            damage(copy)

    return all_of_them


def _overwrite(path: Path) -> None:
    path.write_bytes(GARBAGE)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


PAGED: Final = {"TRADINGBOT__DASHBOARD__ENABLED": "true", "TRADINGBOT__DASHBOARD__PORT": "0"}
"""The page keeps journals of its own."""
DOCUMENT_DAMAGE: Final[dict[str, Callable[[Path], Any]]] = {
    "missing": Path.unlink,
    "empty": _empty,
    "truncated": _cut,
    "garbage": _overwrite,
    "newer schema": _too_new,
    "all copies missing": _each(Path.unlink),
    "all copies garbage": _each(_overwrite),
}
JOURNAL_DAMAGE: Final[dict[str, Callable[[Path], Any]]] = {
    "missing": Path.unlink,
    "empty": _empty,
    "truncated": _cut,
    "garbage": _overwrite,
    "a newer line": lambda path: path.write_bytes(path.read_bytes() + STRANGE_LINE),
}
HISTORY_ITSELF: Final = {("fills", "missing"), ("fills", "empty"), ("fills", "truncated"), ("fills", "garbage")}
"""What is lost here is the very file that was damaged, and it has no second copy."""


def cases() -> Iterator[tuple[str, str, str]]:
    """(`document` or `journal`, name, damage) of every case."""
    for name in DOCUMENTS:
        yield from (("document", name, damage) for damage in DOCUMENT_DAMAGE)
    for name in JOURNALS:
        yield from (("journal", name, damage) for damage in JOURNAL_DAMAGE)


async def make_home(home: Path) -> Facts:
    """A real run: open positions, finished trades, and a pause by the operator."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(QUIET))
    async with running(home, PAGED) as rig:
        await rig.cycle(12)
        await rig.daemon.operate(OperatorOrder("pause", "damage test"))
        await rig.cycle(1)
        await rig.assert_agrees()
        facts = facts_of(rig)
    assert facts.positions
    assert facts.trades
    return facts


def facts_of(rig: Rig) -> Facts:
    """As the files and the venue say now."""
    trades = rig.stores.documents["trades"].peek()
    positions = rig.stores.documents["positions"].peek()
    switches = rig.stores.documents["kill_switches"].peek()
    return Facts(
        {trade.trade_id: str(trade.net_pnl) for trade in trades.trades} if trades else {},
        {p.position_id: str(p.size) for p in positions.positions if p.size} if positions else {},
        {str(one.name) for one in switches.state.tripped} if switches else set(),
        {str(row["fill_id"]) for row in rig.rows("fills") if "fill_id" in row},
    )


async def attempt(home: Path, kind: str, name: str, damage: str, before: Facts) -> Outcome | None:
    """Damage one file of a copy and start; None where the run never made that file and the damage needs one."""
    row = DOCUMENTS[name] if kind == "document" else JOURNALS[name]
    path = home / row.path
    table = DOCUMENT_DAMAGE if kind == "document" else JOURNAL_DAMAGE
    if not path.exists():
        if damage not in ("empty", "garbage"):
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
    table[damage](path)
    outcome = Outcome(name, row.path, damage)
    quarantined = _quarantined(home)
    structlog.reset_defaults()
    with capture_logs() as events:
        check = check_state(home, DOCUMENTS)
        if not check.ok:
            outcome.refused = True
            outcome.happened.append(f"refused: {_without(home, check.detail)}")
            return outcome
        await _start(home, before, outcome)
    _tell(outcome, events, home, quarantined, path)
    return outcome


async def _start(home: Path, before: Facts, outcome: Outcome) -> None:
    try:
        async with AsyncExitStack() as stack:
            rig = await stack.enter_async_context(running(home, PAGED))
            await rig.cycle(2)
            await rig.stores.writer.flush()
            found = await rig.agreement()
            outcome.lost += [
                f"{one.kind} {one.symbol}: ours {one.ours}, venue {one.venue}" for one in found.differences
            ]
            outcome.lost += rig.failures
            if not rig.protected():
                outcome.lost.append("a position without its stop")
            outcome.lost += list(_gone(before, facts_of(rig)))
    except* TradingBotError as group:
        outcome.refused = True
        outcome.happened.append(f"refused: {_without(home, str(_first(group)))}")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _gone(before: Facts, after: Facts) -> Iterator[str]:
    for trade_id, net in before.trades.items():
        if after.trades.get(trade_id) != net:
            yield f"trade {trade_id}: {net} -> {after.trades.get(trade_id)}"
    for position_id, size in before.positions.items():
        if position_id not in after.positions and position_id not in after.trades:
            yield f"position {position_id} of {size}"
    for switch in before.switches - after.switches:
        if "operator_review" not in after.switches:
            yield f"kill switch {switch}"
    if missing := before.fills - after.fills:
        yield f"{len(missing)} lines of the journal of fills"


def _tell(outcome: Outcome, events: list[Any], home: Path, quarantined: set[str], path: Path) -> None:
    new = sorted(_quarantined(home) - quarantined)
    if new:
        folder = Path(new[0]).parent
        outcome.happened.append(f"{len(new)} {'copy' if len(new) == 1 else 'copies'} set aside in `{folder}/`")
    notes = [str(event.get("note", "")) for event in events]
    for note in notes:
        if note.endswith("is used instead"):
            outcome.happened.append(note)
    names = {str(event["event"]) for event in events if str(event.get("event", "")).startswith(SAID)}
    if names:
        outcome.happened.append("said as " + ", ".join(f"`{name}`" for name in sorted(names)))
    if not outcome.refused:
        outcome.happened.append(
            "made again" if path.exists() and path.stat().st_size else "not made again in two cycles"
        )


def _quarantined(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("quarantine/*")}


def _without(home: Path, text: str) -> str:
    return text.replace(f"{home}/", "")


async def all_outcomes(folder: Path, wanted: Callable[[str, str, str], bool] = lambda *_: True) -> list[Outcome]:
    """Every wanted case, each on a copy of one real home."""
    source = folder / "home"
    before = await make_home(source)
    found = []
    for kind, name, damage in cases():
        if wanted(kind, name, damage):
            copy = Path(shutil.copytree(source, folder / "copy"))
            outcome = await attempt(copy, kind, name, damage, before)
            if outcome is not None:
                found.append(outcome)
            shutil.rmtree(copy)
    return found
