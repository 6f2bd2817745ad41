"""Where things live: the home folder with state, logs and feature_store, and the folder with the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tradingbot.core.errors import ConfigurationError

FOLDERS = ("state", "logs", "feature_store")


def checkout() -> Path:
    """The folder that ships `configs/`: the checkout this package runs from, else the current folder."""
    root = Path(__file__).resolve().parents[3]
    return root if (root / "configs").is_dir() else Path.cwd()


def home_folder(option: str | None, environ: Mapping[str, str]) -> Path:
    """``--home``, else ``TRADINGBOT_HOME``, else the checkout."""
    named = option or environ.get("TRADINGBOT_HOME")
    return Path(named).expanduser().resolve() if named else checkout()


def config_folder(home: Path) -> Path:
    """The home's own `configs/` when it has one, else the shipped one."""
    own = home / "configs"
    return own if own.is_dir() else checkout() / "configs"


def make_home(home: Path) -> None:
    """Create the home's folders, private to the user. Raises ConfigurationError when that is impossible."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        for name in FOLDERS:
            (home / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"home folder {home} cannot be used: {error}; choose another with --home") from error


def sim_home(home: Path) -> Path:
    """Where the embedded simulated venue keeps its account."""
    return home / "state" / "sim_venue"
