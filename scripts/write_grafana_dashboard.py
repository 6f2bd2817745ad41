"""Write deploy/grafana/tradingbot.json from the table of panels below.

    python scripts/write_grafana_dashboard.py

The dashboard asks for its data source and instance when it is imported; Grafana 10 or newer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
FILE: Final = ROOT / "deploy" / "grafana" / "tradingbot.json"
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS: Final = 24
GREEN_RED: Final = (("green", None), ("red", 1))
RED_GREEN: Final = (("red", None), ("green", 1))


class Panel(NamedTuple):
    """One panel: queries are (expression without its prefix and selector marks, legend)."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    steps: tuple[tuple[str, float | None], ...] = ()
    about: str = ""


def _figure(name: str, selector: str = "") -> str:
    """One figure of the chosen instances."""
    return f'tradingbot_{name}{{instance=~"$instance"{selector and ", " + selector}}}'


def _of(name: str, legend: str = "", selector: str = "", more: str = "") -> tuple[str, str]:
    """A plain figure."""
    return f"{_figure(name, selector)}{more}", legend or name


def _grown(name: str, legend: str) -> tuple[str, str]:
    """How much a counter grew within an hour."""
    return f"increase({_figure(name)}[1h])", legend


ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Money": (
        Panel("Equity", (_of("equity_usd", "equity"),), "currencyUSD", "stat", 4),
        Panel("Today", (_of("equity_change_usd", "today", 'period="today"'),), "currencyUSD", "stat", 4),
        Panel("Since the start", (_of("equity_change_usd", "all", 'period="since_start"'),), "currencyUSD", "stat", 4),
        Panel("Unrealised", (_of("unrealised_pnl_usd", "open"),), "currencyUSD", "stat", 4),
        Panel("Open positions", (_of("open_positions", "open"),), "short", "stat", 4),
        Panel(
            "Trades won",
            (
                (
                    f"{_figure('trades_won_total')} / ({_figure('trades_total')} > 0)",
                    "won",
                ),
            ),
            "percentunit",
            "stat",
            4,
        ),
        Panel(
            "Equity and its peak",
            (_of("equity_usd", "equity"), _of("equity_peak_usd", "peak")),
            "currencyUSD",
            width=12,
        ),
        Panel(
            "Result of finished trades and open positions",
            (_of("realised_pnl_usd", "finished {{period}}"), _of("unrealised_pnl_usd", "open")),
            "currencyUSD",
            width=12,
        ),
        Panel(
            "Worth of open positions",
            (_of("position_notional_usd", "{{symbol}} {{direction}}"),),
            "currencyUSD",
            width=12,
        ),
        Panel(
            "What open positions would bring",
            (_of("position_unrealised_pnl_usd", "{{symbol}} {{direction}}"),),
            "currencyUSD",
            width=12,
        ),
    ),
    "Risk": (
        Panel("Drawdown", (_of("drawdown_ratio", "below the peak"),), "percentunit"),
        Panel(
            "Kill switches",
            (_of("kill_switch_tripped", "{{switch}}"),),
            "short",
            "state-timeline",
            steps=GREEN_RED,
            about="Red while a switch holds entries back; exits go on.",
        ),
        Panel(
            "Entries blocked by",
            (_of("entries_blocked_by", "{{reason}}"),),
            "short",
            "state-timeline",
            steps=GREEN_RED,
        ),
        Panel(
            "Entries blocked, margin short",
            (_of("entries_blocked", "blocked"), _of("margin_short", "margin short")),
            "short",
            "state-timeline",
            steps=GREEN_RED,
        ),
        Panel("Entries left today, symbols blocked", (_of("entries_left_today"), _of("symbols_blocked"))),
        Panel(
            "Regime and downtime",
            (_of("regime", "{{regime}}", more=" == 1"), _of("downtime_state", "{{state}}", more=" == 1")),
            "short",
            "state-timeline",
        ),
        Panel("Strategies", (_of("strategy_share_ratio", "{{strategy}}"),), "percentunit"),
        Panel("Positions without a stop", (_of("unprotected_positions", "bare"),), "short", "stat", steps=GREEN_RED),
        Panel("Sample readiness", (_of("sample_readiness_ratio", "{{symbol}}"),), "percentunit", "bargauge"),
    ),
    "Health": (
        Panel(
            "Open issues",
            (_of("issues_open", "{{severity}}"), _of("issues_unacknowledged", "{{severity}}, not acknowledged")),
        ),
        Panel("Issues by kind", (_of("issues_open_by_kind", "{{kind}}", more=" > 0"),)),
        Panel("Repairs of itself, 24 h", (_of("heals_24h", "{{category}}"),), "short", "bargauge"),
        Panel("Signs of life", (_of("heartbeat_age_seconds", "{{subsystem}}"),), "s"),
        Panel(
            "Orders without an outcome, differences",
            (_of("orders_unresolved", "unknown orders"), _of("book_differences", "differences")),
        ),
        Panel(
            "Storage, figures",
            (_of("storage_ok", "disk takes writes"), _of("figures_unreadable", "figures missing")),
        ),
    ),
    "Venue": (
        Panel(
            "Exchange degraded",
            (_of("exchange_health", "degraded", 'state="degraded"'),),
            "short",
            "state-timeline",
            steps=GREEN_RED,
        ),
        Panel("Streams", (_of("stream_connected", "{{stream}}"),), "short", "state-timeline", steps=RED_GREEN),
        Panel(
            "Reconnects and gaps per hour",
            (
                _grown("stream_reconnects_total", "{{stream}} reconnects"),
                _grown("stream_gaps_total", "{{stream}} gaps"),
            ),
        ),
        Panel(
            "Feeds of intelligence",
            (
                (
                    f"{_figure('feed_subjects_ok')} / {_figure('feed_subjects')}",
                    "{{feed}}",
                ),
            ),
            "percentunit",
            width=12,
        ),
        Panel("Symbols by verdict", (_of("symbols", "{{status}}"),), width=12),
    ),
    "Machine": (
        Panel(
            "Duration of cycles",
            (
                *(
                    (
                        f"histogram_quantile({share}, sum by (le) "
                        f"(rate({_figure('cycle_duration_seconds_bucket')}[30m])))",
                        f"p{share * 100:.0f}",
                    )
                    for share in (0.5, 0.99)
                ),
                _of("last_cycle_duration_seconds", "newest"),
            ),
            "s",
        ),
        Panel("Age of the newest cycle", (_of("last_cycle_age_seconds", "age"),), "s"),
        Panel(
            "Cycles per hour",
            (
                _grown("cycles_total", "all"),
                _grown("cycles_failed_total", "failed"),
            ),
        ),
        Panel("Lateness of the loop", (_of("loop_lag_p99_seconds", "p99"), _of("loop_lag_max_seconds", "worst")), "s"),
        Panel(
            "Memory",
            (_of("resident_memory_bytes", "resident"), _of("resident_memory_peak_bytes", "peak")),
            "bytes",
        ),
        Panel("Files, tasks, threads", (_of("open_files"), _of("tasks"), _of("threads"))),
        Panel("Disk", (_of("disk_free_bytes", "free"), _of("home_size_bytes", "home folder")), "bytes"),
        Panel(
            "Up for",
            (
                (
                    f"{_figure('clock_timestamp_seconds')} - {_figure('start_timestamp_seconds')}",
                    "up",
                ),
            ),
            "s",
            "stat",
        ),
        Panel(
            "Program", (_of("build_info", "{{version}} {{mode}} {{source}} {{venue}} Python {{python}}"),), kind="stat"
        ),
    ),
    "Jobs": (
        Panel("Duration of the newest run", (_of("job_last_duration_seconds", "{{job_name}}"),), "s", "bargauge"),
        Panel(
            "Since the last success",
            (
                (
                    f"{_figure('clock_timestamp_seconds')} - on (instance, job) group_right () "
                    f"{_figure('job_last_success_timestamp_seconds')}",
                    "{{job_name}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Until the next run",
            (
                (
                    f"{_figure('job_next_run_timestamp_seconds')} - on (instance, job) group_left () "
                    f"{_figure('clock_timestamp_seconds')}",
                    "{{job_name}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Runs per hour",
            (_grown("job_runs_total", "{{job_name}}"),),
            width=12,
        ),
        Panel(
            "Failed, overran, missed per hour",
            tuple(
                _grown(f"job_{name}_total", f"{{{{job_name}}}} {name}") for name in ("failures", "overruns", "missed")
            ),
            width=12,
        ),
    ),
}


def dashboard() -> dict[str, Any]:
    """The whole file."""
    return {
        "uid": "tradingbot",
        "title": "tradingbot",
        "description": "Money, risk, health, venue, machine and jobs of the trading daemon.",
        "tags": ["tradingbot"],
        "schemaVersion": 38,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": list(_panels()),
    }


def _variables() -> list[dict[str, Any]]:
    asked = "label_values(tradingbot_build_info, instance)"
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}},
        {
            "name": "instance",
            "label": "Instance",
            "type": "query",
            "datasource": SOURCE,
            "definition": asked,
            "query": {"query": asked, "refId": "instance"},
            "refresh": 2,
            "includeAll": True,
            "multi": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def _panels() -> Iterable[dict[str, Any]]:
    number, top = 1, 0
    for row, panels in ROWS.items():
        place = {"h": 1, "w": COLUMNS, "x": 0, "y": top}
        yield {"id": number, "type": "row", "title": row, "collapsed": False, "gridPos": place, "panels": []}
        number, top, left, height = number + 1, top + 1, 0, 0
        for panel in panels:
            tall = 4 if panel.kind == "stat" and panel.width == 4 else 8
            if left + panel.width > COLUMNS or (height and tall != height):
                left, top = 0, top + height
            height = tall
            yield _panel(number, panel, {"h": tall, "w": panel.width, "x": left, "y": top})
            number, left = number + 1, left + panel.width
        top += height


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit}
    if panel.steps:
        defaults["thresholds"] = {
            "mode": "absolute",
            "steps": [{"color": colour, "value": value} for colour, value in panel.steps],
        }
        defaults["color"] = {"mode": "thresholds"}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel),
        "targets": [
            {"refId": chr(ord("A") + place), "expr": expression, "legendFormat": legend, "datasource": SOURCE}
            for place, (expression, legend) in enumerate(panel.queries)
        ],
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind in ("stat", "bargauge"):
        newest: dict[str, Any] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
        by_name = panel.title == "Program"
        return {**newest, "textMode": "name"} if by_name else {**newest, "orientation": "auto"}
    if panel.kind == "state-timeline":
        return {"mergeValues": True, "showValue": "never", "legend": {"showLegend": True, "displayMode": "list"}}
    return {"legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}


def text() -> str:
    """As it is written."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
