"""structlog set up once: readable lines on a terminal, JSON elsewhere, and a copy of every line in a journal."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import orjson
import structlog

from tradingbot.core.errors import StorageUnavailableError
from tradingbot.core.number_text import number_text
from tradingbot.core.types import iso_utc
from tradingbot.ports import Clock, Journal

Event = MutableMapping[str, Any]
_SECRET_NAME = re.compile(r"secret|passphrase|api_?key|authent|token|signature", re.IGNORECASE)
MASK = "***"


class LogSink:
    """What every line needs from the run: its clock, the journal that keeps a copy, who listens. All may come later."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.journal: Journal | None = None
        self.listener: Callable[[Event], None] | None = None

    def stamp(self, _: Any, __: str, event: Event) -> Event:
        """Add the time."""
        event["ts"] = iso_utc(self.clock.now())
        return event

    def copy(self, _: Any, __: str, event: Event) -> Event:
        """Keep a copy; what is said after the files were closed, such as why the process ends, goes out without one."""
        if self.journal is not None:
            with suppress(StorageUnavailableError):
                self.journal.append(dict(event))
        if self.listener is not None:
            self.listener(event)
        return event


def set_up_logs(clock: Clock, style: str, level: str, secrets: Iterable[str], stream: TextIO | None = None) -> LogSink:
    """Configure logging for the process. `style` is ``console`` or ``json``; `secrets` never appear in any line."""
    out = stream or sys.stdout
    sink = LogSink(clock)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            sink.stamp,
            structlog.processors.format_exc_info,
            _redactor(tuple(secret for secret in secrets if len(secret) >= 6)),
            sink.copy,
            _console(out) if style == "console" else _json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    return sink


def _redactor(secrets: tuple[str, ...]) -> Callable[[Any, str, Event], Event]:
    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for secret in secrets:
                value = value.replace(secret, MASK)
        return value

    def redact(_: Any, __: str, event: Event) -> Event:
        for name, value in event.items():
            event[name] = MASK if _SECRET_NAME.search(name) and value else clean(value)
        return event

    return redact


def _json(_: Any, __: str, event: Event) -> str:
    return orjson.dumps(dict(event), default=str, option=orjson.OPT_NON_STR_KEYS).decode()


_COLOURS = {"debug": "\x1b[2m", "info": "", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}


def _console(out: TextIO) -> Callable[[Any, str, Event], str]:
    coloured = out.isatty()

    def render(_: Any, __: str, event: Event) -> str:
        level = str(event.pop("level", "info"))
        stamp = str(event.pop("ts", ""))[:19].replace("T", " ")
        name = str(event.pop("event", ""))
        failure = event.pop("exception", None)
        facts = "  ".join(f"{key}={_short(value)}" for key, value in event.items())
        line = f"{stamp} {level[:4].upper():4} {name:22} {facts}"
        if failure:
            line += f"\n{failure}"
        colour = _COLOURS.get(level, "") if coloured else ""
        return f"{colour}{line}\x1b[0m" if colour else line

    return render


def _short(value: Any) -> str:
    """A value as people read it: no exponent, no brackets; text with blanks as it is."""
    if isinstance(value, float):
        return number_text(value, 6)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_short(one)}" for key, one in value.items() if one != "") or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_short(one) for one in value) or "none"
    return str(value)
