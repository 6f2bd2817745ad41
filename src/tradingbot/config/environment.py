"""What the environment and the `.env` file say: settings, and secrets apart from them."""

from __future__ import annotations

import base64
import binascii
import difflib
import io
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from dotenv.parser import parse_stream
from pydantic import SecretStr

from tradingbot.core.errors import ConfigurationError

PREFIX: Final = "TRADINGBOT__"
SECRET_NAMES: Final = {
    "KRAKEN_FUTURES_API_KEY": "kraken_futures_key",
    "KRAKEN_FUTURES_API_SECRET": "kraken_futures_secret",
    "KRAKEN_API_KEY": "kraken_key",
    "KRAKEN_API_SECRET": "kraken_secret",
    "BLOFIN_API_KEY": "blofin_key",
    "BLOFIN_API_SECRET": "blofin_secret",
    "BLOFIN_API_PASSPHRASE": "blofin_passphrase",
    "COINGLASS_API_KEY": "coinglass_key",
    "TRADINGBOT_DASHBOARD_TOKEN": "dashboard_token",
}
ALERT_URL: Final = "TRADINGBOT_ALERT_URL_"
"""Before the name of a channel: the variable that holds its address, which is a secret."""
SETTING_NAMES: Final = {
    "EXCHANGE": "exchange",
    "KRAKEN_FUTURES_TESTNET": "venue.testnet",
    "TRADINGBOT_HOME": "home",
    "TRADINGBOT_CONFIRM": "confirm",
}
_OURS: Final = ("TRADINGBOT_", "KRAKEN_", "BLOFIN_", "COINGLASS_")
_ALERT: Final = "TRADINGBOT_ALERT"
_CHANNEL: Final = re.compile(r"[a-z][a-z0-9_]{0,31}", re.IGNORECASE)
_BASE64: Final = ("KRAKEN_FUTURES_API_SECRET", "KRAKEN_API_SECRET")
_TOGETHER: Final = (
    ("KRAKEN_FUTURES_API_KEY", "KRAKEN_FUTURES_API_SECRET"),
    ("KRAKEN_API_KEY", "KRAKEN_API_SECRET"),
    ("BLOFIN_API_KEY", "BLOFIN_API_SECRET", "BLOFIN_API_PASSPHRASE"),
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys and tokens; None where none is set. They are never shown, dumped or stored.

    `alert_urls` holds the address of each alert channel by its name in lower case.
    """

    kraken_futures_key: SecretStr | None = None
    kraken_futures_secret: SecretStr | None = None
    kraken_key: SecretStr | None = None
    kraken_secret: SecretStr | None = None
    blofin_key: SecretStr | None = None
    blofin_secret: SecretStr | None = None
    blofin_passphrase: SecretStr | None = None
    coinglass_key: SecretStr | None = None
    dashboard_token: SecretStr | None = None
    alert_urls: Mapping[str, SecretStr] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable that is set, and where: ``environment variable X`` or ``X in /path/.env, line 3``."""

    name: str
    value: str
    source: str
    label: str


def load_secrets(environ: Mapping[str, str], env_file: Path | None = None) -> Secrets:
    """The secrets of environment and `.env` file. Raises ConfigurationError naming variables, never values."""
    found = variables(environ, env_file)
    given = {name: one for name, one in found.items() if name in SECRET_NAMES and one.value}
    for group in _TOGETHER:
        missing = [name for name in group if name not in given]
        if missing and len(missing) < len(group):
            present = next(name for name in group if name in given)
            raise ConfigurationError(f"{given[present].source}: set {' and '.join(missing)} too, or none of them")
    for name in _BASE64:
        if name in given:
            _check_base64(given[name])
    keys: dict[str, Any] = {SECRET_NAMES[name]: SecretStr(one.value) for name, one in given.items()}
    return Secrets(**keys, alert_urls=_alert_urls(found))


def is_secret(name: str) -> bool:
    """Whether the value of a variable of this name must never be shown."""
    return name in SECRET_NAMES or name.startswith(_ALERT)


def alert_url_name(channel: str) -> str:
    """The variable that holds the address of a channel."""
    return f"{ALERT_URL}{channel.upper()}"


def _alert_urls(found: Mapping[str, Variable]) -> dict[str, SecretStr]:
    """Addresses by channel. A variable that is nearly one is refused, so that no alert is lost by a slip."""
    urls: dict[str, SecretStr] = {}
    for name, variable in sorted(found.items()):
        if not name.startswith(_ALERT) or not variable.value:
            continue
        channel = name.removeprefix(ALERT_URL)
        if channel == name or not _CHANNEL.fullmatch(channel):
            raise ConfigurationError(
                f"{variable.source}: unknown; the address of a channel is set as {ALERT_URL}NAME, "
                "NAME of letters, digits and _, a letter first"
            )
        if channel.lower() in urls:
            raise ConfigurationError(f"{variable.source}: channel {channel.lower()} is set twice; keep one of them")
        urls[channel.lower()] = SecretStr(variable.value)
    return urls


def _check_base64(variable: Variable) -> None:
    try:
        base64.b64decode(variable.value, validate=True)
    except (binascii.Error, ValueError):
        raise ConfigurationError(
            f"{variable.source}: the value is not base64; copy the whole secret as the exchange shows it"
        ) from None


def environment_settings(environ: Mapping[str, str], env_file: Path | None = None) -> list[tuple[str, Any, Variable]]:
    """(dotted key, value, variable) of every setting the environment holds. Raises ConfigurationError."""
    found = []
    for name, variable in sorted(variables(environ, env_file).items()):
        if name in SETTING_NAMES:
            if variable.value:
                _refuse_unreadable(variable)
                key = SETTING_NAMES[name]
                found.append((key, _plain_value(variable, key), variable))
        elif name.startswith(PREFIX):
            key = ".".join(part.lower() for part in name.removeprefix(PREFIX).split("__"))
            _refuse_unreadable(variable)
            found.append((key, _parsed(variable), variable))
        elif not is_secret(name) and name.startswith(_OURS):
            _refuse_misspelt(variable)
    return found


def variables(environ: Mapping[str, str], env_file: Path | None = None) -> dict[str, Variable]:
    """All variables, those of the process over those of the file. Raises ConfigurationError."""
    merged = _file_variables(env_file) if env_file is not None else {}
    for name, value in environ.items():
        merged[name] = Variable(name, value.strip(), f"environment variable {name}", f"environment {name}")
    return merged


def _file_variables(path: Path) -> dict[str, Variable]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8; save it as UTF-8") from error
    found: dict[str, Variable] = {}
    for binding in parse_stream(io.StringIO(text)):
        line = binding.original.line + len(binding.original.string) - len(binding.original.string.lstrip("\n"))
        if binding.error or (binding.key is not None and binding.value is None):
            raise ConfigurationError(f"{path}: line {line} is not NAME=value")
        if binding.key is None:
            continue
        if binding.key in found:
            raise ConfigurationError(f"{path}: {binding.key} is set twice; keep one of them")
        name, value = binding.key, (binding.value or "").strip()
        found[name] = Variable(name, value, f"{name} in {path}, line {line}", f".env {name}")
    if mode & 0o077 and any(one.value for name, one in found.items() if is_secret(name)):
        raise ConfigurationError(
            f"{path}: holds secrets and others may read it (mode {mode:04o}); run chmod 600 {path}"
        )
    return found


def _plain_value(variable: Variable, key: str) -> Any:
    if key != "venue.testnet":
        return variable.value
    truth = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if variable.value.lower() not in truth:
        raise ConfigurationError(f"{variable.source} is {variable.value!r}; allowed: true or false")
    return truth[variable.value.lower()]


def _parsed(variable: Variable) -> Any:
    """Numbers, true/false and lists as in YAML; what is none of them is text."""
    try:
        value = yaml.safe_load(variable.value)
    except yaml.YAMLError:
        return variable.value
    return value if isinstance(value, (bool, int, float, list, dict, type(None))) else variable.value


def _refuse_unreadable(variable: Variable) -> None:
    try:
        variable.value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{variable.source}: the value is not UTF-8") from None


def _refuse_misspelt(variable: Variable) -> None:
    known = [*SECRET_NAMES, *SETTING_NAMES]
    matches = difflib.get_close_matches(variable.name, known, n=1, cutoff=0.85)
    if matches:
        raise ConfigurationError(f"{variable.source}: unknown; did you mean {matches[0]}?")
