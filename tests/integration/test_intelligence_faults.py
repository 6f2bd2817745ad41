"""The whole daemon while its market intelligence is off, slow, limited, garbage, or of last week.

The cycle goes on, what cannot judge is NEUTRAL with the reason, and no entry rests on what must not be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from click.testing import CliRunner

from tests.integration.daemon_rig import Rig, running
from tradingbot.app.cli import cli
from tradingbot.app.status import read_status
from tradingbot.engine.catalog import journal_path
from tradingbot.storage.journal_reader import JournalReader

FAULTS = "TRADINGBOT__SIMULATOR__COINGLASS__FAULTS"
FED = ("liquidation_cascade", "fear_greed", "oi_velocity", "oi_price_divergence")
"""Components that live on CoinGlass alone at the start of a run."""
CYCLES = 12


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def fault(name: str, **more: Any) -> dict[str, str]:
    return {FAULTS: orjson.dumps([{"name": name, **more}]).decode()}


TABLE: dict[str, tuple[dict[str, str], set[str]]] = {
    "switched off": ({"TRADINGBOT__COINGLASS__ENABLED": "false"}, {"switched_off"}),
    "no key": ({"TRADINGBOT__SIMULATOR__COINGLASS__ENABLED": "false"}, {"no_api_key", "source_failing"}),
    "slow": (fault("slow", ms=30_000), {"not_received_yet", "source_failing"}),
    "timeout": (fault("timeout"), {"not_received_yet", "source_failing"}),
    "rate limited": (fault("rate_limited"), {"not_received_yet", "source_failing"}),
    "rate limited with 200": (fault("rate_limited_200"), {"not_received_yet", "source_failing"}),
    "server error": (fault("http_500"), {"not_received_yet", "source_failing"}),
    "html": (fault("html_page"), {"not_received_yet", "source_failing"}),
    "truncated": (fault("truncated_json"), {"not_received_yet", "source_failing"}),
    "wrong shape": (fault("wrong_shape"), {"not_received_yet", "source_failing"}),
    "garbage": (fault("garbage_values"), {"not_received_yet", "source_failing", "out_of_range"}),
    "last week": (fault("last_week"), {"source_is_behind", "stale"}),
}


@pytest.mark.parametrize("name", TABLE)
async def test_the_cycle_goes_on_and_says_what_cannot_judge(name: str, tmp_path: Path) -> None:
    environ, allowed = TABLE[name]
    async with running(tmp_path, environ) as rig:
        await rig.cycle(CYCLES)
        assert rig.failures == []
        newest = _newest(rig)
        for component in FED:
            for record in newest.values():
                (item,) = [one for one in record["components"] if one["name"] == component]
                codes = {why["code"] for why in item["reasons"]}
                assert (item["live"], item["direction"]) == (False, "neutral"), (component, item)
                assert codes & allowed, (component, codes)
        _entries_rest_on_live_components(rig)
        await rig.stores.writer.flush()
        silent = {row["component"]: row for row in read_status(tmp_path)["silent_components"]}
        assert set(FED) <= set(silent)
        assert all(set(silent[component]["reasons"]) & allowed for component in FED)


async def test_a_refused_key_leaves_the_free_index(tmp_path: Path) -> None:
    """Everything of CoinGlass is off with the reason; fear & greed comes from the free source and says so."""
    async with running(tmp_path, fault("key_invalid")) as rig:
        await rig.cycle(CYCLES)
        for record in _newest(rig).values():
            items = {one["name"]: one for one in record["components"]}
            assert {why["code"] for why in items["liquidation_cascade"]["reasons"]} == {"key_refused"}
            assert items["fear_greed"]["live"]
            assert items["fear_greed"]["reasons"][0]["source"] == "alternative.me, synthetic"


SKEW_SOURCE = "TRADINGBOT__COINGLASS__VOLATILITY__SKEW_SOURCE"


async def test_options_tell_the_skew_of_the_assets_that_have_them(tmp_path: Path) -> None:
    async with running(tmp_path, {SKEW_SOURCE: "deribit"}) as rig:
        await rig.cycle(CYCLES)
        told = _skew_reasons(rig)
        assert {symbol for symbol, why in told.items() if why[0]["code"] == "option_skew"} == {"BTCUSDT", "ETHUSDT"}
        assert told["ETHUSDT"][0]["source"] == "deribit, synthetic"
        assert {len(why) for why in told.values()} == {1}


async def test_options_that_fail_give_way_to_the_realised_skew(tmp_path: Path) -> None:
    broken = fault("wrong_shape", path="/api/v2/public/get_book_summary_by_currency")
    async with running(tmp_path, {SKEW_SOURCE: "deribit", **broken}) as rig:
        await rig.cycle(CYCLES)
        why = _skew_reasons(rig)["ETHUSDT"]
        assert (why[0]["code"], why[0]["source"]) == ("semivariance_skew", "realised")
        assert (why[1]["code"], why[1]["why"]) == ("option_skew_unusable", "source_failing")


def _skew_reasons(rig: Any) -> dict[str, list[dict[str, Any]]]:
    return {
        symbol: next(one["reasons"] for one in record["components"] if one["name"] == "volatility_skew")
        for symbol, record in _newest(rig).items()
    }


async def test_a_coinglass_of_ones_own_is_asked_on_a_simulated_market_too(tmp_path: Path) -> None:
    """Nobody listens there: its components say so, and the embedded one is not asked in its stead."""
    own = {"TRADINGBOT__COINGLASS__BASE_URL": "http://127.0.0.1:9", "COINGLASS_API_KEY": "mine"}
    async with running(tmp_path, own) as rig:
        await rig.cycle(4)
        assert rig.failures == []
        (record, *_) = _newest(rig).values()
        codes = {why["code"] for item in record["components"] if not item["live"] for why in item["reasons"]}
        assert codes & {"source_failing", "not_received_yet"}
        assert not (tmp_path / "sim" / "coinglass_key.json").exists()


async def test_a_source_that_recovers_is_used_again(tmp_path: Path) -> None:
    """A cascade of errors leaves nothing behind; and the values survive a restart with their true age."""
    async with running(tmp_path, fault("http_500", count=5)) as rig:
        await rig.cycle(CYCLES)
        assert all(record["live"] >= 8 for record in _newest(rig).values())
        await rig.stores.writer.flush()
        facts = read_status(tmp_path)
        assert not {"liquidation_cascade", "fear_greed"} & {row["component"] for row in facts["silent_components"]}
        before = _newest(rig)["BTCUSDT"]
    async with running(tmp_path, fault("timeout")) as rig:
        await rig.cycle()
        after = _newest(rig)["BTCUSDT"]
    ages = [{one["name"]: one["age_s"] for one in record["components"]} for record in (before, after)]
    assert ages[1]["liquidation_cascade"] is not None
    assert ages[1]["fear_greed"] >= ages[0]["fear_greed"]


async def test_signals_are_shown_of_a_running_and_of_a_stopped_home(tmp_path: Path) -> None:
    """Ten readings with value, age and reasons; then alignment, regime, strategies, ensemble."""
    async with running(tmp_path) as rig:
        await rig.cycle(4)
        await rig.stores.writer.flush()
        while_running = _shown(tmp_path)
    stopped = _shown(tmp_path)
    assert while_running["symbol"] == stopped["symbol"] == "BTCUSDT"
    assert len(stopped["components"]) == 10
    for item in stopped["components"]:
        assert {"name", "direction", "confidence", "value", "age_s", "reasons"} <= set(item)
        assert item["reasons"]
    assert {"mtf", "regime", "strategies", "ensemble", "intelligence"} <= set(stopped)
    text = CliRunner().invoke(cli, ["signals", "--symbol", "BTC", "--home", str(tmp_path)]).output
    for item in stopped["components"]:
        assert item["name"] in text
    assert "alignment" in text
    assert "ensemble" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--symbol", "BTX"], "unknown symbol 'BTX'"), (["--symbol", "ADA"], "ADAUSDT is not traded")],
)
async def test_a_symbol_that_is_not_there_is_one_clear_error(arguments: list[str], words: str, tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.cycle()
        await rig.stores.writer.flush()
    result = CliRunner().invoke(cli, ["signals", *arguments, "--home", str(tmp_path)])
    assert words in str(result.exception)


def test_a_home_without_signals_is_one_clear_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["signals", "--home", str(tmp_path / "none")])
    assert "no signals in" in str(result.exception)


def _shown(home: Path) -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["signals", "--symbol", "BTCUSDT", "--home", str(home), "--json"])
    assert result.exit_code == 0, result.output
    facts: dict[str, Any] = orjson.loads(result.output)
    return facts


def _newest(rig: Rig) -> dict[str, dict[str, Any]]:
    return {record["symbol"]: record for record in JournalReader(journal_path(rig.home, "signals"))}


def _entries_rest_on_live_components(rig: Rig) -> None:
    """Whatever was entered, no component that could not judge had a vote in it."""
    for record in rig.rows("signals"):
        for item in record["components"]:
            if not item["live"]:
                assert (item["direction"], item["confidence"]) == ("neutral", 0.0)
        if record["stage"] == "entered":
            assert record["live"] >= rig.settings.signals.min_live_components
