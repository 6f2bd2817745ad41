"""One request to the market-data service, with typed access to its arguments; answers and refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tradingbot.sim_server.coinglass.plans import INTERVALS, depth_ms, fine_enough
from tradingbot.sim_server.recorded_files import asset_of
from tradingbot.simulator.coinglass_params import Plan
from tradingbot.simulator.intelligence import MarketIntelligence

_ALIASES: Final = {"MATIC": "POL"}
_MOST_ROWS: Final = 1_000


class RefusedError(Exception):
    """An answer other than success. The service answers most of them with HTTP 200."""

    def __init__(self, code: int, message: str, http_status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status


@dataclass(frozen=True, slots=True)
class Answer:
    """Data of a success and where its newest value comes from."""

    data: Any
    origin: str
    message: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """Bars that were asked for: length, first open time, last open time, at most how many."""

    step_ms: int
    since_ms: int
    until_ms: int
    limit: int


@dataclass(frozen=True, slots=True)
class Call:
    """A request at the moment whose values it is to see."""

    intelligence: MarketIntelligence
    plan: Plan
    now_ms: int
    arguments: Mapping[str, str]

    @property
    def origin(self) -> str:
        """Of values that nothing recorded."""
        return self.intelligence.world.origin

    def text(self, name: str) -> str | None:
        """An argument; None when it is absent or empty."""
        return self.arguments.get(name) or None

    def required(self, name: str) -> str:
        """An argument that must be there."""
        value = self.text(name)
        if value is None:
            raise RefusedError(400, f"Required String parameter '{name}' is not present")
        return value

    def number(self, name: str, default: float) -> float:
        """A number."""
        value = self.text(name)
        try:
            return default if value is None else float(value)
        except ValueError:
            raise invalid(name) from None

    def integer(self, name: str, default: int) -> int:
        """A whole number."""
        value = self.text(name)
        try:
            return default if value is None else int(value)
        except ValueError:
            raise invalid(name) from None

    def choice(self, name: str, known: Mapping[str, int]) -> int:
        """A required argument that is one of some words."""
        value = self.required(name)
        if value not in known:
            raise invalid(name)
        return known[value]

    def page(self, rows: list[Any], most: int = 100) -> list[Any]:
        """The page of rows that was asked for: `page` from 1, `per_page` up to `most`."""
        size = min(most, max(1, self.integer("per_page", 10)))
        first = (max(1, self.integer("page", 1)) - 1) * size
        return rows[first : first + size]

    def coin(self, name: str = "symbol") -> str | None:
        """The asset of a required coin; None when this market lacks it."""
        return self.known(self.required(name))

    def known(self, coin: str) -> str | None:
        """The asset of a coin as the service names it; None when this market lacks it."""
        asset = _ALIASES.get(coin.upper(), coin.upper())
        return asset if self.intelligence.world.has(asset) else None

    def pair(self) -> str | None:
        """The asset of the required pair (``BTCUSDT``); None when this market lacks it."""
        name = self.required("symbol").upper()
        name = name.removesuffix("M") if name.endswith("USDTM") else name
        asset = asset_of(name).removeprefix("1000")
        return asset if self.intelligence.world.has(asset) else None

    def window(self) -> Window:
        """Interval, times and limit. Raises RefusedError for an interval that the plan lacks."""
        step_ms = self.choice("interval", INTERVALS)
        if not fine_enough(self.plan, step_ms):
            raise RefusedError(403, "The requested interval is not available for your current API plan")
        limit = min(_MOST_ROWS, max(1, self.integer("limit", _MOST_ROWS)))
        until_ms = min(self.now_ms, self.integer("end_time", self.now_ms))
        since_ms = max(self.integer("start_time", 0), until_ms - limit * step_ms)
        depth = depth_ms(self.plan, step_ms)
        if depth is not None:
            since_ms = max(since_ms, self.now_ms - depth)
        return Window(step_ms, since_ms, until_ms, limit)


def invalid(name: str) -> RefusedError:
    """An argument makes no sense."""
    return RefusedError(400, f"Parameter '{name}' is invalid")


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one path is served and the least plan that has it."""

    handler: Handler
    plan: Plan = "HOBBYIST"
