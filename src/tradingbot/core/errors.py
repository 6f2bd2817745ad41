"""The whole error tree, named by the caller's next move.

    TradingBotError
    ├── ConfigurationError        configuration is wrong: stop before anything starts, say file, key, value, allowed
    ├── StateError                a state file cannot be read or written
    │   ├── StateCorruptError     quarantined; an older generation was tried
    │   ├── StateNewerError       written by a newer version: refuse to start rather than lose fields
    │   └── StorageUnavailableError  disk full, read-only or gone: block entries, keep exits
    ├── AlreadyRunningError       another instance holds the home folder
    ├── SymbolUnknownError        no such symbol; lists near matches
    ├── SizingError               the order cannot be made valid (below minimum, no price): refuse this order
    ├── VenueError                something at or on the way to a venue
    │   ├── VenueUnavailableError    outage, maintenance, network down: wait and retry, keep the old value
    │   ├── VenueTimeoutError        no answer in time; for a read: keep the old value
    │   ├── VenueRateLimitedError    back off for `retry_after_s`
    │   ├── VenueAuthError           key, permission or signature: stop private calls, tell a human
    │   ├── VenueNonceError          nonce refused: resynchronise, then retry
    │   ├── VenueRejectedError       the venue says the request is wrong (proof of refusal)
    │   └── VenueProtocolError       not the documented JSON: never act on it
    ├── IntelError                something at or on the way to a source of market intelligence: keep the old value
    │   ├── IntelUnavailableError    timeout, no network, server error, no readable answer: ask again later
    │   ├── IntelRateLimitedError    pause the whole client for `retry_after_s`
    │   ├── IntelKeyError            key missing or refused: nothing of this source until a human acts; try hourly
    │   ├── IntelPlanError           the plan does not include this endpoint: use its substitute, try again in a day
    │   ├── IntelIntervalError       the plan does not include this bar length
    │   ├── IntelRequestError        the source says the request is wrong: do not repeat it as it stands
    │   └── IntelProtocolError       JSON, but not the documented shape: never act on it
    └── OrderOutcomeUnknown       sent, no proof of either outcome: ask the venue, never send again

Expected refusals (gates, limits, permission) are values, not exceptions.
"""

from __future__ import annotations


class TradingBotError(Exception):
    """Root of every error that this product raises on purpose."""


class ConfigurationError(TradingBotError):
    """The configuration cannot be used; the message names file, key, value and what is allowed."""


class StateError(TradingBotError):
    """A state file cannot be read or written."""


class StateCorruptError(StateError):
    """A state file and its older generations are unreadable."""


class StateNewerError(StateError):
    """A state file was written by a newer version of the product."""


class StorageUnavailableError(StateError):
    """The disk refuses durable writes."""


class AlreadyRunningError(TradingBotError):
    """Another process holds the home folder."""


class SymbolUnknownError(TradingBotError):
    """The symbol is not in the universe; the message lists near matches."""


class SizingError(TradingBotError):
    """No valid order size or price can be made of the request."""


class VenueError(TradingBotError):
    """Something at a venue, or on the way to it, went wrong."""


class VenueUnavailableError(VenueError):
    """Outage, maintenance or no network: wait, keep the last value."""


class VenueTimeoutError(VenueError):
    """No answer within the deadline."""


class VenueRateLimitedError(VenueError):
    """The venue asks for a pause of `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class VenueAuthError(VenueError):
    """Key, permission or signature refused."""


class VenueNonceError(VenueError):
    """The nonce was refused (too low or used)."""


class VenueRejectedError(VenueError):
    """The venue understood the request and refused it; `code` is the venue's own word."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class VenueProtocolError(VenueError):
    """The answer is not the documented JSON (HTML, redirect, truncated, wrong type or shape)."""


class OrderOutcomeUnknown(TradingBotError):  # noqa: N818 - it is a state of knowledge, not a failure
    """An order or cancel was sent and neither acceptance nor refusal is proven."""


class IntelError(TradingBotError):
    """Something at a source of market intelligence, or on the way to it, went wrong. Keep the last value."""


class IntelUnavailableError(IntelError):
    """Timeout, no network, a server error, or an answer that is not JSON at all: ask again later."""


class IntelRateLimitedError(IntelError):
    """The source asks for a pause of `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float = 60.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class IntelKeyError(IntelError):
    """The key is missing or refused: nothing of this source works until somebody changes it."""


class IntelPlanError(IntelError):
    """The plan of this key does not include the endpoint."""


class IntelIntervalError(IntelError):
    """The plan of this key does not include bars this short."""


class IntelRequestError(IntelError):
    """The source refuses the request as wrong; repeating it as it stands is useless."""


class IntelProtocolError(IntelError):
    """JSON came, but not in the documented shape or range; the message names the field."""


def first_of(failed: BaseException) -> BaseException:
    """The first error of a group of groups; any other error itself."""
    while isinstance(failed, BaseExceptionGroup):
        failed = failed.exceptions[0]
    return failed
