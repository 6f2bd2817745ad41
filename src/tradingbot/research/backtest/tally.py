"""Counts what cycles decided, while a backtest runs: signals by stage, gates, components, regimes; and equity."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from tradingbot.core.types import Direction, Symbol, epoch_ms
from tradingbot.decision import SignalVerdict
from tradingbot.engine.cycle_scribe import CycleSeen
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.book import Book
from tradingbot.research.arrays import Floats
from tradingbot.research.backtest.result import ComponentCounts, EquityCurve, GateCounts, SignalTally

HORIZON_MIN = 15
"""How long after it a component's opinion is judged."""
NOTHING = float("nan")
MARK_CHARS = 16
"""Of the hash after a cycle: enough to see that two runs decided the same so far."""


class TallyScribe:
    """Keeps figures instead of lines. Cycles before `since_ms` are warm-up and count for nothing."""

    def __init__(self, symbols: Sequence[Symbol], since_ms: int) -> None:
        self._since_ms = since_ms
        self._symbols = tuple(symbols)
        self._tally = SignalTally()
        self._times = array("q")
        self._equity = array("d")
        self._exposure = array("d")
        self._closes = {symbol: array("d") for symbol in symbols}
        self._opinions: dict[str, dict[Symbol, array[int]]] = {}
        self._hash = hashlib.blake2b(digest_size=16)
        self._last_equity = NOTHING
        self._checkpoints: list[str] = []

    def write(self, cycle: CycleSeen) -> None:
        """Count one cycle."""
        snapshot = cycle.snapshot
        as_of_ms = epoch_ms(snapshot.as_of)
        if as_of_ms < self._since_ms:
            return
        if snapshot.equity_usd is not None:
            self._last_equity = float(snapshot.equity_usd)
        self._times.append(as_of_ms)
        self._equity.append(self._last_equity)
        self._exposure.append(exposure_usd(snapshot, cycle.book))
        for symbol in self._symbols:
            mark = snapshot.symbols[symbol].mark_price
            self._closes[symbol].append(NOTHING if mark is None else float(mark))
        self._tally.regime_minutes[cycle.decision.regime.regime.value] += 1
        for verdict in cycle.decision.signals:
            self._count(verdict)
        self._note(cycle)

    def _note(self, cycle: CycleSeen) -> None:
        said = [_said(one) for one in cycle.decision.signals]
        self._hash.update(f"{cycle.snapshot.cycle_id}|{said}".encode())
        if cycle.decision.actions:
            self._hash.update(f"{cycle.decision.actions}|{cycle.done}".encode())
        self._checkpoints.append(self._hash.hexdigest()[:MARK_CHARS])

    def _count(self, verdict: SignalVerdict) -> None:
        tally, flow = self._tally, verdict.reading.flow
        tally.total += 1
        tally.with_side += flow.direction is not Direction.NEUTRAL
        tally.stages[verdict.stage] += 1
        for why in verdict.reasons:
            tally.reasons[verdict.stage, why.code] += 1
        for one in verdict.trail.verdicts:
            counts = tally.gates.get(one.gate)
            if counts is None:
                counts = tally.gates[one.gate] = GateCounts()
            counts.passed += one.passed
            counts.blocked += not one.passed
            counts.multiplied += one.multiplier if one.passed else 0.0
        row = len(self._times) - 1
        for said in flow.components:
            found = tally.components.get(said.name)
            if found is None:
                found = tally.components[said.name] = ComponentCounts()
            found.live += said.live
            if said.direction is not Direction.NEUTRAL:
                sign = said.direction.sign
                self._opinions.setdefault(said.name, {}).setdefault(flow.symbol, array("q")).append(sign * (row + 1))

    @property
    def cycles(self) -> int:
        """Counted ones."""
        return len(self._times)

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The hash over signals and actions after every cycle."""
        return tuple(self._checkpoints)

    @property
    def digest(self) -> str:
        """Hash over all signals, all actions and what came of them, and over the equity."""
        state = self._hash.copy()
        state.update(self._equity.tobytes())
        return state.hexdigest()

    def curve(self) -> EquityCurve:
        """One point per counted cycle."""
        return EquityCurve(np.array(self._times, dtype=np.int64), np.array(self._equity), np.array(self._exposure))

    def closes(self) -> Mapping[Symbol, Floats]:
        """Mark prices per counted cycle."""
        return {symbol: np.array(column) for symbol, column in self._closes.items()}

    def signals(self) -> SignalTally:
        """The counts, with every opinion judged whose price is known."""
        closes = self.closes()
        for name, by_symbol in self._opinions.items():
            counts = self._tally.components[name]
            for symbol, rows in by_symbol.items():
                _judge(counts, np.array(rows, dtype=np.int64), closes[symbol])
        self._opinions = {}
        return self._tally


def _said(one: SignalVerdict) -> tuple[object, ...]:
    """What two runs must have said alike; the last two move with every candle, whether there is a side or not."""
    flow, prediction = one.signal, one.reading.prediction
    return flow.symbol, flow.direction.value, flow.confidence, one.stage, prediction.raw_logit, prediction.sigma_bps


def _judge(counts: ComponentCounts, signed_rows: np.ndarray[tuple[int], np.dtype[np.int64]], closes: Floats) -> None:
    sign, rows = np.sign(signed_rows), np.abs(signed_rows) - 1
    counts.long += int((sign > 0).sum())
    counts.short += int((sign < 0).sum())
    known = rows + HORIZON_MIN < len(closes)
    sign, rows = sign[known], rows[known]
    moved = (closes[rows + HORIZON_MIN] / closes[rows] - 1) * sign * 10_000
    moved = moved[np.isfinite(moved)]
    counts.judged += len(moved)
    counts.right += int((moved > 0).sum())
    counts.moved_bps += float(moved.sum())


def exposure_usd(snapshot: MarketSnapshot, book: Book) -> float:
    """Notional of all open positions at the mark."""
    total = Decimal(0)
    for position in book.open_positions:
        part = snapshot.symbols.get(position.symbol)
        if part is not None and part.mark_price is not None:
            total += part.spec.notional_usd(position.size, part.mark_price)
    return float(total)
