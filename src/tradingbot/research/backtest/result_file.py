"""A result on disk: one JSON document and one file of columns, read back to the same value to the last digit.

Only the contexts of trades, which have no form of their own, come back as JSON has them: a Decimal as its text.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
import orjson
from pydantic import TypeAdapter

from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import Symbol
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.research.backtest.counterfactual import Counterfactual
from tradingbot.research.backtest.result import (
    BacktestResult,
    ComponentCounts,
    EquityCurve,
    GateCounts,
    RunFacts,
    SignalTally,
)
from tradingbot.storage.files import write_file

SCHEMA_VERSION: Final = 1
JSON_NAME: Final = "result.json"
COLUMNS_NAME: Final = "result.npz"
_FACTS: TypeAdapter[RunFacts] = TypeAdapter(RunFacts)
_TRADE: TypeAdapter[ClosedTrade] = TypeAdapter(ClosedTrade)
_COUNTERFACTUAL: TypeAdapter[Counterfactual | None] = TypeAdapter(Counterfactual | None)
_SEPARATOR: Final = "\x1f"


def save_result(result: BacktestResult, folder: Path) -> None:
    """Write both files; the JSON, which makes it whole, last. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {f"close_{symbol}": column for symbol, column in result.closes.items()}
    curve = result.equity
    with (folder / COLUMNS_NAME).open("wb") as out:
        np.savez_compressed(
            out,
            time_ms=curve.time_ms,
            equity_usd=curve.equity_usd,
            exposure_usd=curve.exposure_usd,
            checkpoints=np.array(result.checkpoints, dtype=np.bytes_),
            **columns,  # type: ignore[arg-type]
        )
    write_file(folder / JSON_NAME, orjson.dumps(_packed(result), default=str, option=orjson.OPT_NON_STR_KEYS) + b"\n")


def load_result(folder: Path) -> BacktestResult:
    """What `save_result` wrote. Raises ConfigurationError naming the file and the remedy."""
    path = folder / JSON_NAME
    try:
        packed = orjson.loads(path.read_bytes())
        with np.load(folder / COLUMNS_NAME) as columns:
            return _unpacked(packed, {name: columns[name] for name in columns.files})
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise ConfigurationError(f"{path}: is no result of a backtest ({error}); run it again") from error


def _packed(result: BacktestResult) -> dict[str, Any]:
    signals = result.signals
    return {
        "schema_version": SCHEMA_VERSION,
        "facts": _FACTS.dump_python(result.facts, mode="json"),
        "trades": [_TRADE.dump_python(trade, mode="json") for trade in result.trades],
        "signals": {
            "total": signals.total,
            "with_side": signals.with_side,
            "stages": dict(signals.stages),
            "reasons": {_SEPARATOR.join(key): count for key, count in signals.reasons.items()},
            "gates": {name: asdict(one) for name, one in signals.gates.items()},
            "components": {name: asdict(one) for name, one in signals.components.items()},
            "regime_minutes": dict(signals.regime_minutes),
        },
        "open_positions": result.open_positions,
        "digest": result.digest,
        "costs": dict(result.costs),
        "timings_s": dict(result.timings_s),
        "warnings": list(result.warnings),
        "counterfactual": _COUNTERFACTUAL.dump_python(result.counterfactual, mode="json"),
    }


def _unpacked(packed: Mapping[str, Any], columns: Mapping[str, Any]) -> BacktestResult:
    if packed["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema version {packed['schema_version']}, this program knows {SCHEMA_VERSION}")
    facts = _FACTS.validate_python(packed["facts"])
    return BacktestResult(
        facts=facts,
        equity=EquityCurve(columns["time_ms"], columns["equity_usd"], columns["exposure_usd"]),
        closes={Symbol(symbol): columns[f"close_{symbol}"] for symbol in facts.symbols},
        trades=tuple(_TRADE.validate_python(trade) for trade in packed["trades"]),
        signals=_tally(packed["signals"]),
        open_positions=packed["open_positions"],
        digest=packed["digest"],
        checkpoints=tuple(mark.decode("ascii") for mark in columns["checkpoints"].tolist()),
        costs=packed["costs"],
        timings_s=packed["timings_s"],
        warnings=tuple(packed["warnings"]),
        counterfactual=_COUNTERFACTUAL.validate_python(packed.get("counterfactual")),
    )


def _tally(packed: Mapping[str, Any]) -> SignalTally:
    reasons: Counter[tuple[str, str]] = Counter()
    for key, count in packed["reasons"].items():
        stage, code = key.split(_SEPARATOR)
        reasons[stage, code] = count
    return SignalTally(
        total=packed["total"],
        with_side=packed["with_side"],
        stages=Counter(packed["stages"]),
        reasons=reasons,
        gates={name: GateCounts(**one) for name, one in packed["gates"].items()},
        components={name: ComponentCounts(**one) for name, one in packed["components"].items()},
        regime_minutes=Counter(packed["regime_minutes"]),
    )
