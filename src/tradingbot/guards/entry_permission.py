"""Every reason against entries at once, for everything and per symbol (SPEC 5.1, 7.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.core.types import Symbol
from tradingbot.guards.downtime import Downtime, TradingState

SymbolName = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,15}USDT$")]


POSITION_SIZE = "position_size"
"""What stands against a symbol of which book and exchange hold different sizes."""
MANY_DISAGREE = 2
"""From so many such symbols on, what the exchange says of the account is not believed, and nothing is opened."""


class AlphaTradingPolicy(Params):
    """Whether signals may trade at all, and in what (SPEC 5.1)."""

    enabled: bool = Field(default=True, description="False blocks every entry; exits go on.")
    enabled_symbols: tuple[SymbolName, ...] = Field(default=(), description="Internal symbols such as BTCUSDT.")

    @model_validator(mode="after")
    def _no_doubles(self) -> AlphaTradingPolicy:
        doubles = sorted({name for name in self.enabled_symbols if self.enabled_symbols.count(name) > 1})
        if doubles:
            raise contradiction(f"{', '.join(doubles)} appears more than once", "enabled_symbols")
        return self


@dataclass(frozen=True, slots=True)
class EntryPermission:
    """May anything be opened now? All reasons against it at once. Exits never ask.

    `entries_left_today` is how many more entries the limit per UTC day allows (SPEC 6.3); None: no limit is known.
    """

    reasons: tuple[str, ...] = ()
    per_symbol: Mapping[Symbol, str] = field(default_factory=dict)
    entries_left_today: int | None = None

    @property
    def allowed(self) -> bool:
        """No reason stands against entries as such."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class VenueView:
    """How the venue looks: streams alive, degraded or not, account readable, its clock and ours together."""

    streams_connected: bool
    degraded: bool
    account_readable: bool
    clock_agrees: bool = True


def entry_permission(
    symbols: Collection[Symbol],
    policy: AlphaTradingPolicy,
    downtime: Downtime,
    venue: VenueView,
    storage_ok: bool,
    stopping: bool,
    per_symbol: Mapping[Symbol, str],
    switches: Sequence[str] = (),
    entries_left_today: int | None = None,
    margin_short: bool = False,
    resources: Sequence[str] = (),
) -> EntryPermission:
    """The permission that follows from everything that can stand against an entry.

    `switches` names the kill switches that hold entries back (SPEC 6.3), `margin_short` is the check before the cycle
    (SPEC 6.4). `resources` says what the machine lacks: ``disk_space``, ``memory`` (`guards.resources`).
    """
    against = (
        ("alpha_trading_disabled", not policy.enabled),
        ("downtime", downtime.state is TradingState.DOWNTIME),
        ("storage_unavailable", not storage_ok),
        ("stream_down", not venue.streams_connected),
        ("venue_degraded", venue.degraded),
        ("account_unreadable", not venue.account_readable),
        ("positions_disagree", _disagreements(per_symbol) >= MANY_DISAGREE),
        ("clock_skew", not venue.clock_agrees),
        ("stopping", stopping),
        ("margin_short", margin_short),
        ("trades_per_day", entries_left_today is not None and entries_left_today <= 0),
    )
    not_enabled = {symbol: "not_in_enabled_symbols" for symbol in symbols if symbol not in policy.enabled_symbols}
    reasons = (*(name for name, holds in against if holds), *resources, *switches)
    return EntryPermission(reasons, {**not_enabled, **per_symbol}, entries_left_today)


def _disagreements(per_symbol: Mapping[Symbol, str]) -> int:
    return sum(1 for why in per_symbol.values() if why == POSITION_SIZE)


POLICY_CODES = ("alpha_trading_disabled", "not_in_enabled_symbols")
SUPPRESSED = "validation"
"""How a reason against a symbol begins that validation has suppressed."""


def policy_against(permission: EntryPermission, symbol: Symbol) -> tuple[str, ...]:
    """What settings and validation hold against a symbol: switched off, not enabled, suppressed (SPEC 5.1)."""
    return tuple([code for code in _against(permission, symbol) if _is_policy(code)])


def conditions_against(permission: EntryPermission, symbol: Symbol) -> tuple[str, ...]:
    """What else stands against an entry now."""
    return tuple([code for code in _against(permission, symbol) if not _is_policy(code)])


def _against(permission: EntryPermission, symbol: Symbol) -> tuple[str, ...]:
    own = permission.per_symbol.get(symbol) if permission.per_symbol else None
    return permission.reasons if own is None else (*permission.reasons, own)


def _is_policy(code: str) -> bool:
    return code in POLICY_CODES or code.startswith(SUPPRESSED)
