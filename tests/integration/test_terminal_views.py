"""`tradingbot tail -f` and `tradingbot status --watch` as people use them: processes, a real terminal, real files."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.builders_moment import a_runtime
from tradingbot.app.home import make_home
from tradingbot.app.stores import open_stores
from tradingbot.clock import SystemClock
from tradingbot.config.sections import StorageParams
from tradingbot.engine.models import RuntimeState
from tradingbot.storage.rotation import parts

PATIENCE_S = 20.0
LINES = 300
TRADINGBOT = (sys.executable, "-m", "tradingbot")


class Output:
    """What a process wrote so far."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.text = ""

    def until(self, what: Callable[[str], object]) -> str:
        """Read on until that is so, or nothing more comes; fails after a long while."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not what(self.text):
            assert time.monotonic() < deadline_s, self.text[-2000:]
            if select.select([self._descriptor], [], [], 0.1)[0]:
                try:
                    found = os.read(self._descriptor, 65_536)
                except OSError:  # how a terminal says that its other end is closed
                    found = b""
                if not found:
                    break
                self.text += found.decode(errors="replace")
        assert what(self.text), self.text[-2000:]
        return self.text


async def test_tail_follows_what_the_daemon_writes_through_rotations(tmp_path: Path) -> None:
    home, clock = tmp_path / "home", SystemClock()
    make_home(home)
    stores = open_stores(home, clock, StorageParams(journal_max_mb=0.01))
    journal = stores.journals["daemon"]
    await journal.commit({"ts": "2026-01-05T12:00:00.000Z", "level": "info", "event": "first", "number": 0})
    command = (*TRADINGBOT, "tail", "--home", str(home), "-f", "--level", "info")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        output = Output(process.stdout.fileno())
        output.until(lambda text: "first" in text)
        for number in range(1, LINES):
            record = {"ts": "2026-01-05T12:00:01.000Z", "level": "info", "event": "more", "number": number}
            await journal.commit({**record, "wide": "x" * 150})
        await journal.commit({"ts": "2026-01-05T12:00:02.000Z", "level": "debug", "event": "hidden"})
        with journal.path.open("ab") as torn:
            torn.write(b"\x1b[2Jnonsense\n")
        await journal.commit({"ts": "2026-01-05T12:00:03.000Z", "level": "error", "event": "last"})
        text = output.until(lambda text: "last" in text)
        assert [int(found) for found in re.findall(r"number=(\d+)", text)] == list(range(LINES))
        assert len(parts(journal.path)) >= 5, "it was rotated again and again"
        assert "hidden" not in text
        assert "\x1b" not in text
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert said == b"daemon: 1 unreadable lines passed over\n"
    finally:
        process.kill()
        process.wait()
        await stores.writer.close(5)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_status_paints_itself_anew_while_files_change(tmp_path: Path, ending: signal.Signals) -> None:
    home = tmp_path / "home"
    make_home(home)
    stores = open_stores(home, SystemClock())

    async def write(state: RuntimeState) -> None:
        stores.documents["runtime"].put(state)
        await stores.writer.flush()

    await write(a_runtime(equity_usd=Decimal(1111)))
    terminal, inside = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    process = subprocess.Popen(
        (*TRADINGBOT, "status", "--home", str(home), "--watch", "--every", "0.5"),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(inside)
    try:
        output = Output(terminal)
        output.until(lambda text: "1,111.00 USD" in text)
        assert "\x1b[?1049h" in output.text, "on a screen of its own"
        await write(a_runtime(equity_usd=Decimal(2222), last_failure="\x1b[31mhostile"))
        output.until(lambda text: "2,222.00 USD" in text)
        newest = stores.documents["runtime"].path
        kept = {path: path.read_bytes() for path in newest.parent.glob("runtime*")}
        for path in kept:
            path.write_bytes(b"{ half a file")
        output.until(lambda text: "2,222.00 USD" in text.partition("cannot be read now")[2])
        for path, body in kept.items():
            path.write_bytes(body)
        await write(a_runtime(equity_usd=Decimal(3333)))
        output.until(lambda text: "3,333.00 USD" in text)
        process.send_signal(ending)
        output.until(lambda text: "\x1b[?1049l" in text)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
        await stores.writer.close(5)


def test_without_a_terminal_watching_is_refused_with_a_way_out(tmp_path: Path) -> None:
    done = subprocess.run(
        (*TRADINGBOT, "status", "--home", str(tmp_path), "--watch"),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"without --watch the state is printed once" in done.stderr
