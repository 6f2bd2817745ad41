"""Computes random past decisions again from their records and compares them with what was stored.

    python scripts/verify_explanations.py --home HOME [--count 200] [--seed 1] [--json]

Half of the sample are signals that were traded, as far as there are so many; the rest are any with a side. Exit code 0
when every one of them comes out exactly as it was stored.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from tradingbot.app.explaining import states_of
from tradingbot.explain.stored import StoredSignal, find_trade, trade_id_of
from tradingbot.explain.story import story
from tradingbot.storage.journal_reader import JournalReader


def chosen(home: Path, count: int, seed: int) -> dict[str, dict[str, Any]]:
    """Lines of the sample by signal id."""
    entered, others = [], []
    for line in JournalReader(home / "logs/signal_universe.jsonl"):
        if line["direction"] != "neutral":
            (entered if line["stage"] == "entered" else others).append(line["signal_id"])
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    picked = draw.sample(entered, min(len(entered), count // 2))
    picked += draw.sample(others, min(len(others), count - len(picked)))
    wanted = set(picked)
    lines = JournalReader(home / "logs/signal_universe.jsonl")
    return {line["signal_id"]: line for line in lines if line["signal_id"] in wanted}


def main() -> int:
    """Sample, compute again, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    home: Path = given.home
    universe = chosen(home, given.count, given.seed)
    signals = {
        r["signal_id"]: r for r in JournalReader(home / "logs/predictive_signals.jsonl") if r["signal_id"] in universe
    }
    names = {line["cycle_id"] for line in universe.values()}
    cycles = {r["cycle_id"]: r for r in JournalReader(home / "logs/cycles.jsonl") if r["cycle_id"] in names}
    params = {r["params_hash"]: r for r in JournalReader(home / "logs/decision_params.jsonl")}
    positions, trades = states_of(home)
    stages: Counter[str] = Counter()
    told, wrong = 0, []
    for signal_id, line in universe.items():
        stored = StoredSignal(
            signal_id, line, signals.get(signal_id), cycles.get(line["cycle_id"]), params.get(line["params_hash"])
        )
        trade_id = trade_id_of(stored)
        trade = find_trade(home, trade_id, positions, trades) if trade_id is not None else None
        told += trade is not None
        stages[line["stage"]] += 1
        check = story(stored, trade)["check"]
        if not check["agrees"]:
            wrong.append({"signal_id": signal_id, **check})
    facts = {"decisions": len(universe), "with_trade": told, "stages": dict(stages), "wrong": wrong}
    sys.stdout.buffer.write(orjson.dumps(facts, option=orjson.OPT_INDENT_2) + b"\n")
    return 1 if wrong or not universe else 0


if __name__ == "__main__":
    raise SystemExit(main())
