"""The probes of the proof against look-ahead: every feature, component, reading, strategy and label there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from tradingbot.core.parameters import NOTHING_LEARNED
from tradingbot.core.types import ClientOrderId, ContractKind, Direction, Symbol, Timeframe
from tradingbot.decision import DecisionParams, decide, hours_of
from tradingbot.exits.params import ExitParams, GraceParams
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.leaving import LeavingParams, leave_positions
from tradingbot.market.comovement import correlations
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.intelligence import Feed, SymbolIntel
from tradingbot.market.minute_features import MinuteFeatures
from tradingbot.market.regime import RegimeReading
from tradingbot.market.regime_metrics import RegimeMetrics, regime_metrics
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.market.universe import LiquidityParams
from tradingbot.market.volatility_spike import volatility_ratio
from tradingbot.portfolio.book import Book
from tradingbot.portfolio.position import Position
from tradingbot.reading import MarketReading, SymbolReading, read_market, read_regime, strategy_view
from tradingbot.research.labels import HORIZONS_MIN, forward_return, hit
from tradingbot.research.lookahead import Probe
from tradingbot.research.recorded_inputs import RecordedInputs, Told, minute_candles
from tradingbot.research.snapshots import DAEMON, snapshot_at
from tradingbot.risk.params import RiskParams
from tradingbot.signals.component import Component
from tradingbot.signals.table import COMPONENTS
from tradingbot.signals.volatility_skew import volatility_skew
from tradingbot.strategies.strategy import Held, Strategy, StrategyView
from tradingbot.strategies.table import strategies

HOURS_PLAYED = 3
"""Regimes are played over so many hours before the moment, so that the one before is there."""
HELD_FOR = timedelta(minutes=45)
EQUITY_USD = Decimal(10_000)
DECISION = DecisionParams(
    DAEMON.reading, RiskParams(), ExitParams(), GraceParams(), LiquidityParams(), datetime(2025, 1, 1, tzinfo=UTC)
)
SPOKEN_OF = {
    "flow": "flow_signal",
    "mtf": "mtf_alignment",
    "intelligence": "market_intelligence",
    "prediction": "ensemble",
}
"""Fields of a reading by the names that people know."""
CONSTANT = frozenset({"timeframe", "symbol"})
"""Fields that say what a record is, not what the market did."""


@lru_cache(maxsize=24)
def seen(store: RecordedInputs, moment: datetime) -> MarketSnapshot:
    """The snapshot of a moment, after the regimes of the hours before it."""
    previous: RegimeReading | None = None
    for hours in range(HOURS_PLAYED, 0, -1):
        earlier = snapshot_at(store, moment - timedelta(hours=hours), previous_regime=previous)
        previous = read_regime(earlier, DAEMON.reading)
    return snapshot_at(store, moment, previous_regime=previous)


@lru_cache(maxsize=24)
def read(store: RecordedInputs, moment: datetime) -> MarketReading:
    """Everything that is read of a moment."""
    return read_market(seen(store, moment), DAEMON.reading)


def all_probes(symbol: Symbol) -> tuple[Probe, ...]:
    """All of them, for a symbol that is not the leader."""
    return (
        *feature_probes(symbol),
        *component_probes(symbol),
        *reading_probes(symbol),
        *strategy_probes(symbol),
        *risk_probes(symbol),
        *label_probes(symbol),
    )


def _of_snapshot(name: str, value: Callable[[MarketSnapshot], object]) -> Probe:
    return Probe(name, lambda store, moment: value(seen(store, moment)))


def feature_probes(symbol: Symbol) -> Iterator[Probe]:
    """Every field of the one-minute features and of every timeframe's indicators."""
    for field in fields(MinuteFeatures):
        yield _of_snapshot(f"minute.{field.name}", _minute_field(symbol, field.name))
    for frame in Timeframe:
        for field in fields(FrameFeatures):
            if field.name not in CONSTANT:
                yield _of_snapshot(f"frame.{frame.value}.{field.name}", _frame_field(symbol, frame, field.name))


def _minute_field(symbol: Symbol, name: str) -> Callable[[MarketSnapshot], object]:
    return lambda snapshot: getattr(snapshot.symbols[symbol].features, name, None)


def _frame_field(symbol: Symbol, frame: Timeframe, name: str) -> Callable[[MarketSnapshot], object]:
    return lambda snapshot: getattr(snapshot.symbols[symbol].frames.get(frame), name, None)


def component_probes(symbol: Symbol) -> Iterator[Probe]:
    """The ten components, whole readings with their reasons; the skew also without options."""
    for name, component in COMPONENTS.items():
        yield _of_snapshot(f"component.{name}", _component(component, symbol))
    realised = _component(volatility_skew, symbol)
    yield _of_snapshot("component.volatility_skew.realised", lambda snapshot: realised(without_options(snapshot)))


def without_options(snapshot: MarketSnapshot) -> MarketSnapshot:
    """The same where no source tells of options: skew is then the realised one."""
    parts = {symbol: replace(part, intel=_no_options(part.intel)) for symbol, part in snapshot.symbols.items()}
    return replace(snapshot, symbols=parts)


def _no_options(intel: SymbolIntel) -> SymbolIntel:
    problems = dict(intel.problems)
    problems.pop(Feed.OPTION_SKEW, None)
    return replace(intel, option_skew=None, problems=problems)


def _component(component: Component, symbol: Symbol) -> Callable[[MarketSnapshot], object]:
    return lambda snapshot: component(snapshot, symbol, DAEMON.reading.signals)


def metrics_of(snapshot: MarketSnapshot) -> RegimeMetrics:
    """The numbers behind the regime of a snapshot, as the reading makes them."""
    params = DAEMON.reading
    leader = Symbol(params.signals.lead_lag.leader)
    hours = {symbol: part.higher[Timeframe.H1] for symbol, part in snapshot.symbols.items()}
    quoted = None if snapshot.intel.problems else snapshot.intel.volatility
    frames = snapshot.symbols[leader].frames
    return regime_metrics(hours, frames, quoted, snapshot.as_of, params.regime, leader)


def reading_probes(symbol: Symbol) -> Iterator[Probe]:
    """Regime and decision, and every field of what is read of a symbol: flow signal, alignment, ensemble and so on."""
    for field in fields(RegimeMetrics):
        if field.name not in ("reasons", "missing"):
            yield _of_snapshot(f"regime.{field.name}", _metric(field.name))
    yield Probe("regime.reading", lambda store, moment: read(store, moment).regime)
    yield Probe("decision", _decision)
    yield Probe("strategies.active", lambda store, moment: read(store, moment).active)
    for field in fields(SymbolReading):
        if field.name not in CONSTANT:
            yield Probe(SPOKEN_OF.get(field.name, field.name), _reading_field(symbol, field.name))


def _metric(name: str) -> Callable[[MarketSnapshot], object]:
    return lambda snapshot: getattr(metrics_of(snapshot), name)


def _decision(store: RecordedInputs, moment: datetime) -> object:
    """All that would be decided with an empty book and 10,000 USD."""
    worth = replace(seen(store, moment), equity_usd=EQUITY_USD, available_usd={"flex": EQUITY_USD})
    return decide(worth, Book(), DECISION, EntryPermission())


def _reading_field(symbol: Symbol, name: str) -> Callable[[RecordedInputs, datetime], object]:
    return lambda store, moment: getattr(read(store, moment).symbols[symbol], name)


def strategy_probes(symbol: Symbol) -> Iterator[Probe]:
    """Every strategy's idea of an entry, active or not, and of leaving a long and a short."""
    for strategy in strategies(DAEMON.reading.strategies):
        yield Probe(f"entry.{strategy.name}", _entry(strategy, symbol))
        yield Probe(f"exit.{strategy.name}", _exits(strategy, symbol))


def _entry(strategy: Strategy, symbol: Symbol) -> Callable[[RecordedInputs, datetime], object]:
    def idea(store: RecordedInputs, moment: datetime) -> object:
        view = _view(store, moment, symbol)
        return None if view is None else strategy.entry(view)

    return idea


def _exits(strategy: Strategy, symbol: Symbol) -> Callable[[RecordedInputs, datetime], object]:
    def ideas(store: RecordedInputs, moment: datetime) -> object:
        view = _view(store, moment, symbol)
        if view is None:
            return None
        entered = 1.01 * view.mark if view.frames.get(Timeframe.H1) is None else view.frames[Timeframe.H1].ema_slow
        held = []
        for direction in (Direction.LONG, Direction.SHORT):
            gain = direction.sign * (view.mark / entered - 1)
            held.append(Held(direction, entered, moment - HELD_FOR, gain, max(gain, 0.01)))
        return tuple(strategy.exit(view, one) for one in held)

    return ideas


def _view(store: RecordedInputs, moment: datetime, symbol: Symbol) -> StrategyView | None:
    reading, part = read(store, moment), seen(store, moment).symbols[symbol]
    leader = DAEMON.reading.signals.lead_lag.leader
    return strategy_view(part, moment, reading.symbols[symbol].mtf, reading.regime, leader)


def risk_probes(symbol: Symbol) -> Iterator[Probe]:
    """What gates and sizes see beside the reading, and what the exit rules say of a long and a short that are held."""
    leader = Symbol(DAEMON.reading.signals.lead_lag.leader)
    own = DECISION.gates.correlation
    yield _of_snapshot(
        "correlation.leader",
        lambda snapshot: correlations(hours_of(snapshot), own.window_h, own.min_h).of(symbol, leader),
    )
    yield _of_snapshot(
        "volatility_ratio",
        lambda snapshot: volatility_ratio(
            snapshot.symbols[symbol].candles, snapshot.symbols[symbol].higher.get(Timeframe.H1)
        ),
    )
    for direction in (Direction.LONG, Direction.SHORT):
        yield Probe(f"exit_rules.{direction.value}", _leaving(symbol, direction))


def _leaving(symbol: Symbol, direction: Direction) -> Callable[[RecordedInputs, datetime], object]:
    def verdicts(store: RecordedInputs, moment: datetime) -> object:
        snapshot, reading = seen(store, moment), read(store, moment)
        hours = snapshot.symbols[symbol].frames.get(Timeframe.H1)
        entered = Decimal(2000) if hours is None else Decimal(repr(hours.ema_slow))
        book = Book((_held(symbol, direction, entered, moment - HELD_FOR),))
        leaving = LeavingParams(DAEMON.reading, DECISION.exits)
        return leave_positions(snapshot, book, leaving, reading, NOTHING_LEARNED)

    return verdicts


def _held(symbol: Symbol, direction: Direction, entered: Decimal, since: datetime) -> Position:
    return Position(
        position_id="t-probe",
        symbol=symbol,
        direction=direction,
        kind=ContractKind.LINEAR,
        contract_size=Decimal(1),
        settlement_currency="USD",
        size=Decimal(1),
        entry_size=Decimal(1),
        entry_price=entered,
        entry_time=since,
        entry_client_order_id=ClientOrderId("probe"),
        leverage=Decimal(3),
        strategy="TrendFollower",
        conviction="LOW",
        grace_until=since,
        stop_price=entered,
        mtf_alignment=0.6,
    )


def label_probes(symbol: Symbol, horizons_min: Sequence[int] = HORIZONS_MIN) -> Iterator[Probe]:
    """Forward returns and hits; each may look as far as its horizon and not a candle further."""
    for horizon in horizons_min:
        reach = timedelta(minutes=horizon)
        yield Probe(f"label.return_{horizon}m", _forward(symbol, horizon), reach)
        yield Probe(f"label.hit_{horizon}m", _hit(symbol, horizon), reach)


def _forward(symbol: Symbol, horizon_min: int) -> Callable[[RecordedInputs, datetime], float | None]:
    def label(store: RecordedInputs, moment: datetime) -> float | None:
        return forward_return(minute_candles(symbol, store.series[symbol, Told.MINUTES]), moment, horizon_min)

    return label


def _hit(symbol: Symbol, horizon_min: int) -> Callable[[RecordedInputs, datetime], object]:
    forward = _forward(symbol, horizon_min)
    return lambda store, moment: hit(Direction.LONG, forward(store, moment))
