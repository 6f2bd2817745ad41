"""The nightly digest: one page of what a day was like, from facts alone. What is not known is said to be. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tradingbot.engine.models import RuntimeState
from tradingbot.portfolio.position import ClosedTrade

ABSENT = "not known"


@dataclass(frozen=True, slots=True)
class Row:
    """One fact. `tone`: ``good``, ``bad``, ``warn`` or nothing."""

    label: str
    value: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Facts under one heading."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """The whole page. `headline` is the day in one line."""

    title: str
    headline: str
    since: datetime
    until: datetime
    sections: tuple[Section, ...]


@dataclass(slots=True)
class CycleDay:
    """What the cycles of a day add up to. Money in USD; `first_at` is when equity was first known, to the minute."""

    cycles: int = 0
    first_at: str = ""
    first_equity: float | None = None
    last_equity: float | None = None
    drawdown_usd: float = 0.0
    drawdown_pct: float = 0.0
    blocked: dict[str, int] = field(default_factory=dict)
    blocked_cycles: int = 0
    regimes: list[tuple[str, str]] = field(default_factory=list)
    _peak: float = 0.0

    def add(self, line: Mapping[str, Any]) -> None:
        """One line of `logs/cycles.jsonl`, in order."""
        self.cycles += 1
        reasons = (line.get("permission") or {}).get("reasons") or []
        self.blocked_cycles += bool(reasons)
        for reason in reasons:
            self.blocked[str(reason)] = self.blocked.get(str(reason), 0) + 1
        regime = str(line.get("regime") or "")
        if regime and (not self.regimes or self.regimes[-1][1] != regime):
            self.regimes.append((str(line.get("as_of", ""))[11:16], regime))
        if line.get("equity_usd") is not None:
            self._equity(float(line["equity_usd"]), str(line.get("as_of", ""))[:16])

    def _equity(self, equity: float, at: str) -> None:
        if self.first_equity is None:
            self.first_equity, self.first_at = equity, at
        self.last_equity = equity
        self._peak = max(self._peak, equity)
        if self._peak - equity > self.drawdown_usd:
            self.drawdown_usd = self._peak - equity
            self.drawdown_pct = self.drawdown_usd / self._peak * 100 if self._peak else 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the files of a home say of a day. None and empty: the file says nothing.

    `profit`, `positions`, `open_issues`, `learning`, `readiness` are as `tradingbot status` shows them; the lines are
    those of the day.
    """

    who: str
    since: datetime
    until: datetime
    cycle_s: float
    day: CycleDay
    runtime: RuntimeState | None = None
    profit: Mapping[str, Any] | None = None
    trades: Sequence[ClosedTrade] | None = None
    positions: Sequence[Mapping[str, Any]] | None = None
    switches: Iterable[Mapping[str, Any]] = ()
    issues: Iterable[Mapping[str, Any]] = ()
    open_issues: Sequence[Mapping[str, Any]] = ()
    heals: Iterable[Mapping[str, Any]] = ()
    exchange: Iterable[Mapping[str, Any]] = ()
    resources: Iterable[Mapping[str, Any]] = ()
    learning: Mapping[str, Any] | None = None
    readiness: Sequence[Mapping[str, Any]] | None = None
    feeds: Sequence[Mapping[str, Any]] | None = None
