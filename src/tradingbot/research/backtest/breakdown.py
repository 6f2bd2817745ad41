"""A run's trades by what they have in common, and its signals by where they ended and what was said of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tradingbot.core.types import plain
from tradingbot.learning.trade_facts import TradeFacts, agreeing_components
from tradingbot.research.backtest.model import Breakdown, ComponentRow, GateRow, RegimeRow, StageRow, TradeRow
from tradingbot.research.backtest.result import ComponentCounts, GateCounts, SignalTally
from tradingbot.research.run_report import STAGES
from tradingbot.research.trade_figures import fees_usd, figures_by, figures_of, funding_usd, gross_usd

REASONS_SHOWN = 4
NOTHING = figures_of(())


def breakdown_of(trades: Sequence[TradeFacts], tally: SignalTally) -> Breakdown:
    """All tables of one run; figures of every table of trades add up to those of the run, components excepted."""
    return Breakdown(
        symbols=figures_by(trades, lambda one: (str(one.trade.symbol),)),
        directions=figures_by(trades, lambda one: (one.trade.direction.value,)),
        strategies=figures_by(trades, lambda one: (one.trade.strategy,)),
        convictions=figures_by(trades, lambda one: (one.trade.conviction,)),
        exit_rules=figures_by(trades, lambda one: (one.trade.exit_rule,)),
        regimes=_regimes(trades, tally),
        components=_components(trades, tally),
        gates=_gates(tally),
        stages=_stages(tally),
        signals=tally.total,
        signals_with_side=tally.with_side,
    )


def _regimes(trades: Sequence[TradeFacts], tally: SignalTally) -> tuple[RegimeRow, ...]:
    found = figures_by(trades, lambda one: (one.regime,))
    names = sorted({*found, *tally.regime_minutes}, key=lambda name: (-tally.regime_minutes[name], name))
    total = tally.regime_minutes.total()
    return tuple(
        RegimeRow(
            regime=name,
            minutes=tally.regime_minutes[name],
            share=tally.regime_minutes[name] / total if total else None,
            trades=found.get(name, NOTHING),
        )
        for name in names
    )


def _components(trades: Sequence[TradeFacts], tally: SignalTally) -> tuple[ComponentRow, ...]:
    found = figures_by(trades, lambda one: agreeing_components(one.trade))
    rows = []
    for name in sorted({*found, *tally.components}):
        said = tally.components.get(name, ComponentCounts())
        rows.append(
            ComponentRow(
                component=name,
                live=said.live,
                long=said.long,
                short=said.short,
                judged=said.judged,
                hit_rate=said.right / said.judged if said.judged else None,
                mean_move_bps=said.moved_bps / said.judged if said.judged else None,
                trades=found.get(name, NOTHING),
            )
        )
    return tuple(rows)


def _in_order(names: Sequence[str]) -> list[str]:
    """Stages as a signal meets them; unknown ones after, by name."""
    known = {name: number for number, name in enumerate(STAGES)}
    return sorted(names, key=lambda name: (known.get(name, len(known)), name))


def _gates(tally: SignalTally) -> tuple[GateRow, ...]:
    return tuple(_gate(name, tally.gates[name], tally.stages[name]) for name in _in_order(list(tally.gates)))


def _gate(name: str, said: GateCounts, ended: int) -> GateRow:
    heard = said.passed + said.blocked
    return GateRow(
        gate=name,
        passed=said.passed,
        blocked=said.blocked,
        pass_share=said.passed / heard if heard else None,
        mean_multiplier=said.multiplied / said.passed if said.passed else None,
        ended=ended,
    )


def _stages(tally: SignalTally) -> tuple[StageRow, ...]:
    names = _in_order([*{*tally.stages, *(stage for stage, _ in tally.reasons)}])
    return tuple(
        StageRow(
            stage=name,
            ended=tally.stages[name],
            share=tally.stages[name] / tally.total if tally.total else 0.0,
            reasons=tuple((code, count) for (stage, code), count in tally.reasons.most_common() if stage == name)[
                :REASONS_SHOWN
            ],
        )
        for name in names
    )


def trade_rows(trades: Sequence[TradeFacts]) -> tuple[TradeRow, ...]:
    """The list of trades, in the order in which they ended."""
    return tuple(_trade_row(number, one) for number, one in enumerate(trades, 1))


def _trade_row(number: int, one: TradeFacts) -> TradeRow:
    trade = one.trade
    return TradeRow(
        number=number,
        trade_id=trade.trade_id,
        symbol=str(trade.symbol),
        direction=trade.direction.value,
        strategy=trade.strategy,
        conviction=trade.conviction,
        regime=one.regime,
        entry_time=trade.entry_time,
        exit_time=trade.exit_time,
        held_min=one.held_min,
        size=plain(trade.size),
        entry_price=plain(trade.entry_price),
        exit_price=plain(trade.exit_price),
        leverage=plain(trade.leverage),
        notional_usd=one.notional_usd,
        gross_usd=gross_usd(one),
        fees_usd=fees_usd(one),
        funding_usd=funding_usd(one),
        net_usd=one.net_usd,
        net_bps=one.net_bps,
        return_bps=one.return_bps,
        peak_bps=one.peak_bps,
        trough_bps=one.trough_bps,
        exit_rule=trade.exit_rule,
        components=tuple(sorted(agreeing_components(trade))),
    )
