"""Text of records as a terminal may show it: whatever would steer the terminal is spelled out."""

from __future__ import annotations

from typing import Any


def plain_text(text: str) -> str:
    r"""The text with every control, format and separator character but the blank written as ``\x1b``, ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def plain_facts(facts: Any) -> Any:
    """The same for every text in nested facts, keys too."""
    if isinstance(facts, str):
        return plain_text(facts)
    if isinstance(facts, dict):
        return {plain_facts(key): plain_facts(value) for key, value in facts.items()}
    if isinstance(facts, list | tuple):
        return [plain_facts(one) for one in facts]
    return facts
