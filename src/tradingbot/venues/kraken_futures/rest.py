"""The REST wire: methods named as the venue names its endpoints, checked JSON objects out.

Only reads are asked again after a failure. A request whose nonce was refused is signed anew and sent once more: the
refusal proves that nothing came of it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from pydantic import Field

from tradingbot.core.errors import (
    VenueAuthError,
    VenueError,
    VenueNonceError,
    VenueRateLimitedError,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)
from tradingbot.core.params import Params
from tradingbot.net.http import HttpClient, JsonAnswer, loads_exact, loads_fast
from tradingbot.net.nonce import NonceSource
from tradingbot.net.rate_limiter import Lane, LocalRateLimitError, RateLimiter
from tradingbot.ports import Clock
from tradingbot.venues.kraken_futures import endpoints as at
from tradingbot.venues.kraken_futures.answers import check_answer
from tradingbot.venues.kraken_futures.auth import Signer
from tradingbot.venues.kraken_futures.endpoints import Endpoint

Arguments = Sequence[tuple[str, str]]
Payload = dict[str, Any]

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class RestParams(Params):
    """Deadlines and retries of REST calls."""

    order_timeout_s: float = Field(default=8.0, gt=0, description="deadline of order requests, seconds")
    read_timeout_s: float = Field(default=15.0, gt=0, description="deadline of reads, seconds")
    read_attempts: int = Field(default=3, ge=1, description="how often a read is asked at most")
    retry_delay_s: float = Field(default=0.5, gt=0, description="pause before the second attempt; doubles, seconds")
    longest_retry_delay_s: float = Field(default=10.0, gt=0, description="longest pause between attempts, seconds")
    order_wait_s: float = Field(default=3.0, gt=0, description="how long an order waits for the limiter, seconds")
    rate_limit_pause_s: float = Field(
        default=2.0, gt=0, description="pause of everyone after apiLimitExceeded, seconds"
    )


class FailureCount:
    """How the venue has answered lately, over all calls."""

    def __init__(self) -> None:
        self.consecutive = 0
        self.last_error = ""

    def succeeded(self) -> None:
        """An answer of any documented kind came."""
        self.consecutive = 0

    def failed(self, error: VenueError) -> None:
        """No usable answer came."""
        self.consecutive += 1
        self.last_error = str(error)


class KrakenFuturesRest:
    """One account's REST access, or public access when `signer` is None."""

    def __init__(
        self,
        host: str,
        http: HttpClient,
        limiter: RateLimiter,
        clock: Clock,
        params: RestParams,
        rng: random.Random,
        signer: Signer | None = None,
        nonces: NonceSource | None = None,
    ) -> None:
        self._host = host
        self._http = http
        self._limiter = limiter
        self._clock = clock
        self._params = params
        self._rng = rng
        self._signer = signer
        self._nonces = nonces
        self.failures = FailureCount()

    # -- public market data
    async def instruments(self) -> Payload:
        """GET instruments."""
        return await self._read(at.INSTRUMENTS, exact=True)

    async def instruments_status(self) -> Payload:
        """GET instruments/status."""
        return await self._read(at.INSTRUMENTS_STATUS)

    async def feeschedules(self) -> Payload:
        """GET feeschedules; marked as deprecated since June 2026."""
        return await self._read(at.FEE_SCHEDULES, exact=True)

    async def tickers(self) -> Payload:
        """GET tickers."""
        return await self._read(at.TICKERS, exact=True)

    async def orderbook(self, symbol: str) -> Payload:
        """GET orderbook: full depth."""
        return await self._read(at.ORDERBOOK, [("symbol", symbol)])

    async def history(self, symbol: str, last_time: str | None = None) -> Payload:
        """GET history: the last 100 public trades before `last_time`."""
        return await self._read(at.PUBLIC_HISTORY, _present(symbol=symbol, lastTime=last_time), exact=True)

    async def historicalfundingrates(self, symbol: str) -> Payload:
        """GET v4/historicalfundingrates: the whole hourly series."""
        return await self._read(at.HISTORICAL_FUNDING, [("symbol", symbol)])

    async def charts(self, tick_type: str, symbol: str, resolution: str, from_s: int, to_s: int) -> Payload:
        """GET charts/v1/{tick_type}/{symbol}/{resolution}: one page of candles, both ends included."""
        path = f"{at.CHARTS.path}/{tick_type}/{quote(symbol)}/{resolution}"
        arguments = [("from", str(from_s)), ("to", str(to_s))]
        return await self._read(Endpoint("GET", path, signed=False), arguments)

    # -- account
    async def accounts(self) -> Payload:
        """GET accounts."""
        return await self._read(at.ACCOUNTS, lane=Lane.RECONCILIATION, exact=True)

    async def openpositions(self) -> Payload:
        """GET openpositions."""
        return await self._read(at.OPENPOSITIONS, lane=Lane.RECONCILIATION, exact=True)

    async def openorders(self) -> Payload:
        """GET openorders."""
        return await self._read(at.OPENORDERS, lane=Lane.RECONCILIATION, exact=True)

    async def fills(self, last_fill_time: str | None = None) -> Payload:
        """GET fills: up to 100, newest first, older than `last_fill_time`."""
        arguments = _present(lastFillTime=last_fill_time)
        cost = at.FILLS_PAGED_COST if last_fill_time else None
        return await self._read(at.FILLS, arguments, Lane.RECONCILIATION, exact=True, cost=cost)

    async def orders_status(self, order_ids: Sequence[str] = (), cli_ord_ids: Sequence[str] = ()) -> Payload:
        """POST orders/status."""
        arguments = [("orderIds", item) for item in order_ids] + [("cliOrdIds", item) for item in cli_ord_ids]
        return await self._read(at.ORDERS_STATUS, arguments, Lane.RECONCILIATION, exact=True)

    async def leveragepreferences(self) -> Payload:
        """GET leveragepreferences."""
        return await self._read(at.LEVERAGE, lane=Lane.RECONCILIATION, exact=True)

    async def notifications(self) -> Payload:
        """GET notifications."""
        return await self._read(at.NOTIFICATIONS)

    async def history_executions(self, since_ms: int | None = None, continuation_token: str | None = None) -> Payload:
        """GET history/v3/executions, oldest first."""
        since = None if since_ms is None else str(since_ms)
        arguments = _present(since=since, sort="asc", count="1000", continuation_token=continuation_token)
        return await self._read(at.EXECUTIONS, arguments, Lane.RECONCILIATION, exact=True)

    async def account_log(self, from_id: int, count: int) -> Payload:
        """GET history/v3/account-log: rows from `from_id` on, oldest first."""
        arguments = [("from", str(from_id)), ("sort", "asc"), ("count", str(count))]
        cost = at.account_log_cost(count)
        return await self._read(at.ACCOUNT_LOG, arguments, Lane.RECONCILIATION, exact=True, cost=cost)

    # -- orders: sent once
    async def sendorder(self, arguments: Arguments, lane: Lane) -> Payload:
        """POST sendorder."""
        return await self._write(at.SENDORDER, arguments, lane)

    async def editorder(self, arguments: Arguments, lane: Lane) -> Payload:
        """POST editorder."""
        return await self._write(at.EDITORDER, arguments, lane)

    async def cancelorder(self, arguments: Arguments) -> Payload:
        """POST cancelorder."""
        return await self._write(at.CANCELORDER, arguments, Lane.CANCELS)

    async def cancelallorders(self, symbol: str | None = None) -> Payload:
        """POST cancelallorders, of one symbol or of all."""
        return await self._write(at.CANCELALLORDERS, _present(symbol=symbol), Lane.CANCELS)

    async def cancelallordersafter(self, timeout_s: int) -> Payload:
        """POST cancelallordersafter; 0 disarms."""
        return await self._write(at.CANCELALLORDERSAFTER, [("timeout", str(timeout_s))], Lane.CANCELS)

    async def batchorder(self, elements: Sequence[Mapping[str, Any]], lane: Lane) -> Payload:
        """POST batchorder with its elements as JSON text in one form field."""
        text = json.dumps({"batchOrder": list(elements)}, separators=(",", ":"))
        return await self._write(at.BATCHORDER, [("json", text)], lane, at.batch_cost(len(elements)))

    async def set_leveragepreferences(self, symbol: str, max_leverage: str | None) -> Payload:
        """PUT leveragepreferences: isolated at this leverage, or cross when None."""
        arguments = _present(maxLeverage=max_leverage, symbol=symbol)
        return await self._write(at.SET_LEVERAGE, arguments, Lane.ORDERS)

    # -- how it is done
    async def _read(
        self,
        endpoint: Endpoint,
        arguments: Arguments = (),
        lane: Lane = Lane.DATA,
        *,
        exact: bool = False,
        cost: float | None = None,
    ) -> Payload:
        attempt = 1
        while True:
            try:
                return await self._call(endpoint, arguments, lane, cost, self._params.read_timeout_s, None, exact)
            except (VenueUnavailableError, VenueTimeoutError, VenueRateLimitedError) as error:
                if attempt >= self._params.read_attempts:
                    raise
                await self._clock.sleep(self._retry_delay_s(attempt, error))
                attempt += 1

    async def _write(self, endpoint: Endpoint, arguments: Arguments, lane: Lane, cost: float | None = None) -> Payload:
        limit_s = self._params.order_timeout_s
        return await self._call(endpoint, arguments, lane, cost, limit_s, self._params.order_wait_s, exact=True)

    def _retry_delay_s(self, attempt: int, error: VenueError) -> float:
        asked_s = error.retry_after_s if isinstance(error, VenueRateLimitedError) else 0.0
        ceiling_s = min(self._params.longest_retry_delay_s, self._params.retry_delay_s * 2.0 ** (attempt - 1))
        return max(asked_s, ceiling_s * (0.5 + self._rng.random() / 2))

    async def _call(
        self,
        endpoint: Endpoint,
        arguments: Arguments,
        lane: Lane,
        cost: float | None,
        timeout_s: float,
        max_wait_s: float | None,
        exact: bool,
    ) -> Payload:
        price = endpoint.cost if cost is None else cost
        data = urlencode(arguments, quote_via=quote) if arguments else ""
        try:
            await self._limiter.acquire(endpoint.pool, price, lane, max_wait_s)
            try:
                payload = await self._exchange(endpoint, data, timeout_s, exact)
            except VenueNonceError:
                await self._limiter.acquire(endpoint.pool, price, lane, max_wait_s)
                payload = await self._exchange(endpoint, data, timeout_s, exact)
        except LocalRateLimitError:
            raise
        except VenueError as error:
            self._note(endpoint, error)
            raise
        self.failures.succeeded()
        return payload

    async def _exchange(self, endpoint: Endpoint, data: str, timeout_s: float, exact: bool) -> Payload:
        is_post = endpoint.method == "POST"
        path = endpoint.path
        url = f"{self._host}{path}" if is_post or not data else f"{self._host}{path}?{data}"
        headers = self._headers(endpoint, data)
        answer: JsonAnswer = await self._http.fetch_json(
            endpoint.method,
            url,
            body=data.encode() if is_post else None,
            headers=headers,
            timeout_s=timeout_s,
            loads=loads_exact if exact else loads_fast,
        )
        try:
            check_answer(f"{endpoint.method} {path}", answer.status, answer.payload)
        except VenueNonceError:
            if self._nonces is not None:
                self._nonces.resync()
            raise
        if endpoint.signed and self._nonces is not None:
            self._nonces.accepted()
        return answer.payload

    def _headers(self, endpoint: Endpoint, data: str) -> dict[str, str] | None:
        if not endpoint.signed:
            return None
        if self._signer is None:
            raise VenueAuthError(f"{endpoint.path} needs an API key, and none is configured")
        nonce = self._nonces.next() if self._nonces is not None else ""
        headers = {"APIKey": self._signer.api_key, "Authent": self._signer.authent(endpoint.path, data, nonce)}
        if nonce:
            headers["Nonce"] = nonce
        return headers | _FORM if endpoint.method == "POST" else headers

    def _note(self, endpoint: Endpoint, error: VenueError) -> None:
        if isinstance(error, VenueRateLimitedError):
            self._limiter.back_off(endpoint.pool, max(error.retry_after_s, self._params.rate_limit_pause_s))
        if isinstance(error, VenueRejectedError):
            self.failures.succeeded()
        else:
            self.failures.failed(error)


def _present(**arguments: str | None) -> list[tuple[str, str]]:
    return [(name, value) for name, value in arguments.items() if value is not None]
