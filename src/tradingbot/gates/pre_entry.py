"""SPEC 5.8 and 7.1: everything that must hold at the moment of entry; every reason against it at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tradingbot.core.records import Reason, reason
from tradingbot.gates.gate import GateVerdict, blocks, passes
from tradingbot.gates.params import GateParams, PreEntryParams

NAME: Final = "pre_entry"


@dataclass(frozen=True, slots=True)
class PreEntryView:
    """The moment of entry in plain words and numbers.

    `held` is ``long``, ``short`` or empty; `leaving`: it is being closed in this cycle. `stale` names inputs older than
    their limit. `live` of the components could judge, `quorum` must. `market` is ``futures`` or ``spot``.
    `against` is what stands against entries now: kill switches, downtime, the venue, the account.
    `entries_left` counts down within the cycle, None without a limit. `net_bps` is the mean net result of a ready
    symbol and side. `intelligence` and `coverage` are the context in which it was decided.
    """

    aligned: int
    min_aligned: int
    held: str
    leaving: bool
    stale: tuple[str, ...]
    has_book: bool
    has_mark: bool
    live: int
    quorum: int
    market: str
    open_for_orders: bool
    volume_24h_usd: float | None
    min_volume_24h_usd: float
    spread_bps: float | None
    max_spread_bps: float
    against: tuple[str, ...]
    entries_left: int | None
    net_bps: float | None
    intelligence: float | None
    coverage: float


def judge(view: PreEntryView, params: GateParams) -> GateVerdict:
    """Blocks for every reason that holds, all named."""
    own = params.pre_entry
    found = [*_position(view), *_data(view), *_market(view, own), *_permission(view, own)]
    return blocks(NAME, view, *found) if found else passes(NAME, view)


def _position(view: PreEntryView) -> Iterator[Reason]:
    if view.aligned < view.min_aligned:
        yield reason("too_few_aligned", aligned=view.aligned, need=view.min_aligned)
    if view.held:
        yield reason("position_open", direction=view.held)
    if view.leaving:
        yield reason("position_closing")


def _data(view: PreEntryView) -> Iterator[Reason]:
    for name in view.stale:
        yield reason(f"stale_{name}")
    if not view.has_book:
        yield reason("no_book")
    if not view.has_mark:
        yield reason("no_mark_price")
    if view.live < view.quorum:
        yield reason("too_few_live_components", live=view.live, need=view.quorum)


def _market(view: PreEntryView, params: PreEntryParams) -> Iterator[Reason]:
    if params.futures_only and view.market != "futures":
        yield reason("futures_only", market=view.market)
    if not view.open_for_orders:
        yield reason("market_closed")
    if view.volume_24h_usd is not None and view.volume_24h_usd < view.min_volume_24h_usd:
        yield reason("volume_too_low", volume_24h_usd=view.volume_24h_usd, minimum_usd=view.min_volume_24h_usd)
    if view.spread_bps is not None and view.spread_bps > view.max_spread_bps:
        yield reason("spread_too_wide", spread_bps=view.spread_bps, limit_bps=view.max_spread_bps)


def _permission(view: PreEntryView, params: PreEntryParams) -> Iterator[Reason]:
    for code in view.against:
        yield reason(code)
    if view.entries_left is not None and view.entries_left <= 0 and "trades_per_day" not in view.against:
        yield reason("trades_per_day")
    if view.net_bps is not None and view.net_bps < params.losing_below_bps:
        yield reason("loses_here", net_bps=view.net_bps, limit_bps=params.losing_below_bps)
