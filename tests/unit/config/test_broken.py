"""What is broken, and the exact message that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.support import change_json, copy_of_shipped, load, message_of
from tradingbot.core.errors import ConfigurationError

TRADING, POLICIES, COINGLASS, UNIVERSE = (
    "trading_config.json", "signal_policies.json", "coinglass_config.json", "asset_universe.json",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_of_shipped(tmp_path)


WHOLE = "a whole number at least 1 and at most 50 (Pairs held at once)"
IN_JSON: list[tuple[str, str, str, Any, str]] = [
    (
        "misspelt key", TRADING, "risk.limits.max_pair", 4,
        "trading_config.json: unknown key risk.limits.max_pair; did you mean max_pairs?",
    ),
    (
        "unknown section", TRADING, "exitz", {},
        "trading_config.json: unknown key exitz; did you mean exits?",
    ),
    (
        "text for a number", TRADING, "risk.limits.max_pairs", "4",
        f"trading_config.json: risk.limits.max_pairs is '4' (text); allowed: {WHOLE}",
    ),
    (
        "true for a number", TRADING, "risk.limits.max_pairs", True,
        f"trading_config.json: risk.limits.max_pairs is true (true/false); allowed: {WHOLE}",
    ),
    (
        "fraction for a whole number", TRADING, "risk.limits.max_pairs", 2.5,
        f"trading_config.json: risk.limits.max_pairs is 2.5 (a number); allowed: {WHOLE}",
    ),
    (
        "null for a number", TRADING, "risk.limits.max_pairs", None,
        f"trading_config.json: risk.limits.max_pairs is null (null); allowed: {WHOLE}",
    ),
    (
        "below the range", TRADING, "risk.limits.max_pairs", 0,
        f"trading_config.json: risk.limits.max_pairs is 0; allowed: {WHOLE}",
    ),
    (
        "above the range", TRADING, "exits.stop_loss_pct", 51,
        "trading_config.json: exits.stop_loss_pct is 51; allowed: a number above 0 and at most 50 "
        "(Stop, checked every cycle and resting (SPEC 8.4))",
    ),
    (
        "a number for a section", TRADING, "risk", 3,
        "trading_config.json: risk is 3 (a number); allowed: an object",
    ),
    (
        "an unknown word", TRADING, "engine.orders.entry_kind", "stop",
        "trading_config.json: engine.orders.entry_kind is 'stop'; allowed: market or limit "
        "(market, or a marketable limit (IOC))",
    ),
    (
        "a time that is none", TRADING, "downtime.start", "25:00",
        "trading_config.json: downtime.start is '25:00'; allowed: text like \"03:00\" (Begin, HH:MM in UTC)",
    ),
    (
        "a key missing in a list", TRADING, "exits.profit_targets", [{"profit_pct": 1}],
        "trading_config.json: exits.profit_targets[0].after_min is missing; allowed: a number at least 0 and at most "
        "10000 (Minutes since entry; 0 is at any time)",
    ),
    (
        "a secret in a file", COINGLASS, "api_key", "abc123",
        "coinglass_config.json: coinglass.api_key does not belong here; secrets come from the environment or the "
        ".env file",
    ),
    (
        "a bad address", COINGLASS, "base_url", "open-api-v4.coinglass.com",
        "coinglass_config.json: coinglass.base_url is 'open-api-v4.coinglass.com'; allowed: text like "
        "https://host/path (API root)",
    ),
    (
        "a symbol in another spelling", POLICIES, "alpha_trading.enabled_symbols", ["BTC-USD"],
        "signal_policies.json: alpha_trading.enabled_symbols[0] is 'BTC-USD'; allowed: a list, each text like BTCUSDT "
        "(Internal symbols such as BTCUSDT)",
    ),
    (
        "a symbol outside the universe", POLICIES, "alpha_trading.enabled_symbols", ["BTCUSDT", "FOOUSDT"],
        "FOOUSDT is not in the asset universe: alpha_trading.enabled_symbols = [\"BTCUSDT\", \"FOOUSDT\"] "
        "(signal_policies.json)",
    ),
    (
        "a symbol twice", POLICIES, "alpha_trading.enabled_symbols", ["BTCUSDT", "BTCUSDT"],
        "BTCUSDT appears more than once: alpha_trading.enabled_symbols = [\"BTCUSDT\", \"BTCUSDT\"] "
        "(signal_policies.json)",
    ),
    (
        "an empty universe", UNIVERSE, "assets", [],
        "asset_universe.json: universe.assets is []; allowed: a list, each an object at least 1 long",
    ),
    (
        "a key that the universe has not", UNIVERSE, "min_volume_usd", 2,
        "asset_universe.json: unknown key universe.min_volume_usd; did you mean min_volume_24h_usd?",
    ),
    (
        "a rule of its own", UNIVERSE, "assets",
        [{"asset": "BTC", "symbol": "BTCUSDT", "venues": {"blofin": "X"}, "choices": {"blofin": ["Y"]}}],
        "asset_universe.json: universe.assets[0]: BTC: blofin symbol 'X' is none of Y",
    ),
    (
        "calls faster than the limit", COINGLASS, "min_interval_s", 1,
        "calls at this interval exceed the limit: coinglass.min_interval_s = 1, coinglass.requests_per_min = 30 "
        "(coinglass_config.json)",
    ),
    (
        "weights that do not add up", TRADING, "signals.weights",
        {"liquidation_cascade": 0.5},
        "the weights add up to 1.28; they must add up to 1: signals.weights.liquidation_cascade = 0.5 "
        "(trading_config.json); signals.weights.whale_flow = 0.2, signals.weights.funding_extreme = 0.16, "
        "signals.weights.hurst = 0.08, signals.weights.btc_lead_lag = 0.08, signals.weights.ofi_momentum = 0.06, "
        "signals.weights.fear_greed = 0.06, signals.weights.volatility_skew = 0.05, "
        "signals.weights.oi_velocity = 0.05, signals.weights.oi_price_divergence = 0.04 (built-in default)",
    ),
    (
        "LOW above MEDIUM", TRADING, "signals.conviction.low.min_confidence", 0.5,
        "min_confidence of low must not be above that of medium: signals.conviction.low.min_confidence = 0.5, "
        "signals.conviction.medium.min_confidence = 0.4 (trading_config.json)",
    ),
    (
        "fear above greed", TRADING, "signals.thresholds.fear_greed_low", 90,
        "the fear threshold must be below the greed threshold: signals.thresholds.fear_greed_low = 90, "
        "signals.thresholds.fear_greed_high = 85 (trading_config.json)",
    ),
    (
        "one trade riskier than its symbol", TRADING, "risk.limits.max_trade_risk_pct", 6,
        "the risk of one trade must not be above that of its symbol: risk.limits.max_trade_risk_pct = 6, "
        "risk.limits.max_symbol_risk_pct = 5 (trading_config.json)",
    ),
    (
        "a symbol riskier than the heat", TRADING, "risk.limits.max_heat_pct", 4,
        "the risk on one symbol must not be above the portfolio heat: risk.limits.max_symbol_risk_pct = 5, "
        "risk.limits.max_heat_pct = 4 (trading_config.json)",
    ),
    (
        "early leverage above the later", TRADING, "risk.sizing.early_max_leverage", 8,
        "the early leverage cap must not be above the later one: risk.sizing.early_max_leverage = 8, "
        "risk.sizing.max_leverage = 5 (trading_config.json)",
    ),
    (
        "minimum trade above the pair's cap", TRADING, "risk.limits.max_pair_notional_pct", 0.4,
        "the minimum trade is above what one pair may hold (40 USD), so nothing could be traded: "
        "risk.sizing.min_trade_usd = 50, risk.limits.max_pair_notional_pct = 0.4 (trading_config.json); "
        'simulator.starting_equity_usd = "10000" (built-in default)',
    ),
    (
        "stop beyond the forced exit", TRADING, "exits.stop_loss_pct", 3,
        "the stop must not lie beyond the loss that forces an exit: exits.stop_loss_pct = 3 (trading_config.json); "
        "exits.timing.force_exit_loss_pct = 2.5 (built-in default)",
    ),
    (
        "rungs that do not add up", TRADING, "exits.ladder", [{"share_pct": 50, "profit_pct": 1, "after_min": 0}],
        "the rungs add up to 50 %; they must add up to 100 %: exits.ladder = "
        "[{\"share_pct\": 50, \"profit_pct\": 1, \"after_min\": 0}] (trading_config.json)",
    ),
    (
        "a cycle that overlaps the next", TRADING, "engine.cycle_s", 30,
        "a cycle must be over before the next begins: engine.cycle_offset_s = 2, engine.cycle_s = 30 "
        "(trading_config.json); engine.cycle_deadline_s = 45.0 (built-in default)",
    ),
    (
        "an empty downtime", TRADING, "downtime.end", "03:00",
        "the window must not begin when it ends; switch it off with enabled: downtime.start = '03:00', "
        "downtime.end = '03:00' (trading_config.json)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("file", "key", "value", "message"), [row[1:] for row in IN_JSON], ids=[r[0] for r in IN_JSON])
def test_a_wrong_json_value_is_refused(folder: Path, file: str, key: str, value: Any, message: str) -> None:
    change_json(folder / file, key, value)
    assert message_of(folder) == message


BROKEN_FILES: list[tuple[str, str, bytes | None, str]] = [
    (
        "JSON syntax", TRADING, b'{\n  "risk": {\n    "limits": {"max_pairs" 4}\n  }\n}',
        "trading_config.json: not valid JSON at line 3, column 28: Expecting ':' delimiter",
    ),
    ("empty JSON", POLICIES, b"", "signal_policies.json: not valid JSON at line 1, column 1: Expecting value"),
    (
        "a list", POLICIES, b"[]", "signal_policies.json: must hold an object of keys and values, not a list",
    ),
    (
        "a key twice", TRADING, b'{"risk": {}, "exits": {}, "risk": {}}',
        "trading_config.json: key 'risk' appears twice in the same object; keep one of them",
    ),
    ("NaN", TRADING, b'{"exits": {"stop_loss_pct": NaN}}', "trading_config.json: NaN is no JSON; write a number"),
    (
        "UTF-16", TRADING, '{"a": 1}'.encode("utf-16"), "trading_config.json: not UTF-8 at line 1; save it as UTF-8",
    ),
    (
        "Latin-1", TRADING, b'{"_comment":\n "f\xfcr"}', "trading_config.json: not UTF-8 at line 2; save it as UTF-8",
    ),
    (
        "missing file", UNIVERSE, None,
        "asset_universe.json: no such file; restore it (an empty object means all defaults)",
    ),
    (
        "YAML syntax", "profiles/paper.yaml", b"mode: paper\nrisk: [1, 2\nexits: 3\n",
        "profiles/paper.yaml: not valid YAML at line 3, column 6: expected ',' or ']', but got ':'",
    ),
    (
        "YAML tab", "profiles/paper.yaml", b"mode: paper\nrisk:\n\tlimits: 3\n",
        "profiles/paper.yaml: not valid YAML at line 3, column 1: found character '\\t' that cannot start any token",
    ),
    (
        "YAML key twice", "profiles/paper.yaml", b"mode: paper\nmode: live\n",
        "profiles/paper.yaml: not valid YAML at line 2, column 1: key 'mode' appears twice; keep one of them",
    ),
    (
        "YAML that would run code", "profiles/paper.yaml", b"mode: !!python/object/apply:os.system ['true']\n",
        "profiles/paper.yaml: not valid YAML at line 1, column 7: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    (
        "YAML number as key", "profiles/paper.yaml", b"risk:\n  1: 2\n",
        "profiles/paper.yaml: key 1 is a number, not text; put it in quotes",
    ),
    (
        "YAML time without quotes", "profiles/paper.yaml", b"downtime:\n  start: 13:30\n",
        "profiles/paper.yaml: downtime.start is 810 (a number); allowed: text like \"03:00\" (Begin, HH:MM in UTC)",
    ),
    (
        "wrong mode", "profiles/paper.yaml", b"mode: papr\n",
        "profiles/paper.yaml: mode is 'papr'; allowed: paper or testnet or live (What orders do)",
    ),
    (
        "recorded without a recording", "profiles/paper.yaml", b"market_source: {kind: recorded}\n",
        "a recorded market needs a recording: market_source.kind = 'recorded' (profiles/paper.yaml); "
        "market_source.recording = null (built-in default)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "content", "message"), [row[1:] for row in BROKEN_FILES], ids=[row[0] for row in BROKEN_FILES]
)
def test_a_broken_file_is_refused(folder: Path, file: str, content: bytes | None, message: str) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    said = message_of(folder)
    assert said == message


def test_a_folder_in_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / TRADING).unlink()
    (folder / TRADING).mkdir()
    assert message_of(folder) == "trading_config.json: cannot be read: Is a directory"


def test_a_folder_without_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"trading_config\.json: no such file"):
        load(tmp_path)


def test_an_unknown_profile_lists_near_ones(folder: Path) -> None:
    assert message_of(folder, profile="liv") == "profiles: unknown profile 'liv'; did you mean live?"
    assert message_of(folder, profile="../x") == "profiles: unknown profile '../x'; known here: live, paper, testnet"


ENVIRONMENT: list[tuple[str, str, dict[str, str], str]] = [
    (
        "wrong exchange", "paper", {"EXCHANGE": "krakn"},
        "environment variable EXCHANGE: exchange is 'krakn'; allowed: kraken or blofin (Venue that is traded)",
    ),
    (
        "neither true nor false", "paper", {"KRAKEN_FUTURES_TESTNET": "maybe"},
        "environment variable KRAKEN_FUTURES_TESTNET is 'maybe'; allowed: true or false",
    ),
    (
        "testnet in live", "live", {"KRAKEN_FUTURES_TESTNET": "true"},
        "live trading needs the real exchange: mode = 'live' (profiles/live.yaml); venue.testnet = true "
        "(environment variable KRAKEN_FUTURES_TESTNET)",
    ),
    (
        "the real exchange in testnet", "testnet", {"TRADINGBOT__VENUE__WS_URL": "wss://futures.kraken.com/ws/v1"},
        "testnet must not use the real exchange: mode = 'testnet' (profiles/testnet.yaml); venue.ws_url = "
        "'wss://futures.kraken.com/ws/v1' (environment variable TRADINGBOT__VENUE__WS_URL)",
    ),
    (
        "no TLS", "live", {"TRADINGBOT__VENUE__WS_URL": "ws://example.org/ws/v1"},
        "an address that is not on this machine needs TLS (https, wss): venue.ws_url = 'ws://example.org/ws/v1' "
        "(environment variable TRADINGBOT__VENUE__WS_URL)",
    ),
    (
        "unknown key", "paper", {"TRADINGBOT__RISK__LIMITS__MAX_PAIR": "3"},
        "environment variable TRADINGBOT__RISK__LIMITS__MAX_PAIR: unknown key risk.limits.max_pair; "
        "did you mean max_pairs?",
    ),
    (
        "text for a number", "paper", {"TRADINGBOT__RISK__LIMITS__MAX_PAIRS": "many"},
        "environment variable TRADINGBOT__RISK__LIMITS__MAX_PAIRS: risk.limits.max_pairs is 'many' (text); allowed: "
        + WHOLE,
    ),
    (
        "misspelt variable", "paper", {"TRADINGBOT_HOM": "/x"},
        "environment variable TRADINGBOT_HOM: unknown; did you mean TRADINGBOT_HOME?",
    ),
    (
        "misspelt secret", "paper", {"KRAKEN_FUTURES_APIKEY": "value-of-secret"},
        "environment variable KRAKEN_FUTURES_APIKEY: unknown; did you mean KRAKEN_FUTURES_API_KEY?",
    ),
    (
        "a secret as a setting", "paper", {"TRADINGBOT__VENUE__API_SECRET": "value-of-secret"},
        "environment variable TRADINGBOT__VENUE__API_SECRET: venue.api_secret does not belong here; secrets come from "
        "the environment or the .env file",
    ),
    (
        "not UTF-8", "paper", {"TRADINGBOT__HOME": "\udcff"},
        "environment variable TRADINGBOT__HOME: the value is not UTF-8",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "environ", "message"), [row[1:] for row in ENVIRONMENT], ids=[row[0] for row in ENVIRONMENT]
)
def test_a_wrong_variable_is_refused(folder: Path, profile: str, environ: dict[str, str], message: str) -> None:
    said = message_of(folder, profile=profile, environ=environ)
    assert said == message
    assert "value-of-secret" not in said


def test_a_wrong_option_of_the_command_line_is_refused(folder: Path) -> None:
    said = message_of(folder, overrides={"risk.limits.max_pairs": 99})
    assert said == f"command line option risk.limits.max_pairs: risk.limits.max_pairs is 99; allowed: {WHOLE}"


def test_several_problems_are_all_said_at_once(folder: Path) -> None:
    change_json(folder / TRADING, "risk.limits.max_pairs", 0)
    change_json(folder / TRADING, "engine.cycle_s", "fast")
    assert len(message_of(folder).splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("EXCHANGE=kraken\nthis is no assignment\n", r"\.env: line 2 is not NAME=value"),
        ("EXCHANGE=kraken\nEXCHANGE=blofin\n", r"\.env: EXCHANGE is set twice; keep one of them"),
        ("# note\n\nEXCHANGE=krakn\n", r"^EXCHANGE in .*\.env, line 3: exchange is 'krakn'; allowed: kraken or blofin"),
    ],
)
def test_a_broken_env_file_names_its_line(folder: Path, content: str, message: str) -> None:
    env_file = folder / ".env"
    env_file.write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        load(folder, env_file=env_file)


def test_the_message_is_short_for_a_long_value(folder: Path) -> None:
    change_json(folder / TRADING, "engine.orders.entry_kind", "x" * 500)
    assert len(message_of(folder)) < 250
