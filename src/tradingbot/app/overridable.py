"""Which settings a person may change while the daemon runs, and how far: never beyond what the profile allows.

What bounds losses may only be made stricter than the profile has it. What is an opinion (weights of components, the
gates that voice opinions) may be changed within bounds of its own. Everything else needs a change of the settings and
a restart.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.levers import GATES, WEIGHTS
from tradingbot.guards.overrides import Override
from tradingbot.signals.params import ComponentWeights

MAX_WEIGHT: Final = 0.5
"""No component alone may make half of a signal's confidence, or more."""
WEIGHT: Final = "weight."
SUPPRESS: Final = "suppress."
SWITCHED: Final = "off"
LEVERS: Final = {
    "min_edge_bps": f"{GATES}.fee.min_edge_bps",
    "gate.ensemble": f"{GATES}.ensemble.",
    "gate.intelligence": f"{GATES}.intelligence.",
}
"""Keys that set what a learned lever moves as well, and how its name begins."""

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Overridable:
    """One key. `check` says what is wrong with a value against the profile's settings, empty when nothing is.

    `apply` puts it into the settings' values. `bound` says in words how far it may go.
    """

    key: str
    bound: str
    text: str
    check: Callable[[str, Settings], str]
    apply: Callable[[Values, str], None]


def _place(values: Values, path: str) -> tuple[Values, str]:
    *parents, last = path.split(".")
    for parent in parents:
        values = values[parent]
    return values, last


def _setting(settings: Settings, path: str) -> Any:
    found: Any = settings
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _stricter(key: str, path: str, text: str, *, lower: bool, whole: bool = False) -> Overridable:
    """A number that may only be made stricter than the profile's: not above it (`lower`), or not below it."""

    def check(value: str, base: Settings) -> str:
        found, limit = _number(value), _setting(base, path)
        if found is None or (whole and found != int(found)):
            return f"{value!r} is no {'whole ' if whole else ''}number"
        if (found > limit) if lower else (found < limit):
            side = "above" if lower else "below"
            return f"{found:g} is {side} the profile's {limit:g}; an override may only make {path} stricter"
        return ""

    def apply(values: Values, value: str) -> None:
        place, last = _place(values, path)
        place[last] = int(float(value)) if whole else float(value)

    side = "at most" if lower else "at least"
    return Overridable(key, f"{side} the profile's {path}", text, check, apply)


def _off(key: str, changes: Mapping[str, Any], text: str) -> Overridable:
    """Something that may be switched off: ``off`` is the only value."""

    def check(value: str, _: Settings) -> str:
        return "" if value == SWITCHED else f"{value!r} is not allowed; the only value is off"

    def apply(values: Values, _: str) -> None:
        for path, setting in changes.items():
            place, last = _place(values, path)
            place[last] = setting

    return Overridable(key, "off", text, check, apply)


_INTELLIGENCE: Final = ("strong_conflict", "moderate_conflict", "weak_conflict", "neutral", "aligned", "boost")

ROWS: Final = (
    _stricter("size_scale", "risk.sizing.size_scale", "factor of every size, at most 1", lower=True),
    _stricter("max_trades_per_day", "risk.limits.max_trades_per_day", "entries per UTC day", lower=True, whole=True),
    _stricter("max_pairs", "risk.limits.max_pairs", "pairs held at once", lower=True, whole=True),
    _stricter(
        "max_pair_notional_pct",
        "risk.limits.max_pair_notional_pct",
        "notional per pair, per cent of equity",
        lower=True,
    ),
    _stricter("max_heat_pct", "risk.limits.max_heat_pct", "portfolio heat, per cent of equity", lower=True),
    _stricter(
        "max_cluster_notional_pct",
        "gates.correlation.max_cluster_notional_pct",
        "exposure to one correlated cluster, per cent of equity",
        lower=True,
    ),
    _stricter("min_edge_bps", "gates.fee.min_edge_bps", "edge after all costs that the fee gate wants", lower=False),
    _stricter(
        "min_free_margin_pct",
        "risk.limits.min_free_margin_pct",
        "free margin below which nothing is opened",
        lower=False,
    ),
    _off("alpha_trading", {"alpha_trading.enabled": False}, "no entries; exits go on"),
    _off("gate.ensemble", {"gates.ensemble.min_side_probability": 0.0}, "the ensemble's veto"),
    _off(
        "gate.intelligence",
        {f"gates.intelligence.{name}_multiplier": 1.0 for name in _INTELLIGENCE},
        "the intelligence gate's factors, all of them 1",
    ),
)


def _weight(name: str) -> Overridable:
    def check(value: str, _: Settings) -> str:
        found = _number(value)
        if found is None or not 0 <= found <= MAX_WEIGHT:
            return f"{value!r} is not within 0 to {MAX_WEIGHT:g}"
        return ""

    def apply(values: Values, value: str) -> None:
        values["signals"]["weights"][name] = float(value)

    text = f"share of {name} in the confidence; the others share the rest in their proportion"
    return Overridable(WEIGHT + name, f"0 to {MAX_WEIGHT:g}", text, check, apply)


def _suppress(symbol: str) -> Overridable:
    def check(value: str, base: Settings) -> str:
        if value != "true":
            return f"{value!r} is not allowed; the only value is true"
        return "" if symbol in base.alpha_trading.enabled_symbols else f"{symbol} is not enabled anyway"

    def apply(values: Values, _: str) -> None:
        policy = values["alpha_trading"]
        policy["enabled_symbols"] = [one for one in policy["enabled_symbols"] if one != symbol]

    return Overridable(SUPPRESS + symbol, "true", f"no entries in {symbol}; exits go on", check, apply)


def rows_of(settings: Settings) -> dict[str, Overridable]:
    """Everything that may be changed, by key."""
    weights = [_weight(name) for name in ComponentWeights.model_fields]
    symbols = [_suppress(symbol) for symbol in settings.alpha_trading.enabled_symbols]
    return {row.key: row for row in (*ROWS, *weights, *symbols)}


def problem_of(key: str, value: str, base: Settings) -> str:
    """Why a key must not have a value, empty when it may."""
    rows = rows_of(base)
    if key in rows:
        return rows[key].check(value, base)
    near = difflib.get_close_matches(key, rows, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{key!r} cannot be overridden; {hint}`tradingbot override keys` lists what can"


def levers_withheld(overrides: Iterable[Override]) -> tuple[str, ...]:
    """How names of levers begin that do not count while a person has set the same thing by hand."""
    found = set()
    for one in overrides:
        found.add(LEVERS.get(one.key, "") or (f"{WEIGHTS}." if one.key.startswith(WEIGHT) else ""))
    return tuple(sorted(found - {""}))


def overridden(base: Settings, overrides: Iterable[Override]) -> Settings:
    """The settings with these changes, checked as settings are. Raises ConfigurationError."""
    known = list(overrides)
    for one in known:
        if problem := problem_of(one.key, one.value, base):
            raise ConfigurationError(f"{one.key}={one.value}: {problem}")
    if not known:
        return base
    rows, values = rows_of(base), base.model_dump()
    for one in known:
        rows[one.key].apply(values, one.value)
    _share_the_rest(values, base, {one.key.removeprefix(WEIGHT) for one in known if one.key.startswith(WEIGHT)})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigurationError(f"these overrides cannot hold together: {first['msg']}") from error


def _share_the_rest(values: Values, base: Settings, fixed: set[str]) -> None:
    """Weights that nobody named share what is left in the proportion that they had."""
    if not fixed:
        return
    weights: dict[str, float] = values["signals"]["weights"]
    left = 1.0 - math.fsum(weights[name] for name in fixed)
    before = {name: weight for name, weight in base.signals.weights.by_name.items() if name not in fixed}
    whole = math.fsum(before.values())
    if left < -1e-9 or (whole <= 0 and left > 1e-9):
        raise ConfigurationError(f"these weights leave {left:g} to the other components")
    weights.update({name: max(0.0, left) * weight / whole if whole else 0.0 for name, weight in before.items()})
