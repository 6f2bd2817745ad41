"""Learned elsewhere: means stay at a tenth of their weight; money and counts towards a judgement begin anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders_learning import PARAMS, READY, TRADES, contents
from tests.builders_trades import a_trade
from tests.support import BTC, ETH, NOW
from tradingbot.core.types import Direction
from tradingbot.engine.catalog import DOCUMENTS, LEARNING
from tradingbot.engine.learning_models import LearningFile, VenueMetadata
from tradingbot.engine.post_trade import EMPTY, step_functions
from tradingbot.learning.attribution import Share
from tradingbot.learning.calibration import Calibration, CalibrationSums
from tradingbot.learning.carried import Carry, closed_period
from tradingbot.learning.decay import DecayedMean
from tradingbot.learning.exact_sums import total
from tradingbot.learning.meta_buckets import MetaBuckets
from tradingbot.learning.reality_gap import RealityGap
from tradingbot.learning.trade_facts import facts_of
from tradingbot.learning.venue_migration import RULES, Rule, figures_of, migrated, share_of

CONTENT = (*EMPTY, "reality_gap")


def carry(retain_pct: float = 10.0, venue: str = "blofin") -> Carry:
    return Carry(venue, 1, NOW, share_of(retain_pct))


def moved(name: str, content: Any, retain_pct: float = 10.0) -> Any:
    return migrated(name, {"content": content}, carry(retain_pct))["content"]


def keys(value: Any) -> Any:
    """The keys of all mappings in a value, nested."""
    if is_dataclass(value):
        return {one.name: keys(getattr(value, one.name)) for one in fields(value)}
    return {key: keys(inner) for key, inner in value.items()} if isinstance(value, Mapping) else None


def means(value: Any, path: str = "") -> Iterator[tuple[str, DecayedMean]]:
    """Every decayed mean in a value."""
    if isinstance(value, DecayedMean):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from means(inner, f"{path}/{key}")
    elif is_dataclass(value):
        for one in fields(value):
            yield from means(getattr(value, one.name), f"{path}.{one.name}")


# ------------------------------------------------------------ the table


def test_every_learning_file_has_a_rule_and_every_rule_a_file() -> None:
    """A learning file that is added without a rule fails here."""
    assert set(RULES) == set(LEARNING)
    assert {name for name, row in DOCUMENTS.items() if issubclass(row.model, LearningFile)} == set(LEARNING)


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_says_what_it_does_and_why(name: str) -> None:
    rule = RULES[name]
    assert rule.why
    assert rule.zeroed or rule.scaled
    assert bool(rule.scaled) is (rule.rule is Rule.DECAY)


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_new_file_of_each_kind_is_valid_and_counts_nothing(name: str) -> None:
    body = RULES[name].new(NOW)
    model: Any = DOCUMENTS[name].model
    model(venue_metadata=VenueMetadata(venue="v", since=NOW), **body)
    assert all(value == 0 for key, value in figures_of(name, body).items() if key != "entries")


# ------------------------------------------------------------ decay


trades_drawn = st.lists(
    st.tuples(
        st.sampled_from([ETH, BTC]),
        st.sampled_from(list(Direction)),
        st.decimals(-80, 80, places=6),
        st.integers(0, 60 * 24 * 60),
        st.one_of(st.none(), st.floats(0, 1)),
    ),
    min_size=1,
    max_size=12,
)


def trades_of(drawn: list[tuple[Any, ...]]) -> list[Any]:
    return [
        a_trade(
            number,
            str(net),
            symbol=symbol,
            direction=direction,
            closed=NOW + timedelta(minutes=minutes),
            signal={"probability": said},
        )
        for number, (symbol, direction, net, minutes, said) in enumerate(drawn)
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trades_drawn, st.sampled_from([10.0, 25.0, 0.5, 100.0]))
def test_means_stay_and_weights_become_the_share(drawn: list[tuple[Any, ...]], retain_pct: float) -> None:
    known, share = contents(trades_of(drawn)), retain_pct / 100
    for name in ("expectancy", "timing"):
        before, after = dict(means(known[name])), dict(means(moved(name, known[name], retain_pct)))
        assert before.keys() == after.keys()
        for path, old in before.items():
            new = after[path]
            assert new.weight == pytest.approx(old.weight * share, rel=1e-12)
            assert new.mean == (None if old.mean is None else pytest.approx(old.mean, rel=1e-9, abs=1e-9))
            assert new.count == int(old.count * Decimal(str(share)))
            assert new.as_of == old.as_of
    _check_calibration(known["calibration"], moved("calibration", known["calibration"], retain_pct), share)
    _check_buckets(known["meta_buckets"], moved("meta_buckets", known["meta_buckets"], retain_pct), share)


def _check_calibration(before: Calibration, after: Calibration, share: float) -> None:
    assert after.unpredicted == 0
    for name, old in before.directions.items():
        new = after.directions[name]
        assert new.count == pytest.approx(old.count * share)
        assert new.brier == pytest.approx(old.brier, abs=1e-9)
        for field in ("said", "came", "moves", "expected_bps", "realised_bps", "absolute_error_bps"):
            assert _ratio(new, field) == pytest.approx(_ratio(old, field), rel=1e-9, abs=1e-9)
        for old_bin, new_bin in zip(old.bins, new.bins, strict=True):
            assert (new_bin.low, new_bin.count) == (old_bin.low, pytest.approx(old_bin.count * share))


def _ratio(sums: CalibrationSums, field: str) -> float:
    return float(getattr(sums, field)) / sums.count


def _check_buckets(before: MetaBuckets, after: MetaBuckets, share: float) -> None:
    for name, buckets in before.circumstances.items():
        for value, old in buckets.items():
            new = after.circumstances[name][value]
            assert new.trades == pytest.approx(old.trades * share)
            assert new.win_rate == pytest.approx(old.win_rate, abs=1e-9)
            assert new.net_usd == old.net_usd * Decimal(str(share))  # exactly


@settings(max_examples=30, deadline=None)
@given(trades_drawn)
def test_the_structure_of_every_file_stays(drawn: list[tuple[Any, ...]]) -> None:
    known = contents(trades_of(drawn))
    for name in set(CONTENT) - {"attribution", "rollout"}:
        assert keys(moved(name, known[name])) == keys(known[name]), name
    before, after = (one.dimensions for one in (known["attribution"], moved("attribution", known["attribution"])))
    for dimension in before.keys() - {"venue"}:
        assert before[dimension].keys() == after[dimension].keys()


def test_a_whole_count_is_rounded_down_so_that_no_threshold_is_reached_by_rounding() -> None:
    """39 trades of which a tenth is 3: too few for the optimal hold that 5 are needed for."""
    known = contents(TRADES)["timing"].pairs["ETHUSDT:long"]
    new = moved("timing", contents(TRADES)["timing"]).pairs["ETHUSDT:long"]
    assert known.optimal_hold_min(PARAMS.hold_min_trades) is not None
    assert new.best_min.count == known.best_min.count // 10 < PARAMS.hold_min_trades
    assert new.optimal_hold_min(PARAMS.hold_min_trades) is None


def test_trades_made_here_soon_outweigh_what_was_carried_over() -> None:
    """39 trades of about +2 there weigh 4; ten of -20 here decide."""
    ledger = moved("expectancy", contents(TRADES)["expectancy"])
    assert ledger.pairs["ETHUSDT:long"].net_bps.mean > 0
    enter = step_functions("kraken_futures", PARAMS, READY, 5.0)["expectancy"]
    for number in range(10):
        ledger = enter(ledger, facts_of(a_trade(100 + number, "-20", closed=NOW + timedelta(days=14, hours=number))))
    assert ledger.pairs["ETHUSDT:long"].net_bps.mean < -50
    assert (ledger.pairs["ETHUSDT:long"].trades, ledger.pairs["ETHUSDT:long"].net_usd) == (10, Decimal(-200))


def test_nothing_retained_is_a_reset_and_everything_retained_keeps_the_means_whole() -> None:
    known = contents(TRADES)["expectancy"]
    none, whole = moved("expectancy", known, 0.0), moved("expectancy", known, 100.0)
    for pair, old in known.pairs.items():
        assert none.pairs[pair].net_bps.mean is None
        assert whole.pairs[pair].net_bps == old.net_bps
        assert whole.pairs[pair].trades == 0


# ------------------------------------------------------------ reset


def test_money_of_the_old_venue_stays_in_its_closed_period_alone() -> None:
    """To the last digit; no other dimension has a cent of it."""
    known = contents(TRADES)["attribution"]
    whole = known.dimensions["venue"]["blofin"]
    after = moved("attribution", known)
    assert after.dimensions["venue"] == {closed_period("blofin", 1): whole}
    for dimension in after.dimensions.keys() - {"venue"}:
        assert all(share == Share() for share in after.dimensions[dimension].values())


def test_a_period_of_the_same_venue_later_does_not_join_the_closed_one() -> None:
    """There, away, back: what is booked now always adds up to this period's trades."""
    once = moved("attribution", contents(TRADES, "blofin")["attribution"])
    book = step_functions("blofin", PARAMS, READY, 5.0)["attribution"]
    again = book(once, facts_of(a_trade(77, "5.5")))
    assert again.dimensions["venue"]["blofin"].net_usd == Decimal("5.5")
    assert total([one.net_usd for one in again.dimensions["symbol"].values()]) == Decimal("5.5")


def test_no_file_that_states_money_keeps_a_fraction_of_it() -> None:
    known = contents(TRADES)
    assert all(one.net_usd == 0 for one in moved("expectancy", known["expectancy"]).pairs.values())
    assert all(
        one.net_usd == one.inverse_net_usd == 0
        for one in moved("counter_signal", known["counter_signal"]).pairs.values()
    )
    assert moved("rollout", known["rollout"]) == EMPTY["rollout"]


def test_no_symbol_is_ready_after_a_migration() -> None:
    known = contents(TRADES)["allocation"]
    assert known.symbols[ETH].ready
    after = moved("allocation", known)
    assert not after.symbols[ETH].ready
    assert (after.symbols[ETH].trade_count, after.symbols[ETH].allocation_multiplier) == (0, 1.0)


def test_costs_of_the_old_venue_are_forgotten() -> None:
    known = contents(TRADES)["reality_gap"]
    after: RealityGap = moved("reality_gap", known)
    assert known.symbols[ETH].fee(20) == 5.0
    assert (after.symbols[ETH].slippage(), after.symbols[ETH].fee(20), after.symbols[ETH].orders) == ((0, 0.0), None, 0)


# ------------------------------------------------------------ files


@pytest.mark.parametrize("name", CONTENT)
def test_a_migrated_file_reads_back_as_it_was_written_and_goes_on(name: str) -> None:
    """Through JSON, byte for byte, also after a further trade."""
    model: Any = DOCUMENTS[name].model
    metadata = VenueMetadata(venue="kraken_futures", since=NOW, period=2)
    state = model(venue_metadata=metadata, content=moved(name, contents(TRADES)[name]))
    encoded = state.model_dump_json()
    read = model.model_validate_json(encoded)
    assert read == state
    assert read.model_dump_json() == encoded
    if name == "reality_gap":
        return
    step, facts = step_functions("kraken_futures", PARAMS, READY, 5.0)[name], facts_of(a_trade(99, "7"))
    ours, theirs = (model(venue_metadata=metadata, content=step(one.content, facts)) for one in (state, read))
    assert ours.model_dump_json() == theirs.model_dump_json()
