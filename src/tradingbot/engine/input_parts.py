"""Which parts the inputs of a decision have, by name: everything that `decide` sees, field by field of its records.

What is in `SymbolSnapshot` and `MarketSnapshot` is taken from the records themselves: a field that is added to them is
recorded without a change here. Candles and samples are rows; features follow from candles and are made again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Final, get_type_hints

import orjson

from tradingbot.core.parameters import LearnedParameters
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.engine.input_codec import Codec, Codecs, float_of, plain_float
from tradingbot.engine.input_delta import SAME
from tradingbot.engine.venue_readings import funding_of, interest_of
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.candles import Candles
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.snapshot import MarketSnapshot, SymbolSnapshot
from tradingbot.portfolio.book import Book

MARKET: Final = "market"
"""Where the parts stand that are of no symbol."""
SAMPLES: Final = "samples"
CANDLES: Final = "candles"
FRAMES: Final = "frames"
FEATURES: Final = "features"
BOOK, PERMISSION, LEARNED = "book", "permission", "learned"
FUNDING, INTEREST = "venue_funding", "venue_interest"
FOLLOWING: Final = (FUNDING, INTEREST)
FOLLOWS: Final = "of"
"""Says of which source a value is that follows from the ticker."""
_OWN_WAY: Final = {"symbol", "candles", "samples", "higher", "features", "frames"}
_IN_HEAD: Final = {"as_of", "cycle_id", "symbols"}
KEY, CHANGE = "key", "change"
"""Kinds of lines: one that stands for itself but for older candles, and one that continues the line before."""


KnownFrames = dict[tuple[Symbol, Timeframe], tuple[FrameFeatures, bytes]]


@dataclass(frozen=True, slots=True)
class CycleInputs:
    """Everything that one call of `decide` was given, but for the parameters, which `params_hash` names."""

    snapshot: MarketSnapshot
    book: Book
    permission: EntryPermission
    learned: LearnedParameters
    params_hash: str


class PartCodecs:
    """The codec of every part that is written as values."""

    def __init__(self, codecs: Codecs) -> None:
        whole, one = get_type_hints(MarketSnapshot), get_type_hints(SymbolSnapshot)
        self.market = {
            field.name: codecs.of(whole[field.name]) for field in fields(MarketSnapshot) if field.name not in _IN_HEAD
        }
        self.symbol = {
            field.name: codecs.of(one[field.name]) for field in fields(SymbolSnapshot) if field.name not in _OWN_WAY
        }
        self.others: dict[str, Codec] = {
            BOOK: codecs.of(Book),
            PERMISSION: codecs.of(EntryPermission),
            LEARNED: codecs.of(LearnedParameters),
        }
        self.frames = codecs.of(dict[Timeframe, FrameFeatures])


def series_of(part: SymbolSnapshot) -> Iterable[Candles]:
    """Every series of candles of a symbol, one-minute ones first."""
    return part.candles, *part.higher.values()


def shortened(name: str, part: SymbolSnapshot, codec: Codec) -> Any:
    """What the venue's own funding and interest are written as: only what does not follow from the ticker."""
    value = getattr(part, name)
    if value is None:
        return None
    short = {FOLLOWS: value.stamp.source}
    if name == INTEREST:
        short["changes"] = {window: plain_float(pct) for window, pct in value.change_pct.items()}
    made = _following(name, part, short)
    return short if made is not None and codec.change(made, value) is SAME else codec.encode(value)


def lengthened(name: str, part: SymbolSnapshot, plain: Any, codec: Codec) -> Any:
    """The value of what `shortened` made; `part` needs its ticker, specification and `stale`."""
    return _following(name, part, plain) if type(plain) is dict else codec.decode(plain)


def _following(name: str, part: SymbolSnapshot, short: dict[str, Any]) -> Any:
    current = None if "ticker" in part.stale else part.ticker
    if name == FUNDING:
        return funding_of(current, short[FOLLOWS])
    changes = {window: float_of(pct) for window, pct in short["changes"].items()}
    return interest_of(current, part.spec, short[FOLLOWS], lambda: changes)


def features_checksum(part: SymbolSnapshot, known: KnownFrames | None = None) -> int:
    """Of what was made of a symbol's candles. `known` keeps how frames look: most of them last for many cycles."""
    found = zlib.crc32(orjson.dumps(part.features, option=orjson.OPT_SERIALIZE_NUMPY))
    for timeframe, frame in part.frames.items():
        before = known.get((part.symbol, timeframe)) if known is not None else None
        if before is None or before[0] is not frame:
            before = frame, orjson.dumps(frame, option=orjson.OPT_SERIALIZE_NUMPY)
            if known is not None:
                known[part.symbol, timeframe] = before
        found = zlib.crc32(before[1], found)
    return found
