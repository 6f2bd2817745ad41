"""Backtests from the request to the files: repeatable, honest about the future, exact about costs."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
import structlog
from pydantic import TypeAdapter

from tradingbot.app import backtest, backtest_study
from tradingbot.app.backtest import BacktestRequest, Costs, plan_of, run, run_all, with_cores
from tradingbot.app.cli import main
from tradingbot.beside import WorkerError
from tradingbot.core.types import Symbol, utc_from_ms
from tradingbot.engine.bot_cycle import BotCycle
from tradingbot.engine.cycle_scribe import CycleSeen
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.minute_features import MinuteFeatures
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.research.backtest import engine, near_collect, near_frames, near_quotes, near_samples
from tradingbot.research.backtest.engine import FailedBacktestError
from tradingbot.research.backtest.look_ahead import differences
from tradingbot.research.backtest.near_collect import ReadyMarket
from tradingbot.research.backtest.plan import Span
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.research.backtest.result_file import load_result
from tradingbot.research.backtest.tally import TallyScribe
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS, SyntheticMarket

ROOT = Path(__file__).resolve().parents[2]
START = utc_from_ms(DEFAULT_START_MS)
ASSETS = ("BTC", "ETH", "SOL")
MINUTE = timedelta(minutes=1)
PLAYED_MIN = 130


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three assets for a day and two hours, of which the two hours are played."""
    made = SyntheticMarket(1, start_ms=DEFAULT_START_MS, volatility=3.0)
    until_ms, frames = DEFAULT_START_MS + PLAYED_MIN * 60_000, []
    for asset in ASSETS:
        rows = made.rows(asset, until_ms, 1_600 + PLAYED_MIN)
        columns = dict(zip(("open", "high", "low", "close", "volume"), rows[:, 1:6].T, strict=True))
        frames.append(pd.DataFrame({"ts": rows[:, 0].astype("int64"), "symbol": asset, **columns}))
    path = tmp_path_factory.mktemp("candles") / "candles.parquet"
    pd.concat(frames).to_parquet(path)
    return path


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    backtest.quiet()
    yield
    structlog.reset_defaults()


def asked(home: Path, data: Path | None, minutes: int = 40, **changes: Any) -> BacktestRequest:
    """The first minutes of the recording, without a warm-up and without a second source."""
    usual: dict[str, Any] = {
        "home": str(home),
        "data": str(data) if data else None,
        "since": START,
        "until": START + minutes * MINUTE,
        "warm_up_min": 0,
        "intelligence": False,
    }
    return BacktestRequest(**{**usual, **changes})


@pytest.fixture(scope="module")
def whole(candles: Path, tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    """The first forty minutes, played once for all who compare with them."""
    backtest.quiet()
    found = run(asked(tmp_path_factory.mktemp("home"), candles))
    assert len(found.trades) >= 2
    return found


@pytest.fixture
def beside_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers without processes: the same question, the same work, the same answer; quicker."""

    async def near(_clock: object, work: Any, question: Mapping[str, Any], _limit_s: float = 0.0) -> Any:
        try:
            return await asyncio.to_thread(work, orjson.loads(orjson.dumps(question, default=str)))
        except Exception as error:
            raise WorkerError(f"{work.__name__}: {type(error).__name__}: {error}") from None

    monkeypatch.setattr(backtest, "in_process", near)


def told(_name: str, _done: int, _of: int) -> None:
    """Nobody listens."""


# ---------------------------------------------------------------- the same again


def told_of(trades: Any) -> Any:
    """Trades as a file tells them: the numbers of their contexts are texts there."""
    return TypeAdapter(list[ClosedTrade]).dump_python(list(trades), mode="json")


def same(one: BacktestResult, other: BacktestResult) -> None:
    assert one.digest == other.digest
    assert one.checkpoints == other.checkpoints
    assert told_of(one.trades) == told_of(other.trades)
    assert one.equity.equity_usd.tobytes() == other.equity.equity_usd.tobytes()


@pytest.mark.process
async def test_a_process_of_its_own_comes_to_the_same_as_this_one(
    tmp_path: Path, candles: Path, whole: BacktestResult
) -> None:
    (beside,) = await run_all([asked(tmp_path, candles)], tmp_path / "runs", 2, told)
    same(whole, beside)


@pytest.mark.parametrize("workers", [1, 2])
async def test_results_come_in_the_order_they_were_asked_for(
    workers: int, tmp_path: Path, candles: Path, beside_in_a_thread: None
) -> None:
    requests = [asked(tmp_path, candles, minutes, name=f"{minutes} minutes") for minutes in (4, 2, 3)]
    found = await run_all(requests, tmp_path / "runs", workers, told)
    assert [(one.facts.name, one.facts.cycles) for one in found] == [
        ("4 minutes", 5), ("2 minutes", 3), ("3 minutes", 4)
    ]  # fmt: skip
    assert found[0].checkpoints[:3] == found[1].checkpoints


@pytest.mark.long
@pytest.mark.process
async def test_any_number_of_workers_comes_to_the_same(tmp_path: Path, candles: Path) -> None:
    requests = [asked(tmp_path, candles, PLAYED_MIN, seed=seed) for seed in (1, 2, 3)]
    here = [await asyncio.to_thread(run, request) for request in requests]
    for workers in (1, 2, 3):
        beside = await run_all(requests, tmp_path / str(workers), workers, told)
        for one, other in zip(here, beside, strict=True):
            same(one, other)


def test_intelligence_is_repeatable_too(tmp_path: Path) -> None:
    request = asked(tmp_path, None, 8, symbols=("ETH",), intelligence=True)
    first, second = run(request), run(request)
    without = run(replace(request, intelligence=False))
    same(first, second)
    assert first.digest != without.digest
    more = {name for name, counts in first.signals.components.items() if counts.live}
    assert more > {name for name, counts in without.signals.components.items() if counts.live}


@pytest.mark.process
@pytest.mark.parametrize("of", ["made", "recorded"])
def test_intelligence_from_a_second_process_comes_to_the_same(of: str, tmp_path: Path, candles: Path) -> None:
    data, symbols = (None, ("ETH",)) if of == "made" else (candles, ("BTC", "SOL"))
    request = asked(tmp_path, data, 12, symbols=symbols, intelligence=True)
    alone, beside = run(request), run(replace(request, two_cores=True))
    same(alone, beside)
    assert alone.signals == beside.signals
    assert len(alone.checkpoints) == 13


def test_a_second_core_is_taken_where_there_is_one_and_the_run_is_long(tmp_path: Path) -> None:
    short, long = asked(tmp_path, None, 40), asked(tmp_path, None, 1440)
    assert [with_cores(one, cores).two_cores for one in (short, long) for cores in (1, 2, 3)] == [
        False, False, False, False, True, True
    ]  # fmt: skip
    assert with_cores(replace(short, until=None), 2).two_cores
    assert plan_of(replace(long, intelligence=True, two_cores=True)).ahead is not None
    assert plan_of(replace(long, intelligence=False, two_cores=True)).ahead is None, "there is nothing to play ahead"


# ---------------------------------------------------------------- warm-up and future


def test_nothing_is_opened_in_the_warm_up(tmp_path: Path, candles: Path, whole: BacktestResult) -> None:
    since = START + 10 * MINUTE
    assert min(trade.entry_time for trade in whole.trades) < since
    late = run(asked(tmp_path, candles, 40, since=since, warm_up_min=10))
    assert late.facts.warm_since == START
    assert late.facts.cycles == 30
    assert late.signals.total == 30 * len(ASSETS)
    assert late.trades or late.open_positions
    assert all(trade.entry_time >= since for trade in late.trades)
    assert set(late.equity.exposure_usd[:1]) == {0.0}


def cut_of(whole: BacktestRequest, minute: int) -> BacktestRequest:
    """The same up to a minute, with garbage behind it, as the proof of the command runs it."""
    return replace(whole, until=START + minute * MINUTE, poisoned_after=START + (minute - 1) * MINUTE)


def test_what_comes_later_changes_nothing(tmp_path: Path, candles: Path, whole: BacktestResult) -> None:
    cut = run(cut_of(asked(tmp_path, candles), 25))
    assert cut.facts.data_digest != whole.facts.data_digest
    assert len(cut.trades) >= 1
    assert differences(whole, cut) == []


def test_features_from_the_future_are_found_out(tmp_path: Path, candles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two candles too many are as few as can be found: the candle that runs is the market itself."""

    def minute(self: ReadyMarket, symbol: Symbol) -> MinuteFeatures | None:
        one = self._known[symbol]
        return one.minutes[one.row - one.first + 2]

    def frame(self: ReadyMarket, symbol: Symbol) -> FrameFeatures | None:
        one = self._known[symbol]
        return one.frames[one.row - one.first + 2]

    monkeypatch.setattr(ReadyMarket, "minute", minute)
    monkeypatch.setattr(ReadyMarket, "frame", frame)
    request = asked(tmp_path, candles, 13)
    found = differences(run(request), run(cut_of(request, 12)))
    assert len(found) == 1
    assert "the cycle of 2026-01-05T08:11:02.000Z decided otherwise" in found[0]


def test_a_candle_that_has_not_closed_is_refused(
    tmp_path: Path, candles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = ReadyMarket.reach
    monkeypatch.setattr(ReadyMarket, "reach", lambda self, now_ms: reach(self, now_ms + 60_000))
    found = run(asked(tmp_path, candles, 5))
    assert found.signals.with_side == 0
    assert not found.trades


def test_the_honest_study_takes_the_future_away_where_every_cycle_is_compared(tmp_path: Path, candles: Path) -> None:
    runs = backtest_study._cuts(asked(tmp_path, candles), span(START, START + 40 * MINUTE))
    assert [one.until for one in runs] == [START + 13 * MINUTE, START + 26 * MINUTE]
    assert [one.poisoned_after for one in runs] == [START + 12 * MINUTE, START + 25 * MINUTE]
    assert backtest_study._cuts(asked(tmp_path, None), span(START, START + 40 * MINUTE)) == []


def span(since: datetime, until: datetime) -> Span:
    return Span(since, since, until)


def test_a_cycle_that_fails_fails_the_run(tmp_path: Path, candles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_self: BotCycle) -> None:
        raise ZeroDivisionError("no cycle may")

    monkeypatch.setattr(BotCycle, "run_once", fail)
    with pytest.raises(FailedBacktestError, match="2026-01-05 08:00:00 UTC: ZeroDivisionError"):
        run(asked(tmp_path, candles, 2))


# ---------------------------------------------------------------- candles from columns that lie ready


def snapshots(request: BacktestRequest, near: bool, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """Time and digest of every cycle's snapshot, and how many candles it has."""
    seen = []

    class Watching(TallyScribe):
        def write(self, cycle: CycleSeen) -> None:
            super().write(cycle)
            known = sum(len(one.candles) for one in cycle.snapshot.symbols.values())
            seen.append((cycle.snapshot.cycle_id, cycle.snapshot.digest(), known))

    monkeypatch.setattr(engine, "TallyScribe", Watching)
    plan = backtest.plan_of(request)
    engine.run_backtest(replace(plan, trading=replace(plan.trading, near=near)))
    return seen


@pytest.mark.parametrize("leader", [True, False])
def test_they_make_the_snapshots_that_asking_would_make(
    leader: bool, tmp_path: Path, candles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where candles are missing, and where one stretch of columns ends and the next begins."""
    for part in (near_collect, near_samples, near_quotes, near_frames):
        monkeypatch.setattr(part, "AHEAD", 17)
    table, chance = pd.read_parquet(candles), np.random.default_rng(8)
    minute = (table["ts"] - DEFAULT_START_MS) // 60_000
    table = table[(chance.random(len(table)) > 0.05) & ~((table["symbol"] == "ETH") & minute.between(8, 12))]
    holed = tmp_path / "holed.parquet"
    table.to_parquet(holed)
    request = asked(tmp_path, holed, 36, symbols=("BTC", "ETH") if leader else ("ETH", "SOL"))
    near, far = (snapshots(request, way, monkeypatch) for way in (True, False))
    assert len(near) == 37
    assert near == far
    assert len({digest for _, digest, _ in near}) == 37


# ---------------------------------------------------------------- costs


def test_twice_the_fees_are_twice_the_fees(tmp_path: Path, candles: Path, whole: BacktestResult) -> None:
    """Of the first trade; what it cost may decide about later ones."""
    once, twice = whole, run(asked(tmp_path, candles, 24, costs=Costs(fees=2.0)))
    mine, theirs = once.trades[0], twice.trades[0]
    assert mine.entry_time == theirs.entry_time
    assert (mine.size, mine.entry_price, mine.exit_price) == (theirs.size, theirs.entry_price, theirs.exit_price)
    assert mine.fees > 0
    assert theirs.fees == 2 * mine.fees
    assert theirs.net_pnl == mine.net_pnl - mine.fees
    assert twice.costs["taker_fee_bps"] == 2 * once.costs["taker_fee_bps"]
    assert once.facts.settings_digest != twice.facts.settings_digest


def test_the_equity_is_the_money_that_trades_made(tmp_path: Path, candles: Path) -> None:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    universe = orjson.loads((ROOT / "configs" / "asset_universe.json").read_bytes())
    for entry in universe["assets"]:
        if entry["asset"] == "BTC":  # a wallet of coins would be worth more and less without any trade
            entry["venues"]["kraken_futures"] = "PF_XBTUSD"
    (tmp_path / "configs" / "asset_universe.json").write_bytes(orjson.dumps(universe))
    found = run(asked(tmp_path, candles, 24))
    assert (found.open_positions, len(found.trades)) == (0, 1), "choose a span that ends flat"
    made = sum((trade.net_pnl_usd for trade in found.trades), Decimal(0))
    assert found.equity.equity_usd[-1] - found.facts.start_usd == pytest.approx(float(made), abs=0.01)


# ---------------------------------------------------------------- the command


def command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *given: object
) -> tuple[int, str, str]:
    """Exit code, standard output, standard error of `tradingbot backtest`."""
    monkeypatch.setattr(sys, "argv", ["tradingbot", "backtest", *(str(one) for one in given)])
    try:
        main()
        code = 0
    except SystemExit as done:
        code = int(done.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


SPAN = ("--from", "2026-01-05T08:00", "--to", "2026-01-05T08:03", "--warm-up", "0", "--no-intelligence")


DATA = ("--data", "{data}")
CASES: dict[str, tuple[tuple[str, ...], str, str]] = {
    # What is asked for, what is in the file it names, what must be said.
    "broken file": (
        ("--data", "{bad}.csv", *SPAN),
        "ts,symbol,open,high,low,close,volume\n1767600000000,BTC,1,1,2,1,1\n",
        "{bad}.csv: row 1: high is below low",
    ),
    "no file": (("--data", "{bad}.parquet", *SPAN), "", "{bad}.parquet: no such file"),
    "after the data": ((*DATA, "--from", "2027-01-01", *SPAN[4:]), "", "choose --from and --to within it"),
    "before the data": ((*DATA, "--from", "2020-01-01", *SPAN[4:]), "", "choose --from and --to within it"),
    "no symbol": ((*DATA, *SPAN, "--symbols", "NOPE"), "", "NOPE"),
    "a symbol without rows": ((*DATA, *SPAN, "--symbols", "XRP"), "", "XRP"),
    "no setting": ((*DATA, *SPAN, "--set", "risk.limits.no_such_limit=3"), "", "no_such_limit"),
    "no section": ((*DATA, *SPAN, "--set", "no_such_section.x=3"), "", "no_such_section"),
    "a wrong value": ((*DATA, *SPAN, "--set", "risk.limits.max_trades_per_day=many"), "", "max_trades_per_day"),
    "no value": ((*DATA, *SPAN, "--set", "risk.limits.max_trades_per_day"), "", "NAME=VALUE"),
    "no variants": ((*DATA, *SPAN, "--variants", "{bad}.csv"), "[1, 2]", "{bad}.csv: cannot be read as variants"),
    "a variant of no setting": (
        (*DATA, *SPAN, "--variants", "{bad}.csv", "--workers", "1"),
        '{"bold": {"risk.limits.no_such_limit": 3}}',
        "bold: environment variable TRADINGBOT__RISK__LIMITS__NO_SUCH_LIMIT: unknown key",
    ),
    "a variant by the name of none": (
        (*DATA, *SPAN, "--variants", "{bad}.csv"),
        '{"as set": {"risk.limits.max_trades_per_day": 3}}',
        "'as set' is the name of the settings as they are",
    ),
    "no room for windows": ((*DATA, *SPAN, "--walk-forward", "21:7"), "", "--walk-forward"),
    "no windows": ((*DATA, *SPAN, "--walk-forward", "21"), "", "TRAIN:TEST"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_usage_is_one_clear_error(
    case: str,
    tmp_path: Path,
    candles: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    beside_in_a_thread: None,
) -> None:
    given, content, said = CASES[case]
    bad = tmp_path / "bad"
    if content:
        bad.with_suffix(".csv").write_text(content)
    told = [one.replace("{data}", str(candles)).replace("{bad}", str(bad)) for one in given]
    code, out, err = command(capsys, monkeypatch, *told, "--home", tmp_path)
    assert (code, out) == (2, "")
    assert said.replace("{bad}", str(bad)) in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 6


def test_reports_and_results_are_kept(
    tmp_path: Path,
    candles: Path,
    whole: BacktestResult,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    given = [*SPAN[:2], "--to", "2026-01-05T08:40", *SPAN[4:]]
    code, said, err = command(
        capsys, monkeypatch, "--data", candles, *given, "--out", out, "--json", "--home", tmp_path, "--name", "mine"
    )
    assert code == 0, err
    assert orjson.loads(said) == orjson.loads((out / "report.json").read_bytes())
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json", "result.json", "result.npz"]
    assert "<title" in (out / "report.html").read_text(encoding="utf-8")
    kept, again = load_result(out), whole
    same(kept, again)
    assert kept.facts == replace(again.facts, name="mine")
    assert kept.signals == again.signals
    assert kept.trades
    assert (kept.costs, kept.warnings, kept.open_positions) == (again.costs, again.warnings, again.open_positions)


def test_variants_are_compared(
    tmp_path: Path,
    candles: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    beside_in_a_thread: None,
) -> None:
    variants = tmp_path / "variants.json"
    variants.write_text('{"none": {"risk.limits.max_trades_per_day": 1}}')
    given = [*SPAN[:2], "--to", "2026-01-05T08:36", *SPAN[4:]]
    code, said, err = command(
        capsys, monkeypatch, "--data", candles, *given, "--variants", variants, "--home", tmp_path, "--json"
    )
    assert code == 0, err
    rows = {row["name"]: row for row in orjson.loads(said)["honesty"]["variants"]}
    assert set(rows) == {"as set", "none"}
    assert rows["none"]["trades"] < rows["as set"]["trades"]


def test_a_walk_forward_tests_what_training_chose(
    tmp_path: Path,
    candles: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    beside_in_a_thread: None,
) -> None:
    given = [*SPAN[:2], "--to", "2026-01-05T08:30", *SPAN[4:]]
    days = f"{10 / 1440}:{10 / 1440}"
    code, said, err = command(
        capsys, monkeypatch, "--data", candles, *given, "--walk-forward", days, "--home", tmp_path, "--json",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 0, err
    assert len(orjson.loads(said)["honesty"]["windows"]) == 2
    joined = load_result(tmp_path / "out")
    assert joined.facts.cycles == len(joined.checkpoints) == len(joined.equity.time_ms)
