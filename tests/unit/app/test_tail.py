"""`tradingbot tail`: what is on file, what is added, through rotation and damage; what is wanted; what is shown."""

from __future__ import annotations

import gzip
import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tests.support import NOW
from tradingbot.app.cli import cli
from tradingbot.app.plain_text import plain_facts, plain_text
from tradingbot.app.tail import Source, merged
from tradingbot.app.tail_filter import TailFilter
from tradingbot.app.tail_text import Entry, json_of, line_of
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import iso_utc
from tradingbot.engine.journal_moments import moment_of
from tradingbot.storage.journal_reader import is_same
from tradingbot.storage.rotation import Part, part_path, parts

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\nnext\r\x00"


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def line(number: int, minute: float = 0.0, **facts: Any) -> bytes:
    record = {"ts": iso_utc(at(minute)), "level": "info", "event": "cycle.completed", "number": number, **facts}
    return orjson.dumps(record) + b"\n"


def numbers(entries: Any) -> list[int]:
    return [entry.record["number"] for entry in entries]


def every(_: Entry) -> bool:
    return True


class Journal:
    """A journal as the daemon writes it."""

    def __init__(self, folder: Path, name: str = "daemon") -> None:
        self.path = folder / f"{name}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._parts = 0

    def add(self, *lines: bytes) -> None:
        with self.path.open("ab") as stream:
            stream.write(b"".join(lines))

    def rotate(self, minute: float = 0.0, packed: bool = False) -> None:
        self._parts += 1
        part = part_path(self.path, self._parts, at(minute))
        os.rename(self.path, part)
        if packed:
            with gzip.open(f"{part}.gz", "wb") as stream:
                stream.write(part.read_bytes())
            part.unlink()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "logs")


def source_of(journal: Journal) -> Source:
    return Source("daemon", journal.path)


# ---------------------------------------------------------------- what is on file


def test_the_newest_lines_come_from_as_many_files_as_it_takes(journal: Journal) -> None:
    journal.add(line(1), line(2))
    journal.rotate(packed=True)
    journal.add(line(3), line(4))
    journal.rotate()
    journal.add(line(5))
    assert numbers(source_of(journal).newest(2, every)) == [4, 5]
    assert numbers(source_of(journal).newest(4, every)) == [2, 3, 4, 5]
    assert numbers(source_of(journal).newest(99, lambda entry: entry.record["number"] % 2 == 1)) == [1, 3, 5]
    assert source_of(journal).newest(0, every) == []


def test_a_long_file_is_read_from_its_end(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradingbot.app.tail.NEAR_END", 500)
    journal.add(*(line(number) for number in range(100)))
    assert numbers(source_of(journal).newest(2, every)) == [98, 99]
    assert numbers(source_of(journal).newest(100, every)) == list(range(100)), "no line twice, none left out"


def test_files_that_ended_before_are_not_opened(journal: Journal) -> None:
    journal.add(line(1, 0))
    journal.rotate(minute=1)
    journal.add(line(2, 1))
    journal.rotate(minute=10)
    journal.add(line(3, 11))
    assert numbers(source_of(journal).since(at(5))) == [2, 3]
    assert numbers(source_of(journal).newest(9, every, at(5))) == [2, 3]


def test_bad_and_torn_lines_are_passed_over_and_counted(journal: Journal) -> None:
    journal.add(line(1), b"\xff\xfe nonsense\n", b"[1,2]\n", line(2), line(3)[:-9])
    source = source_of(journal)
    assert numbers(source.newest(9, every)) == [1, 2]
    assert source.trouble.in_words() == "2 unreadable lines passed over, an unfinished last line"


def test_journals_are_merged_by_time(tmp_path: Path) -> None:
    one, two = Journal(tmp_path, "one"), Journal(tmp_path, "two")
    one.add(line(1, 0), line(3, 2), line(5, 4))
    two.add(line(2, 1), b'{"number":4}\n', line(6, 9))
    sources = [Source("one", one.path), Source("two", two.path)]
    found = [*merged(source.newest(9, every) for source in sources)]
    assert numbers(found) == [1, 2, 4, 3, 5, 6], "what does not say when stays behind the one before it"


# ---------------------------------------------------------------- what is added


def test_following_gives_whole_lines_once(journal: Journal) -> None:
    journal.add(line(1), line(2)[:10])
    source = source_of(journal)
    assert numbers(source.newest(9, every)) == [1]
    assert source.fresh() == []
    journal.add(line(2)[10:], line(3))
    assert numbers(source.fresh()) == [2, 3]
    assert source.fresh() == []
    assert source.trouble.in_words() == ""


@pytest.mark.parametrize("packed", [False, True])
def test_following_goes_through_several_rotations_between_two_looks(journal: Journal, packed: bool) -> None:
    journal.add(line(1))
    source = source_of(journal)
    journal.add(line(2))
    journal.rotate(packed=packed)
    journal.add(line(3))
    journal.rotate(packed=packed)
    assert numbers(source.fresh()) == [2], "no new file yet: nothing is lost"
    journal.add(line(4))
    assert numbers(source.fresh()) == [3, 4]
    journal.add(line(5))
    assert numbers(source.fresh()) == [5]


def test_what_was_rotated_while_it_was_read_is_given_once(journal: Journal) -> None:
    journal.add(line(1))
    source = source_of(journal)
    journal.rotate()
    journal.add(line(2))
    assert numbers(source.newest(9, every)) == [1]
    assert numbers(source.fresh()) == [2]


def test_a_file_that_is_cut_or_replaced_begins_anew(journal: Journal) -> None:
    journal.add(line(1), line(2))
    source = source_of(journal)
    journal.path.write_bytes(line(3))
    assert numbers(source.fresh()) == [3]
    journal.path.unlink()
    assert source.fresh() == []
    journal.add(line(4))
    assert numbers(source.fresh()) == [4]
    assert source.trouble.in_words() == "cut short 1 times while it was followed"


def test_half_a_line_that_nobody_ends_is_counted_and_not_shown(journal: Journal) -> None:
    journal.add(line(1))
    source = source_of(journal)
    journal.add(line(2)[:9])
    assert source.fresh() == []
    journal.rotate()
    journal.add(line(3))
    assert numbers(source.fresh()) == [3]
    assert source.trouble.in_words() == "1 unreadable lines passed over"


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_rotation_while_the_file_is_opened_loses_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    journal.add(line(1))
    rotations = [lambda: (journal.rotate(), journal.add(line(2)) if goes_on else None)]

    def rotated_meanwhile(path: Path) -> list[Part]:
        if rotations:
            rotations.pop()()
        return parts(path)

    monkeypatch.setattr("tradingbot.app.tail.parts", rotated_meanwhile)
    source = source_of(journal)
    found = numbers(source.newest(9, every))
    journal.add(line(3))
    journal.rotate()
    journal.add(line(4))
    found += numbers(source.fresh())
    assert found == ([1, 2, 3, 4] if goes_on else [1, 3, 4])


def test_what_comes_in_just_before_a_rotation_is_given(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.add(line(1))
    source = source_of(journal)
    events = [lambda: (journal.add(line(2)), journal.rotate(), journal.add(line(3)))]

    def rotated_meanwhile(stream: Any, path: Path) -> bool:
        if events:
            events.pop()()
        return is_same(stream, path)

    monkeypatch.setattr("tradingbot.app.tail.is_same", rotated_meanwhile)
    assert numbers(source.fresh()) == [2, 3]


def test_a_journal_may_begin_while_it_is_followed(journal: Journal) -> None:
    source = source_of(journal)
    assert source.fresh() == []
    journal.add(line(1))
    journal.rotate()
    journal.add(line(2))
    assert numbers(source.fresh()) == [1, 2]


@given(st.lists(st.sampled_from(["line", "look", "rotate", "pack"]), max_size=40))
def test_whatever_happens_every_line_is_given_once_and_in_order(steps: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        source, given_out, written = source_of(journal), [], 0
        for step in steps:
            if step == "line":
                written += 1
                journal.add(line(written))
            elif step == "look":
                given_out += numbers(source.fresh())
            elif journal.path.exists():
                journal.rotate(packed=step == "pack")
        journal.add(line(written + 1))
        given_out += numbers(source.fresh())
        source.close()
        assert given_out == list(range(1, written + 2))


# ---------------------------------------------------------------- what is wanted


def entry(journal: str = "daemon", minute: float = 0.0, **record: Any) -> Entry:
    return Entry(journal, record, at(minute))


@pytest.mark.parametrize(
    ("wanted", "record", "holds"),
    [
        (TailFilter(level="warning"), entry(level="error"), True),
        (TailFilter(level="warning"), entry(level="info"), False),
        (TailFilter(level="error"), entry("issues", event="raised", severity="critical"), True),
        (TailFilter(level="error"), entry("issues", event="cleared", severity="critical"), False),
        (TailFilter(level="error"), entry("kill_switches", event="trip"), True),
        (TailFilter(symbol="btc"), entry(symbol="BTCUSDT"), True),
        (TailFilter(symbol="BTC"), entry("intents", intent={"symbol": "BTCUSDT"}), True),
        (TailFilter(symbol="BTC"), entry(symbol="ETHUSDT"), False),
        (TailFilter(event="order.*"), entry(event="order.outcome"), True),
        (TailFilter(event="raised"), entry("issues", event="raised"), True),
        (TailFilter(event="issues.*"), entry("issues", event="raised"), True),
        (TailFilter(event="order.*"), entry(event="cycle.completed"), False),
        (TailFilter(grep=re.compile("time.?out")), entry(detail={"error": "timeout"}), True),
        (TailFilter(grep=re.compile("timeout")), entry(detail="fine"), False),
        (TailFilter(since=at(0)), entry(minute=0), True),
        (TailFilter(until=at(0)), entry(minute=0), False),
        (TailFilter(since=at(1)), entry(minute=0), False),
        (TailFilter(since=at(0)), Entry("daemon", {}, None), False),
    ],
)
def test_only_what_is_wanted(wanted: TailFilter, record: Entry, holds: bool) -> None:
    assert wanted.wants(record) is holds


# ---------------------------------------------------------------- what is shown


def test_a_line_says_when_how_bad_what_and_the_facts() -> None:
    shown = line_of(
        entry(ts="x", level="warning", event="loop.stalled", late_ms=27.25, limit_ms=20, none=None, parts={"a": 1.5}),
        named=True,
        coloured=False,
    )
    assert " ".join(shown.split()) == (
        "2026-01-05 12:00:02 WARN daemon loop.stalled late_ms=27.25 limit_ms=20 parts=a 1.5"
    )
    assert line_of(entry(level="error", event="x"), named=False, coloured=True).startswith("\x1b[31m")


def test_a_failure_is_told_line_by_line_and_long_facts_are_cut() -> None:
    shown = line_of(
        entry(event="x", detail="y" * 999, exception="Traceback\n  boom\x1b[2J"), named=False, coloured=False
    )
    head, *below = shown.split("\n")
    assert head.endswith("y…")
    assert below == ["    Traceback", "      boom\\x1b[2J"]


def test_no_record_steers_the_terminal() -> None:
    record = {"event": HOSTILE, "level": HOSTILE, HOSTILE: {HOSTILE: [HOSTILE]}, "exception": HOSTILE}
    for shown in (line_of(entry(**record), named=True, coloured=False), json_of(entry(**record))):
        assert all(one.isprintable() or one == "\n" for one in shown), shown
    assert "\\x1b]0;owned\\x07" in line_of(entry(event=HOSTILE), named=False, coloured=False)
    assert plain_text("ä € x") == "ä € x"
    assert plain_facts({"a\x1b": ["\x07", 1, None]}) == {"a\\x1b": ["\\x07", 1, None]}


def test_plain_text_is_printable_whatever_it_was() -> None:
    everything = "".join(chr(number) for number in (*range(0x3000), 0xD800, 0xE000, 0xFEFF, 0xE0001, 0x10FFFF))
    assert plain_text(everything).isprintable()


def test_json_keeps_the_whole_record() -> None:
    whole = {"event": "x", "detail": "ü" * 999}
    assert orjson.loads(json_of(entry(**whole))) == {"journal": "daemon", **whole}


@pytest.mark.parametrize(
    ("record", "moment"),
    [
        ({"ts": "2026-01-05T12:00:02.000Z"}, NOW),
        ({"event": "intent", "intent": {"created_at": "2026-01-05T12:00:02Z"}}, NOW),
        ({"at": "yesterday", "as_of": "2026-01-05T12:00:02Z"}, NOW),
        ({"at": 12, "time": "2026-01-05T12:00:02"}, None),
        ({"ts": "0001-01-01T00:00:00+23:00"}, None),
    ],
)
def test_the_moment_is_where_the_journal_keeps_it(record: dict[str, Any], moment: datetime | None) -> None:
    assert moment_of(record) == moment


# ---------------------------------------------------------------- the command


@pytest.fixture
def home(tmp_path: Path) -> Path:
    daemon, issues = Journal(tmp_path / "logs"), Journal(tmp_path / "logs", "issues")
    daemon.add(*(line(number, number) for number in range(30)), b"torn off\n")
    issues.add(
        orjson.dumps({"at": at(10.5), "event": "raised", "id": "memory", "severity": "warning", "number": 99}) + b"\n"
    )
    return tmp_path


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["tail", *arguments, "--home", str(home)], standalone_mode=False)


def test_the_default_is_the_newest_twenty_of_all_four_by_time(home: Path) -> None:
    found = run(home)
    shown = found.stdout.splitlines()
    assert len(shown) == 20
    assert "issues.raised" in shown[0]
    assert shown[-1].endswith("number=29")
    assert found.stderr == "daemon: 1 unreadable lines passed over\n"


def test_times_are_reckoned_from_the_newest_line_or_given(home: Path) -> None:
    assert len(run(home, "daemon", "--since", "10m").stdout.splitlines()) == 11
    assert len(run(home, "daemon", "--since", "1h", "--until", "25m").stdout.splitlines()) == 4
    assert len(run(home, "--since", iso_utc(at(27))).stdout.splitlines()) == 3
    assert len(run(home, "--since", "1d", "-n", "3", "--json").stdout.splitlines()) == 3


def test_the_list_names_every_journal_with_its_newest_line(home: Path) -> None:
    rows = {row["journal"]: row for row in orjson.loads(run(home, "--list", "--json").stdout)["journals"]}
    assert rows["daemon"]["newest"].startswith(at(29).isoformat()[:19])
    assert rows["daemon"]["bytes"] > 1000
    assert rows["fills"] == {"journal": "fills", "path": "logs/fills.jsonl", "bytes": 0, "rotated": 0, "newest": None}
    assert "logs/fills.jsonl" in run(home, "--list").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fils"], "did you mean fills?"),
        (["--since", "soon"], "'soon' is no time"),
        (["--grep", "("], "is no regular expression"),
        (["--level", "loud"], "'loud' is not one of"),
        (["--since", "1m", "--until", "5m"], "--since must be before --until"),
        (["--since", "999999d"], "must lie within"),
        (["-n", "-1"], "-1"),
    ],
)
def test_wrong_usage_is_one_clear_error(home: Path, arguments: list[str], message: str) -> None:
    found = run(home, *arguments)
    assert message in str(getattr(found.exception, "message", found.exception))


def test_a_home_without_logs_is_refused(tmp_path: Path) -> None:
    found = run(tmp_path / "typo")
    assert isinstance(found.exception, ConfigurationError)
    assert "--home" in str(found.exception)


def test_a_journal_may_be_named_by_its_file(home: Path) -> None:
    assert len(run(home, "logs/daemon.jsonl", "-n", "2").stdout.splitlines()) == 2
    assert run(home, "predictive_signals").stdout == ""
    assert len(run(home, "all", "-n", "99").stdout.splitlines()) == 31
