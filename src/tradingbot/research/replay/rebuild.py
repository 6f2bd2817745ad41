"""The inputs of each recorded cycle again, out of key lines and the changes between them.

Features are not recorded: the code that made them makes them again out of the recorded candles, in the order of the
cycles, from what the key line says that they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tradingbot.core.errors import StateError
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.engine.features import FeatureKeeper
from tradingbot.engine.input_codec import Codecs, UnknownLayoutError, moment_of
from tradingbot.engine.input_columns import Columns, checksum, joined
from tradingbot.engine.input_delta import changed
from tradingbot.engine.input_parts import (
    CANDLES,
    FOLLOWING,
    FRAMES,
    KEY,
    MARKET,
    SAMPLES,
    CycleInputs,
    PartCodecs,
    lengthened,
)
from tradingbot.market.candles import Candles
from tradingbot.market.snapshot import BookSamples, MarketSnapshot, SymbolSnapshot
from tradingbot.research.replay.params import ReplayParams

Body = Mapping[str, Any]
Place = tuple[str, str]

_DAMAGED = (KeyError, IndexError, TypeError, ValueError, AttributeError)


class LostThreadError(StateError):
    """The inputs of a cycle cannot be made again; the message says why."""


@dataclass(slots=True)
class _Rows:
    """Series by symbol and name; None for one whose older rows are not known."""

    known: dict[Place, Columns | None]

    @property
    def missing(self) -> list[str]:
        return [f"{symbol} {name}" for (symbol, name), columns in self.known.items() if columns is None]


class Rebuilder:
    """Takes the bodies of lines in their order and gives the inputs of each cycle."""

    def __init__(self) -> None:
        self.version = ""
        """The program that wrote the newest key line."""
        self._ready = False
        self._why = "no key line before it is on file"
        self._run = self._number = 0
        self._symbols: list[str] = []
        self._rows = _Rows({})
        self._plain: dict[Place, Any] = {}
        self._values: dict[Place, Any] = {}
        self._codecs: PartCodecs | None = None
        self._fields: Any = None
        self._keeper: FeatureKeeper | None = None

    def lose(self, why: str) -> None:
        """A line was not readable: nothing is known until the next key line, for this reason."""
        if self._ready:
            self._why = why
        self._ready = False

    def take(self, body: Body, params: ReplayParams | None) -> CycleInputs | None:
        """The inputs of this line's cycle; None without `params`, for a line that only leads to a later one.

        Raises LostThreadError.
        """
        key = body["kind"] == KEY
        self._ready = self._ready or key
        try:
            self._follow(body, key)
            self._apply(body, key)
            if self._rows.missing:
                self.lose(f"older candles are not on file: {', '.join(self._rows.missing[:3])}")
        except UnknownLayoutError as error:
            self.lose(str(error))
        except _DAMAGED as error:
            self.lose(f"a line does not fit those before it: {type(error).__name__}: {error}")
        if not self._ready:
            raise LostThreadError(self._why)
        return self._inputs(body, key, params)

    # ------------------------------------------------------------ lines

    def _follow(self, body: Body, key: bool) -> None:
        follows = body["run"] == self._run and body["number"] == self._number + 1
        if body["run"] != self._run:
            self._rows.known.clear()
        self._run, self._number = body["run"], body["number"]
        if key:
            self._begin(body)
        elif not follows:
            self.lose("a line before it is not on file")

    def _begin(self, body: Body) -> None:
        self.version, self._symbols = body["version"], list(body["symbols"])
        self._plain.clear()
        self._values.clear()
        self._keeper = None
        if self._codecs is None or self._fields != body["fields"]:
            self._fields = body["fields"]
            self._codecs = PartCodecs(Codecs({name: tuple(names) for name, names in self._fields.items()}))

    def _apply(self, body: Body, key: bool) -> None:
        if not (key or self._ready):
            return
        for symbol, parts in body["parts"].items():
            for name, value in parts.items():
                if name == CANDLES:
                    for frame, rows in value.items():
                        self._join((symbol, frame), rows, key)
                elif name == SAMPLES:
                    self._join((symbol, SAMPLES), [None, *value] if key else value, key)
                else:
                    place = symbol, name
                    self._plain[place] = value if key else changed(self._plain[place], value)
                    self._values.pop(place, None)

    def _join(self, place: Place, rows: list[Any], key: bool) -> None:
        self._values.pop(place, None)
        if not key:
            self._rows.known[place] = joined(self._rows.known.get(place), rows)
            return
        expected, *rows = rows
        try:
            made: Columns | None = joined(self._rows.known.get(place), rows)
        except ValueError:
            made = None
        if made is not None and expected is not None and checksum(made) != expected:
            made = None
        self._rows.known[place] = made

    # ------------------------------------------------------------ inputs

    def _inputs(self, body: Body, key: bool, params: ReplayParams | None) -> CycleInputs | None:
        if params is None:
            return None
        try:
            parts = {Symbol(name): self._symbol(name) for name in self._symbols}
            if key or self._keeper is None:
                self._keeper = self._resumed(parts, params) if key else self._keeper
            if self._keeper is None:
                raise LostThreadError("no key line before it was read with parameters")
            parts = self._with_features(parts, self._keeper)
            return self._whole(body, parts)
        except _DAMAGED as error:
            self.lose(f"a line cannot be read back: {type(error).__name__}: {error}")
            raise LostThreadError(self._why) from error

    def _whole(self, body: Body, parts: Mapping[Symbol, SymbolSnapshot]) -> CycleInputs:
        assert self._codecs is not None
        market = {name: self._value(MARKET, name, codec.decode) for name, codec in self._codecs.market.items()}
        others = {name: self._value(MARKET, name, codec.decode) for name, codec in self._codecs.others.items()}
        snapshot = MarketSnapshot(
            as_of=moment_of(body["as_of"]), cycle_id=body["cycle_id"], symbols=dict(parts), **market
        )
        return CycleInputs(snapshot=snapshot, params_hash=body["params_hash"], **others)

    def _symbol(self, symbol: str) -> SymbolSnapshot:
        assert self._codecs is not None
        names = [name for owner, name in self._rows.known if owner == symbol and name != SAMPLES]
        series = {Timeframe(name): self._candles(symbol, name) for name in names}
        minutes = series.pop(Timeframe.M1)
        plain = {name: codec for name, codec in self._codecs.symbol.items() if name not in FOLLOWING}
        values = {name: self._value(symbol, name, codec.decode) for name, codec in plain.items()}
        part = SymbolSnapshot(
            symbol=Symbol(symbol), candles=minutes, higher=series, samples=self._samples(symbol), **values
        )
        more = {
            name: lengthened(name, part, self._plain[symbol, name], self._codecs.symbol[name]) for name in FOLLOWING
        }
        return replace(part, **more)

    def _value(self, symbol: str, name: str, decode: Any) -> Any:
        place = symbol, name
        if place not in self._values:
            self._values[place] = decode(self._plain[place])
        return self._values[place]

    def _candles(self, symbol: str, name: str) -> Candles:
        place = symbol, name
        if place not in self._values:
            self._values[place] = Candles(Symbol(symbol), Timeframe(name), *self._columns(place))
        found: Candles = self._values[place]
        return found

    def _samples(self, symbol: str) -> BookSamples:
        place = symbol, SAMPLES
        if place not in self._values:
            self._values[place] = BookSamples(*self._columns(place))
        found: BookSamples = self._values[place]
        return found

    def _columns(self, place: Place) -> Columns:
        found = self._rows.known[place]
        assert found is not None
        return found

    # ------------------------------------------------------------ features

    def _resumed(self, parts: Mapping[Symbol, SymbolSnapshot], params: ReplayParams) -> FeatureKeeper:
        assert self._codecs is not None
        keeper = FeatureKeeper(params.decision.reading.signals.windows, params.frames, parts)
        for symbol, part in parts.items():
            frames = self._codecs.frames.decode(self._plain[symbol, FRAMES])
            keeper.resume(symbol, frames, (part.candles, *part.higher.values()))
        return keeper

    @staticmethod
    def _with_features(parts: Mapping[Symbol, SymbolSnapshot], keeper: FeatureKeeper) -> dict[Symbol, SymbolSnapshot]:
        minutes = {symbol: part.candles for symbol, part in parts.items()}
        return {
            symbol: replace(
                part,
                features=keeper.minute(symbol, minutes),
                frames=keeper.frames(symbol, (part.candles, *part.higher.values())),
            )
            for symbol, part in parts.items()
        }
