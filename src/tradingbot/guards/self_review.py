"""How the daemon itself did in a day: facts counted from its own journals, and what follows from them (13.4). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tradingbot.guards.issue_kinds import KINDS, runbook

BLOCKED_SHARE: Final = 0.25
"""From this share of cycles on with entries blocked by one reason, it is worth a word."""
SLOW_CYCLE_MS: Final = 5_000.0


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing worth doing; `weight` ranks, 0..1, by the share of the day that it concerns."""

    code: str
    text: str
    weight: float
    runbook: str = ""


@dataclass(frozen=True, slots=True)
class DayFacts:
    """What was counted. `blocks` and `stages` are shares of cycles and numbers of signals."""

    cycles: int = 0
    expected_cycles: int = 0
    failed_actions: int = 0
    blocks: Mapping[str, float] | None = None
    orders: Mapping[str, int] | None = None
    switches: Mapping[str, int] | None = None
    issues: Mapping[str, int] | None = None
    heals: Mapping[str, int] | None = None
    trades: int = 0
    net_pnl_usd: float = 0.0
    fees_usd: float = 0.0
    slowest_think_ms: float = 0.0


def counted(
    cycles: Iterable[Mapping[str, Any]],
    switches: Iterable[Mapping[str, Any]],
    issues: Iterable[Mapping[str, Any]],
    heals: Iterable[Mapping[str, Any]],
    outcomes: Iterable[Mapping[str, Any]],
    trades: Sequence[tuple[float, float]],
    expected_cycles: int,
) -> DayFacts:
    """Facts of the lines of one day, taken one at a time. `trades` are pairs of net result and fees, USD."""
    blocks: Counter[str] = Counter()
    total, slowest = 0, 0.0
    for line in cycles:
        blocks.update(line["permission"]["reasons"])
        total, slowest = total + 1, max(slowest, float(line.get("think_ms") or 0.0))
    return DayFacts(
        cycles=total,
        expected_cycles=expected_cycles,
        blocks={name: round(count / max(total, 1), 4) for name, count in blocks.most_common()},
        orders=dict(Counter(str(line["status"]) for line in outcomes)),
        switches=dict(Counter(str(line["switch"]) for line in switches if line.get("event") == "trip")),
        issues=dict(Counter(str(line["kind"]) for line in issues if line.get("event") == "raised")),
        heals=dict(Counter(str(line["category"]) for line in heals if line.get("event") in ("healed", "not_healed"))),
        trades=len(trades),
        net_pnl_usd=round(sum(net for net, _ in trades), 4),
        fees_usd=round(sum(fee for _, fee in trades), 4),
        slowest_think_ms=slowest,
    )


def recommendations(facts: DayFacts) -> list[Recommendation]:
    """What follows, the weightiest first."""
    found = [one for rule in RULES for one in rule(facts)]
    return sorted(found, key=lambda one: -one.weight)


def _missed_cycles(facts: DayFacts) -> Iterable[Recommendation]:
    missed = facts.expected_cycles - facts.cycles
    if facts.expected_cycles and missed > 0.01 * facts.expected_cycles:
        share = missed / facts.expected_cycles
        text = f"{missed} of {facts.expected_cycles} cycles were not done: look for restarts and failures"
        yield Recommendation("cycles_missed", text, share, runbook("cycle_failing"))


def _blocked(facts: DayFacts) -> Iterable[Recommendation]:
    for name, share in (facts.blocks or {}).items():
        if share >= BLOCKED_SHARE and name != "downtime":
            page = runbook(name) if name in KINDS else runbook("kill_switch")
            yield Recommendation("entries_blocked", f"{name} held entries back in {share:.0%} of cycles", share, page)


def _refused(facts: DayFacts) -> Iterable[Recommendation]:
    orders = facts.orders or {}
    sent, refused = sum(orders.values()), orders.get("refused", 0)
    if refused >= 3 and refused > 0.05 * sent:
        text = f"{refused} of {sent} orders were refused: read `venue_text` in logs/intents.jsonl"
        yield Recommendation("orders_refused", text, refused / sent)
    if orders.get("unknown", 0):
        text = f"{orders['unknown']} orders had an unknown outcome for a while: the line to the exchange is poor"
        yield Recommendation("orders_unknown", text, orders["unknown"] / sent, runbook("order_outcome_unknown"))


def _repaired(facts: DayFacts) -> Iterable[Recommendation]:
    for name, count in (facts.heals or {}).items():
        text = f"{count} repairs of {name}: find out what causes them"
        yield Recommendation("repairs", text, min(1.0, count / 5), runbook("healing_escalated"))


def _costly(facts: DayFacts) -> Iterable[Recommendation]:
    if facts.trades and facts.fees_usd > 0 and facts.net_pnl_usd < 0 < facts.net_pnl_usd + facts.fees_usd:
        text = f"trades won {facts.net_pnl_usd + facts.fees_usd:.2f} USD and paid {facts.fees_usd:.2f} USD of fees"
        yield Recommendation("fees_eat_the_edge", text, 0.3)


RULES: Final[Sequence[Callable[[DayFacts], Iterable[Recommendation]]]] = (
    _missed_cycles,
    _blocked,
    _refused,
    _repaired,
    _costly,
)
