"""How long journals are kept: what money and learning rest on is not shortened by a setting."""

from __future__ import annotations

import pytest

from tradingbot.app.stores import retention_days
from tradingbot.config.sections import StorageParams
from tradingbot.engine.catalog import JOURNALS

MONEY_AND_LEARNING = ("intents", "fills", "executed_trades", "execution_quality", "kill_switches", "healing", "issues")
DIAGNOSTICS = ("cycles", "signals", "signal_universe", "ensemble", "exchange_health", "resources", "daemon")


def test_by_default_every_journal_keeps_its_own_time() -> None:
    assert all(retention_days(row, StorageParams()) == row.retention_days for row in JOURNALS.values())


@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_diagnostics_may_be_kept_shorter(name: str) -> None:
    assert retention_days(JOURNALS[name], StorageParams(diagnostics_days=2)) == 2
    assert retention_days(JOURNALS[name], StorageParams(diagnostics_days=90)) == JOURNALS[name].retention_days


@pytest.mark.parametrize("name", MONEY_AND_LEARNING)
def test_what_money_rests_on_is_never_shortened(name: str) -> None:
    assert retention_days(JOURNALS[name], StorageParams(diagnostics_days=1)) == JOURNALS[name].retention_days


def test_inputs_have_a_time_of_their_own() -> None:
    """They are large, and decisions are replayed while they are kept."""
    row = JOURNALS["cycle_inputs"]
    assert retention_days(row, StorageParams(inputs_days=60)) == 60
    assert retention_days(row, StorageParams(inputs_days=60, diagnostics_days=3)) == 3
