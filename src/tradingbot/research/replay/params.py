"""The parameters of recorded decisions, out of `logs/decision_params.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tradingbot.core.levers import Levers
from tradingbot.core.types import parse_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.entering import DecisionParams
from tradingbot.exits.params import ExitParams, GraceParams
from tradingbot.gates.params import GateParams
from tradingbot.market.frame_features import FrameParams
from tradingbot.market.universe import LiquidityParams
from tradingbot.reading import ReadingParams
from tradingbot.risk.params import RiskParams
from tradingbot.storage.journal_reader import JournalReader


@dataclass(frozen=True, slots=True)
class ReplayParams:
    """What a decision and its features were made with."""

    decision: DecisionParams
    frames: FrameParams


class ParamsOnFile:
    """The parameters of a home by their hash, each made once."""

    def __init__(self, home: Path) -> None:
        rows = JournalReader(journal_path(home, "decision_params"))
        self._rows = {str(row.get("params_hash")): row.get("params") for row in rows}
        self._made: dict[str, ReplayParams | str] = {}

    def of(self, params_hash: str) -> ReplayParams | str:
        """The parameters, or why there are none."""
        if params_hash not in self._made:
            self._made[params_hash] = _made(self._rows.get(params_hash))
        return self._made[params_hash]


def levers_of(row: Mapping[str, Any]) -> Levers:
    """The generation of a line; lines from before there was any have none."""
    found = row.get("levers") or {}
    return Levers(int(found.get("number", 0)), dict(found.get("values", {})))


def _made(row: Any) -> ReplayParams | str:
    if not isinstance(row, Mapping):
        return "its parameters are not on file"
    try:
        decision = DecisionParams(
            reading=ReadingParams.model_validate(row["reading"]),
            risk=RiskParams.model_validate(row["risk"]),
            exits=ExitParams.model_validate(row["exits"]),
            grace=GraceParams.model_validate(row["grace"]),
            liquidity=LiquidityParams.model_validate(row["liquidity"]),
            venue_since=parse_utc(row["venue_since"]),
            gates=GateParams.model_validate(row["gates"]),
            levers=levers_of(row),
        )
        return ReplayParams(decision, FrameParams.model_validate(row["frames"]))
    except (KeyError, ValueError, ValidationError) as error:
        first = str(error).splitlines()[0]
        return f"its parameters are those of another version: {first}"
