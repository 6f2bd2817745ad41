"""What Chromium measures: first paint, until all can be used, and when a cycle has reached the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tradingbot.dashboard.pages import PAGES

ROUNDS: Final = 5
_ENTRIES: Final = "['first-contentful-paint', 'ready'].map((name) => performance.getEntriesByName(name)[0])"
_READY: Final = f"{_ENTRIES}.every(Boolean)"
_TIMES: Final = f"{_ENTRIES}.map((one) => one.startTime)"
_WATCH: Final = """() => {
  window.seen = {};
  const main = document.getElementById('content');
  new MutationObserver(() => {
    const cycle = document.getElementById('age').dataset.cycle;
    if (!(cycle in window.seen)) window.seen[cycle] = Date.now();
  }).observe(main, { childList: true });
}"""


@dataclass(frozen=True, slots=True)
class PageTimes:
    """Milliseconds from the click, the median of some visits without any cache."""

    page: str
    paint_ms: float
    ready_ms: float


def page_times(browser: Any, url: str, arguments: Mapping[str, str]) -> list[PageTimes]:
    """Every page, `ROUNDS` times each in a browser that was never there; `arguments` are of those that need some."""
    found = []
    for page in PAGES.values():
        if page.listed or page.name in arguments:
            address = url + ("" if page.name == "overview" else page.name) + arguments.get(page.name, "")
            visits = sorted((_visit(browser, address) for _ in range(ROUNDS)), key=lambda one: one[1])
            paints = sorted(paint for paint, _ in visits)
            found.append(PageTimes(page.name, paints[ROUNDS // 2], visits[ROUNDS // 2][1]))
    return found


def _visit(browser: Any, address: str) -> tuple[float, float]:
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    page = context.new_page()
    answer = page.goto(address)
    if answer is None or answer.status != 200:
        raise RuntimeError(f"{address} is answered with {answer.status if answer else 'nothing'}")
    while not page.evaluate(_READY):
        page.wait_for_timeout(5)
    paint, ready = page.evaluate(_TIMES)
    context.close()
    return float(paint), float(ready)


def watch(browser: Any, address: str) -> Any:
    """A tab that notes when each cycle has changed it; see `seen`."""
    page = browser.new_context(viewport={"width": 1360, "height": 900}).new_page()
    page.goto(address)
    page.evaluate(_WATCH)
    return page


def seen(page: Any) -> dict[str, float]:
    """Epoch milliseconds of each cycle's appearance, by cycle id."""
    return {str(cycle): float(at) for cycle, at in page.evaluate("window.seen").items()}
