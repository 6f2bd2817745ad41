"""What an answer of CoinGlass means: data, or the error it stands for.

The HTTP status does not tell success: a missing key, a plan gate, a bad parameter and a server fault all come with HTTP
200 and a `code` that is not "0".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tradingbot.core.errors import (
    IntelError,
    IntelIntervalError,
    IntelKeyError,
    IntelPlanError,
    IntelProtocolError,
    IntelRateLimitedError,
    IntelRequestError,
    IntelUnavailableError,
)

Row = Mapping[str, Any]
SHOWN_CHARS: Final = 120
RATE_LIMITED: Final = ("429", "50001")
REFUSED: Final = ("404", "405", "422")
ORIGINS: Final = ("recorded", "derived", "synthetic")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`data` of a success (None when there is none) and where a simulated source has it from."""

    data: Any
    origin: str


def judge(what: str, status: int, payload: object, shown: str) -> Verdict:
    """The data of an answer, or the error that it means.

    `what` names the request, `payload` is the decoded body or None when it is no JSON, `shown` its beginning.
    Raises an IntelError.
    """
    if status == 429:
        raise IntelRateLimitedError(f"{what}: HTTP 429")
    if payload is None or (status >= 400 and not isinstance(payload, dict)):
        raise _no_json(f"{what}: HTTP {status}, no JSON object: {shown!r}", status)
    if not isinstance(payload, dict):
        raise IntelProtocolError(f"{what}: answer is {type(payload).__name__}, not an object")
    code = _code(what, status, payload)
    if code != "0":
        raise _refusal(what, code, str(payload.get("msg") or "")[:SHOWN_CHARS])
    if status >= 300:
        raise IntelUnavailableError(f"{what}: HTTP {status} with code 0")
    return Verdict(payload.get("data"), _origin(payload))


def _no_json(text: str, status: int) -> IntelError:
    if status in (400, 404, 405, 422):
        return IntelRequestError(text)
    return IntelKeyError(text) if status == 401 else IntelUnavailableError(text)


def _code(what: str, status: int, payload: Row) -> str:
    code = payload.get("code")
    if isinstance(code, str | int) and not isinstance(code, bool):
        return str(code)
    if status >= 400:
        return str(status)
    raise IntelProtocolError(f"{what}: field 'code' is {code!r:.40}")


def _origin(payload: Row) -> str:
    origin = payload.get("origin")
    return origin if isinstance(origin, str) and origin in ORIGINS else ""


def _refusal(what: str, code: str, message: str) -> IntelError:
    text, words = f"{what}: code {code}: {message!r}", message.lower()
    if code in RATE_LIMITED:
        return IntelRateLimitedError(text)
    if code in ("400", "401", "403", "30001"):
        return _denied(text, code, words)
    if code in REFUSED:
        return IntelRequestError(text)
    if code == "408" or (len(code) == 3 and code.startswith("5")):
        return IntelUnavailableError(text)
    return IntelProtocolError(f"{what}: undocumented code {code!r:.20}: {message!r}")


def _denied(text: str, code: str, words: str) -> IntelError:
    if "interval" in words and "parameter" not in words:
        return IntelIntervalError(text)
    if "api key" in words or "apikey" in words or code == "30001":
        return IntelKeyError(text)
    if code == "400":
        return IntelRequestError(text)
    if "plan" in words or "upgrade" in words or code == "403":
        return IntelPlanError(text)
    return IntelKeyError(text)
