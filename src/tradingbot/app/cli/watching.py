"""A view that paints itself anew on a terminal, from facts that are read again and again, until Ctrl-C."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from textwrap import wrap
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tradingbot.app.cli.shared import on_loop
from tradingbot.app.plain_text import plain_text
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError, TradingBotError
from tradingbot.ports import Clock

EVERY_S: Final = 2.0
PROBLEM_LINES: Final = 3
UNREADABLE: Final = (TradingBotError, OSError, KeyError, TypeError, ValueError, ArithmeticError)
"""What a look may raise while files are exchanged, or when another version of the program wrote them."""

Facts = dict[str, Any]


class Picture:
    """The newest view that could be made, and a line above it that says of when it is."""

    def __init__(self, read: Callable[[], Facts], show: Callable[[Facts, Console], None], clock: Clock) -> None:
        self._read = read
        self._show = show
        self._clock = clock
        self._facts: Facts | None = None
        self._as_of = ""

    def painted(self, console: Console, every_s: float) -> Text:
        """Look again, and paint what was found; after a look that failed the one before it, with the reason."""
        problem = ""
        try:
            self._facts, self._as_of = self._read(), f"{self._clock.now():%H:%M:%S} UTC"
        except UNREADABLE as error:
            problem = plain_text(f"{type(error).__name__}: {error}")
        head = Text(f"{self._as_of or 'not read yet'}, every {every_s:g} s; Ctrl-C ends", style="dim", no_wrap=True)
        for line in wrap(problem and f"cannot be read now: {problem}", max(20, console.width - 1))[:PROBLEM_LINES]:
            head.append(f"\n{line}", style="yellow")
        try:
            body = self._body(console)
        except UNREADABLE as error:
            body = Text(f"cannot be shown: {plain_text(repr(error))}", style="yellow")
        return _fitted(Text.assemble(head, "\n", body), console)

    def _body(self, console: Console) -> Text:
        if self._facts is None:
            return Text()
        out = io.StringIO()
        paper = Console(
            file=out,
            width=max(20, console.width),
            force_terminal=True,
            color_system=console.color_system,  # type: ignore[arg-type]
            legacy_windows=False,
        )
        self._show(self._facts, paper)
        return Text.from_ansi(out.getvalue(), no_wrap=True)


def _fitted(text: Text, console: Console) -> Text:
    """As many lines as the terminal has; the last one says how many more there are."""
    lines = text.split("\n", allow_blank=True)
    height = max(2, console.height)
    if len(lines) <= height:
        return text
    left = len(lines) - height + 1
    shown = [*lines[: height - 1], Text(f"... {left} more lines; make the terminal higher", style="dim")]
    return Text("\n", no_wrap=True).join(shown)


def watch(read: Callable[[], Facts], show: Callable[[Facts, Console], None], every_s: float) -> None:
    """Paint every so many seconds until SIGINT, SIGTERM or SIGHUP; the terminal is left as it was.

    Raises ConfigurationError where standard output is no terminal.
    """
    console = Console()
    if not console.is_terminal or os.environ.get("TERM") == "dumb":
        raise ConfigurationError(
            "--watch paints on a terminal, and standard output is none; "
            "without --watch the state is printed once, with --json for programs"
        )

    async def paint() -> None:
        clock = SystemClock()
        picture = Picture(read, show, clock)
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        with (
            suppress(asyncio.CancelledError),
            Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live,
        ):
            while True:
                live.update(picture.painted(console, every_s), refresh=True)
                await clock.sleep(every_s)

    on_loop(paint)
