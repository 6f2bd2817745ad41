"""The report of a backtest as one page that opens without a network: scripts, styles and data are all inside it.

Every text is escaped. The page's policy forbids it to ask for anything outside itself.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from tradingbot.research.backtest import forms
from tradingbot.research.backtest.feedback_table import feedback_tables
from tradingbot.research.backtest.histogram import histogram_of
from tradingbot.research.backtest.model import BacktestReport
from tradingbot.research.backtest.overview import fall_told, overview_of, trust_told
from tradingbot.research.backtest.page_data import MOST_TRADES, page_data
from tradingbot.research.backtest.tables import honesty_tables, signal_tables, trade_tables

SECTIONS: Final = (
    ("figures", "Figures"),
    ("curve", "Curve"),
    ("months", "Months"),
    ("trades", "Trades"),
    ("signals", "Signals"),
    ("prices", "Prices"),
    ("list", "List"),
    ("honesty", "Honesty"),
    ("run", "Run"),
)
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FULL_HEAT: Final = 0.10
"""Return of a month from which on its colour gets no stronger."""
STRONGEST_PCT: Final = 42
"""Share of the colour at most; text stays readable on it."""


def as_html(report: BacktestReport) -> str:
    """The whole page."""
    return (
        _templates()
        .get_template("report.html")
        .render(
            report=report,
            overview=overview_of(report),
            sections=SECTIONS,
            month_names=MONTHS,
            months=_months(report),
            histogram=histogram_of([one.net_bps for one in report.trades]),
            trade_tables=trade_tables(report),
            signal_tables=[*signal_tables(report), *feedback_tables(report)],
            honesty_tables=honesty_tables(report),
            trust=trust_told(report),
            facts=_facts(report),
            curve_told=_curve_told(report),
            left_out=len(report.trades) > MOST_TRADES,
            listed=f"{MOST_TRADES:,}",
            listed_of=f"{len(report.trades):,}",
            style=_asset("dashboard/static/app.css") + _asset("research/backtest/page/report.css"),
            library=_asset("dashboard/static/lightweight-charts.js"),
            charts=_asset("dashboard/static/charts.js"),
            script=_asset("research/backtest/page/report.js"),
            data=_inside_script(page_data(report)),
        )
    )


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("tradingbot.research.backtest", "page"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["when"] = forms.when
    return made


def _asset(path: str) -> str:
    """A script or a style of ours, as it is. Raises ValueError where it would end its own element."""
    text = files("tradingbot").joinpath(path).read_text("utf-8")
    if "</script" in text.lower() or "</style" in text.lower():
        raise ValueError(f"{path} cannot stand inside a page: it holds the end of a script or a style")
    return text


def _inside_script(data: dict[str, Any]) -> str:
    """JSON that cannot end the element that it stands in."""
    text = orjson.dumps(data).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _months(report: BacktestReport) -> list[tuple[str, list[dict[str, Any] | None]]]:
    return [
        (year, [*(_heat(report, f"{year}-{month:02}") for month in range(1, 13)), _cell(total, None)])
        for year, total in report.years.items()
    ]


def _heat(report: BacktestReport, month: str) -> dict[str, Any] | None:
    found = report.months.get(month)
    return None if found is None else _cell(found, report.benchmark_months.get(month))


def _cell(value: float, held: float | None) -> dict[str, Any]:
    return {
        "text": f"{value * 100:+.1f}",
        "held": "" if held is None else f"{held * 100:+.1f}",
        "tone": forms.tone(value) or "no",
        "part": round(min(1.0, abs(value) / FULL_HEAT) * STRONGEST_PCT),
    }


def _curve_told(report: BacktestReport) -> str:
    found = report.metrics
    fall = (
        "no fall"
        if found.drawdown is None
        else f"deepest fall {forms.pct(found.drawdown.depth)}, {fall_told(found.drawdown)}"
    )
    return f"Equity from {found.start_usd:,.2f} to {found.end_usd:,.2f} USD, {fall}"


def _facts(report: BacktestReport) -> list[tuple[str, str]]:
    facts = report.facts
    return [
        ("Warm-up from", f"{forms.when(facts.warm_since)} UTC"),
        ("Cycles", f"{facts.cycles:,}"),
        ("Seed", str(facts.seed)),
        ("Data", facts.source),
        ("Digest of the data", facts.data_digest),
        ("Digest of the settings", facts.settings_digest),
        ("Digest of the result", report.digest),
        ("Assumed", "\n".join(f"{name} {value:g}" for name, value in report.costs.items())),
        ("Took, s", "\n".join(f"{name} {value:,.1f}" for name, value in report.timings_s.items())),
    ]
