"""Runbooks: what to do about each kind of issue, as they stand in `docs/runbooks`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markupsafe import Markup

PACKAGE: Final = Path(__file__).resolve().parents[1]
FOLDERS: Final = (PACKAGE / "runbooks", PACKAGE.parents[1] / "docs" / "runbooks")
"""In an installed package, and in a checkout."""
_KIND: Final = re.compile("[a-z_]{1,60}")
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


def runbook(kind: str) -> str | None:
    """The Markdown of a kind of issue; None where there is none. Reads a file: for a worker thread."""
    if not _KIND.fullmatch(kind):
        return None
    for folder in FOLDERS:
        path = folder / f"{kind}.md"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def markdown(text: str) -> Markup:
    """As HTML. Tags in the text are shown and not obeyed; of links, those to other runbooks are kept."""
    return Markup(_MARKDOWN.render(_LINK.sub(_linked, text)))  # noqa: S704 - html is off


def _linked(match: re.Match[str]) -> str:
    text, target = match[1], match[2].partition("#")[0]
    kind = target.removesuffix(".md")
    known = target.endswith(".md") and _KIND.fullmatch(kind) is not None
    return f"[{text}](runbook?kind={kind})" if known else text
