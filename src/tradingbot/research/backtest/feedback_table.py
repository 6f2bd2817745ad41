"""The table of what gates save and cost, for a page and for a terminal alike. Pure."""

from __future__ import annotations

from typing import Final

from tradingbot.learning.gate_feedback import RESIZES, TAKEN, Estimate
from tradingbot.research.backtest import forms
from tradingbot.research.backtest.counterfactual import Counterfactual
from tradingbot.research.backtest.model import BacktestReport
from tradingbot.research.backtest.tables import Cell, Table, bps_cell, count_cell, plain_cell

FEEDBACK_HEADS: Final = (
    "gate", "what it did", "signals", "episodes", "without it, bps", "changed, bps", "from", "to", "chose, bps",
    "from", "to", "saved, bps", "cost, bps", "saved USD", "cost USD", "verdict",
)  # fmt: skip


def feedback_tables(report: BacktestReport) -> list[Table]:
    """What blocked and resized signals would have made; nothing where it was not asked for."""
    return [] if report.counterfactual is None else [_table(report.counterfactual)]


def _table(found: Counterfactual) -> Table:
    rows = tuple(
        (
            Cell(one.gate),
            Cell(f"x{one.mean_multiplier:.2f} on average" if one.way == RESIZES else one.way),
            count_cell(one.signals),
            count_cell(one.episodes),
            bps_cell(one.net_bps.mean),
            *((bps_cell(None),) * 3 if one.way == TAKEN else tuple(map(bps_cell, _bounds(one.effect_bps)))),
            *map(bps_cell, (None, None, None) if one.choice_bps is None else _bounds(one.choice_bps)),
            plain_cell(one.saved_bps, 0),
            plain_cell(one.cost_bps, 0),
            plain_cell(one.saved_usd),
            plain_cell(one.cost_usd),
            Cell(one.verdict),
        )
        for one in found.table.rows
    )
    apart = found.agreement
    note = (
        "Every signal with a side carried forward as if it had been traded. Bounds hold 95 % of what a bootstrap over "
        f"blocks of time drew. Of {apart.trades:,} trades the ledger is {forms.number(apart.median_bps, 1)} bps away "
        f"at the median; {found.still_open:,} positions were open at the end."
    )
    return Table("counterfactual", "What gates save and cost", note, FEEDBACK_HEADS, rows, (0, 1, 15))


def _bounds(one: Estimate) -> tuple[float | None, ...]:
    return one.mean, one.low, one.high
