"""One cycle's thinking as a pure function."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from tests.support import (
    BTC,
    ETH,
    NOW,
    a_fill,
    a_plan,
    a_snapshot,
    a_spec,
    a_symbol,
    a_ticker,
    an_inverse_spec,
    candles_of,
    samples_of,
)
from tradingbot.core.types import Direction, Side, Symbol, Timeframe
from tradingbot.decision import ClosePosition, Decision, DecisionParams, OpenPosition, decide
from tradingbot.exits.exit_engine import RULES
from tradingbot.exits.params import ExitParams, GraceParams
from tradingbot.gates.table import GATES
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.candles import Candles
from tradingbot.market.snapshot import BookStats, MarketSnapshot, SymbolSnapshot
from tradingbot.market.universe import LiquidityParams
from tradingbot.portfolio.book import Book, apply_fill
from tradingbot.reading import ReadingParams
from tradingbot.risk.params import RiskParams
from tradingbot.signals.params import SignalParams
from tradingbot.signals.table import COMPONENTS

READING = ReadingParams(signals=SignalParams(min_live_components=2))
"""Candles and books alone are few components, and enough here."""
PARAMS = DecisionParams(READING, RiskParams(), ExitParams(), GraceParams(), LiquidityParams(), NOW - timedelta(days=1))
RISING = samples_of([10.0] * 20 + [16, 22, 28, 34, 40, 46], [10.0] * 26)


def leading_btc() -> tuple[SymbolSnapshot, np.ndarray]:
    rng = np.random.default_rng(3)
    btc = rng.normal(0, 0.001, 400)
    btc[-2:] = 0.004
    part = a_symbol(BTC, 50_000 * np.exp(np.cumsum(btc)), spec=an_inverse_spec())
    return part, btc


def follower(symbol: Symbol, btc: np.ndarray, seed: int, **changes: Any) -> SymbolSnapshot:
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 0.0005, 400)
    own[2:] += btc[:-2]
    return a_symbol(symbol, 2000 * np.exp(np.cumsum(own)), samples=RISING, **changes)


def bullish(**changes: Any) -> MarketSnapshot:
    btc, moves = leading_btc()
    return a_snapshot(btc, follower(ETH, moves, 5, **changes))


def stage_of(decision: Decision, symbol: Symbol) -> str:
    return next(verdict.stage for verdict in decision.signals if verdict.signal.symbol == symbol)


def blocked_by(decision: Decision, symbol: Symbol) -> tuple[str, list[str]]:
    verdict = next(verdict for verdict in decision.signals if verdict.signal.symbol == symbol)
    return verdict.stage, [why.code for why in verdict.reasons]


def opens(decision: Decision) -> list[OpenPosition]:
    return [action for action in decision.actions if isinstance(action, OpenPosition)]


def test_two_agreeing_components_open_a_position() -> None:
    """Long at the ask, sized in whole steps, with stop and grace in its plan."""
    decision = decide(bullish(), Book(), PARAMS, EntryPermission())
    (action,) = [action for action in opens(decision) if action.symbol == ETH]
    assert action.side is Side.BUY
    assert action.size % Decimal("0.001") == 0
    assert 0 < action.adjusted_usd <= 500
    assert action.plan.stop_fraction == Decimal("0.025")
    assert action.plan.leverage == 3
    assert action.plan.signal_context["aligned"] >= 2


def test_the_same_inputs_give_the_same_decision() -> None:
    """Nothing but the arguments is read."""
    assert decide(bullish(), Book(), PARAMS, EntryPermission()) == decide(bullish(), Book(), PARAMS, EntryPermission())


def test_a_blocked_signal_is_recorded_with_every_reason() -> None:
    """Permission stops the entry, not the record."""
    permission = EntryPermission(("storage_unavailable", "downtime"))
    decision = decide(bullish(), Book(), PARAMS, permission)
    assert opens(decision) == []
    (verdict,) = [v for v in decision.signals if v.signal.symbol == ETH]
    assert (verdict.stage, [why.code for why in verdict.reasons]) == (
        "pre_entry",
        ["storage_unavailable", "downtime"],
    )


def test_stale_data_opens_nothing() -> None:
    """SPEC 3.1: older than its limit cannot open a position."""
    decision = decide(bullish(stale=("candles",)), Book(), PARAMS, EntryPermission())
    assert blocked_by(decision, ETH) == ("pre_entry", ["stale_candles"])
    assert opens(decision) == []


def test_one_position_per_symbol() -> None:
    """A second entry waits until the first is closed."""
    book, _ = apply_fill(Book(), a_fill(price=Decimal(1960)), a_plan())
    decision = decide(bullish(), book, PARAMS, EntryPermission())
    assert blocked_by(decision, ETH) == ("pre_entry", ["position_open"])


def test_an_unknown_equity_opens_nothing() -> None:
    """Without an account there is no size."""
    snapshot = replace(bullish(), equity_usd=None, available_usd={})
    decision = decide(snapshot, Book(), PARAMS, EntryPermission())
    assert stage_of(decision, ETH) == "sizing"


def test_exits_go_on_without_permission() -> None:
    """A losing position is closed although nothing may be opened."""
    book, _ = apply_fill(Book(), a_fill(price=Decimal(3000), time=NOW - timedelta(minutes=9)), a_plan())
    decision = decide(bullish(), book, PARAMS, EntryPermission(("stopping",)))
    (action,) = decision.actions
    assert isinstance(action, ClosePosition)
    assert (action.rule, action.side, action.size) == ("hard_stop", Side.SELL, Decimal(1))
    assert set(action.context["advice"]) == {rule.__name__.replace("strategy_exit", "strategy") for rule in RULES}


def test_a_symbol_that_is_being_left_is_not_entered_in_the_same_cycle() -> None:
    """Exit first, think again in a minute."""
    book, _ = apply_fill(Book(), a_fill(price=Decimal(3000), time=NOW - timedelta(minutes=9)), a_plan())
    decision = decide(bullish(), book, PARAMS, EntryPermission())
    assert [type(action) for action in decision.actions if action.symbol == ETH] == [ClosePosition]


def independent_hours(symbol: Symbol) -> dict[Timeframe, Candles]:
    """Hours that have nothing to do with those of any other symbol."""
    rng = np.random.default_rng(list(symbol.encode()))
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 200)))
    return {Timeframe.H1: candles_of(closes, symbol, timeframe=Timeframe.H1)}


def test_entries_see_the_exposure_of_earlier_ones() -> None:
    """With eight candidates at most six are opened, the strongest first."""
    btc, moves = leading_btc()
    names = [Symbol(f"S{n}USDT") for n in range(8)]
    parts = [follower(name, moves, n, higher=independent_hours(name)) for n, name in enumerate(names)]
    decision = decide(a_snapshot(btc, *parts), Book(), PARAMS, EntryPermission())
    assert len(opens(decision)) == 6
    confidences = [
        next(v.signal.confidence for v in decision.signals if v.signal.symbol == action.symbol)
        for action in opens(decision)
    ]
    assert confidences == sorted(confidences, reverse=True)
    refused = [v for v in decision.signals if v.stage == "sizing"]
    assert {why.code for verdict in refused for why in verdict.reasons} == {"too_many_pairs"}


def test_what_moves_together_is_not_bought_twice() -> None:
    """SPEC 6.2: correlation above 0.7 with a position of the same side; unknown counts as that."""
    btc, moves = leading_btc()
    first, second, alone = Symbol("S0USDT"), Symbol("S1USDT"), Symbol("S2USDT")
    same = independent_hours(first)
    twin = {Timeframe.H1: candles_of(same[Timeframe.H1].close, second, timeframe=Timeframe.H1)}
    parts = [
        follower(first, moves, 0, higher=same),
        follower(second, moves, 1, higher=twin),
        follower(alone, moves, 2, higher={}),
    ]
    decision = decide(a_snapshot(btc, *parts), Book(), PARAMS, EntryPermission())
    assert len(opens(decision)) == 1
    refused = {v.signal.symbol: v for v in decision.signals if v.stage == "sizing"}
    assert len(refused) == 2
    assert {why.code for verdict in refused.values() for why in verdict.reasons} == {"too_correlated"}


def test_the_days_entries_count_down_within_a_cycle() -> None:
    """SPEC 6.3: two are left, eight want in."""
    btc, moves = leading_btc()
    names = [Symbol(f"S{n}USDT") for n in range(8)]
    parts = [follower(name, moves, n, higher=independent_hours(name)) for n, name in enumerate(names)]
    decision = decide(a_snapshot(btc, *parts), Book(), PARAMS, EntryPermission(entries_left_today=2))
    assert len(opens(decision)) == 2
    late = [v for v in decision.signals if v.stage == "pre_entry"]
    assert {why.code for verdict in late for why in verdict.reasons} == {"trades_per_day"}


def test_policy_speaks_first_and_all_gates_are_heard() -> None:
    """SPEC 5.1: before conviction; what the other gates would have said is kept."""
    permission = EntryPermission((), {ETH: "not_in_enabled_symbols"})
    verdict = next(v for v in decide(bullish(), Book(), PARAMS, permission).signals if v.signal.symbol == ETH)
    assert (verdict.stage, [why.code for why in verdict.reasons]) == ("policy", ["not_in_enabled_symbols"])
    assert [one.gate for one in verdict.trail.verdicts] == [gate.name for gate in GATES]


def test_a_market_that_is_closed_or_post_only_is_not_entered() -> None:
    """The venue says so in its specification."""
    closed = bullish()
    spec = replace(closed.symbols[ETH].spec, post_only=True)
    snapshot = replace(closed, symbols={**closed.symbols, ETH: replace(closed.symbols[ETH], spec=spec)})
    assert blocked_by(decide(snapshot, Book(), PARAMS, EntryPermission()), ETH) == ("pre_entry", ["market_closed"])


def test_a_direction_is_what_the_majority_says() -> None:
    """The recorded signal names its components and its direction."""
    decision = decide(bullish(), Book(), PARAMS, EntryPermission())
    (signal,) = [v.signal for v in decision.signals if v.signal.symbol == ETH]
    assert signal.direction is Direction.LONG
    assert [reading.name for reading in signal.components] == list(COMPONENTS)


def test_an_illiquid_market_is_not_entered() -> None:
    """SPEC 2.1: at least a million a day, at most 50 bps."""
    thin = bullish(ticker=replace(a_ticker(ETH), volume_24h_usd=999_999.0))
    assert blocked_by(decide(thin, Book(), PARAMS, EntryPermission()), ETH) == ("pre_entry", ["volume_too_low"])
    wide = bullish(book=BookStats(NOW, 1990.0, 2002.0, 0.6, 1e6, 1e6))
    verdict = next(v for v in decide(wide, Book(), PARAMS, EntryPermission()).signals if v.signal.symbol == ETH)
    assert [why.code for why in verdict.trail.of("pre_entry").reasons] == ["spread_too_wide"]
    assert verdict.stage == "microstructure"


def test_a_suspended_market_is_not_entered() -> None:
    """The ticker says it before the specification does."""
    snapshot = bullish(ticker=replace(a_ticker(ETH), suspended=True))
    assert blocked_by(decide(snapshot, Book(), PARAMS, EntryPermission()), ETH) == ("pre_entry", ["market_closed"])


def test_below_the_quorum_of_live_components_nothing_is_opened() -> None:
    """SPEC 3.6: a strong signal of few components is not entered, and the record says how few could judge."""
    strict = replace(PARAMS, reading=ReadingParams(signals=SignalParams(min_live_components=8)))
    verdict = next(v for v in decide(bullish(), Book(), strict, EntryPermission()).signals if v.signal.symbol == ETH)
    assert (verdict.stage, verdict.reasons[0].code) == ("pre_entry", "too_few_live_components")
    assert dict(verdict.reasons[0].numbers)["live"] == verdict.signal.live < 8


def test_a_strategy_may_end_its_own_position() -> None:
    """A hedge is closed when its time is over; a position of the flow signal has no strategy to ask."""
    plan = a_plan(direction=Direction.SHORT, strategy="DefensiveHedge")
    entry = a_fill(side=Side.SELL, price=Decimal(2000), time=NOW - timedelta(hours=40))
    book, _ = apply_fill(Book(), entry, plan)
    calm = replace(PARAMS, exits=ExitParams(time_exits=(), profit_targets=()))
    decision = decide(a_snapshot(a_symbol(ETH)), book, calm, EntryPermission())
    (action,) = decision.actions
    assert isinstance(action, ClosePosition)
    assert action.rule == "strategy"
    assert action.context["advice"]["strategy"]["strategy"] == "DefensiveHedge"
    own, _ = apply_fill(Book(), entry, replace(plan, strategy="predictive_flow"))
    (verdict,) = decide(a_snapshot(a_symbol(ETH)), own, calm, EntryPermission()).exits
    assert verdict.rule is None


def test_a_size_that_no_contract_can_have_refuses_that_entry_alone() -> None:
    """A minimum above what may be risked; the exit of another position is decided all the same."""
    spec = a_spec(ETH, min_size=Decimal(1), size_step=Decimal(1))
    losing, _ = apply_fill(
        Book(),
        a_fill(
            symbol=BTC, side=Side.SELL, size=Decimal("0.001"), price=Decimal(20_000), time=NOW - timedelta(minutes=9)
        ),
        a_plan(BTC, Direction.SHORT),
    )
    decision = decide(bullish(spec=spec), losing, PARAMS, EntryPermission())
    verdict = next(v for v in decision.signals if v.signal.symbol == ETH)
    assert (verdict.stage, verdict.reasons[0].code) == ("contract_size", "no_valid_size")
    assert [type(action) for action in decision.actions] == [ClosePosition]
