"""Whale exchange flow: do large holders move coins to exchanges or away? Value: net flow to exchanges, USD.

Coins that arrive can be sold: inflow is bearish, outflow bullish (SPEC 4.2). Two sources, each compared with the USD
threshold: the change of exchange balances (all chains, hourly), and single large token transfers. Strength of the
first is the flow in units of its own usual size (standard deviation of its history), of the second the one-sidedness
of the transfers. With both, their signed strengths are averaged, so sources that contradict each other weaken the
reading.
"""

from __future__ import annotations

import math
from datetime import datetime

from tradingbot.core.memo import by_identity
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Symbol
from tradingbot.market.intelligence import ExchangeFlow, Feed, SymbolIntel, WhaleTransfers
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.params import SignalParams, WhaleParams

NAME = "whale_flow"

Voice = tuple[float, float, datetime, Reason]
"""(signed strength, net inflow USD, as of, what was seen); positive strength is bullish."""


def whale_flow(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:
    """SHORT on inflow to exchanges, LONG on outflow."""
    intel = snapshot.symbols[symbol].intel
    flow = None if intel.problems.get(Feed.EXCHANGE_FLOW) else intel.exchange_flow
    transfers = None if intel.problems.get(Feed.WHALE_TRANSFERS) else intel.whale_transfers
    if flow is None and transfers is None:
        return blind(NAME, *_against(intel))
    return _judged(flow, transfers, params)


@by_identity(512)
def _judged(flow: ExchangeFlow | None, transfers: WhaleTransfers | None, params: SignalParams) -> ComponentReading:
    """The same until either source tells something new."""
    voices = _voices(flow, transfers, params.thresholds.whale_flow_usd, params.whale)
    as_of = max(voice[2] for voice in voices)
    net_usd = max((voice[1] for voice in voices), key=abs)
    strength = math.fsum(voice[0] for voice in voices) / len(voices)
    seen = tuple(voice[3] for voice in voices)
    if strength == 0.0:
        return ComponentReading(NAME, neutral(NAME, seen[0]).direction, 0.0, net_usd, as_of, seen)
    said = opinion(NAME, strength, abs(strength), net_usd, as_of, seen[0])
    return ComponentReading(NAME, said.direction, said.confidence, net_usd, as_of, seen)


def _voices(
    flow: ExchangeFlow | None, transfers: WhaleTransfers | None, threshold_usd: float, params: WhaleParams
) -> list[Voice]:
    voices = []
    if flow is not None:
        voices.append(_balance_voice(flow, threshold_usd, params))
    if transfers is not None:
        voices.append(_transfer_voice(transfers, threshold_usd))
    return voices


def _balance_voice(flow: ExchangeFlow, threshold_usd: float, params: WhaleParams) -> Voice:
    net = flow.net_inflow_usd
    usual = flow.typical_usd or params.usual_thresholds * threshold_usd
    source = flow.stamp.said_by
    seen = reason("exchange_balances", net_inflow_usd=net, usual_usd=usual, threshold_usd=threshold_usd, source=source)
    strength = math.tanh(abs(net) / (params.full_confidence_sigma * usual)) if abs(net) >= threshold_usd else 0.0
    return -math.copysign(strength, net), net, flow.stamp.as_of, seen


def _transfer_voice(moves: WhaleTransfers, threshold_usd: float) -> Voice:
    net, both = moves.inflow_usd - moves.outflow_usd, moves.inflow_usd + moves.outflow_usd
    source = moves.stamp.said_by
    seen = reason(
        "large_transfers", net_inflow_usd=net, transfers=moves.count, threshold_usd=threshold_usd, source=source
    )
    strength = abs(net) / both * math.tanh(abs(net) / (2 * threshold_usd)) if abs(net) >= threshold_usd else 0.0
    return -math.copysign(strength, net), net, moves.stamp.as_of, seen


def _against(intel: SymbolIntel) -> tuple[Reason, ...]:
    found = (*intel.problems.get(Feed.EXCHANGE_FLOW, ()), *intel.problems.get(Feed.WHALE_TRANSFERS, ()))
    return found or (reason("asset_not_covered"),)
