"""What a supervisor is told: READY after the reconciliation, WATCHDOG after good cycles only, STOPPING at the end."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tradingbot.app.runtime import CycleLoop, Runtime
from tradingbot.clock import SteppedClock, SystemClock
from tradingbot.core.errors import VenueUnavailableError
from tradingbot.engine.params import EngineParams
from tradingbot.net.http import HttpClient, HttpParams


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A real NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield channel


def messages(channel: socket.socket) -> list[str]:
    """Everything that was sent."""
    found = []
    while True:
        try:
            found.append(channel.recv(4096).decode())
        except BlockingIOError:
            return found


async def run_cycles(outcomes: list[str]) -> None:
    """A runtime whose cycles end so: good, fails, or hangs."""
    clock = SteppedClock(datetime(2026, 1, 5, 8, tzinfo=UTC))
    left = iter(outcomes)

    async def one() -> Any:
        match next(left):
            case "fails":
                raise RuntimeError("broken")
            case "hangs":
                await clock.sleep(3600)

    async def after(*_: object) -> None:
        return

    loop = CycleLoop(one, clock, EngineParams(), after, len(outcomes), lambda why: runtime.request_stop(why))
    runtime = Runtime({}, loop, [])

    async def prepared() -> None:
        return

    await runtime.run(prepared)


async def test_good_cycles_feed_the_watchdog(told: socket.socket) -> None:
    """One word each, between READY and STOPPING."""
    await run_cycles(["good"] * 3)
    assert messages(told) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


async def test_cycles_that_fail_or_hang_do_not(told: socket.socket) -> None:
    """So the supervisor ends a daemon that no longer works."""
    await run_cycles(["fails", "hangs", "good"])
    assert messages(told) == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


async def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    """TLS is verified."""
    command = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    command += [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(tmp_path / "key"),
        "-out",
        str(tmp_path / "crt"),
    ]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("openssl is not here")
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({})

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    app = web.Application()
    app.router.add_get("/x", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    client = HttpClient(SystemClock(), HttpParams())
    try:
        with pytest.raises(VenueUnavailableError, match=r"certificate|SSL"):
            await client.fetch_json("GET", f"https://127.0.0.1:{port}/x")
    finally:
        await client.close()
        await runner.cleanup()
    assert asked == []
