"""The view that paints itself anew: it fits the terminal, and survives looks that fail."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tradingbot.app.cli.status import print_status
from tradingbot.app.cli.watching import Picture, watch
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError, StateCorruptError


def console(width: int, height: int) -> Console:
    return Console(file=io.StringIO(), width=width, height=height, force_terminal=True)


def lines_of(picture: Picture, width: int = 40, height: int = 10) -> list[str]:
    return picture.painted(console(width, height), 2.0).plain.split("\n")


def shows(facts: dict[str, Any], paper: Console) -> None:
    for number in range(facts["lines"]):
        paper.print(f"line {number}")


def test_what_does_not_fit_is_counted() -> None:
    picture = Picture(lambda: {"lines": 30}, shows, SystemClock())
    lines = lines_of(picture, height=10)
    assert lines[0].endswith("UTC, every 2 s; Ctrl-C ends")
    assert lines[1:-1] == [f"line {number}" for number in range(8)]
    assert lines[-1] == "... 23 more lines; make the terminal higher"


def test_a_look_that_fails_leaves_the_picture_and_says_why_in_three_lines_at_most() -> None:
    looks: list[Any] = [OSError("gone"), {"lines": 2}, StateCorruptError("\x1b[2Jno copy is left " * 20), {"lines": 1}]

    def read() -> dict[str, Any]:
        found = looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]

    picture = Picture(read, shows, SystemClock())
    assert lines_of(picture)[:2] == ["not read yet, every 2 s; Ctrl-C ends", "cannot be read now: OSError: gone"]
    assert lines_of(picture)[1:3] == ["line 0", "line 1"]
    broken = lines_of(picture)
    assert broken[1].startswith("cannot be read now: StateCorruptError:")
    assert broken[4:6] == ["line 0", "line 1"]
    assert "\x1b" not in "".join(broken)
    assert max(map(len, broken)) <= 40
    assert lines_of(picture)[1:3] == ["line 0", ""]


def test_facts_of_another_version_do_not_end_it() -> None:
    picture = Picture(lambda: {"known": True, "runtime": {}}, print_status, SystemClock())
    assert lines_of(picture)[1].startswith("cannot be shown: KeyError")


def test_a_home_without_a_daemon_is_watched_too() -> None:
    picture = Picture(lambda: {"known": False, "home": "/srv/\x1b[2Jbot"}, print_status, SystemClock())
    assert "No daemon has run in /srv/\\x1b[2Jbot" in " ".join(lines_of(picture, width=200))


def test_without_a_terminal_it_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="without --watch the state is printed once"):
        watch(dict, shows, 2.0)
