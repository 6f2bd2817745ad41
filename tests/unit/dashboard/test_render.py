"""How numbers and times are written, and that nothing is ever put into a page unescaped."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tradingbot.dashboard.http import address
from tradingbot.dashboard.pages import PAGES
from tradingbot.dashboard.render import HERE, codes, number, pct, signed, span, tone, usd, when
from tradingbot.dashboard.subsystems import OF_KIND, ORDER
from tradingbot.guards.issue_kinds import KINDS


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (usd("1234.5"), "1,234.50"),
        (usd(None), "–"),
        (usd("NaN"), "–"),
        (signed(Decimal(-3)), "-3.00"),
        (pct(0.126), "+0.13 %"),
        (number("0.0000123400"), "0.00001234"),
        (number(-0.00002, 3), "-0.00002"),
        (number(1_234_567.8, 5), "1,234,568"),
        (str(codes("lifts only by `resume`; <b>")), "lifts only by <code>resume</code>; &lt;b&gt;"),
        (number(97_063.25), "97,063.25"),
        (span(93_784), "1 d 2 h"),
        (span(0), "0 s"),
        (span(None), "–"),
        (when(datetime(2026, 1, 5, 8, 0, 3, 999_000, UTC)), "2026-01-05 08:00:03"),
        (when("2026-01-05T08:00:03Z"), "2026-01-05 08:00:03"),
        (when(None), "–"),
        (tone("-0.01"), "loss"),
        (tone(0), "even"),
        (tone(None), "even"),
        (tone("2"), "gain"),
    ],
)
def test_values_as_people_read_them(shown: str, text: str) -> None:
    assert shown == text


def test_every_page_has_its_template_and_no_template_trusts_its_values() -> None:
    for page in PAGES.values():
        assert (HERE / "templates" / f"{page.name}.html").is_file(), page.name
    for path in (HERE / "templates").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", ""), path.name
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text), path.name
        assert not re.search(r"(?:href|src)=\"(?:/|https?:(?!//www\.tradingview\.com/))", text), path.name


def test_every_kind_of_issue_belongs_to_a_subsystem_of_the_panel() -> None:
    assert set(KINDS) - set(OF_KIND) == set()
    assert set(OF_KIND.values()) <= set(ORDER)


def test_an_address_stays_in_the_past_and_takes_any_argument() -> None:
    assert address("", "overview") == "."
    assert address("", "trades", page=2, symbol="A&B") == "trades?page=2&symbol=A%26B"
    assert address("2026-01-05T08:00:00.000Z", "overview") == ".?at=2026-01-05T08%3A00%3A00.000Z"
