"""A trading daemon for crypto perpetual futures, and a small synchronous API for ``python -c`` (SPEC 19).

Every call returns plain dicts, works on a running and on a stopped home folder, and imports what it needs only when it
is called::

    python -c "from tradingbot import downtime_state; print(downtime_state())"
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

__all__ = [
    "downtime_state",
    "exchange_health",
    "healing_escalation_status",
    "normalize_position_size",
    "pre_deployment_checks",
    "sample_readiness",
    "validate_venue_symbols",
]

T = TypeVar("T")


def validate_venue_symbols(
    update_config: bool = False, *, home: str | None = None, profile: str = "paper", **options: Any
) -> dict[str, Any]:
    """Check every symbol at the venue: `summary` and, per symbol, status, metrics and reasons. Writes the status file.

    Further `options` are those of ``RunOptions`` (source, data, symbols, venue_url ...). Raises TradingBotError.
    """
    from tradingbot.app.validation import validate_once

    return _on_loop(lambda: validate_once(_options(home, profile, options), os.environ, update_config))


def normalize_position_size(
    symbol: str, target_usd: float | str | Decimal, price: float | str | Decimal, exchange: str = "kraken"
) -> dict[str, Any]:
    """Contracts worth at most `target_usd` at `price`: `contracts`, `adjusted_usd`, `adjustments`; numbers as text.

    By the built-in contract table, without asking the venue. Raises SymbolUnknownError, SizingError,
    ConfigurationError (unknown exchange).
    """
    from tradingbot.app.one_liners import normalized

    return normalized(symbol, target_usd, price, exchange)


def pre_deployment_checks(*, home: str | None = None, profile: str = "paper", **options: Any) -> dict[str, Any]:
    """Everything that must be true before a start: `ok`, and `checks` with name, ok, detail, critical, remedy."""
    from tradingbot.app.pre_deployment import as_facts, check_and_record

    wanted = _options(home, profile, options)
    return as_facts(_on_loop(lambda: check_and_record(wanted, os.environ, "pre_deployment_checks()")))


def exchange_health(*, home: str | None = None) -> dict[str, Any]:
    """How the venue looked to the daemon of this home: streams, newest health check, blocks against entries."""
    from tradingbot.app.home import home_folder
    from tradingbot.app.one_liners import health_of

    return health_of(home_folder(home, os.environ))


def healing_escalation_status(*, home: str | None = None) -> dict[str, Any]:
    """Heals of the last 24 hours by category and what follows from them; `known` is False while nothing was healed."""
    from tradingbot.app.home import home_folder
    from tradingbot.app.one_liners import healing_of

    return healing_of(home_folder(home, os.environ))


def sample_readiness(*, home: str | None = None) -> dict[str, Any]:
    """How far each symbol can be judged: trades, days, readiness in percent, and what it takes (SPEC 10.7)."""
    from tradingbot.app.home import home_folder
    from tradingbot.app.one_liners import readiness_of

    return readiness_of(_options(str(home_folder(home, os.environ)), "paper", {}), os.environ)


def downtime_state(*, home: str | None = None, profile: str = "paper") -> dict[str, Any]:
    """TRADING, TRANSITION or DOWNTIME now (UTC), the next boundary and the seconds to it."""
    from tradingbot.app.one_liners import downtime_now

    return downtime_now(_options(home, profile, {}), os.environ)


def _options(home: str | None, profile: str, options: dict[str, Any]) -> Any:
    from tradingbot.app.home import home_folder
    from tradingbot.app.options import RunOptions

    return RunOptions(home=home_folder(home, os.environ), profile=profile, **options)


def _on_loop(work: Callable[[], Awaitable[T]]) -> T:
    from tradingbot.app.cli.shared import on_loop

    return on_loop(work)
