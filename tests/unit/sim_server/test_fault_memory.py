"""A trouble that is played a thousand times leaves nothing in memory."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from aiohttp import web

from tests.builders_sim import running_venue
from tradingbot.sim_server.http_gate import _ERROR_FAULTS


@pytest.mark.parametrize("name", sorted(_ERROR_FAULTS))
async def test_refused_requests_are_let_go(tmp_path: Path, name: str) -> None:
    async with running_venue(tmp_path) as run:
        url = run.endpoints.rest_url.removesuffix("/derivatives") + "/control/faults"
        async with run.session.post(url, json={"name": name}) as answer:
            assert answer.status == 200
        for _ in range(20):
            await run.rest.get("openpositions")
        gc.collect()
        kept = sum(isinstance(one, web.Request) for one in gc.get_objects())
    assert kept <= 4
