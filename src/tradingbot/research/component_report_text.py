"""The component report as a page for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tradingbot.research.component_report import EVEN, LIMIT_T, ComponentReport, Outcome, VoiceReport
from tradingbot.research.overlap import Estimate

SPOKEN_HEADS = ("voice", "could judge", "spoke", "long", "short", "mean confidence")
OUTCOME_HEADS = (
    "voice",
    "min",
    "samples",
    "no price",
    "blocks",
    "hit rate, %",
    "t",
    "mean return, bps",
    "t",
)

HEAD = """# What came of what the components said

Every line of `logs/predictive_signals.jsonl` counts, traded or not. The return is that of the mark price from the line
to the line of the same symbol nearest to the horizon's end (at most 90 s away), signed by the direction that was said;
lines without one are dropped and counted under "no price". Costs are not taken off. Hit rate: share of those that moved
which moved the way that was said.

Errors (after ±) treat all samples of one block of time, of all symbols, as one observation; a block is as long as the
horizon, at least an hour; homes that played the same hours add samples, not blocks. Where neighbouring blocks move
together, which overlapping windows do, that makes the error larger. t is the distance from 0, or from 50 %, in errors;
it is given from ten blocks on, counted as blocks of equal size, because errors out of fewer are too often far too
small. Nothing was fitted or chosen by these numbers.
"""


def markdown(report: ComponentReport, note: str = "") -> str:
    """The whole page; `note` says what a reader must know of the data."""
    said = (note, "") if note else ()
    return "\n".join((HEAD, *said, *_facts(report), "", *_spoken(report), "", *_outcomes(report), ""))


def _facts(report: ComponentReport) -> Iterator[str]:
    period = f"{report.first:%Y-%m-%d %H:%M} to {report.last:%Y-%m-%d %H:%M} UTC" if report.first else "no time"
    yield f"{report.lines:,} lines of {len(report.markets)} symbols from {report.homes} homes, {period}."
    if report.unusable or report.repeated:
        yield f"Left out: {report.unusable} lines that could not be read, {report.repeated} that were there twice."
    yield ""
    yield verdict(report)


def verdict(report: ComponentReport) -> str:
    """How many comparisons there were, and how many stand out against how many would by chance."""
    return (
        f"**{report.comparisons} comparisons** were made (voices x horizons x two measures, given ten blocks). "
        f"{report.beyond} of them have |t| > {LIMIT_T:g}; {report.expected_by_chance:.1f} would by chance, if no voice "
        "knew anything. They are not independent of one another, so either number may be off by several."
    )


def as_plain(report: ComponentReport) -> dict[str, Any]:
    """The report as plain values for JSON, with the t statistics."""
    plain = asdict(report)
    for shown, voice in zip((*plain["voices"], plain["baseline"]), (*report.voices, report.baseline), strict=True):
        for row, outcome in zip(shown["outcomes"], voice.outcomes, strict=True):
            for name, found, against in (("returns_bps", outcome.returns_bps, 0.0), ("hits", outcome.hits, EVEN)):
                if found is not None:
                    row[name]["t"] = found.t(against)
    return plain


def _spoken(report: ComponentReport) -> Iterator[str]:
    yield from _table(SPOKEN_HEADS, (spoken_cells(voice) for voice in report.voices))


def _outcomes(report: ComponentReport) -> Iterator[str]:
    voices = (report.baseline, *report.voices)
    cells = (outcome_cells(voice, outcome) for voice in voices for outcome in voice.outcomes if outcome.returns_bps)
    yield from _table(OUTCOME_HEADS, cells)


def spoken_cells(voice: VoiceReport) -> tuple[str, ...]:
    """One row of how often a voice spoke."""
    said = voice.longs + voice.shorts
    sides = (f"{side / said:.0%}" if said else "-" for side in (voice.longs, voice.shorts))
    sure = "-" if voice.mean_confidence is None else f"{voice.mean_confidence:.2f}"
    return voice.name, f"{voice.live_share:.1%}", f"{voice.spoke_share:.1%}", *sides, sure


def outcome_cells(voice: VoiceReport, outcome: Outcome) -> tuple[str, ...]:
    """One row of what came of it over one horizon."""
    returns, hits = outcome.returns_bps, outcome.hits
    return (
        voice.name,
        str(outcome.horizon_min),
        f"{returns.count:,}" if returns else "0",
        f"{outcome.missing:,}",
        str(returns.blocks) if returns else "0",
        _with_error(hits, 100),
        _t(hits, EVEN),
        _with_error(returns, 1),
        _t(returns, 0.0),
    )


def _with_error(found: Estimate | None, scale: float) -> str:
    if found is None:
        return "-"
    error = "" if found.error is None else f" ± {found.error * scale:.2f}"
    return f"{found.mean * scale:.2f}{error}"


def _t(found: Estimate | None, against: float) -> str:
    t = found.t(against) if found is not None else None
    return "-" if t is None else f"{t:+.1f}"


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|---{'|--:' * (len(heads) - 1)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
