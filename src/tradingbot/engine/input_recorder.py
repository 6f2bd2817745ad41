"""Writes down everything that a decision was made of, so that it can be made again (`logs/cycle_inputs.jsonl`).

A key line holds every part whole but for older candles; the lines between hold what changed. Candles of a key line are
those since the key line before it, with a checksum of the whole series, and those of a few symbols in turn are whole:
no line is large, and whoever reads on from a damaged one is sound again at the next key line.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog

from tradingbot.core.types import Symbol, iso_utc
from tradingbot.engine.input_codec import Codec, Codecs, micros
from tradingbot.engine.input_columns import (
    Columns,
    appended_from,
    candle_columns,
    checksum,
    rows_from,
    sample_columns,
)
from tradingbot.engine.input_delta import SAME, change_of
from tradingbot.engine.input_lines import line_of
from tradingbot.engine.input_parts import (
    CANDLES,
    CHANGE,
    FEATURES,
    FOLLOWING,
    FRAMES,
    KEY,
    MARKET,
    SAMPLES,
    CycleInputs,
    KnownFrames,
    PartCodecs,
    features_checksum,
    series_of,
    shortened,
)
from tradingbot.engine.params import InputParams
from tradingbot.market.candles import Candles
from tradingbot.market.snapshot import SymbolSnapshot
from tradingbot.ports import Journal

log = structlog.get_logger(__name__)

TURNS: Final = 12
"""Key lines until the candles of every symbol were whole once."""


class InputSink(Protocol):
    """Takes the inputs of each decision."""

    def record(self, inputs: CycleInputs) -> None:
        """Once per cycle, in their order."""


class NoInputs:
    """Takes nothing down."""

    def record(self, inputs: CycleInputs) -> None:
        """Nothing."""


class InputRecorder:
    """Takes down the inputs of every cycle. Never raises: a cycle must not fail because it cannot be recorded."""

    def __init__(self, journal: Journal, params: InputParams, version: str) -> None:
        self._journal = journal
        self._params = params
        self._version = version
        self._codecs = Codecs()
        self._parts = PartCodecs(self._codecs)
        self._failing = False
        self._turn = 0
        self._run = 0
        self._number = 0
        self._frames: KnownFrames = {}
        self._forget()

    def _forget(self) -> None:
        """Begin anew with a line that needs none before it."""
        self._key_due: datetime | None = None
        self._values: dict[tuple[str, str], Any] = {}
        self._columns: dict[tuple[str, str], Columns] = {}
        self._series: dict[tuple[str, str], Candles] = {}
        self._oldest: dict[tuple[str, str], int] = {}
        self._symbols: list[str] = []

    def record(self, inputs: CycleInputs) -> None:
        """One line. What cannot be written is said once, and the next line is a key line of its own."""
        try:
            taken = self._journal.append(self._line(inputs))
        except Exception as error:
            if not self._failing:
                log.error("inputs.not_recorded", error=f"{type(error).__name__}: {error}", exc_info=error)
            taken, self._failing = False, True
        else:
            self._failing = False
        if not taken:
            self._forget()

    def _line(self, inputs: CycleInputs) -> dict[str, Any]:
        snapshot = inputs.snapshot
        symbols = [str(symbol) for symbol in snapshot.symbols]
        if symbols != self._symbols:
            self._forget()
        key, begins = self._is_key_due(snapshot.as_of), not self._symbols
        if begins:
            self._symbols, self._run, self._number = symbols, micros(snapshot.as_of), 0
        parts = self._values_of(inputs, key)
        whole = self._whole_ones(symbols, key, begins)
        for symbol, part in snapshot.symbols.items():
            if rows := self._rows_of(part, key, symbol in whole):
                parts.setdefault(symbol, {}).update(rows)
        self._number += 1
        at = iso_utc(snapshot.as_of)
        head: dict[str, Any] = {
            "kind": KEY if key else CHANGE,
            "cycle_id": snapshot.cycle_id,
            "at": at,
            "as_of": micros(snapshot.as_of),
            "run": self._run,
            "number": self._number,
            "params_hash": inputs.params_hash,
            FEATURES: [features_checksum(part, self._frames) for part in snapshot.symbols.values()],
        }
        if key:
            head |= {"version": self._version, "symbols": symbols, "fields": self._codecs.layouts}
        return line_of(at, snapshot.cycle_id, head, parts)

    def _is_key_due(self, now: datetime) -> bool:
        if self._key_due is not None and now < self._key_due:
            return False
        self._key_due = now + timedelta(minutes=self._params.keyframe_min)
        return True

    def _whole_ones(self, symbols: list[str], key: bool, begins: bool) -> set[str]:
        """Symbols whose candles are whole in this line."""
        if begins or not key:
            return set(symbols) if begins else set()
        self._turn += 1
        return {name for place, name in enumerate(symbols) if place % TURNS == self._turn % min(TURNS, len(symbols))}

    # ------------------------------------------------------------ values

    def _values_of(self, inputs: CycleInputs, key: bool) -> dict[str, Any]:
        """What is written of every part that is a value, by symbol; what is of none stands under MARKET."""
        parts: dict[str, Any] = {}
        for symbol, name, codec, value in self._named_values(inputs):
            place = symbol, name
            if name in FOLLOWING:
                value = shortened(name, inputs.snapshot.symbols[Symbol(symbol)], codec)
                written = value if key else change_of(self._values[place], value)
            elif key:
                written = codec.encode(value)
            else:
                before = self._values[place]
                written = SAME if before is value else codec.change(before, value)
            self._values[place] = value
            if written is not SAME:
                parts.setdefault(symbol, {})[name] = written
        return parts

    def _named_values(self, inputs: CycleInputs) -> Iterable[tuple[str, str, Codec, Any]]:
        snapshot, codecs = inputs.snapshot, self._parts
        for name, codec in codecs.market.items():
            yield MARKET, name, codec, getattr(snapshot, name)
        for name, codec in codecs.others.items():
            yield MARKET, name, codec, getattr(inputs, name)
        for symbol, part in snapshot.symbols.items():
            for name, codec in codecs.symbol.items():
                yield symbol, name, codec, getattr(part, name)

    # ------------------------------------------------------------ rows

    def _rows_of(self, part: SymbolSnapshot, key: bool, whole: bool) -> dict[str, Any]:
        rows = {}
        for candles in series_of(part):
            found = self._key_rows(candles, whole) if key else self._new_rows(candles)
            if found is not None:
                rows[candles.timeframe.value] = found
        parts: dict[str, Any] = {CANDLES: rows} if rows or key else {}
        samples = self._sample_rows(part, key)
        if samples is not None:
            parts[SAMPLES] = samples
        if key:
            parts[FRAMES] = self._parts.frames.encode(part.frames)
        return parts

    def _new_rows(self, candles: Candles) -> list[Any] | None:
        """What this series has beyond the line before; None for nothing."""
        place = candles.symbol, candles.timeframe.value
        if self._series.get(place) is candles:
            return None
        old, new = self._columns.get(place), candle_columns(candles)
        self._series[place], self._columns[place] = candles, new
        first = appended_from(old, new) if old is not None else 0
        if old is not None and first == len(new[0]) == len(old[0]):
            return None
        if first < len(new[0]):
            self._oldest[place] = min(self._oldest.get(place, int(new[0][first])), int(new[0][first]))
        return rows_from(new, first)

    def _key_rows(self, candles: Candles, whole: bool) -> list[Any]:
        """Rows that were new since the key line before, those of this line too, and the checksum of the series."""
        self._new_rows(candles)
        place = candles.symbol, candles.timeframe.value
        columns, oldest = self._columns[place], self._oldest.pop(place, None)
        first = 0 if whole else len(columns[0]) if oldest is None else int(columns[0].searchsorted(oldest))
        return [checksum(columns), *rows_from(columns, first)]

    def _sample_rows(self, part: SymbolSnapshot, key: bool) -> list[Any] | None:
        place, new = (part.symbol, SAMPLES), sample_columns(part.samples)
        old = self._columns.get(place)
        self._columns[place] = new
        if key or old is None:
            return rows_from(new, 0)
        first = appended_from(old, new)
        return None if first == len(new[0]) == len(old[0]) else rows_from(new, first)
