"""`python -m benchmarks.page.visitors URL COUNT SECONDS`: open pages as a browser keeps them, from another process."""

from __future__ import annotations

import asyncio
import sys

import aiohttp

from tradingbot.dashboard.pages import PAGES

NAMES = [page.name for page in PAGES.values() if page.live]


async def visit(session: aiohttp.ClientSession, url: str, name: str) -> int:
    """Listen, and fetch the page anew at each cycle. How often."""
    fetched, tag = 0, ""
    async with session.get(url + "events") as stream:
        async for line in stream.content:
            if not line.startswith(b"data: "):
                continue
            async with session.get(f"{url}{name}?fragment=1", headers={"If-None-Match": tag}) as answer:
                await answer.read()
                tag = answer.headers.get("ETag", "")
                fetched += 1
    return fetched


async def crowd(url: str, count: int, seconds: float) -> None:
    """So many of them for so long."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
        tasks = [asyncio.create_task(visit(session, url, NAMES[number % len(NAMES)])) for number in range(count)]
        _, open_still = await asyncio.wait(tasks, timeout=seconds)
        if len(open_still) != count:
            sys.exit(f"{count - len(open_still)} of {count} pages were closed by the daemon")
        for task in open_still:
            task.cancel()
        await asyncio.gather(*open_still, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(crowd(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
