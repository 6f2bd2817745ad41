"""Overrides: what may be changed, how far, how they end, what is recorded."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from tests.support import NOW
from tradingbot.app.cli import cli
from tradingbot.app.operator import waiting
from tradingbot.app.overridable import ROWS, overridden, problem_of, rows_of
from tradingbot.app.overriding import Overrides, check_overrides, overrides_of_home
from tradingbot.app.stores import Stores, open_stores
from tradingbot.clock import SteppedClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError
from tradingbot.engine.operator_desk import OperatorOrder
from tradingbot.guards.overrides import Override
from tradingbot.signals.params import ComponentWeights

BASE = Settings.model_validate({"alpha_trading": {"enabled_symbols": ["BTCUSDT", "ETHUSDT"]}})
LOWER = {
    "size_scale": ("risk.sizing.size_scale", 0.5, 1.1),
    "max_trades_per_day": ("risk.limits.max_trades_per_day", 5, 21),
    "max_pairs": ("risk.limits.max_pairs", 2, 7),
    "max_pair_notional_pct": ("risk.limits.max_pair_notional_pct", 2.5, 5.1),
    "max_heat_pct": ("risk.limits.max_heat_pct", 6.0, 8.1),
    "max_cluster_notional_pct": ("gates.correlation.max_cluster_notional_pct", 10.0, 15.1),
}
RAISE = {
    "min_edge_bps": ("gates.fee.min_edge_bps", 10.0, 2.9),
    "min_free_margin_pct": ("risk.limits.min_free_margin_pct", 40.0, 19.9),
}


def an_override(key: str, value: str, hours: float = 1.0) -> Override:
    return Override(key, value, NOW, NOW + timedelta(hours=hours), "why", "jo")


def setting(settings: Settings, path: str) -> Any:
    found: Any = settings
    for name in path.split("."):
        found = getattr(found, name)
    return found


# ------------------------------------------------------------ what may be changed


@pytest.mark.parametrize(("key", "row"), [*LOWER.items(), *RAISE.items()])
def test_a_limit_may_be_made_stricter_and_never_looser(key: str, row: tuple[str, float, float]) -> None:
    """The profile's own value is the furthest; what is refused names it."""
    path, stricter, looser = row
    assert setting(overridden(BASE, [an_override(key, f"{stricter}")]), path) == stricter
    own = setting(BASE, path)
    assert setting(overridden(BASE, [an_override(key, f"{own}")]), path) == own
    with pytest.raises(ConfigurationError, match=f"the profile's {own:g}"):
        overridden(BASE, [an_override(key, f"{int(looser) if key == 'max_pairs' else looser}")])


def test_every_limit_that_can_be_overridden_is_in_the_tables_above() -> None:
    """A further row needs its proof that it cannot loosen anything."""
    assert {row.key for row in ROWS} == {*LOWER, *RAISE, "alpha_trading", "gate.ensemble", "gate.intelligence"}


@pytest.mark.parametrize(
    "key",
    [
        "gate.fee",
        "gate.correlation",
        "gate.microstructure",
        "gate.pre_entry",
        "gate.policy",
        "max_leverage",
        "stop_loss_pct",
        "risk.kill_switches.max_daily_loss_pct",
    ],
)
def test_what_protects_cannot_be_switched_off(key: str) -> None:
    assert "cannot be overridden" in problem_of(key, "off", BASE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size_scale", "0"),
        ("size_scale", "nan"),
        ("size_scale", "half"),
        ("max_trades_per_day", "2.5"),
        ("max_trades_per_day", "0"),
        ("alpha_trading", "on"),
        ("gate.ensemble", "true"),
        ("weight.hurst", "0.6"),
        ("weight.hurst", "-0.1"),
        ("suppress.BTCUSDT", "false"),
    ],
)
def test_values_that_make_no_sense_are_refused(key: str, value: str) -> None:
    with pytest.raises(ConfigurationError):
        overridden(BASE, [an_override(key, value)])


def test_an_unknown_key_has_near_matches() -> None:
    assert "did you mean size_scale?" in problem_of("sizescale", "0.5", BASE)
    assert problem_of("suppress.SOLUSDT", "true", BASE)


@pytest.mark.parametrize("name", list(ComponentWeights.model_fields))
def test_the_other_weights_share_the_rest_in_their_proportion(name: str) -> None:
    other = "hurst" if name != "hurst" else "whale_flow"
    weights = overridden(BASE, [an_override(f"weight.{name}", "0.4")]).signals.weights.by_name
    assert weights[name] == 0.4
    assert math.isclose(math.fsum(weights.values()), 1)
    before = BASE.signals.weights.by_name
    for one in weights.keys() - {name, other}:
        assert weights[one] / weights[other] == pytest.approx(before[one] / before[other])


def test_weights_that_leave_nothing_are_refused() -> None:
    three = [an_override(f"weight.{name}", "0.5") for name in ("hurst", "whale_flow", "fear_greed")]
    with pytest.raises(ConfigurationError, match="leave"):
        overridden(BASE, three)
    two = overridden(BASE, three[:2]).signals.weights.by_name
    assert (two["hurst"], two["fear_greed"]) == (0.5, 0)


def test_symbols_trading_and_opinions_can_be_switched_off() -> None:
    found = overridden(BASE, [an_override("suppress.BTCUSDT", "true"), an_override("alpha_trading", "off")])
    assert found.alpha_trading.enabled_symbols == ("ETHUSDT",)
    assert found.alpha_trading.enabled is False
    off = overridden(BASE, [an_override("gate.ensemble", "off"), an_override("gate.intelligence", "off")]).gates
    assert off.ensemble.min_side_probability == 0
    assert {value for name, value in off.intelligence.model_dump().items() if name.endswith("multiplier")} == {1.0}
    assert overridden(BASE, []) is BASE


def test_what_contradicts_is_refused_as_settings_are() -> None:
    """The risk of one trade (2 %) must fit into the heat."""
    with pytest.raises(ConfigurationError, match="hold together"):
        overridden(BASE, [an_override("max_heat_pct", "1")])


def test_every_row_says_what_it_is() -> None:
    for row in rows_of(BASE).values():
        assert row.text
        assert row.bound


# ------------------------------------------------------------ their life


class Life:
    """One life of the daemon's side."""

    def __init__(self, home: Path, clock: SteppedClock, base: Settings = BASE) -> None:
        self.home = home
        self.clock = clock
        self.stores: Stores = open_stores(home, clock)
        self.desk = Overrides(base, NOW, self.stores, clock)

    async def set(self, key: str, value: str, hours: float = 2.0, reason: str = "why") -> Any:
        order = OperatorOrder("set_override", reason, "operator jo", key=key, value=value, for_s=hours * 3600)
        return await self.desk.set(order)

    async def end(self) -> None:
        await self.stores.writer.close(5)

    async def lines(self, journal: str) -> list[dict[str, Any]]:
        await self.stores.writer.flush()
        return list(self.stores.journals[journal].reader())


async def test_the_next_cycle_decides_with_it_and_the_one_after_its_end_without(tmp_path: Path) -> None:
    """Each set of parameters is on file under its hash, before any cycle of it."""
    life = Life(tmp_path, SteppedClock(NOW))
    plain = life.desk.params()
    answer = await life.set("size_scale", "0.5")
    assert answer.done, answer.text
    changed = life.desk.params()
    assert (changed.decision.risk.sizing.size_scale, changed.digest != plain.digest) == (0.5, True)
    await life.clock.sleep(2 * 3600 - 1)
    assert life.desk.params() is changed
    await life.clock.sleep(1)
    after = life.desk.params()
    assert (after.decision.risk.sizing.size_scale, after.digest) == (1.0, plain.digest)
    assert life.desk.settings is BASE
    params = [line["params_hash"] for line in await life.lines("decision_params")]
    assert params == [plain.digest, changed.digest, plain.digest]
    (expired,) = await life.lines("operator_audit")
    assert (expired["command"], expired["key"], expired["user"]) == ("override_expired", "size_scale", "operator jo")
    assert overrides_of_home(tmp_path) == []
    await life.end()


async def test_it_survives_a_restart_and_a_newer_one_takes_its_place(tmp_path: Path) -> None:
    life = Life(tmp_path, SteppedClock(NOW))
    await life.set("size_scale", "0.5")
    await life.set("size_scale", "0.25", hours=4)
    await life.set("max_pairs", "2")
    await life.end()
    later = Life(tmp_path, SteppedClock(NOW + timedelta(hours=3)))
    assert [(one.key, one.value) for one in later.desk.in_force] == [("size_scale", "0.25")]
    assert later.desk.params().decision.risk.sizing.size_scale == 0.25
    assert [line["key"] for line in await later.lines("operator_audit")] == ["max_pairs"]
    await later.end()
    assert [row["key"] for row in overrides_of_home(tmp_path)] == ["size_scale"]
    banner = check_overrides(tmp_path, BASE, NOW + timedelta(hours=3))
    assert (banner.ok, banner.critical) == (False, False)
    assert "size_scale=0.25 until 2026-01-05T16:00" in banner.detail


async def test_one_that_new_settings_do_not_allow_is_dropped_at_the_start(tmp_path: Path) -> None:
    life = Life(tmp_path, SteppedClock(NOW))
    await life.set("max_trades_per_day", "15")
    await life.set("size_scale", "0.5")
    await life.end()
    strict = Settings.model_validate({"risk": {"limits": {"max_trades_per_day": 10}}})
    later = Life(tmp_path, SteppedClock(NOW + timedelta(minutes=5)), strict)
    assert [one.key for one in later.desk.in_force] == ["size_scale"]
    assert later.desk.params().decision.risk.limits.max_trades_per_day == 10
    (line,) = await later.lines("operator_audit")
    assert line["command"] == "override_dropped"
    assert "the profile's 10" in line["result"]
    await later.end()


@pytest.mark.parametrize(
    ("key", "value", "hours", "reason", "said"),
    [
        ("size_scale", "2", 1, "why", "stricter"),
        ("size_scale", "0.5", 0.01, "why", "from a minute to 14 days"),
        ("size_scale", "0.5", 15 * 24, "why", "from a minute to 14 days"),
        ("size_scale", "0.5", 1, "", "needs a reason"),
    ],
)
async def test_what_is_refused_changes_nothing(
    tmp_path: Path, key: str, value: str, hours: float, reason: str, said: str
) -> None:
    life = Life(tmp_path, SteppedClock(NOW))
    before = life.desk.params()
    answer = await life.set(key, value, hours, reason)
    assert (answer.done, said in answer.text) == (False, True), answer.text
    assert life.desk.params() is before
    await life.end()


async def test_it_can_be_cleared(tmp_path: Path) -> None:
    life = Life(tmp_path, SteppedClock(NOW))
    before = life.desk.params().digest
    await life.set("gate.ensemble", "off")
    assert not (await life.desk.clear(OperatorOrder("clear_override", key="size_scale"))).done
    assert (await life.desk.clear(OperatorOrder("clear_override", key="gate.ensemble"))).done
    assert life.desk.params().digest == before
    await life.end()


async def test_the_audit_tells_changes_and_what_lasts(tmp_path: Path) -> None:
    """Quiet while nothing changes; near its end and after a week it says so."""
    life = Life(tmp_path, SteppedClock(NOW))
    assert life.desk.audit() == []
    await life.set("size_scale", "0.5", hours=10 * 24)
    for _ in range(3):
        assert life.desk.audit() == []
    await life.clock.sleep(7 * 86_400)
    (found,) = life.desk.audit()
    assert (found.kind, found.subject) == ("override_questionable", "size_scale")
    await life.clock.sleep(2.5 * 86_400)
    life.desk.audit()
    await life.clock.sleep(86_400)
    assert life.desk.audit() == []
    told = await life.lines("governance")
    assert [(len(line["in_force"]), line["near_end"], len(line["questionable"])) for line in told] == [
        (1, [], 0),
        (1, [], 1),
        (1, ["size_scale"], 1),
        (0, [], 0),
    ]
    await life.end()


# ------------------------------------------------------------ the command


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A daemon ran here once."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "instance.json").write_text("{}")
    return tmp_path


def run(home: Path, *arguments: str, standalone: bool = False) -> Result:
    return CliRunner().invoke(cli, ["override", *arguments, "--home", str(home)], standalone_mode=standalone)


def test_without_a_daemon_nothing_is_left_and_it_says_what_to_do(home: Path) -> None:
    found = run(home, "set", "size_scale", "0.5", "--for", "24h", "--reason", "why")
    assert isinstance(found.exception, ConfigurationError)
    assert "tradingbot run" in str(found.exception)
    assert waiting(home) == []


@pytest.mark.parametrize("length", ["24", "x", "1w", "-1h"])
def test_a_length_is_a_number_and_a_unit(home: Path, length: str) -> None:
    found = run(home, "set", "size_scale", "0.5", "--for", length, "--reason", "why", standalone=True)
    assert found.exit_code == 2


def test_keys_and_list_read_without_a_daemon(home: Path) -> None:
    rows = orjson.loads(run(home, "keys", "--json").stdout)["keys"]
    assert {row.key for row in ROWS} <= {row["key"] for row in rows}
    assert "no override is in force" in run(home, "list").stdout
    assert orjson.loads(run(home, "list", "--json").stdout)["overrides"] == []
