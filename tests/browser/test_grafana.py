"""Grafana's own model of a dashboard reads ours whole. `make browser` installs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parents[2]
KNOWN_TO_GRAFANA_ALONE = {"/templating/list[1]/definition"}


def plain(value: Any) -> Any:
    """What the model keeps, as JSON."""
    return json.loads(json.dumps(value, default=lambda one: one.to_json() if hasattr(one, "to_json") else one.value))


def lost(asked: Any, kept: Any, place: str = "") -> set[str]:
    """Places of values that the model does not know."""
    if isinstance(asked, dict) and isinstance(kept, dict):
        return {
            at
            for name, value in asked.items()
            for at in (
                lost(value, kept[name], f"{place}/{name}") if name in kept else ({f"{place}/{name}"} if value else ())
            )
        }
    if isinstance(asked, list) and isinstance(kept, list) and len(asked) == len(kept):
        return {
            at for number, pair in enumerate(zip(asked, kept, strict=True)) for at in lost(*pair, f"{place}[{number}]")
        }
    return set() if asked == kept else {place}


def test_grafana_reads_every_panel() -> None:
    model = pytest.importorskip("grafana_foundation_sdk.models.dashboard", reason="make browser installs it")
    plugins = pytest.importorskip("grafana_foundation_sdk.cog.plugins")
    plugins.register_default_plugins()
    facts = json.loads((ROOT / "deploy" / "grafana" / "tradingbot.json").read_text(encoding="utf-8"))
    read = model.Dashboard.from_json(facts)
    assert len(read.panels) == len(facts["panels"])
    assert lost(facts, plain(read.to_json())) <= KNOWN_TO_GRAFANA_ALONE
    panel = {**facts["panels"][1], "fieldConfg": {"defaults": {"unit": "s"}}}
    misspelt = {**facts, "panels": [panel]}
    assert "/panels[0]/fieldConfg" in lost(misspelt, plain(model.Dashboard.from_json(misspelt).to_json()))
