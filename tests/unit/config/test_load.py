"""Layers: later ones win, everything shipped loads, secrets stay apart."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.unit.config.support import SHIPPED, change_json, copy_of_shipped, load
from tradingbot.config import Secrets, Settings, load_secrets
from tradingbot.core.errors import ConfigurationError

SECRET = base64.b64encode(b"sixty-four bytes of secret").decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_of_shipped(tmp_path)


@pytest.mark.parametrize("profile", ["paper", "testnet", "live"])
def test_the_shipped_settings_load(profile: str) -> None:
    settings = load(SHIPPED, profile)
    assert settings.mode == profile
    assert len(settings.universe.assets) >= 10
    assert len(settings.alpha_trading.enabled_symbols) >= 10


def test_a_file_of_empty_objects_is_the_built_in_defaults(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "paper.yaml").write_text("")
    for name in ("trading_config", "signal_policies", "coinglass_config", "asset_universe"):
        (tmp_path / f"{name}.json").write_text("{}")
    assert load(tmp_path) == Settings()


def test_the_shipped_json_says_nothing_but_the_defaults() -> None:
    shipped = load(SHIPPED, "paper")
    for part in ("signals", "risk", "exits", "engine", "coinglass", "downtime"):
        assert getattr(shipped, part) == getattr(Settings(), part)


def test_live_has_the_strict_thresholds_and_paper_the_relaxed() -> None:
    paper, live = (load(SHIPPED, profile).signals.thresholds for profile in ("paper", "live"))
    assert (paper.liquidation_volume_usd, live.liquidation_volume_usd) == (50_000, 100_000)
    assert (paper.whale_flow_usd, live.whale_flow_usd) == (250_000, 1_000_000)
    assert (paper.funding_deviation, live.funding_deviation) == (0.0001, 0.0002)
    assert (paper.fear_greed_low, paper.fear_greed_high, live.fear_greed_low, live.fear_greed_high) == (15, 85, 20, 80)
    assert (paper.oi_change_pct, live.oi_change_pct) == (0.5, 2.0)


def test_each_layer_wins_over_the_one_below_and_is_named(folder: Path) -> None:
    key, name = "risk.limits.max_pairs", "TRADINGBOT__RISK__LIMITS__MAX_PAIRS"
    seen = []

    def look(**arguments: object) -> None:
        settings = load(folder, **arguments)  # type: ignore[arg-type]
        seen.append((settings.risk.limits.max_pairs, settings.provenance.get(key)))

    change_json(folder / "trading_config.json", key, 7)
    look()
    profile = folder / "profiles" / "paper.yaml"
    profile.write_text("risk: {limits: {max_pairs: 8}}\n")
    look()
    env_file = folder / ".env"
    env_file.write_text(f"{name}=9\n")
    look(env_file=env_file)
    look(env_file=env_file, environ={name: "10"})
    look(env_file=env_file, environ={name: "10"}, overrides={key: 11})
    assert seen == [
        (7, "trading_config.json"),
        (8, "profile paper"),
        (9, f".env {name}"),
        (10, f"environment {name}"),
        (11, "command line"),
    ]


def test_a_default_has_no_provenance(folder: Path) -> None:
    assert "storage.generations" not in load(folder).provenance


def test_lists_and_truths_can_come_from_the_environment(folder: Path) -> None:
    environ = {
        "TRADINGBOT__ALPHA_TRADING__ENABLED": "false",
        "TRADINGBOT__ALPHA_TRADING__ENABLED_SYMBOLS": "[BTCUSDT, ETHUSDT]",
        "TRADINGBOT__EXITS__STOP_LOSS_PCT": "1.5",
        "TRADINGBOT__DASHBOARD__HOST": "0.0.0.0",
        "UNRELATED": "anything",
        "TRADINGBOT_SOMETHING_ELSE": "of another tool",
    }
    settings = load(folder, environ=environ)
    assert settings.alpha_trading.enabled is False
    assert settings.alpha_trading.enabled_symbols == ("BTCUSDT", "ETHUSDT")
    assert settings.exits.stop_loss_pct == 1.5
    assert not settings.dashboard.on_loopback


def test_the_named_variables_set_what_they_name(folder: Path) -> None:
    environ = {"EXCHANGE": "blofin", "TRADINGBOT_HOME": "/srv/bot", "TRADINGBOT_CONFIRM": "yes-live"}
    settings = load(folder, "live", environ={**environ, "KRAKEN_FUTURES_TESTNET": "false"})
    assert (settings.exchange, settings.home, settings.confirm) == ("blofin", "/srv/bot", "yes-live")
    assert settings.venue.testnet is False
    assert load(folder, environ={"KRAKEN_FUTURES_TESTNET": "TRUE"}).venue.testnet is True


def test_an_empty_variable_is_as_good_as_none(folder: Path) -> None:
    assert load(folder, environ={"EXCHANGE": "", "TRADINGBOT_HOME": ""}).home is None


def test_comments_are_no_settings(folder: Path) -> None:
    change_json(folder / "trading_config.json", "risk._comment_why", "because")
    assert load(folder) == load(SHIPPED)


def test_a_byte_order_mark_does_no_harm(folder: Path) -> None:
    path = folder / "signal_policies.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(folder) == load(SHIPPED)


def test_settings_do_not_depend_on_the_working_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(folder)
    monkeypatch.chdir("/")
    assert load(folder) == before


def test_settings_are_frozen(folder: Path) -> None:
    with pytest.raises(ValidationError):
        load(folder).risk.limits.max_pairs = 9  # type: ignore[misc]


def test_secrets_are_read_and_never_shown() -> None:
    secrets = load_secrets({"KRAKEN_FUTURES_API_KEY": "public-part", "KRAKEN_FUTURES_API_SECRET": SECRET})
    assert secrets.kraken_futures_secret.get_secret_value() == SECRET
    assert secrets.kraken_key is None
    assert SECRET not in f"{secrets!r} {secrets}"
    assert "public-part" not in f"{secrets!r} {secrets}"
    assert load_secrets({}) == Secrets()


def test_secrets_may_stand_in_a_private_file_and_in_no_other(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("COINGLASS_API_KEY=abc\n")
    env_file.chmod(0o600)
    assert load_secrets({}, env_file).coinglass_key.get_secret_value() == "abc"
    assert load_secrets({"COINGLASS_API_KEY": "def"}, env_file).coinglass_key.get_secret_value() == "def"
    env_file.chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"holds secrets and others may read it \(mode 0644\); run chmod 600"):
        load_secrets({}, env_file)
    env_file.write_text("COINGLASS_API_KEY=\n")
    assert load_secrets({}, env_file) == Secrets()


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"KRAKEN_FUTURES_API_KEY": "value-of-secret"},
            "environment variable KRAKEN_FUTURES_API_KEY: set KRAKEN_FUTURES_API_SECRET too, or none of them",
        ),
        (
            {"BLOFIN_API_SECRET": "value-of-secret"},
            "environment variable BLOFIN_API_SECRET: set BLOFIN_API_KEY and BLOFIN_API_PASSPHRASE too, or none of them",
        ),
        (
            {"KRAKEN_API_KEY": "k", "KRAKEN_API_SECRET": "value-of-secret!"},
            "environment variable KRAKEN_API_SECRET: the value is not base64; copy the whole secret as the exchange "
            "shows it",
        ),
    ],
)
def test_unusable_secrets_are_refused_without_being_shown(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_secrets(environ)
    assert str(caught.value) == message


def test_no_secret_is_in_the_settings(folder: Path) -> None:
    environ = {"COINGLASS_API_KEY": "value-of-secret", "KRAKEN_API_KEY": "k", "KRAKEN_API_SECRET": SECRET}
    settings = load(folder, environ=environ)
    assert "value-of-secret" not in settings.model_dump_json()
    assert "value-of-secret" not in str(dict(settings.provenance))


def test_every_setting_is_described_with_its_range() -> None:
    def fields(model: type) -> list[tuple[str, object]]:
        return [(f"{model.__name__}.{name}", info) for name, info in model.model_fields.items()]

    from tradingbot.config.messages import _model_of

    queue, undescribed = [Settings], []
    while queue:
        for name, info in fields(queue.pop()):
            inner = _model_of(info.annotation)
            if inner is not None:
                queue.append(inner)
            elif not info.description:
                undescribed.append(name)
    assert undescribed == []


def test_an_empty_section_in_a_later_layer_takes_nothing_away(folder: Path) -> None:
    (folder / "profiles" / "paper.yaml").write_text("mode: paper\nrisk: {}\nalpha_trading: {}\n")
    assert load(folder).alpha_trading == load(SHIPPED).alpha_trading
