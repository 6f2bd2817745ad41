"""The component report gives the answers that can be worked out by hand, and finds nothing in coin flips."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest

from tests.unit.research.journals import a_line, lines_of
from tradingbot.research.component_report import (
    ComponentReport,
    Outcome,
    VoiceReport,
    component_report,
    forward_returns,
)
from tradingbot.research.component_report_text import as_plain, markdown
from tradingbot.research.signal_table import FLOW, INTELLIGENCE, STRATEGY, read_signals
from tradingbot.signals.table import COMPONENTS
from tradingbot.strategies.params import StrategyParams
from tradingbot.strategies.table import strategies


def report_of(*rows: Any) -> ComponentReport:
    return component_report(read_signals(("home", row) for row in rows))


def voice(report: ComponentReport, name: str) -> VoiceReport:
    return next(one for one in report.voices if one.name == name)


def outcome(report: ComponentReport, name: str, minutes: int) -> Outcome:
    return next(one for one in voice(report, name).outcomes if one.horizon_min == minutes)


def forward(rows: list[Any], minutes: float) -> list[float | None]:
    found = forward_returns(read_signals(("home", row) for row in rows), minutes * 60, 90)
    return [None if np.isnan(value) else round(float(value), 9) for value in found]


def test_by_hand() -> None:
    """Long at 100 and then 102: a hit of 200 bps. Short at 101 and then 102: a miss. Long at the end: no price."""
    prices = [100.0, 101.0, 100.0, 100.0, 100.0, 102.0, 102.0, 100.0]
    said = {0: {"hurst": "long"}, 1: {"hurst": "short"}, 7: {"hurst": "long"}}
    report = report_of(*lines_of(prices, said))
    hurst, five = voice(report, "hurst"), outcome(report, "hurst", 5)
    assert (hurst.longs, hurst.shorts, hurst.spoke_share, hurst.live_share) == (2, 1, 3 / 8, 1.0)
    assert hurst.mean_confidence == 0.5
    assert five.returns_bps is not None
    assert five.hits is not None
    assert five.returns_bps.mean == pytest.approx((200 - (102 / 101 - 1) * 10_000) / 2)
    assert (five.hits.mean, five.hits.count, five.missing) == (0.5, 2, 1)
    assert (five.returns_bps.blocks, five.returns_bps.error) == (1, None)
    assert outcome(report, "hurst", 15).returns_bps is None
    assert outcome(report, "hurst", 15).missing == 3


def test_the_error_over_blocks_by_hand() -> None:
    """One long per even hour; it gains 10, 30, 10, 30 ... bps: mean 20, every block 10 off."""
    rows = []
    for hour in range(12):
        gain = 0.001 if hour % 2 else 0.003
        rows += [a_line(120 * hour, 100.0, {"hurst": "long"}), a_line(120 * hour + 5, 100.0 * (1 + gain))]
    found = outcome(report_of(*rows), "hurst", 5).returns_bps
    assert found is not None
    assert found.mean == pytest.approx(20.0)
    assert found.error == pytest.approx((12 / 11 * 12 * 100) ** 0.5 / 12)
    assert found.t() == pytest.approx(20.0 / found.error)
    assert found.blocks == 12


def test_symbols_of_the_same_hour_are_one_observation() -> None:
    rows = [
        line
        for symbol in ("A", "B", "C")
        for line in (a_line(0, 1.0, {"hurst": "long"}, symbol), a_line(5, 1.1, None, symbol))
    ]
    found = outcome(report_of(*rows), "hurst", 5).returns_bps
    assert found is not None
    assert (found.count, found.blocks) == (3, 1)


@pytest.mark.parametrize(
    ("minutes", "horizon", "blocks"),
    [((0, 30, 59), 5, 1), ((0, 60), 5, 2), ((0, 60), 120, 1), ((0, 60, 120), 120, 2)],
)
def test_a_block_is_as_long_as_the_horizon_and_at_least_an_hour(
    minutes: tuple[int, ...], horizon: int, blocks: int
) -> None:
    rows = [
        line
        for minute in minutes
        for line in (a_line(minute, 1.0, {"hurst": "long"}), a_line(minute + horizon + 0.5, 1.1))
    ]
    report = component_report(read_signals(("home", row) for row in rows), horizons_min=(horizon,))
    found = outcome(report, "hurst", horizon).returns_bps
    assert found is not None
    assert (found.count, found.blocks) == (len(minutes), blocks)


def test_a_line_is_never_its_own_future() -> None:
    assert forward([a_line(0, 100.0), a_line(3, 101.0)], 1) == [None, None]


def test_a_price_that_stood_still_is_a_return_of_zero_and_neither_hit_nor_miss() -> None:
    report = report_of(a_line(0, 1.0, {"hurst": "long"}), a_line(5, 1.0))
    five = outcome(report, "hurst", 5)
    assert five.hits is None
    assert five.returns_bps is not None
    assert (five.returns_bps.mean, five.returns_bps.count, five.missing) == (0.0, 1, 0)


@pytest.mark.parametrize(("minute", "found"), [(3.5, 0.01), (6.5, 0.01), (3.49, None), (6.51, None)])
def test_the_forward_price_is_at_most_90_seconds_from_its_time(minute: float, found: float | None) -> None:
    assert forward([a_line(0, 100.0), a_line(minute, 101.0)], 5)[0] == found


def test_of_several_prices_the_nearest_counts() -> None:
    rows = [a_line(0, 100.0), a_line(4, 101.0), a_line(5.5, 102.0), a_line(6.2, 103.0)]
    assert forward(rows, 5)[0] == 0.02


def test_prices_of_other_symbols_and_homes_and_unknown_ones_do_not_count() -> None:
    assert forward([a_line(0, 100.0), a_line(5, 101.0, symbol="BTCUSDT")], 5) == [None, None]
    assert forward([a_line(0, 100.0), a_line(5, None), a_line(6, 103.0)], 5)[0] == 0.03
    rows = [("a", a_line(0, 100.0)), ("b", a_line(5, 101.0))]
    assert np.isnan(forward_returns(read_signals(rows), 300, 90)).all()


def test_every_component_and_strategy_has_a_row() -> None:
    idea = [{"name": "Recovery", "direction": "long", "strength": 0.6}]
    report = report_of(a_line(0, 1.0, strategies=idea), a_line(1, 1.0))
    names = [one.name for one in report.voices]
    assert names[: len(COMPONENTS)] == list(COMPONENTS)
    assert names[-6:] == [STRATEGY + strategy.name for strategy in strategies(StrategyParams())]
    assert voice(report, STRATEGY + "MeanReversion").live_share == 0.0
    assert voice(report, STRATEGY + "Recovery").live_share == 0.5


def test_the_flow_signal_and_the_intelligence_are_judged_too() -> None:
    line = a_line(0, 100.0, direction="short", confidence=0.6, intelligence={"score": 0.5, "label": "bullish"})
    report = report_of(line, a_line(5, 101.0))
    flow, intelligence = outcome(report, FLOW, 5).returns_bps, outcome(report, INTELLIGENCE, 5).returns_bps
    assert flow is not None
    assert intelligence is not None
    assert (flow.mean, intelligence.mean) == (pytest.approx(-100.0), pytest.approx(100.0))


def test_the_baseline_is_the_drift_of_the_market() -> None:
    report = report_of(*(a_line(minute, 100.0 * 1.001**minute) for minute in range(0, 60, 5)))
    drift = report.baseline.outcomes[0].returns_bps
    assert drift is not None
    assert drift.mean == pytest.approx((1.001**5 - 1) * 10_000)
    assert report.comparisons == 0


def coin_flips(seed: int, hours: int = 200, symbols: int = 3) -> list[dict[str, Any]]:
    """Markets that walk at random, and every component says heads or tails every ten minutes."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(symbols):
        prices = 100 * np.exp(np.cumsum(rng.normal(0, 0.001, hours * 6)))
        sides = rng.choice(["long", "short"], (hours * 6, len(COMPONENTS)))
        for step, price in enumerate(prices.tolist()):
            said = dict(zip(COMPONENTS, sides[step].tolist(), strict=True))
            rows.append(a_line(10 * step, price, said, f"S{number}"))
    return rows


def test_coin_flips_are_not_a_discovery() -> None:
    table = read_signals(("home", row) for row in coin_flips(11))
    report = component_report(table, horizons_min=(10, 20, 60))
    assert report.comparisons == len(COMPONENTS) * 3 * 2
    assert report.expected_by_chance == pytest.approx(0.0469 * report.comparisons, rel=0.02)
    assert report.beyond <= 3 * report.expected_by_chance
    largest = max(abs(t) for one in report.voices for item in one.outcomes for t, _ in item.tests)
    assert largest < 4


def test_a_component_that_knows_is_found_and_one_that_is_always_wrong_too() -> None:
    rows = coin_flips(12)
    prices = {(row["symbol"], row["as_of"]): row["price"] for row in rows}
    by_symbol: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_symbol.setdefault(row["symbol"], []).append(row)
    for lines in by_symbol.values():
        for line, later in pairwise(lines):
            rises = prices[later["symbol"], later["as_of"]] > line["price"]
            line["components"][0]["direction"] = "long" if rises else "short"
            line["components"][1]["direction"] = "short" if rises else "long"
    report = component_report(read_signals(("home", row) for row in rows), horizons_min=(10,))
    knows, wrong = (one.outcomes[0].returns_bps for one in report.voices[:2])
    assert knows is not None
    assert wrong is not None
    assert (knows.t() or 0) > 10
    assert (wrong.t() or 0) < -10
    # Both hit rates are the same in every block, so they have no error and are no comparison.
    others = [t for one in report.voices[2:] for item in one.outcomes for t, _ in item.tests]
    assert report.beyond == 2 + sum(abs(t) > 2 for t in others)


def test_the_page_says_what_was_compared_and_what_was_left_out() -> None:
    rows = [*coin_flips(1, hours=30), a_line(0, 100.0, symbol="S0"), {"nonsense": True}]
    report = component_report(read_signals(("home", row) for row in rows), horizons_min=(10,))
    page = markdown(report)
    assert f"**{report.comparisons} comparisons**" in page
    assert f"{report.beyond} of them have |t| > 2; {report.expected_by_chance:.1f} would by chance" in page
    assert "1 lines that could not be read, 1 that were there twice" in page
    assert page.count("| hurst |") == 2
    assert "| (always long) | 10 |" in page


def test_an_empty_journal_gives_an_empty_page() -> None:
    page = markdown(report_of())
    assert "0 lines of 0 symbols" in page
    assert "**0 comparisons**" in page


def test_the_report_as_json_has_the_t_statistics() -> None:
    report = component_report(read_signals(("home", row) for row in coin_flips(1, hours=30)), horizons_min=(10,))
    plain = orjson.loads(orjson.dumps(as_plain(report)))
    first = report.voices[0].outcomes[0].returns_bps
    assert first is not None
    assert plain["voices"][0]["outcomes"][0]["returns_bps"]["t"] == first.t()
    assert plain["baseline"]["name"] == "(always long)"
