"""Alert rules and dashboard: they hold, they go by figures that exist, their runbooks are there."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.builders_moment import a_moment
from tests.promtool import promtool
from tests.unit.dashboard.test_metrics import figures_of

ROOT = Path(__file__).resolve().parents[3]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "tradingbot.rules.yml").read_text())["groups"][0]["rules"]
TESTS: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "tradingbot.rules.test.yml").read_text())["tests"]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "tradingbot.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
WIDTH = 24


def exposed() -> dict[str, set[str]]:
    """Names of an exposition with the labels that they carry."""
    body, _ = figures_of(a_moment()).expose()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def asked_for(expression: str) -> list[tuple[str, set[str]]]:
    """Figures of an expression and the labels that it selects by."""
    found = re.findall(r"\b(tradingbot_\w+|up)(?:\{([^}]*)\})?", re.sub(r'job="tradingbot"', "", expression))
    return [(name, set(re.findall(r"(\w+) *[=!]~?", selector))) for name, selector in found if name != "up"]


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("writer", ROOT / "scripts" / "write_grafana_dashboard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_goes_by_figures_and_labels_that_exist_and_says_what_to_do(rule: dict[str, Any]) -> None:
    known = exposed()
    for name, labels in asked_for(rule["expr"]):
        assert name in known, name
        assert labels <= known[name] | {"instance", "job"}, name
    for text in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
        assert text in {"instance"}.union(*(known[name] for name, _ in asked_for(rule["expr"])))
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["labels"]["severity"] in ("warning", "critical")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert (ROOT / page).is_file()
    assert not anchor or anchor in anchors(ROOT / page)


def test_every_rule_is_tested_firing_and_silent() -> None:
    told = {(one["alert_rule_test"][0]["alertname"], bool(one["alert_rule_test"][0]["exp_alerts"])) for one in TESTS}
    assert told == {(rule["alert"], fires) for rule in RULES for fires in (True, False)}


def test_the_page_lists_every_alert() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for rule in RULES:
        row = f"| `{rule['alert']}` | {rule['labels']['severity']} | {rule['annotations']['summary']} |"
        assert row in text, row


def test_promtool_agrees_with_rules_their_tests_and_the_example(tmp_path: Path) -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", "tradingbot.rules.yml", folder=PROMETHEUS)
    assert "SUCCESS" in promtool("test", "rules", "tradingbot.rules.test.yml", folder=PROMETHEUS)
    (tmp_path / "prometheus.yml").write_bytes((PROMETHEUS / "prometheus.yml.example").read_bytes())
    (tmp_path / "tradingbot.rules.yml").write_bytes((PROMETHEUS / "tradingbot.rules.yml").read_bytes())
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml", folder=tmp_path)


def test_the_dashboard_is_up_to_date() -> None:
    """When this fails: python scripts/write_grafana_dashboard.py"""
    assert writer().text() == (ROOT / "deploy" / "grafana" / "tradingbot.json").read_text(encoding="utf-8")


def test_the_dashboard_has_what_grafana_needs_to_load_it() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["title"]
    assert [row["title"] for row in DASHBOARD["panels"] if row["type"] == "row"] == [
        "Money",
        "Risk",
        "Health",
        "Venue",
        "Machine",
        "Jobs",
    ]
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    for panel in PANELS:
        assert panel["type"] in ("timeseries", "stat", "state-timeline", "bargauge")
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert [target["refId"] for target in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])


def test_no_two_panels_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_figures_and_labels_that_exist(panel: dict[str, Any]) -> None:
    known = exposed()
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]
        asked = asked_for(target["expr"])
        assert asked
        labels: set[str] = set()
        for name, selected in asked:
            assert name in known, name
            assert "instance" in selected, "a dashboard of one instance shows that one"
            assert selected <= known[name] | {"instance"}, name
            labels |= known[name]
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels


def test_every_figure_is_on_the_dashboard() -> None:
    asked = {name for panel in PANELS for target in panel["targets"] for name, _ in asked_for(target["expr"])}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed()}
    assert shown - {re.sub(r"_bucket$", "", name) for name in asked} == NOT_ON_THE_DASHBOARD


NOT_ON_THE_DASHBOARD = {"tradingbot_equity_change_ratio", "tradingbot_sample_ready"}
"""Beside the same in USD, and beside the share of it."""
