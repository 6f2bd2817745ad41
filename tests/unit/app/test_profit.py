"""Does a home make or lose money? Equity against the day's first and the first on file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import orjson

from tests.builders_trades import a_trade
from tradingbot.app.profit import profit_facts
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.models import PositionsState, RuntimeState, TradesState
from tradingbot.engine.trade_archive import archived


def runtime(equity: str | None) -> RuntimeState:
    now = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)
    return RuntimeState.model_construct(as_of=now, equity_usd=None if equity is None else Decimal(equity))


def cycles(home: Path, *rows: tuple[str, str | None]) -> None:
    path = journal_path(home, "cycles")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps({"as_of": at, "equity_usd": usd}) + b"\n" for at, usd in rows))


def test_today_is_measured_from_the_first_known_equity_of_the_utc_day(tmp_path: Path) -> None:
    cycles(
        tmp_path,
        ("2026-01-05T08:00:03.000Z", "1000"),
        ("2026-01-05T23:59:03.000Z", "1200"),
        ("2026-01-06T00:00:03.000Z", None),
        ("2026-01-06T00:01:03.000Z", "1100"),
    )
    found = profit_facts(tmp_path, runtime("1111"), TradesState(), PositionsState(), None)
    assert (found["today"]["change_usd"], found["today"]["change_pct"]) == ("11", 1.0)
    assert found["today"]["since"] == datetime(2026, 1, 6, 0, 1, 3, tzinfo=UTC)
    assert (found["since_start"]["change_usd"], found["since_start"]["change_pct"]) == ("111", 11.1)
    assert found["not_from_trading_usd"] == "111"  # nothing was traded


def test_archived_trades_count(tmp_path: Path) -> None:
    day = datetime(2026, 1, 6, tzinfo=UTC)
    trades = [
        a_trade(number, net, closed=day + timedelta(hours=hour))
        for number, (net, hour) in enumerate((("4", -5), ("-9", -1), ("8", 1), ("-1", 2), ("16", 3)))
    ]
    for gone in range(len(trades) + 1):
        state = TradesState(trades=trades[gone:], archived=archived(trades[:gone]))
        found = profit_facts(tmp_path, runtime("1111"), state, PositionsState(), None)
        for span, count, won, net in (("today", 3, 2, "23"), ("since_start", 5, 3, "18")):
            told = found[span]
            assert (told["trades"], told["won"], told["net_pnl_usd"]) == (count, won, net), (gone, span)


def test_what_is_not_known_is_none(tmp_path: Path) -> None:
    found = profit_facts(tmp_path, runtime("1111"), TradesState(), PositionsState(), None)
    assert found["today"]["change_usd"] is found["today"]["since"] is found["not_from_trading_usd"] is None
    cycles(tmp_path, ("2026-01-06T00:01:03.000Z", "1100"))
    assert profit_facts(tmp_path, runtime(None), TradesState(), PositionsState(), None)["today"]["change_usd"] is None
