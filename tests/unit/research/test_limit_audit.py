"""The audit of limits finds every one that was exceeded, and nothing in a run that kept them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support import NOW
from tradingbot.exits.params import ExitParams, GraceParams
from tradingbot.gates.params import GateParams
from tradingbot.reading import ReadingParams
from tradingbot.research.limit_audit import Journals, LimitAudit, by_cycle, summary
from tradingbot.risk.params import RiskParams

START = NOW.replace(second=0)
SYMBOLS = tuple(f"S{n}USDT" for n in range(8))
PARAMS = {
    "reading": ReadingParams().model_dump(mode="json"),
    "gates": GateParams().model_dump(mode="json"),
    "risk": RiskParams().model_dump(mode="json"),
    "exits": ExitParams().model_dump(mode="json"),
    "grace": GraceParams().model_dump(mode="json"),
    "venue_since": START.isoformat(),
}


class Run:
    """A run of cycles in journals, one minute apart, every symbol at 100 USD."""

    def __init__(self) -> None:
        self.cycles: list[dict[str, Any]] = []
        self.signals: list[dict[str, Any]] = []
        self.intents: list[dict[str, Any]] = []
        self.fills: list[dict[str, Any]] = []
        self.trades: list[dict[str, Any]] = []
        self.params = PARAMS

    def cycle(self, minute: int, equity: float = 10_000.0, **prices: float) -> dict[str, Any]:
        at = START + timedelta(minutes=minute)
        cycle_id = at.strftime("%Y%m%dT%H%M")
        cycle = {
            "cycle_id": cycle_id,
            "as_of": at.isoformat(),
            "equity_usd": str(equity),
            "params_hash": "p",
            "actions": [],
            "done": [],
            "stale": {},
        }
        self.cycles.append(cycle)
        for symbol in SYMBOLS:
            line = {"price": prices.get(symbol, 100.0), "confidence": 0.5, "aligned": 3, "conviction": "LOW", "live": 8}
            self.signals.append({"cycle_id": cycle_id, "symbol": symbol, **line})
        return cycle

    def entry(self, cycle: dict[str, Any], symbol: str, usd: float = 300.0, side: str = "buy", **plan: Any) -> None:
        order = f"tb-aa-{cycle['cycle_id']}-{symbol}-entry"
        size = str(usd / 100)
        action = {"kind": "open", "symbol": symbol, "side": side, "size": size, "reference_price": "100"}
        cycle["actions"].append(action)
        cycle["done"].append({"what": "open", "symbol": symbol, "client_order_id": order, "status": "accepted"})
        whole = {"stop_fraction": "0.025", "conviction": "LOW", "kind": "linear", "contract_size": "1", "leverage": "3"}
        self.intents.append({"event": "intent", "client_order_id": order, "intent": {"plan": {**whole, **plan}}})
        self.fill(cycle, symbol, side, size, "entry", order)

    def exit(self, cycle: dict[str, Any], symbol: str, usd: float = 300.0, rule: str = "time_exit") -> None:
        cycle["actions"].append({"kind": "close", "symbol": symbol, "rule": rule})
        self.fill(cycle, symbol, "sell", str(usd / 100), "exit", "x")

    def fill(self, cycle: dict[str, Any], symbol: str, side: str, size: str, purpose: str, order: str) -> None:
        time = datetime.fromisoformat(cycle["as_of"]) + timedelta(seconds=1)
        fill = {"time": time.isoformat(), "symbol": symbol, "side": side, "size": size, "price": "100"}
        self.fills.append({**fill, "purpose": purpose, "client_order_id": order})

    def trade(self, minute: float, net_usd: float) -> None:
        at = START + timedelta(minutes=minute)
        self.trades.append({"at": at.isoformat(), "exit_time": at.isoformat(), "net_pnl_usd": str(net_usd)})

    def audited(self, correlation: float | None = 0.0) -> LimitAudit:
        journals = Journals(
            self.cycles, by_cycle(self.signals), self.intents, self.fills, self.trades, {"p": self.params}
        )
        audit = LimitAudit(journals, lambda _one, _two, _at: correlation)
        audit.run()
        return audit

    def breached(self, correlation: float | None = 0.0) -> set[str]:
        return {breach.limit for breach in self.audited(correlation).audit.breaches}


def quiet() -> Run:
    """Six entries, one exit, all within the limits."""
    run = Run()
    for minute, symbol in enumerate(SYMBOLS[:6]):
        run.entry(run.cycle(minute), symbol)
    run.exit(run.cycle(10), SYMBOLS[0])
    run.cycle(11)
    return run


def test_a_run_within_its_limits_has_no_breach() -> None:
    """And every limit was looked at."""
    audit = quiet().audited().audit
    assert audit.breaches == []
    rows = {limit: checked for limit, checked, _, _ in summary(audit)}
    assert rows["pair-wise correlation"] == 15
    assert rows["pairs at once"] == 6
    assert rows["stop loss"] > 0


def too_many_pairs(run: Run) -> None:
    for minute, symbol in enumerate(SYMBOLS[:7]):
        run.entry(run.cycle(minute), symbol)


def twice_the_same(run: Run) -> None:
    run.entry(run.cycle(0), SYMBOLS[0])
    run.entry(run.cycle(1), SYMBOLS[0])


def many_trades(run: Run) -> None:
    for minute in range(0, 42, 2):
        run.entry(run.cycle(minute), SYMBOLS[0])
        run.exit(run.cycle(minute + 1), SYMBOLS[0], rule="hard_stop")


def stop_not_kept(run: Run) -> None:
    run.entry(run.cycle(0), SYMBOLS[0])
    run.cycle(5, **{SYMBOLS[0]: 97.4})


def exit_too_early(run: Run) -> None:
    run.entry(run.cycle(0), SYMBOLS[0])
    run.exit(run.cycle(1), SYMBOLS[0])


def sold_too_much(run: Run) -> None:
    run.entry(run.cycle(0), SYMBOLS[0])
    run.exit(run.cycle(5), SYMBOLS[0], usd=301.0)
    run.cycle(6)


def after_a_losing_day(run: Run) -> None:
    run.cycle(0)
    run.entry(run.cycle(5, equity=9_800.0), SYMBOLS[0])


def after_three_losses(run: Run) -> None:
    for minute in (1, 2, 3):
        run.trade(minute, -1.0)
    run.entry(run.cycle(60), SYMBOLS[0])


def after_few_winners(run: Run) -> None:
    for minute in range(20):
        run.trade(minute, 1.0 if minute % 5 == 4 else -1.0 if minute % 5 in (0, 1) else 0.0)
    run.entry(run.cycle(60), SYMBOLS[0])


def in_downtime(run: Run) -> None:
    run.entry(run.cycle(16 * 60), SYMBOLS[0])


def stale(run: Run) -> None:
    cycle = run.cycle(0)
    cycle["stale"] = {SYMBOLS[0]: ["book"]}
    run.entry(cycle, SYMBOLS[0])


def weak(run: Run) -> None:
    run.entry(run.cycle(0), SYMBOLS[0])
    run.signals[0].update(aligned=1, conviction="NONE", live=2, confidence=0.001)


BROKEN: tuple[tuple[Callable[[Run], None], set[str]], ...] = (
    (lambda run: run.entry(run.cycle(0), SYMBOLS[0], usd=501), {"notional per pair", "early days: largest"}),
    (lambda run: run.entry(run.cycle(0), SYMBOLS[0], usd=49), {"minimum trade"}),
    (lambda run: run.entry(run.cycle(0), SYMBOLS[0], leverage="4"), {"leverage"}),
    (lambda run: run.entry(run.cycle(0), SYMBOLS[0], stop_fraction="2"), {"risk per trade", "risk per symbol"}),
    (lambda run: run.entry(run.cycle(0, **{SYMBOLS[0]: 90.0}), SYMBOLS[0]), {"price against mark"}),
    (too_many_pairs, {"pairs at once"}),
    (twice_the_same, {"one position per symbol"}),
    (many_trades, {"trades per day"}),
    (stop_not_kept, {"stop loss"}),
    (exit_too_early, {"grace window"}),
    (sold_too_much, {"an exit never turns a position"}),
    (after_a_losing_day, {"kill switch: daily loss"}),
    (after_three_losses, {"kill switch: consecutive losses"}),
    (after_few_winners, {"kill switch: win rate"}),
    (in_downtime, {"no entry in downtime"}),
    (stale, {"fresh data"}),
    (weak, {"at least two aligned", "conviction", "quorum of live components", "risk per trade"}),
)


@pytest.mark.parametrize(("build", "expected"), BROKEN)
def test_what_was_exceeded_is_named(build: Callable[[Run], None], expected: set[str]) -> None:
    """One limit at a time."""
    run = Run()
    build(run)
    assert run.breached() == expected


def test_a_pause_after_losses_ends_and_what_was_before_never_counts_again() -> None:
    """Entries four hours after the trip; two more losses are a new row of two."""
    run = Run()
    for minute in (1, 2, 3):
        run.trade(minute, -1.0)
    run.cycle(4)
    run.entry(run.cycle(4 + 239), SYMBOLS[0])
    assert run.breached() == {"kill switch: consecutive losses"}
    late = Run()
    for minute in (1, 2, 3):
        late.trade(minute, -1.0)
    late.cycle(4)
    late.cycle(4 + 240)
    for minute in (246, 247):
        late.trade(minute, -1.0)
    late.entry(late.cycle(250), SYMBOLS[0])
    assert late.breached() == set()


@pytest.mark.parametrize(("correlation", "breaches"), [(0.7, 0), (0.71, 1), (None, 1), (-0.9, 0)])
def test_pairs_that_move_together(correlation: float | None, breaches: int) -> None:
    """Above 0.7 with the same side; unknown counts as one."""
    run = Run()
    run.entry(run.cycle(0), SYMBOLS[0])
    run.entry(run.cycle(1), SYMBOLS[1])
    found = run.audited(correlation).audit.breaches
    assert [breach.limit for breach in found] == ["pair-wise correlation"] * breaches


def test_heat_and_concentration() -> None:
    """Wide stops of six positions; three positions above half of what all may be."""
    run = Run()
    for minute, symbol in enumerate(SYMBOLS[:6]):
        run.entry(run.cycle(minute), symbol, stop_fraction="0.3")
    assert "portfolio heat" not in run.breached()
    run.entry(run.cycle(7), SYMBOLS[6], stop_fraction="0.9")
    assert "portfolio heat" in run.breached()
    tight = Run()
    tight.params = {
        **PARAMS,
        "risk": RiskParams.model_validate({"limits": {"max_top3_concentration_pct": 25}}).model_dump(),
    }
    for minute, symbol in enumerate(SYMBOLS[:3]):
        tight.entry(tight.cycle(minute), symbol)
    assert tight.breached() == {"top-3 concentration"}
