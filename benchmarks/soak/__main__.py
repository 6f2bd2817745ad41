"""`python -m benchmarks.soak [--cycles N]`: run, sample, print, and end with 1 when a demand is not met."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.soak.plan import fault_plan
from benchmarks.soak.report import picture, publish, text
from benchmarks.soak.verdict import checks
from benchmarks.soak.watching import SAMPLE_CYCLES, run_soak

FORTNIGHT: Final = 20_160
DOCS: Final = Path(__file__).resolve().parents[2] / "docs"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every demand is met, else 1."""
    chosen = _parser().parse_args(arguments)
    out = Path(chosen.out) if chosen.out else Path(tempfile.mkdtemp(prefix="soak-"))
    out.mkdir(parents=True, exist_ok=True)
    print(f"soak in {out}", flush=True)
    plan = fault_plan(chosen.cycles, chosen.repeats, chosen.seed)
    soak = run_soak(out, chosen.cycles, chosen.seed, plan, chosen.every)
    report = text(soak)
    (out / "report.md").write_text(report, encoding="utf-8")
    (out / "soak.svg").write_text(picture(soak), encoding="utf-8")
    print(report)
    if chosen.publish or chosen.cycles >= FORTNIGHT:
        publish(soak, DOCS)
    missed = [one for one in checks(soak) if not one.met]
    for one in missed:
        print(f"not met: {one.what}: {one.found}, limit {one.limit}")
    for error in soak.desk_errors[:5]:
        print(f"desk: {error}")
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=FORTNIGHT, help="cycles to run; default: a fortnight")
    parser.add_argument("--seed", type=int, default=11, help="of market and faults")
    parser.add_argument("--repeats", type=int, default=4, help="how often each fault comes, room permitting")
    parser.add_argument("--every", type=int, default=SAMPLE_CYCLES, help="cycles from sample to sample")
    parser.add_argument("--out", help="folder for home, soak.csv, report.md, soak.svg; default: a new temporary one")
    parser.add_argument("--publish", action="store_true", help="write docs/soak.* though it is no fortnight")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
