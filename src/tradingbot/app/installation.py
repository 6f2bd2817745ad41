"""What is installed here: the interpreter, the packages beside their lock, the files that hold secrets, the unit."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from tradingbot.app.deployment_checks import CheckResult
from tradingbot.app.home import checkout

OLDEST_PYTHON: Final = (3, 11)
LOCK: Final = "requirements.lock"
CREDENTIAL: Final = "tradingbot.env"
"""Name of the file of secrets in the folder that a supervisor hands over as CREDENTIALS_DIRECTORY."""
UNITS: Final = (Path("/etc/systemd/system/tradingbot.service"), Path("/lib/systemd/system/tradingbot.service"))
_LINE = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$")
_MARKER = re.compile(r"python_full_version\s*(<|>=)\s*'(\d+)\.(\d+)'")
SHOWN: Final = 5


def check_python() -> CheckResult:
    """The interpreter is new enough."""
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < OLDEST_PYTHON:
        return CheckResult("python", False, f"{found}; 3.11 or newer is needed", remedy="install Python 3.11 or newer")
    return CheckResult("python", True, found)


def locked_versions(lock: Path) -> dict[str, str]:
    """Package -> version that the lock names for this interpreter. Raises OSError."""
    found: dict[str, str] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        match = _LINE.match(line)
        if match and _applies(match[3] or ""):
            found[match[1]] = match[2]
    return found


def _applies(marker: str) -> bool:
    """Markers that our locks have: about the interpreter's version, and about systems that are not ours."""
    found = _MARKER.search(marker)
    if found is None:
        return True
    older = sys.version_info[:2] < (int(found[2]), int(found[3]))
    return older if found[1] == "<" else not older


def check_packages(critical: bool, lock: Path | None = None) -> CheckResult:
    """Every package that the lock names is installed in just that version."""
    path = lock or checkout() / LOCK
    remedy = f"install them: pip install --require-hashes -r {LOCK}"
    try:
        wanted = locked_versions(path)
    except OSError as error:
        detail = f"{path} cannot be read: {error.strerror}"
        return CheckResult("packages", False, detail, critical, remedy="install the whole checkout, with its lock")
    wrong = [text for name, wanted_version in wanted.items() if (text := _difference(name, wanted_version))]
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        detail = f"not as locked: {', '.join(wrong[:SHOWN])}{more}"
        return CheckResult("packages", False, detail, critical, remedy=remedy)
    return CheckResult("packages", True, f"{len(wanted)} as locked")


def _difference(name: str, wanted: str) -> str:
    try:
        found = version(name)
    except PackageNotFoundError:
        return f"{name} is missing"
    return "" if found == wanted else f"{name} {found} instead of {wanted}"


def secret_files(home: Path, environ: Mapping[str, str]) -> list[Path]:
    """Files that may hold secrets, the one that counts first: a supervisor's credential, the home's, the checkout's."""
    handed = environ.get("CREDENTIALS_DIRECTORY")
    given = [Path(handed) / CREDENTIAL] if handed else []
    return [path for path in (*given, home / ".env", checkout() / ".env") if os.path.lexists(path)]


def check_secret_files(home: Path, environ: Mapping[str, str]) -> CheckResult:
    """No file of secrets can be read by anybody but its owner and the daemon's user."""
    files = secret_files(home, environ)
    open_ones = [path for path in files if _others_may_read(path)]
    if open_ones:
        names = ", ".join(str(path) for path in open_ones)
        detail = f"others may read {names}"
        return CheckResult("secret files", False, detail, remedy=f"chmod 600 {' '.join(map(str, open_ones))}")
    shown = ", ".join(str(path) for path in files)
    return CheckResult("secret files", True, f"private: {shown}" if files else "none; keys come from the environment")


def _others_may_read(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except OSError:
        return False


def installed_unit() -> Path | None:
    """The systemd unit file, where there is one."""
    return next((path for path in UNITS if path.is_file()), None)
