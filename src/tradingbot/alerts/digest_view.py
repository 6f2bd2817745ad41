"""From a day's facts to the sections of the digest. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from tradingbot.alerts.digest import ABSENT, Digest, Facts, Row, Section
from tradingbot.alerts.texts import one_line
from tradingbot.core.number_text import number_text
from tradingbot.portfolio.position import ClosedTrade

SHOWN: Final = 20
NONE: Final = "none"
LATE: Final = timedelta(minutes=10)
"""A day whose first equity is later than this has not 24 hours of it."""


def digest_of(facts: Facts) -> Digest:
    """The page of a day."""
    sections = tuple(Section(title, tuple(_plain(row) for row in rows(facts))) for title, rows in SECTIONS)
    title = f"{facts.who}: {facts.until:%Y-%m-%d}"
    return Digest(title, _headline(facts), facts.since, facts.until, sections)


def _plain(row: Row) -> Row:
    return Row(one_line(row.label), one_line(row.value), row.tone)


def _headline(facts: Facts) -> str:
    money = _change(facts).value
    trades = ABSENT if facts.trades is None else str(len(facts.trades))
    return f"24 hours: {money}; trades {trades}; open issues {len(facts.open_issues)}"


# ------------------------------------------------------------ money


def _money(facts: Facts) -> list[Row]:
    day = facts.day
    start = (facts.profit or {}).get("since_start") or {}
    fall = f"{day.drawdown_usd:,.2f} USD ({day.drawdown_pct:.2f} %)" if day.last_equity is not None else ABSENT
    return [
        Row("equity", ABSENT if day.last_equity is None else f"{day.last_equity:,.2f} USD"),
        _change(facts),
        Row("since the start", _since_start(start), _tone(start.get("change_usd"))),
        Row("largest fall within the 24 hours", fall),
    ]


def _change(facts: Facts) -> Row:
    first, last = facts.day.first_equity, facts.day.last_equity
    if first is None or last is None:
        return Row("change in 24 hours", ABSENT)
    share = f" ({(last - first) / first * 100:+.2f} %)" if first else ""
    late = facts.day.first_at[:16] > f"{facts.since + LATE:%Y-%m-%dT%H:%M}"
    since = f" since {facts.day.first_at.replace('T', ' ')}" if late else ""
    return Row("change in 24 hours", f"{last - first:+,.2f} USD{share}{since}", _tone(last - first))


def _since_start(start: Any) -> str:
    if start.get("change_usd") is None:
        return ABSENT
    share = "" if start.get("change_pct") is None else f" ({start['change_pct']:+.2f} %)"
    return f"{_usd(start['change_usd'])}{share} since {str(start['since'])[:16]}; {start['trades']} trades finished"


def _usd(value: Any) -> str:
    return ABSENT if value is None else f"{float(value):+,.2f} USD"


def _tone(value: Any) -> str:
    if value is None or abs(float(value)) < 0.005:
        return ""
    return "good" if float(value) > 0 else "bad"


def _trades(facts: Facts) -> list[Row]:
    trades = facts.trades
    if trades is None:
        return [Row("finished", ABSENT)]
    if not trades:
        return [Row("finished", "none in these 24 hours")]
    net = sum(float(one.net_pnl_usd) for one in trades)
    won = sum(1 for one in trades if one.net_pnl_usd > 0)
    best, worst = max(trades, key=_net), min(trades, key=_net)
    return [
        Row("finished", f"{len(trades)}, {won} won"),
        Row("net", _usd(net), _tone(net)),
        Row("best", _trade(best), _tone(best.net_pnl_usd)),
        Row("worst", _trade(worst), _tone(worst.net_pnl_usd)),
        *_by_rule(trades),
    ]


def _net(trade: ClosedTrade) -> float:
    return float(trade.net_pnl_usd)


def _trade(trade: ClosedTrade) -> str:
    return (
        f"{trade.symbol} {trade.direction.value} {_usd(trade.net_pnl_usd)} "
        f"({float(trade.return_fraction) * 100:+.2f} %), {trade.exit_rule}"
    )


def _by_rule(trades: Sequence[ClosedTrade]) -> list[Row]:
    counts = Counter(one.exit_rule for one in trades)
    sums = {rule: sum(_net(one) for one in trades if one.exit_rule == rule) for rule in counts}
    return [
        Row(f"by {rule}", f"{count}, {_usd(sums[rule])}", _tone(sums[rule])) for rule, count in counts.most_common()
    ]


def _positions(facts: Facts) -> list[Row]:
    if facts.positions is None:
        return [Row("open", ABSENT)]
    if not facts.positions:
        return [Row("open", NONE)]
    return [
        Row(
            f"{one['symbol']} {one['direction']}",
            f"size {one['size']}, entry {number_text(float(one['entry_price']), 6)}, "
            f"unrealised {_usd(one['unrealised_usd'])}" + ("" if one.get("stop_order_id") else ", NO STOP"),
            _tone(one["unrealised_usd"]) if one.get("stop_order_id") else "bad",
        )
        for one in facts.positions[:SHOWN]
    ]


# ------------------------------------------------------------ how it ran


def _entries(facts: Facts) -> list[Row]:
    day, minute = facts.day, facts.cycle_s / 60
    if not day.cycles:
        return [Row("cycles", "none in these 24 hours", "bad")]
    expected = (facts.until - facts.since).total_seconds() / facts.cycle_s
    rows = [Row("cycles", f"{day.cycles} of about {expected:.0f}")]
    blocked = f"{day.blocked_cycles * minute:.0f} of {day.cycles * minute:.0f} minutes" if day.blocked_cycles else NONE
    rows.append(Row("entries blocked", blocked, "warn" if day.blocked_cycles else ""))
    by_length = sorted(day.blocked.items(), key=lambda item: (-item[1], item[0]))
    return rows + [Row(f"by {name}", f"{count * minute:.0f} minutes") for name, count in by_length]


def _switches(facts: Facts) -> list[Row]:
    lines = [
        Row(
            f"{str(one.get('at', ''))[11:16]} {one.get('switch')}",
            {"trip": "tripped", "lift": "lifted"}.get(str(one.get("event")), str(one.get("event")))
            + f": {one.get('why') or one.get('reason') or ''}",
            "bad" if one.get("event") == "trip" else "",
        )
        for one in facts.switches
    ]
    return _few(lines) or [Row("tripped or lifted", NONE)]


def _few(rows: list[Row]) -> list[Row]:
    left = len(rows) - SHOWN
    return rows if left <= 0 else [*rows[-SHOWN:], Row("earlier", f"{left} more")]


def _issues(facts: Facts) -> list[Row]:
    counts = Counter(str(one.get("event")) for one in facts.issues)
    rows = [Row("raised, cleared", f"{counts['raised']}, {counts['cleared']}")]
    if not facts.open_issues:
        return [*rows, Row("open", NONE, "good")]
    for one in facts.open_issues[:SHOWN]:
        known = ", acknowledged" if one.get("acknowledged_at") else ""
        detail = f": {one['detail']}" if one.get("detail") else ""
        tone = "warn" if one["severity"] == "warning" else "bad"
        text = f"[{one['severity']}] {one['title']}{detail}; since {str(one['since'])[:16]}{known}"
        rows.append(Row(f"open: {one['id']}", text, tone))
    left = len(facts.open_issues) - SHOWN
    return [*rows, Row("further open", str(left))] if left > 0 else rows


def _repairs(facts: Facts) -> list[Row]:
    done = Counter(
        (str(one.get("category")), str(one.get("event")))
        for one in facts.heals
        if one.get("event") in ("healed", "not_healed")
    )
    return [
        Row(name, f"{count} {event.replace('_', ' ')}", "bad" if event == "not_healed" else "warn")
        for (name, event), count in sorted(done.items())
    ] or [Row("repairs", NONE)]


def _exchange(facts: Facts) -> list[Row]:
    now = facts.runtime.exchange_health if facts.runtime is not None else ""
    probes = failed = 0
    changes = []
    for one in facts.exchange:
        if one.get("event") == "probe":
            probes, failed = probes + 1, failed + (not one.get("ok"))
        elif one.get("event") == "status":
            changes.append(f"{str(one.get('at', ''))[11:16]} {one.get('status')}")
    return [
        Row("now", now or ABSENT, "bad" if now == "degraded" else ""),
        Row("probes", f"{probes}, {failed} failed" if probes else NONE, "warn" if failed else ""),
        Row("changes", ", ".join(changes[-SHOWN:]) or NONE, "warn" if changes else ""),
    ]


def _regime(facts: Facts) -> list[Row]:
    seen = facts.day.regimes
    if not seen:
        return [Row("regime", ABSENT)]
    text = ", ".join(f"{at} {name}" for at, name in seen[1:][-SHOWN:])
    return [Row("at the end", seen[-1][1]), Row("changes", text or f"none, {seen[0][1]} throughout")]


def _jobs(facts: Facts) -> list[Row]:
    if facts.runtime is None:
        return [Row("jobs", ABSENT)]
    rows = []
    for job in facts.runtime.jobs:
        if job.last_trouble_at is None or job.last_trouble_at < facts.since:
            continue
        parts = [(job.failures, "failed"), (job.overruns, "overran"), (job.missed, "missed")]
        bad = [f"{count} {what}" for count, what in parts if count]
        if bad:
            rows.append(Row(job.name, f"{', '.join(bad)} of {job.runs} runs; last: {job.last_result}", "warn"))
    return rows or [Row("failed, overran or missed", f"none since {facts.since:%Y-%m-%d %H:%M}")]


def _feeds(facts: Facts) -> list[Row]:
    if facts.feeds is None:
        return [Row("feeds", ABSENT)]
    bad = [Row(str(one["feed"]), _problems(one), "warn") for one in facts.feeds if one.get("problems")]
    return _few(bad) or [Row("feeds", f"{len(facts.feeds)}, none with a problem" if facts.feeds else ABSENT)]


def _problems(feed: Mapping[str, Any]) -> str:
    found = feed["problems"]
    if isinstance(found, Mapping):
        found = [f"{str(code).replace('_', ' ')} x{count}" for code, count in found.items()]
    text = ", ".join(str(one) for one in found)
    return f"{text}: {feed['last_error']}" if feed.get("last_error") else text


def _resources(facts: Facts) -> list[Row]:
    lines = list(facts.resources)
    rss = [float(one["rss_mb"]) for one in lines if one.get("rss_mb") is not None]
    disk = [float(one["disk_free_mb"]) for one in lines if one.get("disk_free_mb") is not None]
    home = [float(one["home_mb"]) for one in lines if one.get("home_mb") is not None]
    return [
        Row("memory", f"{rss[-1]:,.0f} MB, at most {max(rss):,.0f} MB" if rss else ABSENT),
        Row("disk free", f"{disk[-1]:,.0f} MB" if disk else ABSENT),
        Row("home folder", f"{home[-1]:,.1f} MB" if home else ABSENT),
    ]


def _learning(facts: Facts) -> list[Row]:
    known, ready = facts.learning, facts.readiness
    if known is None:
        return [Row("learning", ABSENT)]
    rows = [Row("trades learned", f"{known['trades_learned']} at {known['venue']} since {str(known['since'])[:10]}")]
    for one in (ready or [])[:SHOWN]:
        text = f"{one['trade_count']} trades, {float(one['sample_readiness_pct']):.0f} % ready"
        rows.append(Row(str(one["symbol"]), text, "good" if one.get("ready") else ""))
    return rows


SECTIONS: Final[Sequence[tuple[str, Callable[[Facts], list[Row]]]]] = (
    ("Money", _money),
    ("Trades", _trades),
    ("Open positions", _positions),
    ("Entries", _entries),
    ("Kill switches", _switches),
    ("Issues", _issues),
    ("Repairs", _repairs),
    ("Exchange", _exchange),
    ("Regime", _regime),
    ("Jobs", _jobs),
    ("Intelligence feeds", _feeds),
    ("Resources", _resources),
    ("Learning", _learning),
)
