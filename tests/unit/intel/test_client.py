"""The client: what each answer means, what is asked again, and that the key shows nowhere."""

from __future__ import annotations

import itertools
import json
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared_data import recorded
from tests.unit.intel.fake_coinglass import KEY, FakeCoinglass, served
from tests.unit.intel.support import clock, params_for
from tradingbot.core.errors import (
    ConfigurationError,
    IntelError,
    IntelIntervalError,
    IntelKeyError,
    IntelPlanError,
    IntelProtocolError,
    IntelRateLimitedError,
    IntelRequestError,
    IntelUnavailableError,
)
from tradingbot.intel.coinglass_answers import judge
from tradingbot.intel.coinglass_rest import CoinglassClient
from tradingbot.intel.endpoints import Endpoint
from tradingbot.intel.params import CoinglassParams


async def asked(fault: Any, times: int = 9, key: str = KEY, **changes: Any) -> tuple[FakeCoinglass, Any]:
    """What one call brings from a server that has this fault so many times, then none."""
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        client = CoinglassClient(time, params_for(fake.url, **changes), key)
        fake.faults[Endpoint.TAKER] = [fault] * times if fault is not None else []
        try:
            return fake, await client.get(Endpoint.TAKER, [("symbol", "BTC"), ("range", "5m")])
        except IntelError as error:
            return fake, error
        finally:
            await client.close()


def code(number: str | int, message: str = "") -> dict[str, Any]:
    return {"code": number, "msg": message}


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        (code("400", "Required String parameter 'exchange_list' is not present"), IntelRequestError, 1),
        (code("400", "Required String parameter 'interval' is not present"), IntelRequestError, 1),
        (code("400", "Invalid API key provided"), IntelKeyError, 1),
        (code("401", "API key missing."), IntelKeyError, 1),
        (code("401", "Upgrade plan"), IntelPlanError, 1),
        (code(401, "Upgrade plan"), IntelPlanError, 1),
        (code("403", "The requested interval is not available for your current API plan"), IntelIntervalError, 1),
        (code("403"), IntelPlanError, 1),
        (code("404"), IntelRequestError, 1),
        (code("422"), IntelRequestError, 1),
        (code("30001", "API key missing."), IntelKeyError, 1),
        (code("429"), IntelRateLimitedError, 1),
        (code("50001"), IntelRateLimitedError, 1),
        ((429, code("429", "Too Many Requests")), IntelRateLimitedError, 1),
        ((429, ["no object"]), IntelRateLimitedError, 1),
        (code("777"), IntelProtocolError, 1),
        ({"data": []}, IntelProtocolError, 1),
        (["no object"], IntelProtocolError, 1),
        (code("408"), IntelUnavailableError, 3),
        (code("500", "Server Error"), IntelUnavailableError, 3),
        ((500, code("500", "Server Error")), IntelUnavailableError, 3),
        ((502, {"oops": 1}), IntelUnavailableError, 3),
        ("html", IntelUnavailableError, 3),
        ("truncated", IntelUnavailableError, 3),
        ("slow", IntelUnavailableError, 3),
    ],
)
async def test_each_answer_is_its_error_and_only_outages_are_asked_again(
    fault: Any, kind: type[IntelError], calls: int
) -> None:
    fake, error = await asked(fault)
    assert type(error) is kind, error
    assert len(fake.calls) == calls


async def test_an_outage_that_ends_is_not_noticed() -> None:
    fake, answer = await asked(code("500", "Server Error"), times=2)
    assert answer.data["buy_vol_usd"] == 1200.5
    sent = [at for at, _, _ in fake.calls]
    assert all(later - sooner >= 2.5 - 1e-6 for sooner, later in itertools.pairwise(sent))


async def test_nobody_listening_is_an_outage() -> None:
    time = clock()
    client = CoinglassClient(time, params_for("http://127.0.0.1:9", attempts=1), KEY)
    with pytest.raises(IntelUnavailableError):
        await client.get(Endpoint.TAKER)
    await client.close()


async def test_a_429_silences_the_whole_client_for_a_minute() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        client = CoinglassClient(time, params_for(fake.url), KEY)
        fake.faults[Endpoint.TAKER] = [(429, code("429"))]
        with pytest.raises(IntelRateLimitedError):
            await client.get(Endpoint.TAKER)
        await client.get(Endpoint.FEAR_GREED)
        await client.close()
    assert fake.calls[1][0] - fake.calls[0][0] >= 60


async def test_the_rate_header_narrows_the_pace() -> None:
    time = clock()
    async with served(FakeCoinglass(time, limit=10)) as fake:
        client = CoinglassClient(time, params_for(fake.url), KEY)
        await client.get(Endpoint.FEAR_GREED)
        await client.get(Endpoint.FEAR_GREED)
        await client.close()
    assert fake.calls[1][0] - fake.calls[0][0] >= 7.5
    assert client.pace.budget_per_min == pytest.approx(8)


async def test_the_key_shows_nowhere() -> None:
    """Not in a repr, nor in the message of an error, even when the server repeats it."""
    wrong = "wrong-key-987654"
    _, error = await asked(None, key=wrong)
    assert isinstance(error, IntelKeyError)
    text = "".join(traceback.format_exception(error)) + repr(CoinglassClient(clock(), CoinglassParams(), wrong))
    assert wrong not in text
    assert "***" in text


@pytest.mark.parametrize("key", ["", "  ", "a b", "line\nbreak", "ümlaut"])
def test_a_key_that_no_header_can_carry_is_a_configuration_error(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        CoinglassClient(clock(), CoinglassParams(), key)
    assert not key.strip() or key not in str(caught.value)


async def test_origin_of_a_simulated_source_is_kept() -> None:
    time = clock()
    async with served(FakeCoinglass(time)) as fake:
        fake.origin = "synthetic"
        client = CoinglassClient(time, params_for(fake.url), KEY)
        answer = await client.get(Endpoint.TAKER, [("symbol", "BTC")])
        await client.close()
    assert answer.origin == "synthetic"
    assert answer.stamp("x").origin == "synthetic"


@pytest.mark.recorded
def test_the_observed_error_bodies_are_told_apart() -> None:
    """Bodies that others saw on the real host."""
    seen = json.loads(recorded("venues/coinglass/error_bodies_observed.json").read_text())
    kinds = []
    for case in seen:
        with pytest.raises(IntelError) as caught:
            judge("it", case["http_status"], case["body"], "")
        kinds.append(type(caught.value))
    assert kinds == [
        IntelKeyError, IntelKeyError, IntelPlanError, IntelIntervalError, IntelRequestError, IntelUnavailableError,
        IntelRequestError, IntelRateLimitedError, IntelKeyError,
    ]  # fmt: skip


@given(st.integers(100, 599), st.recursive(st.none() | st.text(max_size=5) | st.integers(), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["code", "msg", "data", "origin"]), inner)
)))  # fmt: skip
def test_no_answer_breaks_the_judge(status: int, payload: Any) -> None:
    """Data or an IntelError, nothing else."""
    try:
        judge("it", status, payload, "")
    except IntelError:
        return
    assert str(payload["code"]) == "0"
