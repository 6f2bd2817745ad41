"""The interface for programs of a real daemon against its own document: thousands of requests by Schemathesis."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.daemon import TOKEN, paged_daemon

PROGRAM = Path(sys.executable).with_name("schemathesis")
EXAMPLES = 60
pytestmark = [
    pytest.mark.process,
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PROGRAM.exists(), reason="make browser installs Schemathesis"),
]


def test_every_answer_is_as_the_document_says(tmp_path: Path) -> None:
    """No answer 500, none that the document does not know, no action without the token, hostile input included."""
    with paged_daemon(tmp_path / "home") as daemon:
        command = [str(PROGRAM), "run", f"{daemon.url}api/v1/openapi.json", "--url", f"{daemon.url}api/v1"]
        command += ["--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "7", "--no-color"]
        command += ["--header", f"Authorization: Bearer {TOKEN}"]
        done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=tmp_path, timeout=800)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        made = re.search(r"(\d[\d,]*) generated", done.stdout)
        assert made is not None
        assert int(made[1].replace(",", "")) > 500, done.stdout[-2000:]
        assert daemon.events("dashboard.failed") == []
        assert daemon.process.poll() is None
        last = daemon.runtime["cycles"]
        daemon.until("another cycle", lambda: daemon.runtime["cycles"] > last + 1)
