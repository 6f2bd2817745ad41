"""Makes the `Moment` after each cycle from what the daemon holds, writes it down, and finds those of the past."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from tradingbot.app.kept_history import line_at, raw_lines
from tradingbot.app.profit import First, first_equities, profit_since
from tradingbot.app.status import issue_rows, position_row
from tradingbot.app.stores import Stores
from tradingbot.app.venue_standing import readiness_rows
from tradingbot.config import Settings
from tradingbot.core.types import iso_utc, parse_utc
from tradingbot.dashboard.equity import MINUTES_KEPT, EquitySeries
from tradingbot.dashboard.moment import Moment
from tradingbot.dashboard.subsystems import ORDER, troubled
from tradingbot.engine.kill_switches import switch_record
from tradingbot.engine.learning_models import SymbolAllocationState
from tradingbot.engine.models import LatestSignalsState, PositionsState, RuntimeState, TradesState, ValidationState
from tradingbot.engine.switch_models import KillSwitchesState
from tradingbot.guards.downtime import downtime_at

_AT: Final = len(b'{"as_of":"')
_HOUR: Final = len("2026-01-05T08")
MINUTES: Final = timedelta(minutes=MINUTES_KEPT)
HEAVY: Final = ("signal_context", "exit_context", "fills")
"""Fields of a position that pages show only when they are asked for one."""


@dataclass(slots=True)
class MomentMaker:
    """Everything is taken from memory; only the very first moment reads the journal of cycles."""

    home: Path
    settings: Settings
    stores: Stores
    _start: First | None = None
    _today: First = field(default_factory=First)
    _green: dict[str, datetime] | None = None

    def make(self, runtime: RuntimeState) -> Moment:
        """The moment of a cycle that has just ended. For a worker thread: it takes milliseconds, at first more."""
        latest: LatestSignalsState | None = self._newest("latest_signals")
        positions: PositionsState = self._newest("positions") or PositionsState()
        trades: TradesState = self._newest("trades") or TradesState()
        switches: KillSwitchesState | None = self._newest("kill_switches")
        checked: ValidationState | None = self._newest("symbol_status")
        allocation: SymbolAllocationState | None = self._newest("allocation")
        downtime = downtime_at(runtime.as_of, self.settings.downtime)
        regime = dict(latest.regime) if latest is not None else {}
        issues = issue_rows(self._newest("issues"))
        return Moment(
            as_of=runtime.as_of,
            cycle_id=runtime.cycle_id,
            runtime=runtime,
            profit=self._profit(runtime, trades, positions, latest),
            positions=[light(position_row(one, latest)) for one in positions.positions],
            kill_switches=[switch_record(one) for one in switches.state.tripped] if switches else [],
            issues=issues,
            downtime=asdict(downtime),
            regime=regime,
            strategies={str(row["name"]): float(row["share_pct"]) for row in regime.get("strategies", ())},
            symbols=checked.model_dump(mode="json")["symbols"] if checked is not None else {},
            readiness=readiness_rows(allocation, self.settings, runtime.as_of) if allocation is not None else [],
            feeds=[dict(row) for row in latest.feeds] if latest is not None else [],
            peak_equity_usd=switches.state.peak_equity_usd if switches is not None else None,
            green_since=self._green_since(issues, runtime),
        )

    def _green_since(self, issues: list[dict[str, Any]], runtime: RuntimeState) -> dict[str, datetime]:
        """Carried on from the last moment on file; what that does not know is well since the start."""
        wrong = troubled(issues)
        if self._green is None:
            before = moment_at(self.home, runtime.as_of)
            known = before.green_since if before is not None else {}
            self._green = {name: known.get(name, runtime.started_at) for name in ORDER}
        self._green = {name: self._green.get(name, runtime.as_of) for name in ORDER if name not in wrong}
        return self._green

    def _newest(self, name: str) -> Any:
        return self.stores.documents[name].newest

    def _profit(
        self, runtime: RuntimeState, trades: TradesState, positions: PositionsState, latest: LatestSignalsState | None
    ) -> dict[str, Any]:
        day, now = runtime.as_of.date(), First(runtime.as_of, runtime.equity_usd)
        if self._start is None:
            self._today, self._start = first_equities(self.home, day)
        if now.equity_usd is not None:
            if self._start.at is None:
                self._start = now
            if self._today.at is None or self._today.at.date() != day:
                self._today = now
        return profit_since(self._today, self._start, runtime, trades, positions, latest)


def light(row: dict[str, Any]) -> dict[str, Any]:
    """A position without what only its own page shows."""
    return {name: value for name, value in row.items() if name not in HEAVY}


def moment_line(moment: Moment) -> dict[str, Any]:
    """One line of `logs/moments.jsonl`; it begins with its time, so that readers need not parse the others."""
    return {"at": iso_utc(moment.as_of), **moment.model_dump(mode="json")}


def equity_line(moment: Moment) -> dict[str, Any]:
    """One line of `logs/equity.jsonl`."""
    profit = moment.profit
    return {
        "as_of": moment.as_of,
        "cycle_id": moment.cycle_id,
        "equity_usd": profit.get("equity_usd"),
        "unrealised_usd": profit.get("unrealised_usd"),
        "net_pnl_usd": profit.get("since_start", {}).get("net_pnl_usd"),
        "open_positions": profit.get("open_positions"),
        "regime": moment.regime.get("regime"),
        "strategies": {name: round(share, 2) for name, share in moment.strategies.items()},
    }


def moment_at(home: Path, at: datetime) -> Moment | None:
    """The newest moment on file that is not after `at`; None without one. Reads files."""
    line = line_at(home, "moments", at)
    return None if line is None else Moment.model_validate_json(line)


def known_equity(home: Path, now: datetime) -> EquitySeries:
    """Equity as the journal has it: two years at most. Reads the whole journal: for a worker thread.

    Of hours that the series does not keep by the minute, only the first line is taken apart.
    """
    series, by_minute, hour = EquitySeries(), iso_utc(now - MINUTES).encode(), b""
    for line in raw_lines(home, "equity"):
        at = line[_AT : _AT + len(by_minute)]
        if at < by_minute and at[:_HOUR] == hour:
            continue
        with suppress(KeyError, TypeError, ValueError):  # orjson's error is a ValueError
            row = orjson.loads(line)
            series.add(parse_utc(str(row["as_of"])), float(row["equity_usd"]))
            hour = at[:_HOUR]
    return series
