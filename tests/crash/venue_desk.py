"""What a person does at the simulated venue while the daemon runs: faults, withdrawals, a stop moved by hand."""

from __future__ import annotations

import urllib.parse
import urllib.request
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from tests.crash.harness import held, venue_account
from tests.crash.processes import VenueProcess, wait_until
from tradingbot.venues.kraken_futures.auth import Credentials, Signer

PAST_THE_MARK = Decimal("0.02")
INVERSE_PRICES = Decimal(10_000)
"""Bitcoin's prices move in halves of a dollar."""


class VenueDesk:
    """The venue's control endpoint, and its API with the account's own key."""

    def __init__(self, venue: VenueProcess, folder: Path) -> None:
        self._rest_url = venue.endpoints["rest_url"]
        self._control_url = self._rest_url.removesuffix("/derivatives") + "/control"
        self._signer = Signer(Credentials(venue.endpoints["api_key"], venue.endpoints["api_secret"]))
        self._folder = folder

    def now(self) -> datetime:
        """The venue's time."""
        return datetime.fromisoformat(_asked("GET", f"{self._control_url}/state")["now"])

    def fault(self, name: str, **settings: Any) -> None:
        """Switch a trouble on."""
        _asked("POST", f"{self._control_url}/faults", orjson.dumps({"name": name, **settings}))

    def heal(self) -> None:
        """Switch all troubles off."""
        _asked("DELETE", f"{self._control_url}/faults")

    def withdraw(self, usd: Decimal) -> None:
        """Move money out of the trading wallet; it is no equity any more."""
        amount = str(usd.quantize(Decimal("0.01")))
        self._signed("transfer", fromAccount="flex", toAccount="cash", unit="USD", amount=amount)

    def held(self) -> dict[str, Any]:
        """Positions at the venue, by its names."""
        return held(venue_account(self._folder))

    def fire_a_stop(self) -> str:
        """Move one position's stop past the market and wait until it has fired; its client order id, empty: none."""
        held = self.held()
        for order in venue_account(self._folder)["orders"]:
            name, position = order["symbol"], held.get(order["symbol"])
            if position is not None and order["kind"] == "stp":
                shift = -PAST_THE_MARK if order.get("above") else PAST_THE_MARK
                digits = Decimal(order["stop_price"])
                price = (Decimal(position["entry"]) * (1 + shift)).quantize(digits)
                price = price.to_integral_value() if price > INVERSE_PRICES else price
                self._signed("editorder", orderId=order["uid"], stopPrice=str(price))
                wait_until(f"the stop of {name} fires", lambda name=name: name not in self.held(), 10)
                return str(order["client_id"])
        return ""

    def _signed(self, endpoint: str, **fields: str) -> None:
        path, body = f"/derivatives/api/v3/{endpoint}", urllib.parse.urlencode(fields)
        # Without a nonce, which is optional: one of this machine's clock would be far above those of the daemon.
        headers = {"APIKey": self._signer.api_key, "Authent": self._signer.authent(path, body, "")}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = _asked("POST", self._rest_url.removesuffix("/derivatives") + path, body.encode(), headers)
        assert answer["result"] == "success", answer


def _asked(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = orjson.loads(answer.read())
    return found
