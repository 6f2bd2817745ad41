"""One line of `logs/cycle_inputs.jsonl`: its parts, each with a checksum, and a checksum of the whole.

    {"as_of": "...", "cycle_id": "...", "crc": 123, "body": {"kind": ..., "parts": {"BTCUSDT": {"ticker": [456, ...]}}}}

`crc` is CRC-32 of the bytes of `body` as they stand in the file; that of a part is the lower half of one over its name
and the bytes of its value. Every change of one byte is found by the first, and the part that it is in by the second.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from tradingbot.core.errors import StateCorruptError

_OPTIONS: Final = orjson.OPT_NON_STR_KEYS
_LINE: Final = re.compile(rb'\{"as_of":("[^"]*"),"cycle_id":("[^"]*"),"crc":(\d+),"body":(\{.*\})\}\n?', re.DOTALL)
_CYCLE: Final = re.compile(r'"cycle_id":"([^"]*)"')
_PLACE: Final = re.compile(rb'"(?:(market|[A-Z0-9]{4,24})":\{|([a-z_]{3,32})":\[([^,]{1,8}),)')
"""Where the parts of a symbol begin, or one part: its name, its checksum."""


class DamagedLineError(StateCorruptError):
    """A line of the journal is not as it was written; `parts` names what of it, as far as that can be told."""

    def __init__(self, cycle_id: str, parts: tuple[str, ...]) -> None:
        super().__init__(f"cycle {cycle_id or '?'}: damaged in {', '.join(parts)}")
        self.cycle_id = cycle_id
        self.parts = parts


def line_of(
    as_of: str, cycle_id: str, head: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The record of one cycle. `parts` hold plain values by symbol and name."""
    sealed = {
        symbol: {name: orjson.Fragment(_sealed(name, value)) for name, value in of_one.items()}
        for symbol, of_one in parts.items()
    }
    body = orjson.dumps({**head, "parts": sealed}, option=_OPTIONS)
    return {"as_of": as_of, "cycle_id": cycle_id, "crc": zlib.crc32(body), "body": orjson.Fragment(body)}


def read_line(raw: bytes) -> dict[str, Any]:
    """The body of a line, its parts by name. Raises DamagedLineError."""
    found = _LINE.fullmatch(raw)
    if found is None or zlib.crc32(found[4]) != int(found[3]):
        raise damage_of(raw)
    body: dict[str, Any] = orjson.loads(found[4])
    if orjson.loads(found[2]) != body["cycle_id"] or orjson.loads(found[1]) != body["at"]:
        raise DamagedLineError(body["cycle_id"], ("the beginning of the line",))
    body["parts"] = {
        symbol: {name: value for name, (_, value) in of_one.items()} for symbol, of_one in body["parts"].items()
    }
    return body


def damage_of(raw: bytes) -> DamagedLineError:
    """What is wrong with a line: the parts whose own checksums fail, else where it is that no part covers it."""
    names = tuple(_bad_parts(raw))
    cycle_id = _cycle_id(raw)
    return DamagedLineError(cycle_id, names or ("the frame of the line, outside its parts",))


def _cycle_id(raw: bytes) -> str:
    """The name that the line says twice; empty when neither can be read."""
    found = _CYCLE.findall(raw[:2048].decode(errors="replace"))
    return str(found[-1]) if found else ""


def _bad_parts(raw: bytes) -> Iterator[str]:
    """Parts that do not match their checksums, found without parsing the line as a whole: it may be no JSON."""
    position = raw.find(b'"parts":{') + len(b'"parts":{')
    text, symbol = raw.decode("latin-1"), ""
    while (found := _PLACE.search(raw, position)) is not None:
        position = found.end()
        if found[1] is not None:
            symbol = found[1].decode()
            continue
        name = found[2].decode()
        end = _value_end(text, position)
        whole = end is not None and raw[end : end + 1] == b"]"
        if not whole or _checksum(name, raw[position:end]) != _number(found[3]):
            yield f"{symbol} {name}"
        position = position if end is None else end


def _number(digits: bytes) -> int | None:
    """A checksum as it stands in the line; None for what is none."""
    return int(digits) if digits.isdigit() else None


def _value_end(text: str, start: int) -> int | None:
    """Where the JSON value that begins here ends; None when it is none."""
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None


def _sealed(name: str, value: Any) -> bytes:
    encoded = orjson.dumps(value, option=_OPTIONS)
    return b"[%d,%s]" % (_checksum(name, encoded), encoded)


def _checksum(name: str, encoded: bytes) -> int:
    return zlib.crc32(encoded, zlib.crc32(name.encode())) & 0xFFFF
