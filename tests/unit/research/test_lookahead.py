"""Nothing knows its own future, and a planted look ahead is caught in every single probe."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta

import pytest

from tradingbot.core.types import Timeframe
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.minute_features import MinuteFeatures
from tradingbot.research.lookahead import CUT, POISON, Probe, caught, impatient, peeking, prove
from tradingbot.research.lookahead_report import Proof, ProofRow, run_proof
from tradingbot.research.probes import all_probes, seen
from tradingbot.research.recorded_inputs import EVERYWHERE, RecordedInputs, Told
from tradingbot.research.synthetic_inputs import (
    FOLLOWER,
    LEADER,
    synthetic_inputs,
    synthetic_moments,
    unarrived_moments,
)
from tradingbot.signals.component import ComponentReading
from tradingbot.signals.params import SignalParams
from tradingbot.signals.predictive_flow_engine import read_components
from tradingbot.signals.table import COMPONENTS
from tradingbot.strategies.params import StrategyParams
from tradingbot.strategies.table import strategies

PROBES = all_probes(FOLLOWER)
NAMES = [probe.name for probe in PROBES]
ABOUT_TIME = ("as_of", "bars", "donchian_high", "donchian_low")
"""What does not hold the newest bar's values: when it was, how many there are, the bars before it."""


@pytest.fixture(scope="module")
def store() -> RecordedInputs:
    return synthetic_inputs()


@pytest.fixture(scope="module")
def proof(store: RecordedInputs) -> Proof:
    return run_proof(PROBES, store, synthetic_moments(), unarrived_moments())


@pytest.fixture(scope="module")
def rows(proof: Proof) -> dict[str, ProofRow]:
    return {row.probe: row for row in proof.rows}


@pytest.mark.parametrize("name", NAMES)
def test_the_value_is_the_same_without_and_with_another_future(rows: dict[str, ProofRow], name: str) -> None:
    assert (rows[name].cut_equal, rows[name].poison_equal) == (True, True)


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_shift_is_caught(rows: dict[str, ProofRow], name: str) -> None:
    assert rows[name].shift_caught
    assert POISON in rows[name].shift_caught or name.endswith(ABOUT_TIME)


@pytest.mark.parametrize(
    "name",
    [name for name in NAMES if not name.startswith("label.") and not name.endswith(".bars")],
)
def test_a_value_that_is_used_before_it_arrived_is_caught(rows: dict[str, ProofRow], name: str) -> None:
    assert rows[name].early_caught


def test_every_feature_component_strategy_and_label_has_a_probe() -> None:
    wanted = {f"minute.{field.name}" for field in fields(MinuteFeatures)}
    wanted |= {
        f"frame.{frame.value}.{field.name}"
        for frame in Timeframe
        for field in fields(FrameFeatures)
        if field.name != "timeframe"
    }
    wanted |= {f"component.{name}" for name in COMPONENTS}
    for strategy in strategies(StrategyParams()):
        wanted |= {f"entry.{strategy.name}", f"exit.{strategy.name}"}
    wanted |= {f"label.{what}_{minutes}m" for what in ("return", "hit") for minutes in (1, 5, 15, 30, 60)}
    wanted |= {"flow_signal", "mtf_alignment", "market_intelligence", "regime.reading", "ensemble", "decision"}
    assert wanted <= set(NAMES)
    assert len(NAMES) == len(set(NAMES))


def test_the_proof_looks_at_a_market_in_which_every_component_can_judge(store: RecordedInputs) -> None:
    snapshot = seen(store, synthetic_moments()[-1])
    assert [one.name for one in read_components(snapshot, FOLLOWER, SignalParams()) if not one.live] == []


MOMENT = synthetic_moments()[5]


def test_the_skew_is_probed_with_options_and_without(store: RecordedInputs) -> None:
    """Either way it takes sides at some of the moments."""
    by_name = {probe.name: probe for probe in PROBES}
    for name, code in (("", "option_skew"), (".realised", "semivariance_skew")):
        probe = by_name[f"component.volatility_skew{name}"]
        readings = [probe.read(store, moment) for moment in synthetic_moments()[3:]]
        assert all(isinstance(one, ComponentReading) and one.reasons[0].code == code for one in readings)
        assert {str(one.direction) for one in readings if isinstance(one, ComponentReading)} - {"NEUTRAL"}


def a_probe(read: object, reach_min: int = 0) -> Probe:
    return Probe("planted", read, timedelta(minutes=reach_min))  # type: ignore[arg-type]


def closes(store: RecordedInputs) -> tuple[list[int], list[float]]:
    series = store.series[LEADER, Told.MINUTES]
    return series.true_ms.tolist(), series.columns["close"].tolist()


def close_after(minutes: int) -> object:
    """A probe that reads the close of so many minutes later, whether or not it is there yet."""

    def read(store: RecordedInputs, moment: datetime) -> float | None:
        wanted = round(moment.timestamp()) // 60 * 60_000 + minutes * 60_000
        known = dict(zip(*closes(store), strict=True))
        return known.get(wanted)

    return read


def test_an_honest_probe_passes(store: RecordedInputs) -> None:
    assert prove([a_probe(close_after(0))], store, [MOMENT]) == ()


def test_the_close_of_the_running_minute_is_found_out_both_ways(store: RecordedInputs) -> None:
    found = prove([a_probe(close_after(1))], store, [MOMENT])
    assert {one.how for one in found} == {CUT, POISON}
    assert found[0].moment == MOMENT
    assert found[0].whole != found[0].other


def test_a_probe_may_reach_as_far_as_it_says_and_not_further(store: RecordedInputs) -> None:
    assert prove([a_probe(close_after(5), 5)], store, [MOMENT]) == ()
    assert caught(prove([a_probe(close_after(6), 5)], store, [MOMENT])) == {"planted"}


def test_normalising_by_the_whole_history_is_found_out(store: RecordedInputs) -> None:
    read = lambda store, _: max(closes(store)[1])  # noqa: E731
    assert caught(prove([a_probe(read)], store, [MOMENT])) == {"planted"}


def test_how_much_is_still_to_come_is_found_by_the_cut_alone(store: RecordedInputs) -> None:
    found = prove([a_probe(lambda store, _: len(store.series[LEADER, Told.MINUTES]))], store, [MOMENT])
    assert [one.how for one in found] == [CUT]


def test_what_breaks_without_its_future_is_found_out(store: RecordedInputs) -> None:
    def read(store: RecordedInputs, moment: datetime) -> float:
        return closes(store)[1][closes(store)[0].index((round(moment.timestamp()) // 60 + 1) * 60_000)]

    found = prove([a_probe(read)], store, [MOMENT])
    assert found[0].other.startswith("raised ValueError")


def test_what_fails_on_the_whole_store_is_no_proof(store: RecordedInputs) -> None:
    def read(store: RecordedInputs, moment: datetime) -> float:
        raise ValueError("no value at all")

    with pytest.raises(ValueError, match="no value at all"):
        prove([a_probe(read)], store, [MOMENT])


def test_an_index_that_is_not_published_yet_is_unknown(store: RecordedInputs) -> None:
    """Fear & greed of a day is told minutes after midnight; just after midnight the day before's holds."""
    midnight = synthetic_moments()[5]

    def newest(store: RecordedInputs, moment: datetime) -> float | None:
        mood = seen(store, moment).intel.fear_greed
        return None if mood is None else mood.value

    series = store.series[EVERYWHERE, Told.FEAR_GREED]
    today = series.true_ms.tolist().index(round(midnight.timestamp() - 2) * 1000)
    probe = a_probe(newest)
    assert newest(store, midnight) == series.columns["value"][today - 1]
    assert impatient(probe).read(store, midnight) == series.columns["value"][today]
    assert peeking(probe).read(store, midnight) == series.columns["value"][today]
    assert caught(prove([impatient(probe)], store, [midnight])) == {"planted"}
