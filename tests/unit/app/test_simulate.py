"""When a standalone venue's made market begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradingbot.app.simulate import market_start_ms
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import epoch_ms
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS


def test_a_sped_up_market_begins_at_the_repeatable_moment(tmp_path: Path) -> None:
    """The same seed gives the same prices, whenever it is run."""
    assert market_start_ms(tmp_path, 60.0) == DEFAULT_START_MS


def test_a_market_in_real_time_begins_now_and_keeps_its_beginning(tmp_path: Path) -> None:
    """Clients go by their own clock; a restart must not change the past."""
    before_ms = epoch_ms(SystemClock().now())
    start_ms = market_start_ms(tmp_path, 1.0)
    assert start_ms % 60_000 == 0
    assert 0 <= before_ms - start_ms < 60_000
    assert market_start_ms(tmp_path, 60.0) == start_ms


def test_a_damaged_beginning_is_one_clear_error(tmp_path: Path) -> None:
    """Guessing would change all prices under an account."""
    (tmp_path / "market.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"market\.json cannot be read"):
        market_start_ms(tmp_path, 1.0)
