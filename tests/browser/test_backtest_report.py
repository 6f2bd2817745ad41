"""The page of a backtest in a real browser without a network: quiet, usable by all, and it does what it offers.

Needs Chromium and the packages of `requirements-browser.lock`: `make browser`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_pages import SHAPES, SHOTS
from tests.builders_backtest import a_result, made_up
from tradingbot.research.backtest.compare import compare, with_fees
from tradingbot.research.backtest.report import Honesty, as_html, report_of

playwright = pytest.importorskip("playwright.sync_api", reason="make browser installs Playwright")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
TRADES = 300


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    result = made_up(50, step_min=5, symbols=3)
    stress = compare({"base": result, "fees x 2": with_fees(result, 2.0)})
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(as_html(report_of(result, trials=20, honesty=Honesty(look_ahead=("hurst",), stress=stress))))
    return path.as_uri()


class Reader:
    """A page that is open without a network, with what it complained of and asked for."""

    def __init__(self, browser: Any, address: str, shape: str = "desktop-light", **more: Any) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page = browser.new_context(**SHAPES[shape], offline=True, **more).new_page()
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address, wait_until="load")

    def column(self, table: str, head: str) -> list[str]:
        """What one column shows."""
        heads = [one.strip(" ▲▼") for one in self.page.locator(f"{table} thead th").all_inner_texts()]
        place = heads.index(head) + 1
        return list(self.page.locator(f"{table} tbody tr > :nth-child({place})").all_inner_texts())


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_quiet_alone_and_usable_by_all(browser: Any, address: str, shape: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    reader = Reader(browser, address, shape)
    reader.page.wait_for_selector("#curve-plot canvas")
    reader.page.wait_for_selector("#price-plot canvas")
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= SHAPES[shape]["viewport"]["width"]  # type: ignore[index]
    found = axe.run(reader.page).response["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found] == []
    assert (reader.complaints, reader.asked) == ([], [address])
    if SHOTS:
        reader.page.screenshot(path=str(Path(SHOTS) / f"{shape}-backtest.png"), full_page=True)


def test_the_list_is_filtered_sorted_and_paged(browser: Any, address: str) -> None:
    reader = Reader(browser, address)
    page = reader.page
    assert page.locator("#trade-sum").inner_text().startswith(f"{TRADES} trades, ")
    assert len(reader.column("#trade-list", "symbol")) == 50
    page.locator("#trade-filters [name=symbol]").select_option("SOLUSDT")
    page.get_by_label("Result").select_option("won")
    assert set(reader.column("#trade-list", "symbol")) == {"SOLUSDT"}
    assert "100.0 % won" in page.locator("#trade-sum").inner_text()
    page.locator("#trade-list thead").get_by_role("button", name="net USD").click()
    values = [float(one.replace(",", "")) for one in reader.column("#trade-list", "net USD")]
    assert values == sorted(values, reverse=True)
    assert min(values) > 0
    page.get_by_label("Result").select_option("")
    page.get_by_role("button", name="Older").click()
    assert page.locator("#page-told").inner_text().startswith("Page 2 of ")
    assert reader.complaints == []


def test_tables_are_sorted_by_a_click_and_by_the_keyboard(browser: Any, address: str) -> None:
    reader = Reader(browser, address)
    table = "#trades .scroll:has-text('trailing_stop') table"
    head = reader.page.locator(table).get_by_role("button", name="net USD")
    head.click()
    values = [float(one.replace(",", "")) for one in reader.column(table, "net USD")]
    assert values == sorted(values, reverse=True)
    head.press("Enter")
    assert [float(one.replace(",", "")) for one in reader.column(table, "net USD")] == sorted(values)
    assert reader.page.locator(f"{table} th[aria-sort=ascending]").inner_text().startswith("net USD")


def test_a_trade_is_shown_on_the_price(browser: Any, address: str) -> None:
    reader = Reader(browser, address)
    symbol = reader.column("#trade-list", "symbol")[3]
    reader.page.locator("#trade-list tbody button").nth(3).click()
    assert reader.page.locator("#price-symbol").input_value() == symbol
    assert symbol in reader.page.locator("#price-note").inner_text()
    assert reader.page.locator("#trade-list tr.picked").count() == 1
    assert reader.complaints == []


def test_switches_and_a_change_to_the_dark_draw_anew(browser: Any, address: str) -> None:
    reader = Reader(browser, address)
    page = reader.page
    page.get_by_label("buy and hold").uncheck()
    page.get_by_label("ends of trades").check()
    page.get_by_label("logarithmic").check()
    page.emulate_media(color_scheme="dark")
    page.locator("#curve-plot").hover()
    page.wait_for_function("document.querySelector('#curve-legend span').textContent.startsWith('2026-')")
    assert page.locator("#curve-plot table").count() == 1
    assert reader.complaints == []


def test_it_prints_and_reads_without_scripts(browser: Any, address: str, tmp_path: Path) -> None:
    assert Reader(browser, address).page.pdf(path=str(tmp_path / "report.pdf")).startswith(b"%PDF")
    plain = Reader(browser, address, java_script_enabled=False).page
    assert plain.locator("noscript p").is_visible()
    assert plain.get_by_role("rowheader", name="trailing_stop").is_visible()
    assert not plain.locator("#list").is_visible()


def test_a_run_of_nothing_is_quiet_too(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.html"
    path.write_text(as_html(report_of(a_result([], closes={}))))
    reader = Reader(browser, path.as_uri())
    assert reader.page.get_by_text("No cycle was run.").is_visible()
    assert reader.complaints == []
