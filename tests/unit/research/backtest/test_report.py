"""The report as JSON, page and terminal text: complete, stable, escaped, and small."""

from __future__ import annotations

import io
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import orjson
import pytest
from rich.console import Console

from tests.builders_backtest import SINCE, a_result, a_tally, made_up, run_facts
from tests.builders_trades import a_trade
from tests.support import BTC, ETH
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.research.backtest import page_data, report_html
from tradingbot.research.backtest.compare import compare, with_fees
from tradingbot.research.backtest.curves import bars_of, curve_of
from tradingbot.research.backtest.metrics import held_curve
from tradingbot.research.backtest.model import BacktestReport, Overfitting, WarmUp
from tradingbot.research.backtest.overview import overview_of
from tradingbot.research.backtest.report import Honesty, as_html, as_json, render, report_of

EVIL = "</script><script>alert('x')</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def report() -> BacktestReport:
    result = made_up(45, step_min=30)
    stress = compare({"base": result, "fees x 2": with_fees(result, 2.0)})
    over = Overfitting(8, 45, 70, 0.31, 0.2, -0.1, 0.62)
    done = Honesty(
        look_ahead=(),
        stress=stress,
        variants=compare({"slow": result}),
        warm_up=WarmUp("2 days", "4 days", 9, ""),
        overfitting=over,
    )
    return report_of(result, trials=8, honesty=done)


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        (self.scripts if self.tags and self.tags[-1][0] in ("script", "style") else self.texts).append(data)


def test_json_is_one_document_of_plain_values(report: BacktestReport) -> None:
    found = as_json(report)
    again = orjson.loads(orjson.dumps(found))
    assert again == found
    assert list(found) == ["schema_version", *(one.name for one in fields(BacktestReport))]
    assert found["schema_version"] == 1
    assert found["facts"]["since"] == "2026-01-01T00:00:00+00:00"
    assert found["metrics"]["ratios"]["sharpe"] == report.metrics.ratios.sharpe
    assert len(found["trades"]) == report.metrics.trades.count == 270
    assert found["trades"][0]["components"]
    assert len(found["daily"]) == 45
    assert found["daily"][-1]["equity_usd"] == report.metrics.end_usd
    assert found["trust"]["intervals"]["sharpe"]["low"] < found["trust"]["intervals"]["sharpe"]["high"]


def test_every_field_of_the_document_is_explained(report: BacktestReport) -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "backtest-report.md").read_text(encoding="utf-8")
    found = as_json(report)
    for name in (*found, *found["honesty"], *found["breakdown"]):
        assert f"`{name}`" in page or name in ("seed", "signals", "signals_with_side"), name


def test_what_is_not_a_number_is_null() -> None:
    found = as_json(report_of(a_result([10_000.0], costs={"slippage_bps": float("nan")})))
    assert found["costs"] == {"slippage_bps": None}


def test_years_and_months_multiply_to_the_whole() -> None:
    result = a_result(10_000 * 1.0005 ** np.arange(500), step_min=1_440)
    found = report_of(result)
    assert list(found.years) == ["2026", "2027"]
    assert np.prod([1 + value for value in found.years.values()]) == pytest.approx(1.0005**499)
    assert len(found.months) == len(found.benchmark_months) == 17


def test_the_page_needs_nothing_from_outside(report: BacktestReport) -> None:
    page = Page(as_html(report))
    for tag, attributes in page.tags:
        assert not {"src", "srcset", "action", "background"} & set(attributes), tag
        assert tag not in ("link", "iframe", "object", "embed", "base", "img")
        assert tag != "a" or (attributes["href"] or "").startswith("#")
    policy = next(attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    styles = "".join(one for one in page.scripts if "{" in one and "--card" in one)
    assert "@import" not in styles
    assert "url(" not in styles


def test_the_page_shows_every_table_and_figure(report: BacktestReport) -> None:
    page = Page(as_html(report))
    shown = " ".join(page.texts)
    for said in (
        "BTCUSDT", "stop_loss", "whale_flow", "edge_low", "predictive_flow", "NEUTRAL", "Sharpe ratio", "Buy and hold",
        "Calmar ratio", "fees x 2", "slow", "looked for, nothing found", "all 9 trades are the same", "best of 8",
        "d16e57", "Lightweight Charts",
    ):  # fmt: skip
        assert said in shown, said
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {key for key, _ in report_html.SECTIONS} <= set(ids)


def test_every_text_is_escaped() -> None:
    evil = a_trade(1, exit_rule=EVIL, strategy=EVIL, signal={"regime": EVIL})
    tally = a_tally()
    tally.reasons[EVIL, EVIL] = tally.stages[EVIL] = 5
    facts = run_facts(name=EVIL, source=EVIL, profile=EVIL, symbols=(EVIL,))
    result = a_result(
        facts=facts, trades=[evil], signals=tally, warnings=(EVIL,), costs={EVIL: 1.0}, closes={EVIL: np.ones(1_440)}
    )
    text = as_html(report_of(result, honesty=Honesty(look_ahead=(EVIL,), stress=compare({EVIL: result}))))
    clean = Page(as_html(report_of(a_result())))
    assert EVIL not in text
    assert [tag for tag, _ in Page(text).tags].count("script") == [tag for tag, _ in clean.tags].count("script") == 4
    assert not any("onerror" in attributes for _, attributes in Page(text).tags)
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert not set(data[1]) & set("<>&")
    assert orjson.loads(data[1])["trades"]["names"]["rule"] == [EVIL]


def test_trades_are_numbered_as_they_ended() -> None:
    first, second = a_trade(1), a_trade(2, entry_time=SINCE)
    rows = report_of(a_result(trades=[second, first])).trades
    assert [(one.number, one.trade_id) for one in rows] == [(1, "t-1"), (2, "t-2")]


def test_a_script_that_would_end_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="cannot stand inside a page"):
        report_html._asset("research/backtest/page/report.html")


def test_the_packed_trades_say_what_the_rows_say(report: BacktestReport) -> None:
    packed = page_data.page_data(report)["trades"]
    names, row, one = packed["names"], packed["rows"][-1], report.trades[-1]
    assert (row[0], names["symbol"][row[1]], names["side"][row[2]]) == (one.number, one.symbol, one.direction)
    assert (names["strategy"][row[3]], names["regime"][row[4]], names["rule"][row[5]]) == (
        one.strategy, one.regime, one.exit_rule,
    )  # fmt: skip
    assert (row[6], row[7]) == (one.entry_time.timestamp(), one.exit_time.timestamp())
    assert (row[13], row[14]) == (pytest.approx(one.net_usd, abs=0.01), pytest.approx(one.net_bps, abs=0.1))
    assert tuple(names["component"][place] for place in row[17]) == one.components


def test_a_page_of_very_many_trades_lists_the_newest_and_says_so(
    report: BacktestReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_data, "MOST_TRADES", 100)
    monkeypatch.setattr(report_html, "MOST_TRADES", 100)
    assert "The newest 100 of 270 trades" in as_html(report)
    assert page_data.page_data(report)["trades"]["rows"][0][0] == 171


def test_a_year_of_ten_symbols_stays_small(report: BacktestReport) -> None:
    """As many points, bars and trades as ever come to a page."""
    long = made_up(365, step_min=30, per_day=3, symbols=10)
    held = held_curve(long.closes, 10_000.0)
    bars = {name: bars_of(long.equity.time_ms, closes) for name, closes in long.closes.items()}
    trades = [one for _ in range(80) for one in report.trades]
    full = replace(report, curve=curve_of(long, held), prices=bars, trades=trades)
    assert len(full.curve.time_s) > 2_000
    assert len(as_html(full).encode()) < 3_000_000


def test_what_fees_left_is_said_as_it_is() -> None:
    def said(*trades: ClosedTrade) -> str:
        (found,) = (one for one in overview_of(report_of(a_result(trades=trades))) if one.label == "Fees")
        return found.note

    assert said(a_trade(1, net="8")) == "nothing would be left at 5.00 times as much"
    assert said(a_trade(1, net="-8")) == "nothing was gained before them"
    assert said() == ""


def told(report: BacktestReport, width: int = 170) -> str:
    console = Console(file=io.StringIO(), width=width)
    render(console, report)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_terminal_shows_figures_tables_and_doubts(report: BacktestReport) -> None:
    shown = told(replace(report, warnings=("prices [bold]are[/bold] made up",)))
    for said in ("[bold]are", "Sharpe ratio", "By exit rule", "stop_loss", "By gate", "whale_flow", "2026", "not luck"):
        assert said in shown, said


def test_long_tables_are_cut_in_a_terminal_and_say_so() -> None:
    trades = [a_trade(number, exit_rule=f"rule {number}") for number in range(20)]
    assert "and 5 more" in told(report_of(a_result(trades=trades)))


@pytest.mark.parametrize("usd", [[], [10_000.0], [10_000.0, -5.0]])
def test_runs_of_nothing_and_ruined_ones_are_shown_too(usd: list[float]) -> None:
    report = report_of(a_result(usd, 1_440, closes={ETH: np.full(len(usd), np.nan)}))
    assert report.benchmark is None
    assert "Nothing was traded" in as_html(report)
    assert "Trades" in told(report)
    orjson.dumps(as_json(report))


def test_prices_of_symbols_without_one_are_left_out() -> None:
    report = report_of(a_result([10_000.0] * 2, closes={ETH: np.full(2, np.nan), BTC: np.ones(2)}))
    assert list(report.prices) == [BTC]
