"""A folder of settings to break."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradingbot.config import Settings, load_settings
from tradingbot.core.errors import ConfigurationError

SHIPPED = Path(__file__).resolve().parents[3] / "configs"


def copy_of_shipped(folder: Path) -> Path:
    """The shipped settings, to be changed."""
    return Path(shutil.copytree(SHIPPED, folder / "configs"))


def change_json(path: Path, dotted: str, value: Any) -> None:
    """Set one key in a JSON file; None takes it away."""
    content = json.loads(path.read_text())
    *parents, last = dotted.split(".")
    place = content
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    path.write_text(json.dumps(content))


def load(
    folder: Path,
    profile: str = "paper",
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
    env_file: Path | None = None,
) -> Settings:
    """Settings with nothing from outside unless it is given."""
    return load_settings(folder, profile, environ or {}, overrides or {}, env_file)


def message_of(folder: Path, **arguments: Any) -> str:
    """What the refusal says, with the folder's name cut off."""
    try:
        load(folder, **arguments)
    except ConfigurationError as error:
        return str(error).replace(f"{folder}/", "").replace(str(folder), "CONFIGS")
    return "no error"
