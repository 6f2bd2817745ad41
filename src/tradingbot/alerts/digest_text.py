"""The digest as text and as a page that mail programs show: no script, no outside resource, everything escaped."""

from __future__ import annotations

from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from tradingbot.alerts.digest import Digest

COLOURS: Final = {"good": "#0a7d33", "bad": "#c62828", "warn": "#a66300"}
"""Readable on light and on dark ground."""


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("tradingbot.alerts", "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def as_text(digest: Digest) -> str:
    """Plain text, at most a screen wide where the facts allow it."""
    width = max(
        (len(row.label) for section in digest.sections for row in section.rows if len(row.label) < 40), default=1
    )
    return _templates().get_template("digest.txt").render(digest=digest, width=width)


def as_html(digest: Digest) -> str:
    """One self-contained page."""
    return _templates().get_template("digest.html").render(digest=digest, colours=COLOURS)
