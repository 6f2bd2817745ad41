"""Recorded cycles one after another, each with the inputs and parameters that it was decided with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tradingbot.core.types import parse_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.input_lines import DamagedLineError, read_line
from tradingbot.engine.input_parts import CycleInputs
from tradingbot.engine.journal_moments import WRITTEN_LATER
from tradingbot.research.replay.located import located_lines
from tradingbot.research.replay.params import ParamsOnFile, ReplayParams
from tradingbot.research.replay.rebuild import LostThreadError, Rebuilder
from tradingbot.research.replay.replay import LONGEST_KEY, LOOK_BACK


@dataclass(frozen=True, slots=True)
class CycleOnFile:
    """One cycle: when it was (to the millisecond), what its decision saw, what it was decided with."""

    at: datetime
    inputs: CycleInputs
    params: ReplayParams


class CyclesOnFile:
    """Cycles of (after, until] of a home, oldest first. Those that cannot be made again are counted in `left_out`."""

    def __init__(self, home: Path, after: datetime, until: datetime) -> None:
        self._home = home
        self._after = after
        self._until = until
        self._params = ParamsOnFile(home)
        self._rebuilder = Rebuilder()
        self.left_out: Counter[str] = Counter()

    def __iter__(self) -> Iterator[CycleOnFile]:
        path = journal_path(self._home, "cycle_inputs")
        for line in located_lines(path, self._after - LOOK_BACK, self._until + WRITTEN_LATER):
            found = None if line.problem else self._body(line.raw)
            if found is None:
                self._rebuilder.lose("a line before it is damaged")
                continue
            at = parse_utc(found["at"])
            if at > self._until:
                return
            one = self._cycle(found, at)
            if one is not None:
                yield one

    def _body(self, raw: bytes) -> Mapping[str, Any] | None:
        try:
            return read_line(raw)
        except DamagedLineError:
            self.left_out["its line is damaged"] += 1
            return None

    def _cycle(self, body: Mapping[str, Any], at: datetime) -> CycleOnFile | None:
        wanted = at > self._after
        params = self._params.of(body["params_hash"])
        leads = at >= self._after - LONGEST_KEY and not isinstance(params, str)
        try:
            inputs = self._rebuilder.take(body, params if leads and not isinstance(params, str) else None)
        except LostThreadError as error:
            self.left_out[str(error)] += wanted
            return None
        if not wanted:
            return None
        if inputs is None or isinstance(params, str):
            self.left_out[str(params)] += 1
            return None
        return CycleOnFile(at, inputs, params)
