"""What one look at the running daemon finds wrong: plain facts in, issues out (SPEC 13.5). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tradingbot.core.records import StreamHealth
from tradingbot.guards.exchange_health import ExchangeHealth
from tradingbot.guards.issues import Finding, Severity
from tradingbot.guards.switch_state import SwitchName, Tripped

CRITICAL_SWITCHES = (SwitchName.DRAWDOWN, SwitchName.DAILY_LOSS, SwitchName.OPERATOR_REVIEW)
MANY_SYMBOLS = 4
"""From so many symbols on, stale data are told of together: the cause is one."""
NO_TROUBLE = ("switched_off", "no_option_source", "no_api_key", "not_received_yet")
"""What the settings leave out, or what was just begun; the banner and `tradingbot signals` say it."""
FAILED_IN_A_ROW = 3
"""So many failed cycles in a row are critical: nobody looks after exits."""


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that is looked at once per cycle.

    `cycle_failure` is empty after a good cycle. `differences` are (kind, symbol, ours, venue). `unknown_orders_s`,
    `stale_s` are ages in seconds by order id and by symbol with the names of what is stale; `silent_s` the age of each
    subsystem's sign of life. `jobs` maps each job to its last result, ``ok`` when it was good.
    """

    streams: Sequence[StreamHealth] = ()
    exchange: ExchangeHealth = field(default_factory=ExchangeHealth)
    account_readable: bool = True
    skew_s: float = 0.0
    max_skew_s: float = 5.0
    storage_detail: str = ""
    margin_short: str = ""
    switches: Sequence[Tripped] = ()
    differences: Sequence[tuple[str, str, str, str]] = ()
    unprotected: Sequence[str] = ()
    unknown_orders_s: Mapping[str, float] = field(default_factory=dict)
    unknown_order_limit_s: float = 120.0
    suppressed: Mapping[str, str] = field(default_factory=dict)
    stale_s: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    stale_limit_s: float = 180.0
    feeds: Sequence[Mapping[str, Any]] = ()
    cycle_failure: str = ""
    failed_in_a_row: int = 0
    jobs: Mapping[str, str] = field(default_factory=dict)
    silent_s: Mapping[str, float] = field(default_factory=dict)
    silent_warn_s: float = 180.0
    silent_stale_s: float = 300.0


def findings(look: Look) -> list[Finding]:
    """Everything that is wrong now."""
    return [*_exchange(look), *_account(look), *_positions(look), *_market(look), *_daemon(look)]


def _exchange(look: Look) -> Iterable[Finding]:
    for stream in look.streams:
        if not stream.connected:
            yield Finding("stream_down", stream.name, stream.detail)
    if look.exchange.degraded:
        yield Finding("venue_degraded", "", look.exchange.last_error)
    if abs(look.skew_s) > look.max_skew_s:
        yield Finding("clock_skew", "", f"{look.skew_s:+.1f} s against the exchange")


def _account(look: Look) -> Iterable[Finding]:
    if not look.account_readable:
        yield Finding("account_unreadable", "", look.exchange.last_error)
    if look.storage_detail:
        yield Finding("storage_unavailable", "", look.storage_detail)
    if look.margin_short:
        yield Finding("margin_short", "", look.margin_short)
    for switch in look.switches:
        yield Finding("kill_switch", switch.name.value, _why(switch), _switch_severity(switch.name))


def _why(switch: Tripped) -> str:
    numbers = ", ".join(f"{name} {value}" for name, value in switch.reason.numbers if value != "")
    return f"{switch.reason.code.replace('_', ' ')} ({numbers}); lifts {switch.lifts}"


def _switch_severity(name: SwitchName) -> Severity:
    if name is SwitchName.OPERATOR_PAUSE:
        return Severity.WARNING
    return Severity.CRITICAL if name in CRITICAL_SWITCHES else Severity.ERROR


def _positions(look: Look) -> Iterable[Finding]:
    for kind, symbol, ours, venue in look.differences:
        name = "foreign_position" if kind == "foreign_position" else "position_mismatch"
        yield Finding(name, symbol, f"ours {ours}, the exchange's {venue}")
    for symbol in look.unprotected:
        yield Finding("unprotected_position", symbol, "no stop of ours rests at the exchange")
    for order_id, age_s in look.unknown_orders_s.items():
        if age_s >= look.unknown_order_limit_s:
            yield Finding("order_outcome_unknown", order_id, "its symbol is closed to entries")


def _market(look: Look) -> Iterable[Finding]:
    for symbol, why in look.suppressed.items():
        yield Finding("symbol_suppressed", symbol, why)
    yield from _stale(look)
    for feed in look.feeds:
        codes = ", ".join(code for code in feed["problems"] if code not in NO_TROUBLE)
        if not feed["ok"] and codes:
            yield Finding("feed_failing", str(feed["feed"]), f"{codes} {feed['last_error']}".strip())


def _stale(look: Look) -> Iterable[Finding]:
    """One issue per symbol; when it is nearly the whole market, one for all of it."""
    lasting = {symbol: names for symbol, (age_s, names) in look.stale_s.items() if age_s >= look.stale_limit_s}
    if len(lasting) >= MANY_SYMBOLS:
        names = ", ".join(sorted({name for names in lasting.values() for name in names.split(", ")}))
        yield Finding("market_data_stale", "many symbols", f"{names} of {', '.join(sorted(lasting))}")
        return
    for symbol, text in lasting.items():
        yield Finding("market_data_stale", symbol, text)


def _daemon(look: Look) -> Iterable[Finding]:
    if look.cycle_failure:
        many = look.failed_in_a_row >= FAILED_IN_A_ROW
        yield Finding("cycle_failing", "", look.cycle_failure, Severity.CRITICAL if many else None)
    for job, result in look.jobs.items():
        if result not in ("ok", "never"):
            yield Finding("job_failing", job, result)
    down = {f"{stream.name} stream" for stream in look.streams if not stream.connected}  # has an issue of its own
    for name, age_s in look.silent_s.items():
        if age_s >= look.silent_warn_s and name not in down:
            severe = Severity.ERROR if age_s >= look.silent_stale_s else None
            yield Finding("heartbeat_silent", name, "no sign of life for some minutes", severe)
