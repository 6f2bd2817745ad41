"""Settings: five layers, checked as a whole, frozen (SPEC 1).

Code default < ``configs/*.json`` < ``configs/profiles/<profile>.yaml`` < environment and ``.env`` < command line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from tradingbot.config.environment import Secrets, environment_settings, load_secrets
from tradingbot.config.files import read_json, read_yaml
from tradingbot.config.layers import Layers, Origin
from tradingbot.config.messages import explain, near
from tradingbot.config.settings import LIVE_CONFIRMATION, Settings
from tradingbot.core.errors import ConfigurationError

__all__ = ["LIVE_CONFIRMATION", "Secrets", "Settings", "load_secrets", "load_settings"]

FILES: Final = {
    "trading_config.json": "",
    "signal_policies.json": "",
    "coinglass_config.json": "coinglass",
    "asset_universe.json": "universe",
}
"""The JSON files, and the section that the whole file is; '' for a file whose keys are sections themselves."""


def load_settings(
    config_dir: Path,
    profile: str,
    environ: Mapping[str, str],
    overrides: Mapping[str, object],
    env_file: Path | None = None,
) -> Settings:
    """Settings of a profile. `overrides` are dotted keys of the command line, e.g. ``{"risk.limits.max_pairs": 4}``.

    Depends on nothing but its arguments. Raises ConfigurationError: one message, a line for each problem, that names
    where the value was set, key, value and what is allowed.
    """
    layers = Layers()
    for name, section in FILES.items():
        path = config_dir / name
        layers.put(read_json(path), Origin(name, str(path)), section)
    path = _profile_path(config_dir, profile)
    layers.put(read_yaml(path), Origin(f"profile {profile}", str(path)))
    for key, value, variable in environment_settings(environ, env_file):
        layers.put_value(key, value, Origin(variable.label, variable.source))
    for key, value in overrides.items():
        layers.put_value(key, value, Origin("command line", f"command line option {key}"))
    return _validated(layers)


def _profile_path(config_dir: Path, profile: str) -> Path:
    folder = config_dir / "profiles"
    if not folder.is_dir():
        raise ConfigurationError(f"{config_dir}: no folder of settings (it has no folder profiles)")
    known = [path.stem for path in folder.glob("*.yaml")]
    if profile not in known:
        raise ConfigurationError(f"{folder}: unknown profile {profile!r}{near(profile, known)}")
    return folder / f"{profile}.yaml"


def _validated(layers: Layers) -> Settings:
    try:
        # JSON and strict: "5" is no number and 1 is not true, while lists become tuples and texts enums.
        settings = Settings.model_validate_json(json.dumps(layers.values, default=str), strict=True)
    except ValidationError as error:
        raise ConfigurationError(explain(error, Settings, layers)) from None
    settings._provenance.update({key: origin.label for key, origin in layers.origins.items()})
    return settings
