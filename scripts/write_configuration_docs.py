"""Write the tables of all settings into docs/configuration.md, between its markers.

    python scripts/write_configuration_docs.py

Values are those of the shipped files for the paper profile; what other profiles change is a table of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tradingbot.app.options import PROFILES
from tradingbot.config import Settings, load_settings
from tradingbot.config.listing import SettingRow, list_settings

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "configuration.md"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"
GENERAL: Final = "general"

UNREAD: Final = {
    "mode": "checked against the venue's address; the profile is chosen with `--profile`",
    "home": "`--home` and the environment variable `TRADINGBOT_HOME` are read instead",
    "simulator.seed": "replaced by `market_source.seed` or `--seed`",
    "risk.limits.max_drawdown_pct": "the drawdown kill switch keeps it; that one must not be set beyond it",
    "engine.orders.dead_man_switch_s": "no entry ever rests, so the switch is never armed",
    "learning.venue_age": "no learner moves weights yet",
}
"""Settings, or whole sections, that are checked for sense and that nothing reads in this version."""


def settings_of(profile: str) -> Settings:
    """The shipped settings of a profile, whatever this machine's environment says."""
    return load_settings(ROOT / "configs", profile, {}, {})


def is_unread(key: str) -> bool:
    """Whether this version ignores the setting."""
    return any(key == name or key.startswith(f"{name}.") for name in UNREAD)


def tables() -> str:
    """Everything between the markers."""
    shipped = list_settings(settings_of("paper"))
    sections = dict.fromkeys(_section(row.key) for row in shipped)
    parts = [_unread_table(), _profiles_table(shipped), "## All settings\n"]
    parts += [_section_table(name, [row for row in shipped if _section(row.key) == name]) for name in sections]
    return "\n".join(parts)


def _section(key: str) -> str:
    return key.partition(".")[0] if "." in key else GENERAL


def _unread_table() -> str:
    rows = [(f"`{name}`", why) for name, why in UNREAD.items()]
    intro = (
        "They are accepted and checked, so that a file need not change later. They have no effect in this version.\n"
    )
    return f"## Settings that nothing reads yet\n\n{intro}\n" + _table(("setting or section", "note"), rows)


def _profiles_table(shipped: Sequence[SettingRow]) -> str:
    usual = {row.key: row.value for row in shipped}
    rows = [
        (profile, f"`{row.key}`", _code(row.value), _code(usual[row.key]))
        for profile in PROFILES
        for row in list_settings(settings_of(profile))
        if row.value != usual[row.key]
    ]
    return "## What profiles change\n\n" + _table(("profile", "setting", "value", "in paper"), rows)


def _section_table(name: str, rows: Sequence[SettingRow]) -> str:
    cells = [
        (
            f"`{row.key}`" + (" (unread)" if is_unread(row.key) else ""),
            _code(row.value),
            row.origin,
            _words(row.allowed),
        )
        for row in rows
    ]
    return f"### {name}\n\n" + _table(("setting", "value", "set by", "allowed (meaning)"), cells)


def _name(key: str) -> str:
    return f"`{key}` (unread)" if is_unread(key) else f"`{key}`"


def _code(value: str) -> str:
    return f"`{value}`" if value else ""


def _words(text: str) -> str:
    return re.sub(r" \(SPEC [^)]*\)", "", text)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def page_with_tables(page: str) -> str:
    """The page with its tables written anew. Raises ValueError when the markers are missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} must hold {BEGIN} and {END}")
    return f"{head}{BEGIN}\n{tables()}{END}{tail}"


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(page_with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
