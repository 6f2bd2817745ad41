#!/usr/bin/env python3
"""The exchange integration test: price > 0, order book with both sides and not crossed, candles valid and fresh.

    python scripts/exchange_integration_test.py                                       # the real exchange, public API
    python scripts/exchange_integration_test.py --venue-url http://127.0.0.1:8790/derivatives --profile testnet

Exit codes: 0 every symbol passed, 1 a symbol failed or the venue does not answer, 2 wrong usage or configuration.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from tradingbot.app.cli import exit_code_of
from tradingbot.app.cli.shared import on_loop
from tradingbot.app.integration_test import ask_exchange
from tradingbot.app.options import RunOptions
from tradingbot.core.errors import TradingBotError


def main() -> int:
    """Ask, print one line per symbol, and one at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=("live", "testnet"), default="live", help="whose settings name the venue")
    parser.add_argument("--symbols", default="", help="separated by commas; default: the whole universe")
    parser.add_argument("--venue-url", help="another REST base URL, ending in /derivatives")
    parser.add_argument("--json", type=Path, help="also write the results into this file")
    given = parser.parse_args()
    with TemporaryDirectory() as home:
        options = RunOptions(
            home=Path(home),
            profile=given.profile,
            symbols=tuple(part for name in given.symbols.split(",") if (part := name.strip())),
            venue_url=given.venue_url,
        )
        try:
            tests = on_loop(lambda: ask_exchange(options, os.environ))
        except TradingBotError as error:
            print(f"FAILED: {error}", file=sys.stderr)
            return exit_code_of(error)
    for one in tests:
        print(f"{'ok    ' if one.ok else 'FAILED'} {one.symbol:10} {one.seen}")
        for fault in one.faults:
            print(f"       {fault}")
    passed = sum(one.ok for one in tests)
    print(f"{passed} of {len(tests)} symbols passed")
    if given.json:
        given.json.write_bytes(orjson.dumps([asdict(one) for one in tests], option=orjson.OPT_INDENT_2))
    return 0 if tests and passed == len(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
