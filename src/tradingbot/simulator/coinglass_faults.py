"""The troubles that the simulated market-data service can have."""

from __future__ import annotations

from typing import Final

from pydantic import Field, field_validator

from tradingbot.simulator.faults import FaultRule, known_name

COINGLASS_FAULTS: Final = {
    "timeout": "the request is never answered",
    "slow": "answers take `ms` longer",
    "http_500": "HTTP 500 with code 500",
    "server_error_200": "HTTP 200 with code 500, Server Error",
    "rate_limited": "HTTP 429 with code 429",
    "rate_limited_200": "HTTP 200 with code 429",
    "key_invalid": "HTTP 200 with code 400, as for an unknown key",
    "plan_required": "HTTP 200 with code 401, Upgrade plan",
    "html_page": "HTTP 200 with an HTML page",
    "truncated_json": "the answer is cut in half",
    "malformed_json": "the answer is no JSON",
    "wrong_shape": "the data are of another type",
    "garbage_values": "numbers are NaN, null, negative, absurd or words",
    "empty_data": "the data are empty",
    "last_week": "values and their times are of a week ago",
    "frozen": "values stand still since the fault began",
    "doc_shape": "parallel lists are wrapped in a list, as the documentation shows them",
}


class CoinglassFault(FaultRule):
    """One fault: which, where, how often, how long."""

    ms: float = Field(default=1000.0, ge=0, description="Delay of `slow`, ms.")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return known_name(name, COINGLASS_FAULTS)
