"""Lines are found by a piece of their text, in rotated and compressed files too."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

from tradingbot.storage.journal_search import search


def journal(folder: Path) -> Path:
    """A compressed part of the 1st, a plain one of the 2nd, and the current file with a torn last line."""
    path = folder / "x.jsonl"
    with gzip.open(folder / "x.000001.20260101T000000000Z.jsonl.gz", "wb") as part:
        part.write(b'{"id":"a","n":1}\n{"id":"b","n":2}\n')
    (folder / "x.000002.20260102T000000000Z.jsonl").write_bytes(b'{"id":"a","n":3}\nnot json "id":"a"\n')
    path.write_bytes(b'{"id":"a","n":4}\n{"id":"c","n":5}\n{"id":"a","n"')
    return path


def test_all_parts_are_searched_in_order(tmp_path: Path) -> None:
    """Lines that are no JSON are passed over."""
    assert [record["n"] for record in search(journal(tmp_path), '"id":"a"')] == [1, 3, 4]


def test_parts_from_before_a_moment_are_not_opened(tmp_path: Path) -> None:
    """What was rotated before it cannot hold anything newer."""
    since = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert [record["n"] for record in search(journal(tmp_path), '"id":"a"', since)] == [3, 4]


def test_a_damaged_part_or_no_file_is_no_error(tmp_path: Path) -> None:
    """What can be read is found."""
    path = journal(tmp_path)
    (tmp_path / "x.000001.20260101T000000000Z.jsonl.gz").write_bytes(b"not gzip")
    assert [record["n"] for record in search(path, '"id":"a"')] == [3, 4]
    assert list(search(tmp_path / "none.jsonl", "x")) == []
