"""The snapshot that the daemon could have put together at a moment of recorded inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from tradingbot.core.records import BookView, FundingRate, Ticker
from tradingbot.core.types import Symbol, Timeframe, epoch_ms, exact, utc_from_ms
from tradingbot.engine.collect import own_market, staleness
from tradingbot.engine.params import EngineParams
from tradingbot.engine.venue_readings import HISTORY, HOURS_PER_PERIOD, changes_pct, funding_stats
from tradingbot.market.candle_contract import candle_problems
from tradingbot.market.candles import Candles, empty_candles, resample
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.data_contracts import ContractMemory, ContractParams, judge_asset, judge_market
from tradingbot.market.frame_features import FrameFeatures, FrameParams, frame_features
from tradingbot.market.intelligence import (
    FearGreed,
    FundingRates,
    MarketIntel,
    OpenInterest,
    Stamp,
    VolatilityReading,
)
from tradingbot.market.minute_features import minute_features
from tradingbot.market.regime import RegimeReading
from tradingbot.market.snapshot import BookSamples, MarketSnapshot, SymbolSnapshot, book_stats, empty_samples
from tradingbot.reading import ReadingParams
from tradingbot.research.recorded_inputs import EVERYWHERE, RecordedInputs, Series, Told, minute_candles
from tradingbot.research.told_intel import stamp_of, symbol_intel

VENUE = "recorded"


@dataclass(frozen=True, slots=True)
class DaemonParams:
    """The settings that decide what a snapshot holds and how it is read; by default those of the daemon."""

    reading: ReadingParams = field(default_factory=ReadingParams)
    frames: FrameParams = field(default_factory=FrameParams)
    contracts: ContractParams = field(default_factory=ContractParams)
    engine: EngineParams = field(default_factory=EngineParams)


DAEMON = DaemonParams()


def snapshot_at(
    store: RecordedInputs,
    now: datetime,
    params: DaemonParams = DAEMON,
    previous_regime: RegimeReading | None = None,
) -> MarketSnapshot:
    """Everything that had arrived at `now`: closed candles only, features by the batch functions.

    Contracts that compare with the look before (time that ran back, values that stand still) have no look before here.
    """
    known = store.cut(now)
    minutes = {symbol: _minutes(known, symbol) for symbol in store.specs}
    leader = Symbol(params.reading.signals.lead_lag.leader)
    parts = {symbol: _part(known, symbol, minutes, minutes.get(leader), now, params) for symbol in store.specs}
    return MarketSnapshot(
        as_of=now,
        cycle_id=f"{now:%Y%m%dT%H%M}",
        symbols=parts,
        intel=judge_market(_market_intel(known), ContractMemory(), now, params.contracts),
        previous_regime=previous_regime,
    )


def _minutes(known: RecordedInputs, symbol: Symbol) -> Candles:
    series = known.series.get((symbol, Told.MINUTES))
    return empty_candles(symbol, Timeframe.M1) if series is None else minute_candles(symbol, series)


def _part(
    known: RecordedInputs,
    symbol: Symbol,
    minutes: Mapping[Symbol, Candles],
    leader: Candles | None,
    now: datetime,
    params: DaemonParams,
) -> SymbolSnapshot:
    spec, whole, engine = known.specs[symbol], minutes[symbol], params.engine
    candles = whole.tail(engine.candle_count)
    ticker, view = _ticker(known, symbol), _book(known, symbol)
    stale = staleness(candles, ticker, view, now, engine)
    mark = float(ticker.mark_price) if ticker is not None and ticker.mark_price is not None else None
    delay_s = engine.freshness.candle_delay_s
    higher = {frame: one.tail(engine.higher_candle_count) for frame, one in higher_frames(whole).items()}
    ahead = None if leader is None or leader is whole else leader.tail(engine.candle_count)
    windows = params.reading.signals.windows
    part = SymbolSnapshot(
        symbol=symbol,
        spec=spec,
        candles=candles,
        samples=_samples(known, symbol, engine.book_samples),
        ticker=ticker,
        book=book_stats(view, spec) if view is not None else None,
        stale=stale,
        higher=higher,
        features=minute_features(candles, ahead, windows),
        frames=frames_of((candles, *higher.values()), params.frames),
        candle_problems=candle_problems(candles, mark, now, delay_s, params.contracts),
        venue_funding=_venue_funding(ticker),
        venue_funding_stats=funding_stats(_funding_history(known, symbol, now), now, VENUE),
        venue_interest=_venue_interest(known, symbol, ticker, spec),
    )
    raw = symbol_intel(known, symbol)
    judged = judge_asset(symbol, raw, own_market(part), ContractMemory(), now, params.contracts)
    return replace(part, intel=judged)


def higher_frames(minutes: Candles) -> dict[Timeframe, Candles]:
    """Complete bars of 5 m to 1 d, the long ones built from hours."""
    hours = resample(minutes, Timeframe.H1)
    recent = minutes.tail(6000)  # more than any window of 5 m and 15 m bars
    return {
        Timeframe.M5: resample(recent, Timeframe.M5),
        Timeframe.M15: resample(recent, Timeframe.M15),
        Timeframe.H1: hours,
        Timeframe.H4: resample(hours, Timeframe.H4),
        Timeframe.D1: resample(hours, Timeframe.D1),
    }


def frames_of(series: tuple[Candles, ...], params: FrameParams) -> dict[Timeframe, FrameFeatures]:
    """Indicators of every timeframe that has enough bars."""
    made = {candles.timeframe: frame_features(candles, params) for candles in series}
    return {frame: features for frame, features in made.items() if features is not None}


def _newest(known: RecordedInputs, symbol: Symbol, kind: Told) -> Series | None:
    """The series of a kind when it has any row."""
    series = known.series.get((symbol, kind))
    return series if series is not None and len(series) else None


def _ticker(known: RecordedInputs, symbol: Symbol) -> Ticker | None:
    series = _newest(known, symbol, Told.TICKER)
    if series is None:
        return None
    mark = exact(round(float(series.columns["mark"][-1]), 8))
    return Ticker(
        symbol=symbol,
        as_of=utc_from_ms(int(series.true_ms[-1])),
        received_at=utc_from_ms(int(series.arrived_ms[-1])),
        mark_price=mark,
        index_price=mark,
        last_price=mark,
        bid=mark,
        ask=mark,
        funding_rate_relative=float(series.columns["funding_relative"][-1]),
        open_interest=exact(round(float(series.columns["open_interest"][-1]), 4)),
    )


def _book(known: RecordedInputs, symbol: Symbol) -> BookView | None:
    series = _newest(known, symbol, Told.BOOK)
    if series is None:
        return None
    bid, bid_size, ask, ask_size = (float(series.columns[name][-1]) for name in ("bid", "bid_size", "ask", "ask_size"))
    times = utc_from_ms(int(series.true_ms[-1])), utc_from_ms(int(series.arrived_ms[-1]))
    return BookView(symbol, *times, bids=((bid, bid_size),), asks=((ask, ask_size),))


def _samples(known: RecordedInputs, symbol: Symbol, count: int) -> BookSamples:
    series = _newest(known, symbol, Told.BOOK)
    if series is None:
        return empty_samples()
    newest = series.rows(slice(max(0, len(series) - count), None))
    return BookSamples(newest.arrived_ms, *(newest.columns[name] for name in ("bid", "bid_size", "ask", "ask_size")))


def _venue_funding(ticker: Ticker | None) -> FundingRates | None:
    if ticker is None or ticker.funding_rate_relative is None:
        return None
    stamp = Stamp(ticker.as_of, ticker.received_at, VENUE)
    return FundingRates(stamp, ticker.funding_rate_relative * HOURS_PER_PERIOD, 1)


def _funding_history(known: RecordedInputs, symbol: Symbol, now: datetime) -> list[FundingRate]:
    series = _newest(known, symbol, Told.VENUE_FUNDING_HISTORY)
    if series is None:
        return []
    first = int(np.searchsorted(series.true_ms, epoch_ms(now - HISTORY)))
    rows = zip(series.true_ms[first:].tolist(), series.columns["relative_rate"][first:].tolist(), strict=True)
    return [FundingRate(symbol, utc_from_ms(at_ms), rate) for at_ms, rate in rows]


def _venue_interest(
    known: RecordedInputs, symbol: Symbol, ticker: Ticker | None, spec: ContractSpec
) -> OpenInterest | None:
    series = _newest(known, symbol, Told.TICKER)
    if series is None or ticker is None or ticker.open_interest is None or ticker.mark_price is None:
        return None
    newest = series.rows(slice(max(0, len(series) - 400), None))
    total = float(spec.notional_usd(ticker.open_interest, ticker.mark_price))
    return OpenInterest(
        Stamp(ticker.as_of, ticker.received_at, VENUE),
        total,
        dict(changes_pct(newest.true_ms.tolist(), newest.columns["open_interest"].tolist())),
        in_usd=False,
    )


def _market_intel(known: RecordedInputs) -> MarketIntel:
    mood, index = _newest(known, EVERYWHERE, Told.FEAR_GREED), _newest(known, EVERYWHERE, Told.VOLATILITY)
    return MarketIntel(
        fear_greed=None if mood is None else FearGreed(stamp_of(mood), float(mood.columns["value"][-1])),
        volatility=None
        if index is None
        else VolatilityReading(stamp_of(index), "dvol", float(index.columns["dvol"][-1])),
    )
