"""One request, taken apart: path, arguments wherever they were sent, and typed access to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from tradingbot.core.types import Side, epoch_ms, exact, parse_utc
from tradingbot.sim_server.errors import invalid, missing
from tradingbot.sim_server.service import Service


@dataclass(frozen=True, slots=True)
class Call:
    """A request's method, path segments after the API's root, arguments and the service that answers."""

    service: Service
    method: str
    path: str
    rest: tuple[str, ...]
    lists: dict[str, list[str]] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """An argument as text; None when it is absent or empty."""
        values = self.lists.get(name)
        return values[-1] or None if values else None

    def required(self, name: str) -> str:
        """An argument that must be there."""
        value = self.text(name)
        if value is None:
            raise missing(name)
        return value

    def number(self, name: str) -> Decimal | None:
        """An argument as exact number."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return exact(value)
        except ValueError:
            raise invalid(name) from None

    def integer(self, name: str) -> int | None:
        """An argument as whole number."""
        value = self.number(name)
        if value is not None and value != value.to_integral_value():
            raise invalid(name)
        return None if value is None else int(value)

    def moment_ms(self, name: str) -> int | None:
        """An ISO moment (or epoch milliseconds) as epoch milliseconds."""
        value = self.text(name)
        if value is None:
            return None
        if value.isdecimal():
            return int(value)
        try:
            return epoch_ms(parse_utc(value))
        except ValueError:
            raise invalid(name) from None

    def flag(self, name: str) -> bool:
        """A ``true``/``false`` argument; absent is false."""
        return (self.text(name) or "").lower() == "true"

    def symbol(self, name: str = "symbol", *, required: bool = True) -> str | None:
        """A listed contract, in any case. Raises `invalidArgument` for an unknown one."""
        value = self.required(name) if required else self.text(name)
        if value is None:
            return None
        upper = value.upper()
        if upper not in self.service.venue.instruments:
            raise invalid(name)
        return upper

    def listed_symbol(self) -> str:
        """The required `symbol` argument."""
        return self.symbol() or ""

    def side(self) -> Side:
        """The required `side` argument."""
        value = self.required("side").lower()
        if value not in {"buy", "sell"}:
            raise invalid("side")
        return Side(value)


def parse_arguments(query: str, body: str) -> dict[str, list[str]]:
    """Query and form body merged; a repeated key keeps all its values."""
    lists: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True):
        lists.setdefault(name, []).append(value)
    return lists


Answer = dict[str, Any] | list[Any] | str
Handler = Callable[[Call], Answer | Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one endpoint is served. `cost` in budget units; `matches` means order latency applies first."""

    handler: Handler
    private: bool = False
    cost: int | Callable[[Call], int] = 0
    matches: bool = False
    commits: bool = False
    history: bool = False

    def price(self, call: Call) -> int:
        """Cost of this call."""
        return self.cost if isinstance(self.cost, int) else self.cost(call)


Waiter = Callable[[Call], Awaitable[None]]
