"""``tradingbot tail``."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.markup import escape

from tradingbot.app.cli.listing import Listing
from tradingbot.app.cli.shared import MomentType, console_of, on_loop, print_json
from tradingbot.app.home import home_folder
from tradingbot.app.tail_filter import TailFilter
from tradingbot.app.tail_text import LEVELS, Entry, json_of, line_of
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.engine.catalog import JOURNALS, journal_path

if TYPE_CHECKING:
    from tradingbot.app.tail import Source

DEFAULT: Final = ("daemon", "issues", "executed_trades", "kill_switches")
NEWEST: Final = 20
POLL_S: Final = 0.25
_AGO: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(s|m|h|d)")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class WhenType(MomentType):
    """A moment, or a time before the newest line."""

    name = "WHEN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A timedelta for ``10m``, a datetime for the rest."""
        if isinstance(value, timedelta):
            return value
        if ago := _AGO.fullmatch(str(value)):
            return timedelta(seconds=float(ago[1]) * _UNITS[ago[2]])
        try:
            return super().convert(value, param, ctx)
        except click.UsageError:
            self.fail(f"{value!r} is no time; write 10m (s, m, h, d), 2026-01-31 or 2026-01-31T12:00", param, ctx)


class PatternType(click.ParamType[re.Pattern[str]]):
    """A regular expression."""

    name = "REGEX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> re.Pattern[str]:
        """Compiled."""
        if isinstance(value, re.Pattern):
            return value
        try:
            return re.compile(str(value))
        except (re.error, RecursionError, OverflowError) as error:
            self.fail(f"{value!r} is no regular expression: {error}", param, ctx)


@click.command("tail")
@click.argument("journals", nargs=-1, metavar="[JOURNAL]...")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is added, until Ctrl-C.")
@click.option("--since", type=WhenType(), help="Only from then on: 10m before the newest line, or a time in UTC.")
@click.option("--until", type=WhenType(), help="Only before then.")
@click.option("--level", type=click.Choice(LEVELS, case_sensitive=False), help="Only so bad or worse.")
@click.option("--symbol", default="", help="Only about this symbol, e.g. BTC or BTCUSDT.")
@click.option("--event", default="", metavar="GLOB", help="Only events of this name, e.g. 'order.*'.")
@click.option("--grep", type=PatternType(), help="Only records whose JSON this is found in.")
@click.option("--lines", "-n", type=click.IntRange(min=0), help="So many of the newest. Default: 20; all with --since.")
@click.option("--json", "as_json", is_flag=True, help="Print whole records, one JSON object a line.")
@click.option("--list", "listed", is_flag=True, help="List the journals and stop.")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
def command(
    journals: tuple[str, ...],
    follow: bool,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    level: str | None,
    symbol: str,
    event: str,
    grep: re.Pattern[str] | None,
    lines: int | None,
    as_json: bool,
    listed: bool,
    home: str | None,
) -> None:
    """Show the newest lines of the journals in logs/, by time, and follow them.

    Without JOURNAL: the daemon's log, issues, finished trades and kill switches; "all" stands for every journal.
    Reads files only, of a running or a stopped daemon.
    """
    folder = home_folder(home, os.environ)
    names = _chosen(journals or (tuple(JOURNALS) if listed else DEFAULT))
    with ExitStack() as stack:
        sources = _opened(folder, names, stack)
        if listed:
            _list(sources, as_json)
            return
        wanted = TailFilter(None, None, (level or "").lower(), symbol, event, grep)
        wanted = replace(wanted, since=_moment(since, sources), until=_moment(until, sources))
        if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
            raise click.UsageError("--since must be before --until")
        printer = _Printer(as_json, named=len(names) > 1)
        try:
            printer.show(_on_file(sources, wanted, lines))
            if follow:
                _follow(sources, wanted, printer)
        except KeyboardInterrupt:
            pass
        finally:
            _say_trouble(sources)


class _Printer:
    """Writes entries to standard output, in colour where that is a terminal."""

    def __init__(self, as_json: bool, named: bool) -> None:
        self._as_json = as_json
        self._named = named
        with suppress(AttributeError):  # a terminal that does not know a character shows a question mark
            sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def show(self, entries: Iterable[Entry]) -> None:
        """Print them all."""
        for entry in entries:
            text = json_of(entry) if self._as_json else line_of(entry, named=self._named, coloured=self._coloured)
            sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Names of the catalogue; a path to a journal counts as its name."""
    found: dict[str, None] = {}
    for name in names:
        short = Path(name).name.removesuffix(".jsonl")
        known = [one for one, row in JOURNALS.items() if short in (one, Path(row.path).stem)]
        if name == "all":
            known = list(JOURNALS)
        if not known:
            near = difflib.get_close_matches(short, JOURNALS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise click.UsageError(f"there is no journal {short!r}; {hint}`tradingbot tail --list` names them all")
        found.update(dict.fromkeys(known))
    return tuple(found)


def _opened(home: Path, names: Sequence[str], stack: ExitStack) -> list[Source]:
    """Raises ConfigurationError where no daemon has written anything."""
    from tradingbot.app.tail import Source
    from tradingbot.storage.rotation import parts

    paths = [journal_path(home, name) for name in JOURNALS]
    if not any(path.exists() or parts(path) for path in paths):
        raise ConfigurationError(
            f"no daemon has written logs in {home}; name its folder with --home, or start one with: "
            f"tradingbot run --home {home}"
        )
    sources = [Source(name, journal_path(home, name)) for name in names]
    for source in sources:
        stack.callback(source.close)
    return sources


def _moment(when: datetime | timedelta | None, sources: Sequence[Source]) -> datetime | None:
    """A simulated market has its own time, so that ``10m`` is reckoned from the newest line on file."""
    if not isinstance(when, timedelta):
        return when
    newest = max((moment for source in sources if (moment := source.newest_moment())), default=SystemClock().now())
    try:
        return newest - when
    except OverflowError:
        raise click.UsageError("--since and --until must lie within the years that there are") from None


def _on_file(sources: Sequence[Source], wanted: TailFilter, lines: int | None) -> Iterable[Entry]:
    from tradingbot.app.tail import merged

    if lines is None and wanted.since is not None:
        since = wanted.since
        return merged(filter(wanted.wants, source.since(since)) for source in sources)
    number = NEWEST if lines is None else lines
    found = list(merged(source.newest(number, wanted.wants, wanted.since) for source in sources))
    return found[-number:] if number else []


def _follow(sources: Sequence[Source], wanted: TailFilter, printer: _Printer) -> None:
    from tradingbot.app.tail import BEGINNING

    async def watch() -> None:
        clock = SystemClock()
        while True:
            found = [entry for source in sources for entry in source.fresh() if wanted.wants(entry)]
            if found:
                printer.show(sorted(found, key=lambda entry: entry.moment or BEGINNING))
            await clock.sleep(POLL_S)

    on_loop(watch)


def _say_trouble(sources: Sequence[Source]) -> None:
    for source in sources:
        if said := source.trouble.in_words():
            click.echo(f"{source.name}: {said}", err=True)


def _list(sources: Sequence[Source], as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {"journal": source.name, "path": JOURNALS[source.name].path, **source.size(), "newest": source.newest_moment()}
        for source in sources
    ]
    if as_json:
        print_json({"journals": rows})
        return
    table = Listing("Journals", "journal", "MB", "rotated", "newest line (UTC)", "file")
    for row in rows:
        newest = f"{row['newest']:%Y-%m-%d %H:%M:%S}" if row["newest"] else "-"
        table.add_row(row["journal"], f"{row['bytes'] / 1e6:.2f}", str(row["rotated"]), newest, escape(row["path"]))
    console_of().print(table)
