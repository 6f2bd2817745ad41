"""Addresses: which can be used, and what of them is never shown; the variables they come from; the settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tradingbot.alerts.addresses import hidden, problem_of, secret_pieces
from tradingbot.alerts.params import AlertParams
from tradingbot.app.alerting import alert_access
from tradingbot.app.masking import masked
from tradingbot.app.setup_checks import check_alerts
from tradingbot.config import Settings
from tradingbot.config.environment import Secrets, load_secrets
from tradingbot.core.errors import ConfigurationError

TELEGRAM = "tgram://123456789:AAbbCCddEEff00112233445566778899aab/987654321"


@pytest.mark.parametrize(
    "address",
    [
        TELEGRAM,
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops",
        "mailtos://ann:passw0rd@example.com?to=ops@example.com",
        "jsons://example.com/hooks/abc",
        "json://127.0.0.1:8080/x",
    ],
)
def test_usual_addresses_are_read(address: str) -> None:
    assert problem_of(address) == ""


@pytest.mark.parametrize("address", ["nonsense", "nonsense://x", "two words", "tgram://", "slack://x", ""])
def test_others_are_refused_without_being_shown(address: str) -> None:
    why = problem_of(address)
    assert why
    assert not address or address not in why


def test_tokens_are_pieces_and_names_of_machines_are_not() -> None:
    assert "AAbbCCddEEff00112233445566778899aab" in secret_pieces(TELEGRAM)
    pieces = secret_pieces("mailtos://ann:p%40ssw0rd@mail.example.com/notifications?to=ops@example.com")
    assert {"p%40ssw0rd", "p@ssw0rd"} <= set(pieces)
    assert not {"mail.example.com", "notifications", "ann"} & set(pieces)
    assert "127.0.0.1" not in secret_pieces("json://127.0.0.1:8080/x")
    assert hidden(f"at {TELEGRAM}!", secret_pieces(TELEGRAM)) == "at ***!"


def test_variables_are_read_by_name_whatever_its_case() -> None:
    found = load_secrets({"TRADINGBOT_ALERT_URL_Ops_Room": TELEGRAM, "TRADINGBOT_ALERT_URL_EMPTY": " "})
    assert list(found.alert_urls) == ["ops_room"]
    assert found.alert_urls["ops_room"].get_secret_value() == TELEGRAM
    assert "AAbb" not in repr(found)


@pytest.mark.parametrize(
    "name", ["TRADINGBOT_ALERTS_URL_OPS", "TRADINGBOT_ALERT_URL", "TRADINGBOT_ALERT_URL_", "TRADINGBOT_ALERT_URL_1-x"]
)
def test_a_slip_in_the_name_is_one_clear_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match="TRADINGBOT_ALERT_URL_NAME") as caught:
        load_secrets({name: TELEGRAM})
    assert name in str(caught.value)
    assert "AAbb" not in str(caught.value)


def test_the_same_channel_twice_and_an_open_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set twice"):
        load_secrets({"TRADINGBOT_ALERT_URL_OPS": TELEGRAM, "TRADINGBOT_ALERT_URL_ops": TELEGRAM})
    env_file = tmp_path / ".env"
    env_file.write_text(f"TRADINGBOT_ALERT_URL_OPS={TELEGRAM}\n")
    env_file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_secrets({}, env_file)
    env_file.chmod(0o600)
    assert list(load_secrets({}, env_file).alert_urls) == ["ops"]


def the_check(rows: dict[str, dict[str, str]] | None = None, **urls: str) -> tuple[bool, bool, str]:
    secrets = load_secrets({f"TRADINGBOT_ALERT_URL_{name.upper()}": url for name, url in urls.items()})
    params = AlertParams.model_validate({"channels": rows or {}})
    found = check_alerts(Settings(alerts=params), secrets)
    return found.ok, found.critical, f"{found.detail} {found.remedy}"


def test_the_start_check_names_variable_and_remedy_and_no_address() -> None:
    ok, critical, text = the_check(ops="nonsense://T0kenT0ken")
    assert (ok, critical) == (False, True)
    assert "TRADINGBOT_ALERT_URL_OPS" in text
    assert "T0ken" not in text
    ok, critical, text = the_check({"boss": {}}, ops=TELEGRAM)
    assert (ok, critical) == (False, False)
    assert "TRADINGBOT_ALERT_URL_BOSS not set" in text
    assert the_check(ops=TELEGRAM)[0]
    assert "to nobody" in the_check()[2]


def test_addresses_are_masked_in_messages_and_kept_from_switched_off_alerts() -> None:
    environ = {"TRADINGBOT_ALERT_URL_OPS": TELEGRAM}
    assert masked(f"bad {TELEGRAM} and AAbbCCddEEff00112233445566778899aab", environ) == "bad *** and ***"
    secrets = load_secrets(environ)
    assert alert_access(Settings(alerts=AlertParams(enabled=False)), secrets).addresses == {}
    assert TELEGRAM in alert_access(Settings(), secrets).secrets
    assert alert_access(Settings(), Secrets()).secrets == ()


@pytest.mark.parametrize(
    "bad",
    [
        {"quiet_start": "22:00"},
        {"quiet_start": "22:00", "quiet_end": "22:00"},
        {"quiet_start": "25:00", "quiet_end": "06:00"},
        {"channels": {"Ops": {}, "ops": {}}},
        {"channels": {"two words": {}}},
        {"channels": {f"c{n}": {} for n in range(21)}},
        {"channels": {"ops": {"min_severity": "bad"}}},
        {"first_retry_s": 100, "longest_retry_s": 10},
    ],
)
def test_settings_that_make_no_sense_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AlertParams.model_validate(bad)


def test_names_of_channels_match_whatever_their_case() -> None:
    params = AlertParams.model_validate({"channels": {"OPS": {"min_severity": "critical"}}})
    assert params.channel("ops").min_severity == "critical"
    assert params.channel("other").min_severity == "warning"
