"""promtool, Prometheus's own checker; tests that need it are skipped, visibly, where it is not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def promtool(*arguments: str, folder: Path | None = None, stdin: bytes = b"") -> str:
    """Run it; what it says. Fails the test unless it agrees. With ``TRADINGBOT_PROMTOOL=1`` nothing is skipped."""
    program = shutil.which("promtool")
    if program is None:
        if os.environ.get("TRADINGBOT_PROMTOOL"):
            pytest.fail("promtool is not installed (it comes with Prometheus)")
        pytest.skip("promtool is not installed")
    done = subprocess.run([program, *arguments], cwd=folder, input=stdin, capture_output=True, timeout=60, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said
