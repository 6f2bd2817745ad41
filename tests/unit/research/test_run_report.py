"""Counts of signals and sums of money of a run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradingbot.research.run_report import count_signals, markdown, money_by, money_row, signal_rows, total_of


def line(stage: str, against: tuple[str, ...] = (), direction: str = "long", conviction: str = "LOW") -> dict[str, Any]:
    gates = [
        {"gate": name, "passed": name not in against, "multiplier": 0.5} for name in ("policy", "fee", "pre_entry")
    ]
    return {
        "stage": stage,
        "reasons": [{"code": f"{stage}_why"}],
        "direction": direction,
        "conviction": conviction,
        "gates": gates if direction != "neutral" else [],
    }


def trade(rule: str, gross: str, fees: str, net: str, net_usd: str) -> dict[str, Any]:
    return {
        "exit_rule": rule,
        "gross_pnl": gross,
        "fees": fees,
        "funding": "0.5",
        "net_pnl": net,
        "net_pnl_usd": net_usd,
        "duration_s": 120,
    }


def test_signals_are_counted_by_stage_and_by_gate() -> None:
    """First blocker, everybody against it, and who was alone."""
    found = count_signals(
        [
            line("signal", direction="neutral", conviction="NONE"),
            line("signal", against=("fee",), conviction="NONE"),
            line("fee", against=("fee", "pre_entry")),
            line("fee", against=("fee",)),
            line("entered"),
        ]
    )
    assert (found.total, found.with_side, found.with_conviction) == (5, 4, 3)
    assert (found.would_block["fee"], found.alone["fee"], found.would_block["pre_entry"]) == (2, 1, 1)
    rows = {row[0]: row for row in signal_rows(found)}
    assert rows["fee"] == ("fee", "2", "40.00%", "2", "1", "0.50", "fee_why 2")
    assert rows["entered"][1] == "1"


def test_money_is_added_up_in_usd() -> None:
    """A trade settled in a coin at 100 USD counts a hundredfold."""
    trades = [
        trade("a", "3", "1", "2.5", "2.5"),
        trade("a", "-0.01", "0.02", "-0.03", "-3"),
        trade("b", "0", "0", "0", "0"),
    ]
    whole = total_of(trades)
    assert (whole.gross_usd, whole.fees_usd, whole.net_usd) == (Decimal(2), Decimal(3), Decimal("-0.5"))
    by_rule = money_by(trades, "exit_rule")
    assert list(by_rule) == ["a", "b"]
    assert money_row("a", by_rule["a"])[:4] == ("a", "2", "50%", "2")


def test_a_table_for_a_page() -> None:
    """Heads, a rule, rows."""
    assert markdown(("a", "b"), [("1", "2")]) == "| a | b |\n|---|---|\n| 1 | 2 |"
