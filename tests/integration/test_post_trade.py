"""A day of trades on the simulated venue: every learning file agrees with the trades, to the last unit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from click.testing import CliRunner

from tests.integration.daemon_rig import Rig, running
from tradingbot.app.analysis import ANALYSES
from tradingbot.app.cli import cli
from tradingbot.engine.catalog import DOCUMENTS, document_path
from tradingbot.engine.cycle_record import digest_of
from tradingbot.engine.post_trade import EMPTY
from tradingbot.learning.exact_sums import total
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.storage.journal_reader import JournalReader


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def stored(home: Path, name: str) -> Any:
    envelope = orjson.loads(document_path(home, name).read_bytes())
    return DOCUMENTS[name].model.model_validate_json(orjson.dumps(envelope["data"]))


def lines(home: Path, name: str) -> list[dict[str, Any]]:
    return list(JournalReader(home / "logs" / f"{name}.jsonl"))


def learning(home: Path) -> dict[str, Any]:
    return {name: stored(home, name) for name in (*EMPTY, "reality_gap", "learned")}


@dataclass(frozen=True)
class Day:
    """A home after a life of the daemon, the trades that it made, and what it knew before its last cycle."""

    home: Path
    trades: tuple[ClosedTrade, ...]
    known_hash: str


async def trade(rig: Rig, count: int) -> Day:
    await rig.cycle_until("trades", lambda: len(rig.daemon._keeper.trades) >= count, 90)
    await rig.daemon._analyst.advise()
    await rig.daemon._analyst.analyse()
    known_hash = digest_of(rig.daemon._post_trade.learned())
    await rig.cycle()
    await rig.stores.writer.flush()
    return Day(rig.home, tuple(rig.daemon._keeper.trades), known_hash)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """One life of the daemon."""
    home = tmp_path_factory.mktemp("day") / "home"

    async def live() -> Day:
        async with running(home) as rig:
            lived = await trade(rig, 6)
            await rig.assert_agrees()
            return lived

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    return asyncio.run(live())


def test_every_file_agrees_with_the_trades_to_the_last_unit(day: Day) -> None:
    home, trades = day.home, day.trades
    files = learning(home)
    for name in EMPTY:
        assert files[name].handled.newest == tuple(trade.trade_id for trade in trades), name
        assert files[name].venue_metadata.venue == "kraken_futures"
    in_usd = total([trade.net_pnl_usd for trade in trades])
    for dimension, members in files["attribution"].content.dimensions.items():
        assert total([share.net_usd for share in members.values()]) == in_usd, dimension
        for currency in {trade.settlement_currency for trade in trades}:
            booked = total([trade.net_pnl for trade in trades if trade.settlement_currency == currency])
            assert total([share.net.get(currency, Decimal(0)) for share in members.values()]) == booked
    assert total([one.net_usd for one in files["expectancy"].content.pairs.values()]) == in_usd
    assert files["counter_signal"].content.pairs["all"].net_usd == in_usd
    assert files["rollout"].content.actual_pnl_usd == in_usd
    assert [row["trade_id"] for row in lines(home, "executed_trades")] == [trade.trade_id for trade in trades]
    assert "unknown" not in files["attribution"].content.dimensions["regime"]
    assert "unknown" not in files["meta_buckets"].content.circumstances["spread"]
    assert files["calibration"].content.unpredicted == 0


def test_trades_carry_their_best_moment_and_worth(day: Day) -> None:
    for trade in day.trades:
        assert trade.notional_usd is not None
        assert trade.notional_usd > 0
        assert trade.peak_time is not None
        assert trade.entry_time <= trade.peak_time <= trade.exit_time
        assert trade.trough_fraction <= 0 <= trade.peak_fraction
        assert trade.timing_id


def test_every_executed_order_has_one_line_whose_parts_add_up(day: Day) -> None:
    home, trades = day.home, day.trades
    rows = lines(home, "execution_quality")
    ids = [row["client_order_id"] for row in rows]
    assert len(ids) == len(set(ids))
    traded = {row["client_order_id"] for row in lines(home, "fills") if row["purpose"] in ("entry", "exit", "stop")}
    assert set(ids) == traded
    entries = [row for row in rows if row["purpose"] == "entry"]
    assert len(entries) >= len(trades)
    assert all(row["delay_bps"] is not None for row in entries)
    for row in (row for row in rows if row["delay_bps"] is not None):
        delay, spread, impact, whole = (Decimal(row[f"{name}_bps"]) for name in ("delay", "spread", "impact", "total"))
        assert delay + spread + impact == whole
        sign = 1 if row["side"] == "buy" else -1
        mid, fill = Decimal(row["decision_mid"]), Decimal(row["average_price"])
        assert whole == ((fill - mid) * sign / mid * 10_000).quantize(Decimal("0.000001"))
        assert Decimal(row["fees_bps"]) == pytest.approx(Decimal(5), abs=Decimal("0.01"))
    for row in rows:
        assert row["stop_price" if row["purpose"] == "stop" else "bid"] is not None
    gap = stored(home, "reality_gap").content
    assert sum(one.orders for one in gap.symbols.values()) == len(rows)


def test_the_next_cycle_reads_what_was_learned(day: Day) -> None:
    home = day.home
    learned = stored(home, "learned")
    cycles = lines(home, "cycles")
    assert cycles[-1]["learned_hash"] == day.known_hash
    assert cycles[0]["learned_hash"] != day.known_hash
    assert learned.hash == digest_of(learned.parameters)
    assert learned.parameters.records


async def test_the_next_life_changes_nothing_and_makes_lost_files_again(
    day: Day,
) -> None:
    home, trades = day.home, day.trades
    before, quality = learning(home), lines(home, "execution_quality")
    for name in ("attribution", "timing", "reality_gap"):
        for path in document_path(home, name).parent.glob(f"{document_path(home, name).name}*"):
            path.unlink()
    journal = home / "logs" / "executed_trades.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    async with running(home) as rig:
        await rig.stores.writer.flush()
        assert learning(home) == before
        assert lines(home, "execution_quality") == quality
        assert [row["trade_id"] for row in lines(home, "executed_trades")] == [trade.trade_id for trade in trades]


def test_the_command_shows_every_analysis_and_the_jobs_wrote_theirs(
    day: Day,
) -> None:
    home, trades = day.home, day.trades
    run = CliRunner().invoke
    whole = orjson.loads(run(cli, ["analyze", "--home", str(home), "--json"]).output)
    assert whole["trade_count"] == len(trades)
    assert set(ANALYSES) <= set(whole)
    assert Decimal(whole["trades"]["all"]["net_usd"]) == total([trade.net_pnl_usd for trade in trades])
    assert whole["trades"]["advice"]["advice"][0]["code"] == "sample_too_small"
    kept = stored(home, "trade_analysis").analyses
    assert kept.keys() == ANALYSES.keys()
    advice = lines(home, "strategic_advice")[-1]
    assert advice["advice"] == [{"code": "sample_too_small", "trades": advice["trades"]}]
    for name in (None, *ANALYSES):
        shown = run(cli, ["analyze", *([name] if name else []), "--home", str(home)])
        assert shown.exit_code == 0, (name, shown.output, shown.exception)
        assert f"{len(trades)} trades" in shown.output
    later = orjson.loads(run(cli, ["analyze", "fees", "--home", str(home), "--json", "--since", "2030-01-01"]).output)
    assert later["trade_count"] == 0
    assert later["fees"]["share_of_gross"] is None
