"""Fit the ensemble's calibration to what happened after its predictions.

    python scripts/fit_ensemble.py --log logs/ensemble_predictions.jsonl

Reads lines with as_of, symbol, raw_logit, horizon_min and price; the price at the end of the horizon is that of the
first later line of the same symbol within the tolerance. Prints slope and intercept for the settings
`calibration_slope` and `calibration_intercept`, standard errors, Brier scores and a reliability table.
"""

from __future__ import annotations

import argparse
import math
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tradingbot.core.types import parse_utc
from tradingbot.signals.calibration_fit import PlattFit, brier, fit_platt, reliability
from tradingbot.signals.ensemble import EnsembleParams, calibrated
from tradingbot.storage.journal_reader import JournalReader


@dataclass(frozen=True, slots=True)
class Prediction:
    """One line: when (seconds since 1970), pooled log odds, horizon in minutes, price then."""

    at_s: float
    raw_logit: float
    horizon_min: float
    price: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A prediction whose horizon has passed, and the block of time that it shares with others."""

    raw_logit: float
    went_up: bool
    block: int


def read_predictions(rows: Iterable[Mapping[str, Any]]) -> tuple[dict[str, list[Prediction]], int]:
    """Predictions by symbol in order of time, and how many lines could not be used."""
    found: dict[str, list[Prediction]] = defaultdict(list)
    unusable = 0
    for row in rows:
        try:
            values = (float(row["raw_logit"]), float(row["horizon_min"]), float(row["price"]))
            if not all(map(math.isfinite, values)) or values[1] <= 0:
                raise ValueError("not a prediction")
            found[str(row["symbol"])].append(Prediction(parse_utc(row["as_of"]).timestamp(), *values))
        except (ValueError, KeyError, TypeError):
            unusable += 1
    for predictions in found.values():
        predictions.sort(key=lambda prediction: prediction.at_s)
    return found, unusable


def outcomes(rows: Sequence[Prediction], tolerance_min: float) -> Iterator[Outcome]:
    """What became of each prediction that had an opinion; an unchanged price is no outcome."""
    times = [row.at_s for row in rows]
    for row in rows:
        due = row.at_s + row.horizon_min * 60
        at = bisect_left(times, due)
        if row.raw_logit == 0 or at == len(rows) or times[at] > due + tolerance_min * 60:
            continue
        if rows[at].price != row.price:
            yield Outcome(row.raw_logit, rows[at].price > row.price, int(row.at_s // (row.horizon_min * 120)))


def report(found: Sequence[Outcome], fit: PlattFit, params: EnsembleParams) -> str:
    """Everything as text."""
    raw = np.array([item.raw_logit for item in found])
    up = np.array([item.went_up for item in found], dtype=np.float64)
    before = np.array([calibrated(item.raw_logit, params) for item in found])
    after = fit.probability(raw)
    lines = [
        f"samples {fit.samples}, independent blocks of time about {fit.clusters}, went up {up.mean():.1%}",
        f"calibration_slope      {fit.slope:+.4f} +- {fit.slope_error:.4f}  (t = {fit.slope / fit.slope_error:+.1f})",
        f"calibration_intercept  {fit.intercept:+.4f} +- {fit.intercept_error:.4f}",
        f"Brier: always one half 0.2500, default settings {brier(before, up):.4f}, fitted {brier(after, up):.4f}",
        "The fit is judged on the samples it was made from.",
        "",
        "predicted        count  mean predicted  went up",
    ]
    lines += [
        f"{row.low:.3f} - {row.high:.3f}  {row.count:6d}  {row.predicted:14.3f}  {row.observed:7.3f}"
        for row in reliability(after, up)
    ]
    if not fit.converged:
        lines.append("The fit did not settle: do not use it.")
    if fit.slope < 2 * fit.slope_error:
        lines.append("The slope is not clearly above 0: nothing is proven yet, keep the default.")
    return "\n".join(lines)


def main() -> None:
    """Read, fit, print. Exit code 1 when there is too little to fit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--log", type=Path, required=True, help="journal of predictions; its rotated parts are read too"
    )
    parser.add_argument("--tolerance-min", type=float, default=5.0, help="how late the price after the horizon may be")
    parser.add_argument("--ridge", type=float, default=10.0, help="precision of the prior around no slope")
    parser.add_argument("--min-samples", type=int, default=200, help="fewer outcomes are not fitted")
    options = parser.parse_args()
    if not options.log.exists():
        parser.error(f"{options.log} is not there; it is written by a running daemon")
    journal = JournalReader(options.log)
    by_symbol, incomplete = read_predictions(journal)
    unusable = incomplete + journal.bad_lines
    found = [item for rows in by_symbol.values() for item in outcomes(rows, options.tolerance_min)]
    if unusable:
        print(
            f"{unusable} lines without as_of, symbol, raw_logit, horizon_min and price were left out", file=sys.stderr
        )
    if len(found) < options.min_samples:
        print(f"only {len(found)} outcomes are known; {options.min_samples} are needed", file=sys.stderr)
        sys.exit(1)
    fit = fit_platt(
        [item.raw_logit for item in found],
        [float(item.went_up) for item in found],
        ridge=options.ridge,
        clusters=[item.block for item in found],
    )
    print(report(found, fit, EnsembleParams()))


if __name__ == "__main__":
    main()
