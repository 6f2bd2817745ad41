"""What became of every signal of a run, and of every trade: counts by gate, by exit rule, money to the last unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

Record = Mapping[str, Any]
ZERO: Final = Decimal(0)


@dataclass(slots=True)
class SignalCounts:
    """Signals by where they ended, and what each gate said of those that had a side.

    `blocked_first` counts the gate that ended a signal, `would_block` every gate that was against it, `alone` those
    that one gate alone held back.
    """

    total: int = 0
    with_side: int = 0
    with_conviction: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    would_block: Counter[str] = field(default_factory=Counter)
    alone: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    scaled: dict[str, list[float]] = field(default_factory=dict)


@dataclass(slots=True)
class Money:
    """Sums over trades in USD at the price of the settlement currency when each closed."""

    trades: int = 0
    won: int = 0
    gross_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    net_usd: Decimal = ZERO
    held_min: float = 0.0

    def add(self, trade: Record) -> None:
        """One more trade."""
        net, net_usd = Decimal(str(trade["net_pnl"])), Decimal(str(trade["net_pnl_usd"]))
        price = net_usd / net if net else Decimal(1)
        self.trades += 1
        self.won += net > 0
        self.gross_usd += Decimal(str(trade["gross_pnl"])) * price
        self.fees_usd += Decimal(str(trade["fees"])) * price
        self.funding_usd += Decimal(str(trade["funding"])) * price
        self.net_usd += net_usd
        self.held_min += float(trade["duration_s"]) / 60


def count_signals(lines: Iterable[Record]) -> SignalCounts:
    """Out of the lines of `signal_universe.jsonl`."""
    found = SignalCounts()
    for line in lines:
        found.total += 1
        found.stages[line["stage"]] += 1
        for why in line["reasons"]:
            found.reasons[line["stage"], why["code"]] += 1
        if line["direction"] == "neutral":
            continue
        found.with_side += 1
        if line["conviction"] == "NONE":
            continue
        found.with_conviction += 1
        against = [item["gate"] for item in line["gates"] if not item["passed"]]
        found.would_block.update(against)
        if len(against) == 1:
            found.alone.update(against)
        for item in line["gates"]:
            if item["passed"]:
                found.scaled.setdefault(item["gate"], []).append(item["multiplier"])
    return found


def money_by(trades: Iterable[Record], key: str) -> dict[str, Money]:
    """Sums by one field of the trades, most trades first."""
    found: dict[str, Money] = {}
    for trade in trades:
        found.setdefault(str(trade[key]), Money()).add(trade)
    return dict(sorted(found.items(), key=lambda item: -item[1].trades))


def total_of(trades: Iterable[Record]) -> Money:
    """All trades together."""
    found = Money()
    for trade in trades:
        found.add(trade)
    return found


STAGES: Final = (
    "signal",
    "policy",
    "ensemble",
    "conviction",
    "fee",
    "correlation",
    "intelligence",
    "microstructure",
    "pre_entry",
    "sizing",
    "contract_size",
    "entered",
)


def signal_rows(found: SignalCounts) -> list[Sequence[str]]:
    """(stage, ended there, share, against it among those with conviction, alone against it, mean size factor, why)."""
    rows: list[Sequence[str]] = []
    for stage in STAGES:
        ended, scaled = found.stages[stage], found.scaled.get(stage, [])
        why = [(code, count) for (place, code), count in found.reasons.most_common() if place == stage][:4]
        rows.append(
            (
                stage,
                f"{ended:,}",
                f"{ended / found.total:.2%}" if found.total else "",
                f"{found.would_block[stage]:,}" if found.would_block[stage] else "",
                f"{found.alone[stage]:,}" if found.alone[stage] else "",
                f"{sum(scaled) / len(scaled):.2f}" if scaled else "",
                ", ".join(f"{code} {count:,}" for code, count in why),
            )
        )
    return rows


SIGNAL_HEADS: Final = ("stage", "ended there", "share", "against it", "alone", "mean size x", "most frequent reasons")
MONEY_HEADS: Final = ("", "trades", "won", "held, min", "gross USD", "fees USD", "funding USD", "net USD")


def money_row(name: str, money: Money) -> Sequence[str]:
    """One row of a table of money."""
    return (
        name,
        f"{money.trades:,}",
        f"{money.won / money.trades:.0%}" if money.trades else "",
        f"{money.held_min / money.trades:.0f}" if money.trades else "",
        f"{money.gross_usd:+.2f}",
        f"{money.fees_usd:.2f}",
        f"{money.funding_usd:+.4f}",
        f"{money.net_usd:+.2f}",
    )


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table for a page."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
