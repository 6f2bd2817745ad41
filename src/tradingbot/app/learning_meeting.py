"""One meeting of the learners over a home's records: runs in a process of its own, reads, answers, writes nothing."""

from __future__ import annotations

import math
import resource
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from tradingbot.app.learning_records import records_of_home
from tradingbot.clock import SystemClock
from tradingbot.core.types import parse_utc
from tradingbot.learning.batch_means import BatchMean
from tradingbot.learning.learners import Ground
from tradingbot.learning.meta_learning import Meeting, MetaState, Reversal, Trial, meet
from tradingbot.learning.proposal import Proposal

GROUND: Final = TypeAdapter(Ground)
STATE: Final = TypeAdapter(MetaState)


def meeting_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """`home`, `now`, `since`, `state`, `ground`, `cost_bps` -> what the meeting came to, and the state after it."""
    clock = SystemClock()
    started_s = clock.perf_s()
    ground, state = GROUND.validate_python(asked["ground"]), STATE.validate_python(asked["state"])
    now, since = parse_utc(asked["now"]), parse_utc(asked["since"])
    records, counts = records_of_home(Path(asked["home"]), since, now, ground.params.meta, float(asked["cost_bps"]))
    read_s = clock.perf_s() - started_s
    meeting = meet(records, state, ground, now)
    return {
        "state": STATE.dump_python(meeting.state, mode="json"),
        "told": meeting_record(meeting),
        "counts": counts,
        "read_s": round(read_s, 3),
        "took_s": round(clock.perf_s() - started_s, 3),
        "peak_mb": peak_mb(),
    }


def peak_mb() -> float:
    """The most memory that this process has held, 10^6 bytes.

    `ru_maxrss` begins with what the parent held when it made this process, so the kernel's own mark counts where there
    is one.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / 1e6, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1)


def meeting_record(meeting: Meeting) -> dict[str, Any]:
    """A meeting as it stands in the audit."""
    return {
        "generation": meeting.state.levers.number,
        "proposals": [proposal_record(one) for one in meeting.proposals],
        "trials": [trial_record(one) for one in meeting.trials],
        "applied": None if meeting.applied is None else trial_record(meeting.applied),
        "reversal": None if meeting.reversal is None else reversal_record(meeting.reversal),
        "watched": None if meeting.watched is None else mean_record(meeting.watched),
        "note": meeting.note,
    }


def proposal_record(one: Proposal) -> dict[str, Any]:
    """A learner's word."""
    return {
        "learner": one.learner,
        "verdict": one.verdict.value,
        "effect_bps": _plain(one.effect_bps),
        "interval_bps": None if one.interval_bps is None else [_plain(bound) for bound in one.interval_bps],
        "samples": one.samples,
        "blocks": one.blocks,
        "clamp": one.clamp,
        "changes": [
            {"lever": change.lever, "before": change.before, "wanted": change.wanted, "after": change.after}
            for change in one.changes
        ],
        "evidence": {name: {key: _plain(value) for key, value in row.items()} for name, row in one.evidence.items()},
    }


def trial_record(one: Trial) -> dict[str, Any]:
    """A proposal as it was judged; its evidence stands with the proposal."""
    told = proposal_record(one.proposal)
    del told["evidence"]
    return {
        **told,
        "held_out": mean_record(one.gain),
        "needed_t": _plain(one.needed),
        "restores": one.restores,
        "accepted": one.accepted,
        "why": one.why,
    }


def reversal_record(one: Reversal) -> dict[str, Any]:
    """A change that was taken back."""
    return {
        "learner": one.learner,
        "number": one.number,
        "gain": mean_record(one.gain),
        "signals": one.signals,
        "total_bps": _plain(one.total_bps),
    }


def mean_record(one: BatchMean) -> dict[str, Any]:
    """A mean with its error."""
    return {
        "mean_bps": _plain(one.mean),
        "error_bps": _plain(one.error),
        "t": _plain(one.t),
        "count": one.count,
        "blocks": one.blocks,
    }


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 9)
