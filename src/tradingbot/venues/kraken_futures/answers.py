"""What an answer means before its content is looked at: success, or which error.

HTTP status says little here: a refused key arrives with status 200. One table maps every documented word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tradingbot.core.errors import (
    VenueAuthError,
    VenueError,
    VenueNonceError,
    VenueProtocolError,
    VenueRateLimitedError,
    VenueRejectedError,
    VenueUnavailableError,
)
from tradingbot.core.records import RefusalCode

_REJECTED: Final = VenueRejectedError
ErrorFactory = Callable[[str], VenueError]

ERRORS: Final[Mapping[str, type[VenueError]]] = {
    "accountInactive": VenueAuthError,
    "apiLimitExceeded": VenueRateLimitedError,
    "authenticationError": VenueAuthError,
    "insufficientFunds": _REJECTED,
    "insufficientPrivileges": VenueAuthError,
    "invalidAccount": VenueAuthError,
    "invalidAmount": _REJECTED,
    "invalidArgument": _REJECTED,
    "invalidUnit": _REJECTED,
    "Json Parse Error": _REJECTED,
    "marketUnavailable": _REJECTED,
    "contractNotFound": _REJECTED,
    "Bad Request": _REJECTED,
    "nonceBelowThreshold": VenueNonceError,
    "nonceDuplicate": VenueNonceError,
    "notFound": _REJECTED,
    "requiredArgumentMissing": _REJECTED,
    "Server Error": VenueUnavailableError,
    "Unavailable": VenueUnavailableError,
    "unknownError": VenueUnavailableError,
}
"""`error` texts, matched exactly or by what stands before a colon."""

REFUSALS_BY_ERROR: Final[Mapping[str, RefusalCode]] = {
    "insufficientFunds": RefusalCode.INSUFFICIENT_FUNDS,
    "invalidAmount": RefusalCode.INVALID_SIZE,
    "invalidArgument": RefusalCode.INVALID_ORDER,
    "invalidUnit": RefusalCode.INVALID_ORDER,
    "Json Parse Error": RefusalCode.INVALID_ORDER,
    "marketUnavailable": RefusalCode.MARKET_SUSPENDED,
    "contractNotFound": RefusalCode.INVALID_ORDER,
    "Bad Request": RefusalCode.INVALID_ORDER,
    "notFound": RefusalCode.NOT_FOUND,
    "NOT_FOUND": RefusalCode.NOT_FOUND,
    "BAD_REQUEST": RefusalCode.INVALID_ORDER,
    "requiredArgumentMissing": RefusalCode.INVALID_ORDER,
}
"""What a refusal by `error` text means for an order."""

REFUSALS_BY_REASON: Final[Mapping[str, RefusalCode]] = {
    "MARKET_SUSPENDED": RefusalCode.MARKET_SUSPENDED,
    "MARKET_NOT_FOUND": RefusalCode.INVALID_ORDER,
    "MARKET_IS_POST_ONLY": RefusalCode.MARKET_POST_ONLY,
    "INVALID_PRICE": RefusalCode.INVALID_PRICE,
    "INVALID_QUANTITY": RefusalCode.INVALID_SIZE,
    "SMALL_ORDER_LIMIT_EXCEEDED": RefusalCode.ORDER_LIMIT,
    "ORDER_LIMIT_EXCEEDED": RefusalCode.ORDER_LIMIT,
    "TRAILING_STOP_ORDER_LIMIT_EXCEEDED": RefusalCode.ORDER_LIMIT,
    "INSUFFICIENT_MARGIN": RefusalCode.INSUFFICIENT_FUNDS,
    "INSUFFICIENT_CLOSING_MARGIN": RefusalCode.INSUFFICIENT_FUNDS,
    "WOULD_CAUSE_LIQUIDATION": RefusalCode.WOULD_LIQUIDATE,
    "CLIENT_ORDER_ID_IN_USE": RefusalCode.DUPLICATE_CLIENT_ID,
    "CLIENT_ORDER_ID_TOO_LONG": RefusalCode.INVALID_CLIENT_ID,
    "MAX_POSITION_EXCEEDED": RefusalCode.POSITION_LIMIT,
    "PRICE_COLLAR": RefusalCode.PRICE_COLLAR,
    "PRICE_DISLOCATION": RefusalCode.PRICE_COLLAR,
    "EDIT_HAS_NO_EFFECT": RefusalCode.NO_EFFECT,
    "ORDER_FOR_CANCELLATION_NOT_FOUND": RefusalCode.NOT_FOUND,
    "ORDER_FOR_EDIT_NOT_FOUND": RefusalCode.NOT_FOUND,
    "ORDER_CANNOT_HAVE_TRIGGER_PRICE": RefusalCode.INVALID_ORDER,
    "POST_WOULD_EXECUTE": RefusalCode.POST_WOULD_EXECUTE,
    "IOC_WOULD_NOT_EXECUTE": RefusalCode.NOTHING_TO_MATCH,
    "WOULD_EXECUTE_SELF": RefusalCode.SELF_TRADE,
    "WOULD_NOT_REDUCE_POSITION": RefusalCode.WOULD_NOT_REDUCE,
    "FIXED_LEVERAGE_TOO_HIGH": RefusalCode.LEVERAGE_TOO_HIGH,
    "CANNOT_EDIT_TRIGGER_PRICE_OF_TRAILING_STOP": RefusalCode.INVALID_ORDER,
    "CANNOT_EDIT_LIMIT_PRICE_OF_TRAILING_STOP": RefusalCode.INVALID_ORDER,
    "TRAILING_STOP_PERCENT_DEVIATION_EXCEEDS_MAX_DECIMAL_PLACES": RefusalCode.INVALID_PRICE,
    "TRAILING_STOP_QUOTE_DEVIATION_NOT_MULTIPLE_OF_TICK_SIZE": RefusalCode.INVALID_PRICE,
    "TRAILING_STOP_MAX_DEVIATION_TOO_LARGE": RefusalCode.INVALID_PRICE,
    "TRAILING_STOP_MAX_DEVIATION_TOO_SMALL": RefusalCode.INVALID_PRICE,
    "INSUFFICIENT_HEADROOM_AROUND_CURRENT_PRICE_TO_EDIT_TRAILING_STOP": RefusalCode.INVALID_PRICE,
    "NO_REFERENCE_PRICE_AVAILABLE_FOR_CALCULATING_TRAILING_STOP_TRIGGER_PRICE": RefusalCode.INVALID_PRICE,
    "LIMIT_PRICE_SET_AS_ABSOLUTE_AND_RELATIVE": RefusalCode.INVALID_PRICE,
    "LIMIT_PRICE_OFFSET_VALUE_INVALID": RefusalCode.INVALID_PRICE,
    "LIMIT_PRICE_OFFSET_UNIT_INVALID": RefusalCode.INVALID_PRICE,
    "LIMIT_PRICE_OFFSET_MUST_HAVE_VALUE_AND_UNIT": RefusalCode.INVALID_PRICE,
    "LIMIT_PRICE_OFFSET_QUOTE_CURRENCY_VALUE_MUST_BE_MULTIPLE_OF_TICK_SIZE": RefusalCode.INVALID_PRICE,
    "LIMIT_PRICE_OFFSET_PERCENT_VALUE_TOO_MANY_DECIMAL_PLACES": RefusalCode.INVALID_PRICE,
    "LIMIT_PRICE_OFFSET_TOO_HIGH": RefusalCode.INVALID_PRICE,
    "LIMIT_PRICE_OFFSET_TOO_LOW": RefusalCode.INVALID_PRICE,
}
"""REJECT reasons of order events, also seen in `errors[].message`. REJECTED_AFTER_EXECUTION is no refusal."""


def check_answer(what: str, status: int, payload: Mapping[str, Any]) -> None:
    """Return when the answer is a success; raise the error it means. `what` names the request in the message."""
    result = payload.get("result")
    if status < 400 and (result == "success" or (result is None and "error" not in payload)):
        return
    if status in (401, 403):
        raise VenueAuthError(
            f"{what}: HTTP {status}: {payload.get('reason') or payload.get('error') or 'unauthorised'}"
        )
    error = payload.get("error")
    if isinstance(error, str):
        raise _named(what, error)
    listed = _listed_errors(payload)
    if listed:
        raise _listed(what, status, payload, listed)
    if status >= 500:
        raise VenueUnavailableError(f"{what}: HTTP {status} without a documented error")
    raise VenueProtocolError(f"{what}: HTTP {status}: neither success nor a documented error: {sorted(payload)[:8]}")


def _named(what: str, error: str) -> VenueError:
    word = error.split(":", 1)[0].strip()
    kind = ERRORS.get(word)
    text = f"{what}: {error}"
    if kind is None:
        return VenueProtocolError(f"{what}: undocumented error {error!r}")
    return VenueRejectedError(text, word) if kind is VenueRejectedError else kind(text)


def _listed_errors(payload: Mapping[str, Any]) -> list[str]:
    listed = payload.get("errors")
    if not isinstance(listed, list):
        return []
    return [str(item.get("message", item)) if isinstance(item, dict) else str(item) for item in listed]


def _listed(what: str, status: int, payload: Mapping[str, Any], messages: list[str]) -> VenueError:
    text = f"{what}: HTTP {status}: {'; '.join(messages)}"
    reason = next((message for message in messages if message in REFUSALS_BY_REASON), None)
    if reason is not None:
        return VenueRejectedError(text, reason)
    if status >= 500:
        return VenueUnavailableError(text)
    return VenueRejectedError(text, str(payload.get("status") or "BAD_REQUEST"))


def refusal_code(error: VenueError) -> RefusalCode | None:
    """What an error proves about an order: the code of its refusal, or None when it proves nothing."""
    if isinstance(error, VenueRejectedError):
        known = REFUSALS_BY_REASON.get(error.code) or REFUSALS_BY_ERROR.get(error.code)
        return known or RefusalCode.INVALID_ORDER
    if isinstance(error, VenueAuthError | VenueNonceError):
        return RefusalCode.NOT_PERMITTED
    return RefusalCode.RATE_LIMITED if isinstance(error, VenueRateLimitedError) else None
