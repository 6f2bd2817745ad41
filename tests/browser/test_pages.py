"""The page in a real browser: every page without a console error, axe, actions, and changes without a reload.

Needs Chromium and the packages of `requirements-browser.lock`: `make browser`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.daemon import TOKEN, PagedDaemon, paged_daemon
from tests.crash.processes import DaemonProcess, VenueProcess, wait_until
from tradingbot.dashboard.pages import PAGES

playwright = pytest.importorskip("playwright.sync_api", reason="make browser installs Playwright")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.process,
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
SHAPES = {
    "desktop-light": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "light"},
    "desktop-dark": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "dark"},
    "phone-light": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "is_mobile": True},
    "phone-dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "is_mobile": True},
}
SPEED = 60.0
SHOTS = os.environ.get("TRADINGBOT_SHOTS")
"""A folder that gets a picture of every page in every shape."""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagedDaemon]:
    with paged_daemon(tmp_path_factory.mktemp("browser") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagedDaemon]:
    """One with trades, a tripped switch, a repaired file, and an exchange that answers with errors."""
    with paged_daemon(tmp_path_factory.mktemp("troubled") / "home") as running:
        running.act("pause", {"reason": "news about an exchange", "by": "jo"})
        (running.home / "feature_store" / "venue_symbol_status.json").write_bytes(b"garbage")
        running.until("the repair", lambda: running.runtime.get("heals_24h"), 120)
        running.trouble("http_500")
        running.until("open issues", lambda: running.runtime.get("exchange_health") == "degraded", 120)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


class Tab:
    """One tab that writes down what its console complains of."""

    def __init__(self, browser: Any, url: str, shape: str = "desktop-light") -> None:
        self._url = url
        self.context = browser.new_context(**SHAPES[shape])
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def open(self, name: str) -> Any:
        self.page.goto(self._url + ("" if name == "overview" else name), wait_until="load")
        return self.page


def _look_at_all(browser: Any, daemon: PagedDaemon, shape: str, day: str) -> Tab:
    """Every page: nothing wider than the screen, nothing serious that axe finds, a picture where one is wanted."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab = Tab(browser, daemon.url, shape)
    story = tab.open("trades").locator("a[href^='explain?']").first.get_attribute("href")
    for name in PAGES:
        page = tab.open({"explain": story, "runbook": "runbook?kind=clock_skew"}.get(name, name))
        page.wait_for_timeout(300)
        if PAGES[name].listed:
            assert page.locator(".top nav a[aria-current=page]").inner_text() == PAGES[name].title
        if name == "signals":
            page.locator("details.signal").first.evaluate("one => { one.open = true; }")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SHAPES[shape]["viewport"]["width"], f"{name} is {width} px wide"  # type: ignore[index]
        found = axe.run(page).response["violations"]
        serious = [
            f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], name
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"{day}-{shape}-{name}.png"), full_page=True)
    tab.context.close()
    return tab


@pytest.mark.parametrize("shape", SHAPES)
def test_every_page_is_whole_quiet_and_usable_by_all(daemon: PagedDaemon, browser: Any, shape: str) -> None:
    assert _look_at_all(browser, daemon, shape, "good").complaints == []


@pytest.mark.parametrize("shape", SHAPES)
def test_and_on_a_bad_day(troubled: PagedDaemon, browser: Any, shape: str) -> None:
    assert _look_at_all(browser, troubled, shape, "bad").complaints == []


def test_one_can_click_through_all_pages_and_by_keyboard(daemon: PagedDaemon, browser: Any) -> None:
    tab = Tab(browser, daemon.url)
    page = tab.open("overview")
    for one in [one for one in PAGES.values() if one.listed][1:]:
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=one.title, exact=True).click()
        page.wait_for_selector(f"body[data-page={one.name}]")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    page.wait_for_selector("#content:focus")
    assert tab.complaints == []
    tab.context.close()


def test_trouble_and_switches_change_the_page_without_a_reload(daemon: PagedDaemon, browser: Any) -> None:
    tab = Tab(browser, daemon.url)
    page = tab.open("overview")
    page.evaluate("window.stayed = true")
    page.get_by_role("button", name="Pause").click()
    page.locator("#act-token").fill("not-the-token")
    page.locator("#act-go").click()
    page.wait_for_selector("#act-answer:has-text('token')")
    page.locator("#act-token").fill(TOKEN)
    page.locator("#act-reason").fill("a test")
    page.locator("#act-go").click()
    page.wait_for_selector("#act-answer:has-text('paused')")
    page.locator("#act-cancel").click()
    page.wait_for_selector("text=Entries held back")
    daemon.trouble("http_500")
    page.wait_for_selector("text=Something is wrong", timeout=20_000)
    page.wait_for_selector("#dot.red")
    daemon.well()
    page.get_by_role("button", name="Resume").click()
    page.locator("#act-token").fill(TOKEN)
    page.locator("#act-go").click()
    page.locator("#act-cancel").click()
    page.wait_for_selector("text=Entries open", timeout=60_000)
    assert page.evaluate("window.stayed") is True
    assert [one for one in tab.complaints if "401" not in one] == []
    tab.context.close()


def test_a_file_that_is_healed_shows_without_a_reload(daemon: PagedDaemon, browser: Any) -> None:
    tab = Tab(browser, daemon.url)
    page = tab.open("overview")
    assert page.locator(".badge:has-text('corrupt file')").count() == 0
    (daemon.home / "feature_store" / "venue_symbol_status.json").write_bytes(b"garbage")
    page.wait_for_selector(".badge:has-text('corrupt file')", timeout=60_000)
    tab.context.close()


def test_the_past_can_be_looked_at(daemon: PagedDaemon, browser: Any) -> None:
    tab = Tab(browser, daemon.url)
    page = tab.open("overview")
    newest = page.locator("#age").get_attribute("data-as-of")
    page.get_by_text("Time travel").click()
    page.locator("#back").evaluate("one => { one.value = 5; one.dispatchEvent(new Event('input')); }")
    page.get_by_role("button", name="Go").click()
    page.wait_for_selector("text=The past")
    shown = page.locator("#age").get_attribute("data-as-of")
    assert shown is not None
    assert newest is not None
    assert shown < newest
    page.get_by_role("link", name="Health").click()
    page.wait_for_selector("text=The past")
    page.get_by_role("link", name="Back to now").click()
    page.wait_for_selector("text=The past", state="detached")
    assert tab.complaints == []
    tab.context.close()


def test_more_windows_than_a_browser_has_connections_all_stay_live(daemon: PagedDaemon, browser: Any) -> None:
    """One of them listens for all; when it is closed, another one does. In a second browser too."""
    first = browser.new_context()
    pages = [first.new_page() for _ in range(9)]
    for page in pages:
        page.goto(daemon.url, wait_until="load")
    shown = "document.getElementById('age').dataset.cycle"
    for _ in range(2):
        before = [page.evaluate(shown) for page in pages]
        for page, cycle in zip(pages, before, strict=True):
            page.wait_for_selector(f"#age:not([data-cycle='{cycle}'])", timeout=30_000)
            assert page.evaluate("fetch('healthz').then((one) => one.status)") == 200
        assert all("heard" in page.locator("#age").inner_text() for page in pages)
        pages.pop(0).close()
    alone = browser.new_context()
    one = alone.new_page()
    one.goto(daemon.url, wait_until="load")
    cycle = one.evaluate(shown)
    one.wait_for_selector(f"#age:not([data-cycle='{cycle}'])", timeout=30_000)
    alone.close()
    first.close()


def test_a_daemon_that_is_gone_is_said_at_once(tmp_path: Path, browser: Any) -> None:
    with paged_daemon(tmp_path / "home") as daemon:
        tab = Tab(browser, daemon.url)
        page = tab.open("overview")
        page.wait_for_selector("#age:has-text('heard')")
        daemon.process.kill()
        page.wait_for_selector("#stale:has-text('No connection')", timeout=15_000)
        assert page.get_by_text("Equity", exact=True).first.is_visible()
        tab.context.close()


def test_a_killed_exchange_shows_within_one_cycle(tmp_path: Path, browser: Any) -> None:
    """An exchange in a process of its own, killed; the page is told by the first cycle that begins afterwards."""
    venue = VenueProcess(tmp_path / "venue", SPEED, 7)
    page_on = {"TRADINGBOT__DASHBOARD__ENABLED": "true", "TRADINGBOT__DASHBOARD__PORT": "0"}
    daemon = DaemonProcess(tmp_path / "home", venue, SPEED, page_on)
    try:
        wait_until("the page", lambda: [one for one in daemon.events() if one["event"] == "dashboard.listening"])
        url = next(one for one in daemon.events() if one["event"] == "dashboard.listening")["url"]
        wait_until("cycles", lambda: daemon.cycles() >= 3)
        tab = Tab(browser, str(url))
        page = tab.open("overview")
        page.wait_for_selector("#age[data-cycle]")
        page.evaluate(
            """() => { window.cycles = []; new MutationObserver(() => {
                const cycle = document.getElementById('age').dataset.cycle;
                const red = document.getElementById('dot').classList.contains('red');
                window.cycles.push([cycle, red]);
            }).observe(document.getElementById('content'), { childList: true }); }"""
        )
        venue.process.kill()
        running = page.locator("#age").get_attribute("data-cycle")
        page.wait_for_selector("text=Something is wrong", timeout=30_000)
        shown = dict(page.evaluate("window.cycles"))
        later = [cycle for cycle in shown if cycle > running]
        assert shown[later[min(1, len(later) - 1)]], shown  # the first may have been under way when it was killed
        tab.context.close()
    finally:
        daemon.stop()
        venue.stop()
