"""What costs or would bring money, from every report of the night, ranked, each with its evidence (SPEC 10.4). Pure.

A finding is proven when its own interval excludes 0 and its sample is not small; the others are listed after the proven
ones, whatever their sums: a large sum without proof is a story.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Report = Mapping[str, Any]

PROVEN: Final = "proven"
TOO_LITTLE: Final = "not enough data"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know: what it concerns, what it cost (below 0) or saved, USD over the days told; what would follow.

    `verdict` says how far it can be trusted, `evidence` has the figures that it rests on.
    """

    kind: str
    subject: str
    money_usd: float
    days: float
    verdict: str
    says: str
    follows: str
    evidence: Mapping[str, Any]


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Proven ones first, then by money either way."""
    return sorted(findings, key=lambda one: (one.verdict != PROVEN, -abs(one.money_usd), one.kind, one.subject))


def reviewed(
    gates: Report | None, missed: Report | None, groups: Report | None, timing: Sequence[Report], days: float
) -> list[Finding]:
    """All findings, ranked. Reports that are not there yet say nothing.

    `gates` as in `gate_feedback.json`, `missed` as in `missed_opportunities.json`, `groups` results of trades by
    dimension and member over `days`; `timing` what trades of each symbol and side left on the table.
    """
    found: list[Finding] = []
    found += _of_gates(gates) if gates else []
    found += _of_missed(missed) if missed else []
    found += _of_groups(groups, days) if groups else []
    found += _of_timing(timing, days)
    return ranked(found)


def _of_gates(gates: Report) -> Iterator[Finding]:
    """What each gate saved less what it cost, by what it alone did."""
    for row in gates["rows"]:
        if row["way"] not in ("alone", "resizes"):
            continue
        saved, cost = float(row["saved_usd"]), float(row["cost_usd"])
        verdict, effect = str(row["verdict"]), row["effect_bps"]
        known = verdict != TOO_LITTLE
        says = "costs money" if saved < cost else "saves money"
        acts = "what it alone stopped" if row["way"] == "alone" else "what it resized"
        yield Finding(
            kind="guard effectiveness",
            subject=str(row["gate"]),
            money_usd=saved - cost,
            days=_days(gates),
            verdict=PROVEN if known else TOO_LITTLE,
            says=f"{says}: {acts} would have made {row['net_bps']['mean']:.1f} bps on average",
            follows="loosen it, step by step" if known and saved < cost else "keep it",
            evidence={"signals": row["signals"], "episodes": row["episodes"], "effect_bps": effect},
        )


def _of_missed(missed: Report) -> Iterator[Finding]:
    """Moves of the day that no trade took, by what stopped us: what there was at best, never proven."""
    for stage, row in missed["by_stage"].items():
        yield Finding(
            kind="missed opportunity",
            subject=str(stage),
            money_usd=-float(row["left_usd"]),
            days=1.0,
            verdict=TOO_LITTLE,
            says="moves that were stopped here, at their best price, which nobody gets",
            follows="look at the gate's row: it counts what was really reachable",
            evidence=dict(row),
        )


def _of_groups(groups: Report, days: float) -> Iterator[Finding]:
    """Strategies, symbols, sides, exit rules and hours that stand out, and every strategy."""
    for dimension, members in groups.items():
        for member, row in members.items():
            stands_out, net = bool(row["stands_out"]), float(row["net_usd"])
            if not stands_out and dimension != "strategy":
                continue
            yield Finding(
                kind=f"results by {dimension.replace('_', ' ')}",
                subject=str(member),
                money_usd=net,
                days=days,
                verdict=PROVEN if stands_out else TOO_LITTLE,
                says=f"{row['trades']} trades made {row['net_bps']:.1f} bps each",
                follows=_follows(dimension, net, stands_out),
                evidence={name: row[name] for name in ("trades", "win_rate", "net_bps_interval", "fees_usd")},
            )
        fees = sum(float(row["fees_usd"]) for row in members.values())
        if dimension == "strategy" and fees:
            gross = sum(float(row["gross_usd"]) for row in members.values())
            yield Finding(
                "fees", "all trades", -fees, days, PROVEN, f"fees of {fees:.2f} USD against {gross:.2f} USD gross",
                "fewer and longer trades, or the maker's side", {"gross_usd": gross, "fees_usd": fees},
            )  # fmt: skip


def _follows(dimension: str, net_usd: float, stands_out: bool) -> str:
    if not stands_out:
        return "wait for more trades"
    if net_usd >= 0:
        return "keep it"
    return "size it down" if dimension in ("strategy", "symbol", "direction", "conviction") else "look at why"


def _of_timing(rows: Sequence[Report], days: float) -> Iterator[Finding]:
    """What if every trade had been left at its best moment: an upper bound, which no rule reaches."""
    for row in rows:
        yield Finding(
            kind="what if: left at the best moment",
            subject=str(row["pair"]),
            money_usd=-float(row["left_usd"]),
            days=days,
            verdict=TOO_LITTLE,
            says=f"{row['trades']} trades were {row['left_bps']:.1f} bps below their best on average",
            follows="an upper bound; the learners of holds and targets judge what of it can be had",
            evidence=dict(row),
        )


def _days(report: Report) -> float:
    since, until = report.get("since"), report.get("until")
    if since is None or until is None:
        return 0.0
    return round(float((until - since).total_seconds()) / 86_400, 2)
