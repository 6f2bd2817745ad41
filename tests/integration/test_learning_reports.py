"""The jobs of learning on a daemon's own home: each runs, and its report says what is in the journals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from tests.integration.daemon_rig import running
from tradingbot.app.scenario_tuning import VARIANTS, compared
from tradingbot.core.types import Direction, Symbol, utc_from_ms
from tradingbot.counterfactual.model import Closed, Origin, Parts
from tradingbot.engine.catalog import document_path, journal_path
from tradingbot.learning.outcomes import HORIZONS_MIN
from tradingbot.storage.journal_reader import JournalReader

CYCLES = 40
BUSY = {"TRADINGBOT__MARKET_SOURCE__VOLATILITY": "4", "TRADINGBOT__ENGINE__INPUTS__KEYFRAME_MIN": "6"}
JOBS = ("learning", "counterfactual", "weight_evolution", "strategy_tuning", "scenario_tuner", "enhanced_learning")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


async def _life(home: Path) -> None:
    async with running(home, BUSY, ("BTC", "ETH")) as rig:
        await rig.cycle(CYCLES)
        for name in JOBS:
            job = next(one for one in rig.daemon.scheduler.runners if one.job.name == name)
            await job.run_now()
            assert (name, job.status.last_result) == (name, "ok")
        assert rig.failures == []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose jobs of learning have run."""
    made = tmp_path_factory.mktemp("learned")
    asyncio.run(_life(made))
    return made


def _report(home: Path, name: str) -> Any:
    return orjson.loads(document_path(home, name).read_bytes())["data"]["report"]


def test_weights_by_horizon_and_over_time(home: Path) -> None:
    """Every horizon has every component; the night's weights are those of the settings, and add up to 1."""
    found = _report(home, "weight_evolution")
    assert sorted(map(int, found["horizons"])) == list(HORIZONS_MIN)
    assert {row["verdict"] for row in found["horizons"].values()} == {"not enough data"}
    (night,) = found["history"]
    assert night["generation"] == 0
    assert sum(night["weights"].values()) == pytest.approx(1.0)
    assert set(found["agreement"]) == set(night["weights"])


def test_scenarios_carry_the_same_signals_under_other_exits(home: Path) -> None:
    """Differences are paired: as many signals as both closed; every variant is a trial."""
    found = _report(home, "scenario_tuning")
    assert found["cycles"] == CYCLES
    assert not found["behind"]
    assert set(found["variants"]) == set(VARIANTS)
    assert all(0 < row["signals"] <= found["signals"] for row in found["variants"].values())
    trials = list(JournalReader(journal_path(home, "learning_trials")))
    assert {line["variant"] for line in trials} == set(VARIANTS)
    assert not any(line["accepted"] for line in trials)


def test_findings_rest_on_the_reports_and_are_ranked(home: Path) -> None:
    """Proven ones first, then by money; what gates did is among them."""
    found = _report(home, "enhanced_learnings")
    rows = found["findings"]
    assert rows
    keys = [(row["verdict"] != "proven", -abs(row["money_usd"])) for row in rows]
    assert keys == sorted(keys)
    assert "guard effectiveness" in {row["kind"] for row in rows}
    audit = list(JournalReader(journal_path(home, "learning_audit")))
    events = [line["event"] for line in audit]  # the timetable's own run may be among them
    assert set(events) == {"look"}  # the home is too young for a meeting


def _closed(number: int, net: float) -> Closed:
    moment = utc_from_ms(1_767_225_600_000 + number * 4 * 3_600_000)
    origin = Origin(
        f"s{number}", moment, Symbol("BTCUSDT"), Direction.LONG, 0.5, "LOW", "fee", "", ("fee",), {}, False, False,
        False, 1000.0,
    )  # fmt: skip
    return Closed(origin, moment, moment, 1.0, 1.0, "x", 1, Parts(gross=net), 0.0, 0.0)


@pytest.mark.parametrize(("gain", "verdict"), [(3.0, "better"), (-3.0, "worse"), (0.0, "no difference beyond luck")])
def test_a_variant_is_better_when_its_pairs_are(gain: float, verdict: str) -> None:
    """Results scatter by far more than the gain; pair by pair it shows."""
    nets = [(-1) ** number * 50.0 + number for number in range(20)]
    base = {("s", str(number)): _closed(number, net) for number, net in enumerate(nets)}
    other = {
        key: _closed(number, nets[number] + gain + (number % 3 - 1) * 0.5) for number, key in enumerate(base)
    }  # fmt: skip
    found = compared(base, other)
    assert found["verdict"] == verdict
    assert found["gain_bps"] == pytest.approx(gain, abs=0.1)
    assert compared(dict(list(base.items())[:2]), other)["verdict"] == "not enough data"
