"""Identifiers are derived: a restart within the same cycle makes the same ones, and the venue refuses a double."""

from __future__ import annotations

from datetime import datetime

from tradingbot.core.types import ClientOrderId, Symbol

PREFIX = "tb"


def cycle_id_of(moment: datetime) -> str:
    """The cycle's name: its minute, ``20260105T0801``."""
    return moment.strftime("%Y%m%dT%H%M")


def instance_of(client_order_id: ClientOrderId) -> str | None:
    """The installation that made an order; None when it was not one of this program."""
    parts = client_order_id.split("-")
    return parts[1] if len(parts) > 2 and parts[0] == PREFIX else None


class OrderIds:
    """Client order ids of one installation: ``tb-<instance>-<cycle>-<symbol>-<purpose>``."""

    def __init__(self, instance: str) -> None:
        self._own = f"{PREFIX}-{instance}-"

    def make(self, cycle_id: str, symbol: Symbol, purpose: str) -> ClientOrderId:
        """The id of one order; the same inputs give the same id."""
        return ClientOrderId(f"{self._own}{cycle_id}-{symbol}-{purpose}")

    def is_ours(self, client_order_id: ClientOrderId | None) -> bool:
        """Whether this installation made the order; nobody else's orders are ever touched."""
        return client_order_id is not None and client_order_id.startswith(self._own)

    def is_entry(self, client_order_id: ClientOrderId | None) -> bool:
        """Whether this installation made the order to open a position; its other orders only reduce."""
        return client_order_id is not None and self.is_ours(client_order_id) and client_order_id.endswith("-entry")
