"""A year of outcomes in one meeting of the learners: how long, how much memory, and how the event loop fared meanwhile.

Makes a home with `--days` of signals of ten symbols every minute, then lets the meeting read and judge all of them in
its own process, as the daemon's job does, while a steady 5 ms wake-up on the loop notes how late it gets through.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from benchmarks.learning_study import ground_of
from benchmarks.made_signals import DAY_MIN, MadeMarket, made_signals
from tradingbot.app.learning_meeting import GROUND, STATE, meeting_of_home
from tradingbot.beside import in_process
from tradingbot.clock import SystemClock
from tradingbot.core.types import iso_utc, utc_from_ms
from tradingbot.learning.learner_params import LearnerParams, MetaLearningParams
from tradingbot.learning.meta_learning import MetaState
from tradingbot.learning.outcomes import HORIZONS_MIN
from tradingbot.learning.signal_table import SignalTable

START_MS = 1_735_689_600_000
WAKE_S = 0.005


def lines_of(table: SignalTable) -> Iterator[dict[str, Any]]:
    """The table as `logs/signal_outcomes.jsonl` has it."""
    said, returns, composite = table.said.tolist(), table.returns_bps.tolist(), table.composite.tolist()
    for row in range(len(table)):
        moment, symbol = iso_utc(utc_from_ms(int(table.time_ms[row]))), table.symbols[int(table.symbol[row])]
        yield {
            "signal_id": f"{moment[:16]}-{symbol}",
            "at": moment,
            "as_of": moment,
            "symbol": symbol,
            "price": 100.0,
            "direction": "long",
            "confidence": 0.3,
            "conviction": "LOW",
            "stage": "fee",
            "blocked_by": "fee",
            "multiplier": 0.9,
            "components": {
                name: [1 if word > 0 else -1 if word < 0 else 0, round(abs(word), 4)]
                for name, word in zip(table.components, said[row], strict=True)
            },
            "regime": "NEUTRAL",
            "composite": [round(part, 4) for part in composite[row]],
            "cost_bps": 12.0,
            "returns_bps": {
                str(minutes): None if math.isnan(value) else round(value, 3)
                for minutes, value in zip(HORIZONS_MIN, returns[row], strict=True)
            },
            "unknown": {},
        }


def make_home(home: Path, days: int) -> int:
    """Write the journal a month at a time; its bytes."""
    path = home / "logs" / "signal_outcomes.jsonl"
    path.parent.mkdir(parents=True)
    with path.open("wb") as out:
        for first in range(0, days, 30):
            market = MadeMarket(min(30, days - first), seed=first + 1)
            table = made_signals(market, START_MS + first * DAY_MIN * 60_000)
            out.writelines(orjson.dumps(line) + b"\n" for line in lines_of(table))
    return path.stat().st_size


async def measured(home: Path, days: int) -> dict[str, Any]:
    """One meeting over everything."""
    params = LearnerParams(meta=MetaLearningParams(window_days=float(days)))
    now = utc_from_ms(START_MS) + timedelta(days=days, minutes=1)
    asked = {
        "home": home,
        "now": now,
        "since": utc_from_ms(START_MS),
        "state": STATE.dump_python(MetaState(), mode="json"),
        "ground": GROUND.dump_python(ground_of([f"S{number}USDT" for number in range(10)], params), mode="json"),
        "cost_bps": 12.0,
    }
    loop, late_s, done = asyncio.get_running_loop(), [0.0], asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            due = loop.time() + WAKE_S
            await asyncio.sleep(WAKE_S)
            late_s.append(loop.time() - due)

    watching = asyncio.create_task(watch())
    started = loop.time()
    found = await in_process(SystemClock(), meeting_of_home, asked, 3600.0)
    done.set()
    await watching
    late = sorted(late_s)
    return {
        "took_s": round(loop.time() - started, 1),
        "read_s": found["read_s"],
        "peak_mb": found["peak_mb"],
        "counts": found["counts"],
        "trials": len(found["told"]["trials"]),
        "loop_late_p99_ms": round(late[int(0.99 * len(late))] * 1000, 2),
        "loop_late_max_ms": round(late[-1] * 1000, 2),
        "wake_ups": len(late),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning_year")
    parser.add_argument("--days", type=int, default=365)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="learning-year-") as folder:
        size = make_home(Path(folder), asked.days)
        found = asyncio.run(measured(Path(folder), asked.days))
    print(json.dumps({"days": asked.days, "journal_mb": round(size / 1e6), **found}))


if __name__ == "__main__":
    main()
