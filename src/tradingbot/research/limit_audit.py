"""Were the limits of SPEC 6 and 7 kept? Derived anew from the journals alone, without the code that keeps them.

Positions come from fills, worth and marks from the lines of each cycle, correlations from recorded candles. Nothing
here imports sizing, gates, guards, book or exits; an import contract sees to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from tradingbot.research.limit_state import Held, LossRow, WinWindow

Record = Mapping[str, Any]
EPSILON = 1e-9
ROUNDING = 1e-6
"""Part by which a number may pass its limit because it was rounded on the way to a journal."""


class PairCorrelation(Protocol):
    """Correlation of two symbols' hourly returns as of a moment; None when unknown."""

    def __call__(self, one: str, two: str, at: datetime) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Breach:
    """One limit that was not kept."""

    limit: str
    at: str
    symbol: str
    value: float | str
    allowed: float | str


@dataclass(frozen=True, slots=True)
class Journals:
    """What is read: lines of cycles, signals, intents, fills and executed trades, and the parameters by their hash.

    `lifts` are the switches that a person lifted: (when, name).
    """

    cycles: Iterable[Record]
    signals: Mapping[str, Mapping[str, Record]]
    intents: Sequence[Record]
    fills: Sequence[Record]
    trades: Sequence[Record]
    params: Mapping[str, Record]
    lifts: Sequence[tuple[datetime, str]] = ()


@dataclass(slots=True)
class Audit:
    """What was found: breaches, and how often each limit was looked at."""

    breaches: list[Breach] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    closest: dict[str, float] = field(default_factory=dict)

    def at_most(self, limit: str, value: float, allowed: float, at: str, symbol: str = "") -> None:
        """`value` must not be above `allowed`."""
        self.checked[limit] += 1
        if allowed > 0:
            self.closest[limit] = max(self.closest.get(limit, 0.0), value / allowed)
        if value > allowed * (1 + ROUNDING) + EPSILON:
            self.breaches.append(Breach(limit, at, symbol, value, allowed))

    def holds(self, limit: str, kept: bool, at: str, symbol: str = "", value: float | str = "") -> None:
        """Something must be so."""
        self.checked[limit] += 1
        if not kept:
            self.breaches.append(Breach(limit, at, symbol, value, "never"))


class LimitAudit:
    """Goes through all cycles in order with the fills that came between them."""

    def __init__(self, journals: Journals, correlation: PairCorrelation | None = None) -> None:
        self._j = journals
        self._correlation = correlation
        self.audit = Audit()
        self._held: dict[str, Held] = {}
        self._plans = {r["client_order_id"]: r["intent"] for r in journals.intents if r.get("event") == "intent"}
        self._fills = sorted(journals.fills, key=lambda fill: _time(fill["time"]))
        self._next_fill = 0
        self._day_equity: tuple[str, float] = ("", 0.0)
        self._peak = 0.0
        self._entries_today: Counter[str] = Counter()
        self._trades = sorted(journals.trades, key=lambda trade: _time(trade["at"]))
        self._lifts = sorted(journals.lifts)
        self._next_trade = self._next_lift = 0
        self._losses, self._wins = LossRow(), WinWindow()

    def run(self) -> Audit:
        """Check every cycle."""
        for cycle in self._j.cycles:
            self._cycle(cycle)
        return self.audit

    def _cycle(self, cycle: Record) -> None:
        now = _time(cycle["as_of"])
        self._apply_fills(until=now)
        lines = self._j.signals.get(str(cycle["cycle_id"]), {})
        marks = {symbol: line["price"] for symbol, line in lines.items() if line["price"]}
        equity = None if cycle["equity_usd"] is None else float(cycle["equity_usd"])
        params = self._j.params[str(cycle["params_hash"])]
        opens = [action for action in cycle["actions"] if action["kind"] == "open"]
        closes = [action for action in cycle["actions"] if action["kind"] == "close"]
        self._watch_trades(now, params["risk"]["kill_switches"])
        self._watch_equity(now, equity)
        self._check_stops(cycle, closes, marks, params)
        self._check_grace(cycle, closes, now, params)
        going: dict[str, Held] = {}
        for action in opens:
            self._check_entry(cycle, action, now, equity, lines, marks, params, going)

    # ------------------------------------------------------------ what is held

    def _apply_fills(self, until: datetime) -> None:
        while self._next_fill < len(self._fills) and _time(self._fills[self._next_fill]["time"]) < until:
            fill = self._fills[self._next_fill]
            self._next_fill += 1
            if not fill["purpose"]:
                continue
            if fill["purpose"] == "entry":
                self._entry_fill(fill)
            else:
                self._exit_fill(fill)

    def _entry_fill(self, fill: Record) -> None:
        symbol, size, price = fill["symbol"], float(fill["size"]), float(fill["price"])
        held = self._held.get(symbol)
        if held is not None:
            total = held.size + size
            value = held.size / held.price + size / price
            held.price = total / value if held.inverse else (held.price * held.size + price * size) / total
            held.size = total
            return
        plan = self._plans[fill["client_order_id"]]["plan"]
        self._held[symbol] = _held(plan, fill["side"], size, price, _time(fill["time"]))

    def _exit_fill(self, fill: Record) -> None:
        held = self._held.get(fill["symbol"])
        self.audit.holds("an exit reduces a position", held is not None, str(fill["time"]), fill["symbol"])
        if held is None:
            return
        held.size -= float(fill["size"])
        self.audit.holds("an exit never turns a position", held.size > -EPSILON, str(fill["time"]), fill["symbol"])
        if held.size <= EPSILON:
            del self._held[fill["symbol"]]

    # ------------------------------------------------------------ entries

    def _check_entry(
        self,
        cycle: Record,
        action: Record,
        now: datetime,
        equity: float | None,
        lines: Mapping[str, Record],
        marks: Mapping[str, float],
        params: Record,
        going: dict[str, Held],
    ) -> None:
        audit, at, symbol = self.audit, str(cycle["as_of"]), str(action["symbol"])
        audit.holds("equity is known", equity is not None, at, symbol)
        intent = self._intent_of(cycle, symbol)
        if equity is None or intent is None:
            return
        plan, line = intent["plan"], lines[symbol]
        price = float(action["reference_price"])
        entry = _held(plan, action["side"], float(action["size"]), price, now)
        others = {**self._held, **going}
        self._check_one(at, symbol, entry, equity, line, marks, params, now, float(plan["leverage"]))
        self._check_book(at, symbol, entry, others, equity, marks, params, now)
        self._check_moment(cycle, at, symbol, now, equity, line, params)
        going[symbol] = entry

    def _intent_of(self, cycle: Record, symbol: str) -> Record | None:
        """The order that was sent; None when none was (it was denied before)."""
        ending = f"-{cycle['cycle_id']}-{symbol}-entry"
        sent = [str(item["client_order_id"]) for item in cycle["done"] if item["what"] == "open"]
        return next((self._plans[name] for name in sent if name.endswith(ending) and name in self._plans), None)

    def _check_one(
        self,
        at: str,
        symbol: str,
        entry: Held,
        equity: float,
        line: Record,
        marks: Mapping[str, float],
        params: Record,
        now: datetime,
        leverage: float,
    ) -> None:
        audit, limits, sizing = self.audit, params["risk"]["limits"], params["risk"]["sizing"]
        worth = entry.notional_usd(entry.price)
        risk = worth * entry.stop_fraction
        early = now - _time(params["venue_since"]) < timedelta(days=sizing["early_days"])
        audit.at_most("notional per pair", worth, equity * limits["max_pair_notional_pct"] / 100, at, symbol)
        audit.at_most("minimum trade", sizing["min_trade_usd"], worth, at, symbol)
        audit.at_most("early days: largest", worth if early else 0, sizing["early_max_notional_usd"], at, symbol)
        most = sizing["early_max_leverage"] if early else sizing["max_leverage"]
        audit.at_most("leverage", leverage, most, at, symbol)
        allowed = equity * limits["max_trade_risk_pct"] / 100 * line["confidence"]
        audit.at_most("risk per trade", risk, allowed, at, symbol)
        audit.at_most("risk per symbol", risk, equity * limits["max_symbol_risk_pct"] / 100, at, symbol)
        away = abs(entry.price / marks[symbol] - 1) * 100
        audit.at_most("price against mark", away, limits["max_price_deviation_pct"], at, symbol)
        audit.holds("price above zero", entry.price > 0, at, symbol)

    def _check_book(
        self,
        at: str,
        symbol: str,
        entry: Held,
        others: Mapping[str, Held],
        equity: float,
        marks: Mapping[str, float],
        params: Record,
        now: datetime,
    ) -> None:
        audit, limits = self.audit, params["risk"]["limits"]
        audit.holds("one position per symbol", symbol not in others, at, symbol)
        audit.at_most("pairs at once", len(others) + 1, limits["max_pairs"], at, symbol)
        worth = {name: held.notional_usd(marks.get(name, held.price)) for name, held in others.items()}
        worth[symbol] = entry.notional_usd(entry.price)
        stops = {name: held.stop_fraction for name, held in {**others, symbol: entry}.items()}
        heat = sum(usd * stops[name] for name, usd in worth.items())
        audit.at_most("portfolio heat", heat, equity * limits["max_heat_pct"] / 100, at, symbol)
        whole = equity * limits["max_pair_notional_pct"] / 100 * limits["max_pairs"]
        largest = sum(sorted(worth.values(), reverse=True)[:3])
        # Older positions may have grown with their prices; only what the entry adds can be refused.
        among = worth[symbol] >= sorted(worth.values(), reverse=True)[:3][-1]
        share = limits["max_top3_concentration_pct"] / 100
        audit.at_most("top-3 concentration", largest if among else 0.0, whole * share, at, symbol)
        for name, held in others.items():
            self._check_pair(at, symbol, entry, name, held, limits["max_correlation"], now)

    def _check_pair(
        self, at: str, symbol: str, entry: Held, name: str, held: Held, allowed: float, now: datetime
    ) -> None:
        if self._correlation is None:
            return
        known = self._correlation(symbol, name, now)
        together = (1.0 if known is None else known) * entry.sign * held.sign
        self.audit.at_most("pair-wise correlation", together, allowed, at, f"{symbol}/{name}")

    def _check_moment(
        self, cycle: Record, at: str, symbol: str, now: datetime, equity: float, line: Record, params: Record
    ) -> None:
        audit, risk = self.audit, params["risk"]
        day = f"{now:%Y-%m-%d}"
        self._entries_today[day] += 1
        audit.at_most("trades per day", self._entries_today[day], risk["limits"]["max_trades_per_day"], at, symbol)
        audit.holds("no entry in downtime", not 3 <= now.hour < 5, at, symbol)
        audit.holds("at least two aligned", line["aligned"] >= 2, at, symbol, line["aligned"])
        audit.holds("conviction", line["conviction"] != "NONE", at, symbol)
        audit.holds("fresh data", symbol not in cycle["stale"], at, symbol)
        quorum = params["reading"]["signals"]["min_live_components"]
        audit.holds("quorum of live components", line["live"] >= quorum, at, symbol, line["live"])
        self._check_switches(at, symbol, equity, risk["kill_switches"])

    def _check_switches(self, at: str, symbol: str, equity: float, switches: Record) -> None:
        audit = self.audit
        lost = (1 - equity / self._day_equity[1]) * 100 if self._day_equity[1] else 0.0
        audit.holds("kill switch: daily loss", lost < switches["max_daily_loss_pct"], at, symbol, lost)
        fallen = (1 - equity / self._peak) * 100 if self._peak else 0.0
        audit.holds("kill switch: drawdown", fallen < switches["max_drawdown_pct"], at, symbol, fallen)
        resting = self._losses.tripped_until is not None
        audit.holds("kill switch: consecutive losses", not resting, at, symbol, str(self._losses.tripped_until))
        audit.holds("kill switch: win rate", not self._wins.tripped, at, symbol)

    def _watch_trades(self, now: datetime, switches: Record) -> None:
        """Trades that were recorded before this cycle, and what a person lifted before it."""
        while self._next_trade < len(self._trades) and _time(self._trades[self._next_trade]["at"]) < now:
            trade = self._trades[self._next_trade]
            self._next_trade += 1
            result = (_time(trade["exit_time"]), float(trade["net_pnl_usd"]))
            self._losses.results.append(result)
            self._wins.results.append(result)
        while self._next_lift < len(self._lifts) and self._lifts[self._next_lift][0] <= now:
            moment, name = self._lifts[self._next_lift]
            self._next_lift += 1
            self._lifted_by_hand(name, moment)
        pause = timedelta(hours=switches["consecutive_losses_pause_h"])
        self._losses.watch(now, switches["max_consecutive_losses"], pause)
        self._wins.watch(switches["win_rate_window_trades"], switches["min_win_rate_pct"])

    def _lifted_by_hand(self, name: str, moment: datetime) -> None:
        if name == "consecutive_losses":
            self._losses.lift(moment)
        elif name == "win_rate":
            self._wins.lift(moment)
        elif name == "daily_loss":
            self._day_equity = ("", 0.0)
        elif name == "drawdown":
            self._peak = 0.0

    # ------------------------------------------------------------ worth and exits

    def _watch_equity(self, now: datetime, equity: float | None) -> None:
        if equity is None:
            return
        day = f"{now:%Y-%m-%d}"
        if self._day_equity[0] != day:
            self._day_equity = (day, equity)
        self._peak = max(self._peak, equity)

    def _check_stops(self, cycle: Record, closes: Sequence[Record], marks: Mapping[str, float], params: Record) -> None:
        """Whoever has lost as much as the stop allows is closed in this cycle (SPEC 8.4)."""
        limit = params["exits"]["stop_loss_pct"]
        leaving = {str(action["symbol"]) for action in closes}
        for symbol, held in self._held.items():
            if symbol in marks:
                beyond = held.return_pct(marks[symbol]) <= -limit * (1 + ROUNDING)
                self.audit.holds("stop loss", not beyond or symbol in leaving, str(cycle["as_of"]), symbol)

    def _check_grace(self, cycle: Record, closes: Sequence[Record], now: datetime, params: Record) -> None:
        """Within the grace window only stops act (SPEC 7.5)."""
        for action in closes:
            held = self._held.get(str(action["symbol"]))
            if held is None:
                continue
            high = held.conviction == "HIGH"
            grace = params["grace"]["high_conviction_s" if high else "normal_s"]
            young = (now - held.opened).total_seconds() < grace
            kept = not young or action["rule"] in ("hard_stop", "force_exit")
            self.audit.holds("grace window", kept, str(cycle["as_of"]), str(action["symbol"]), action["rule"])


def _held(plan: Record, side: str, size: float, price: float, opened: datetime) -> Held:
    return Held(
        sign=1 if side == "buy" else -1,
        size=size,
        price=price,
        opened=opened,
        stop_fraction=float(plan["stop_fraction"]),
        conviction=str(plan["conviction"]),
        inverse=plan["kind"] == "inverse",
        multiplier=float(plan["contract_size"]),
    )


def _time(text: object) -> datetime:
    return text if isinstance(text, datetime) else datetime.fromisoformat(str(text))


def by_cycle(signals: Iterable[Record]) -> dict[str, dict[str, Record]]:
    """What the audit needs of each signal's line, by cycle and symbol."""
    found: dict[str, dict[str, Record]] = {}
    for line in signals:
        kept = {key: line[key] for key in ("price", "confidence", "aligned", "conviction", "live")}
        found.setdefault(str(line["cycle_id"]), {})[str(line["symbol"])] = kept
    return found


def summary(audit: Audit) -> Iterator[tuple[str, int, int, str]]:
    """(limit, times checked, breaches, how close it came), by name."""
    broken = Counter(breach.limit for breach in audit.breaches)
    for limit in sorted(audit.checked):
        near = audit.closest.get(limit)
        yield limit, audit.checked[limit], broken[limit], "" if near is None else f"{near:.1%}"
