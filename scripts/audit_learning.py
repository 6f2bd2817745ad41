"""Every number of the learning files, computed anew from the journals: `audit_learning.py --home HOME`.

Nothing of `tradingbot` is imported: what the package makes trade by trade is made here in one go from
`executed_trades.jsonl`, `fills.jsonl`, `intents.jsonl` and `execution_quality.jsonl`, with pandas and decimals. A table
tells how many numbers of each kind were compared and the largest difference. Exit code 1 on any difference.

Safe on a home whose daemon runs: learning files are read first and journals after, and what came after is left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, getcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

getcontext().prec = 60
D, BPS = Decimal, 10_000
FILES = {
    "attribution": "attribution",
    "expectancy": "expectancy_ledger",
    "calibration": "calibration",
    "buckets": "meta_buckets",
    "timing": "timing_outcomes",
    "counter": "counter_signal_outcomes",
    "allocation": "symbol_allocation_state",
    "rollout": "live_rollout_state",
    "gap": "reality_gap",
    "learned": "learned_parameters",
}


@dataclass
class Audit:
    """Comparisons by kind: how many, the largest difference, and the first few that are too large."""

    counts: Counter[str] = field(default_factory=Counter)
    largest: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    wrong: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def same(self, kind: str, what: str, ours: Any, theirs: Any, tolerance: float = 1e-6) -> None:
        """`tolerance` is absolute, and relative above 1; None equals None alone; 0 asks for the same to the digit."""
        self.counts[kind] += 1
        if ours is None or theirs is None or isinstance(ours, str | bool):
            good, gap = ours == theirs, 0.0
        else:
            gap = abs(float(D(str(ours)) - D(str(theirs))))
            good = gap <= tolerance * max(1.0, abs(float(theirs)))
            self.largest[kind] = max(self.largest[kind], gap)
        if not good:
            self.wrong[kind].append(f"{what}: anew {ours}, file {theirs}")

    def show(self) -> int:
        """The table; 1 when something differs."""
        print(f"{'':2} {'kind':22} {'compared':>9} {'largest difference':>19}")
        for kind, count in self.counts.items():
            bad = self.wrong[kind]
            print(f"{'✗' if bad else '✓':2} {kind:22} {count:>9,} {self.largest[kind]:>19.3g}")
            for line in bad[:5]:
                print(f"     {line}")
            if len(bad) > 5:
                print(f"     ... and {len(bad) - 5} more")
        return int(any(self.wrong.values()))


def lines(home: Path, name: str) -> list[dict[str, Any]]:
    """All lines of a journal, with its older parts; an unfinished last line is left out."""
    found: list[dict[str, Any]] = []
    parts = sorted((home / "logs").glob(f"{name}.[0-9]*.jsonl*"))
    for path in (*parts, home / "logs" / f"{name}.jsonl"):
        if path.exists():
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            found += [json.loads(line) for line in raw.split(b"\n")[:-1] if line.strip()]
    return found


def kept(home: Path, name: str) -> dict[str, Any]:
    path = home / "feature_store" / f"{name}.json"
    if not path.exists():
        sys.exit(f"{path} does not exist: is {home} the home of a bot that has traded?")
    found: dict[str, Any] = json.loads(path.read_bytes())["data"]
    return found


def known(value: Any) -> float:
    return float("nan") if value is None else float(value)


def average(parts: list[tuple[Decimal, Decimal]], linear: bool) -> Decimal:
    """Average price of (contracts, price): arithmetic for linear contracts, harmonic for inverse ones."""
    whole = sum(size for size, _ in parts)
    if linear:
        return sum((size * price for size, price in parts), D(0)) / whole
    return whole / sum((size / price for size, price in parts), D(0))


def decided_exit(row: dict[str, Any]) -> Decimal | None:
    """Of one exit its decided price; of an exit in parts their average by contracts, None unless all are known."""
    last = row["exit_context"].get("decision_mid") or row["exit_context"].get("stop_price")
    parts, rest = [], D(row["size"])
    for rung in row["ladder_state"].values():
        if not isinstance(rung, dict) or rung.get("decision_mid") is None:
            return None
        parts.append((D(rung["size"]), D(rung["decision_mid"])))
        rest -= D(rung["size"])
    if rest > 0 and (last is None or "rung" in row["exit_context"]):
        return None
    parts += [(rest, D(str(last)))] if rest > 0 else []
    return parts[0][1] if len(parts) == 1 else average(parts, row["settlement_currency"] == "USD")


def frame_of(rows: list[dict[str, Any]], half_life_days: float) -> pd.DataFrame:
    """One line per trade; all _bps of the notional at entry, toward the trade."""
    made = []
    for row in rows:
        seen, net = row["signal_context"], D(row["net_pnl"])
        rate = D(1) if row["settlement_currency"] == "USD" else D(row["net_pnl_usd"]) / net
        notional, sign = D(row["notional_usd"]), 1 if row["direction"] == "long" else -1
        entry = None if seen.get("decision_mid") is None else D(str(seen["decision_mid"]))
        leave = decided_exit(row)
        said, move = seen.get("probability"), seen.get("expected_move_bps")
        inverse = -D(row["gross_pnl"]) - D(row["fees"]) - D(row["funding"])
        made.append(
            {
                "row": row, "symbol": row["symbol"], "pair": f"{row['symbol']}:{row['direction']}", "sign": sign,
                "strategy": row["strategy"], "at": pd.Timestamp(row["exit_time"]), "notional": notional,
                "net": net, "net_usd": D(row["net_pnl_usd"]), "won": net > 0,
                "net_bps": float(D(row["net_pnl_usd"]) / notional) * BPS,
                "return_bps": float((D(row["exit_price"]) / D(row["entry_price"]) - 1) * sign) * BPS,
                "mid_bps": known(None if None in (entry, leave) else (leave / entry - 1) * sign * BPS),
                "fee_bps": float(D(row["fees"]) * rate / notional) * BPS,
                "funding_usd": D(row["funding"]) * rate,
                "peak_bps": known(row["peak_fraction"]) * BPS,
                "held_min": (pd.Timestamp(row["exit_time"]) - pd.Timestamp(row["entry_time"])) / pd.Timedelta("1min"),
                "best_min": (pd.Timestamp(row["peak_time"]) - pd.Timestamp(row["entry_time"])) / pd.Timedelta("1min"),
                "said": known(said if said is None or sign > 0 else 1 - said),
                "move_bps": known(move) * sign, "spread_bps": known(seen.get("spread_bps")),
                "entry_mid": entry, "exit_mid": leave, "inverse": inverse, "inverse_usd": inverse * rate,
            }
        )  # fmt: skip
    trades = pd.DataFrame(made)
    newest = trades.groupby("pair")["at"].transform("max")
    trades["weight"] = 0.5 ** ((newest - trades["at"]) / pd.Timedelta(days=half_life_days))
    newest = trades.groupby("strategy")["at"].transform("max")
    trades["strategy_weight"] = 0.5 ** ((newest - trades["at"]) / pd.Timedelta(days=half_life_days))
    trades["edge_bps"] = trades["return_bps"] - trades["mid_bps"]
    best = np.fmax(trades["peak_bps"].where(trades["peak_bps"].notna()), trades["return_bps"])
    share = (trades["return_bps"] / best).clip(lower=0.0)
    trades["efficiency"] = share.where(trades["peak_bps"].notna() & (best > 0))
    return trades


@dataclass
class Carried:
    """What a migration from another venue left in the decaying files: their backups, and the share that was kept."""

    half_life_days: float
    share: Decimal = field(default_factory=Decimal)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def sums(self, file: str, keys: tuple[str, ...], newest: pd.Timestamp) -> tuple[int, float, float, float]:
        """(count, weight, total, squares) of one carried mean, decayed to the newest trade of its group."""
        known: Any = self.files.get(file, {})
        for key in keys:
            known = known.get(key) or {}
        if not known or known["as_of"] is None:
            return 0, 0.0, 0.0, 0.0
        age_days = (newest - pd.Timestamp(known["as_of"])) / pd.Timedelta(days=1)
        factor = float(self.share) * 0.5 ** (age_days / self.half_life_days)
        return int(known["count"] * self.share), *(known[name] * factor for name in ("weight", "total", "squares"))

    def less(self, kept: Any, carried: Any) -> Any:
        """Sums of a file without what was carried into them."""
        if isinstance(kept, dict):
            return {key: self.less(value, (carried or {}).get(key)) for key, value in kept.items() if key != "low"}
        if isinstance(kept, list):
            return [self.less(one, other) for one, other in zip(kept, carried or [None] * len(kept), strict=True)]
        return kept - float(self.share) * (carried or 0)


def carried_into(home: Path, venue: dict[str, Any], half_life_days: float) -> Carried:
    """By the record of the migration that began this period; nothing in a home that never changed its venue."""
    path = home / "feature_store" / "learning_venue_migration_state.json"
    carried = Carried(half_life_days)
    if not path.exists():
        return carried
    record = json.loads(path.read_bytes())["data"]
    carried.share = D(str(record["retain_pct"])) / 100
    for one in (*record["history"], record):  # single files that came later take the place of the first ones
        if (one["to"], one["period"], one["status"]) != (venue["venue"], venue["period"], "done"):
            continue
        for name in ("expectancy", "calibration", "timing"):
            copy = home / one["backup"] / "feature_store" / f"{FILES[name]}.json"
            if copy.exists() and "data" in (known := json.loads(copy.read_bytes())):
                carried.files[name] = known["data"]["content"]
    return carried


NOTHING = (0, 0.0, 0.0, 0.0)


def weighted(
    values: pd.Series, weights: pd.Series, carried: tuple[int, float, float, float] = NOTHING
) -> tuple[int, float | None, float | None]:
    """Count, weighted mean and weighted deviation (None below two) of the known values and what was carried over."""
    good = values.notna()
    known, own = values[good].astype(float), weights[good]
    count, weight = int(good.sum()) + carried[0], float(own.sum()) + carried[1]
    if not weight:
        return count, None, None
    mean = (float((own * known).sum()) + carried[2]) / weight
    # Around the mean, so that no digits are lost: sum of w (v - m)^2 = squares - 2 m total + m^2 weight.
    rest = carried[3] - 2 * mean * carried[2] + mean**2 * carried[1]
    spread = max(0.0, float((own * (known - mean) ** 2).sum()) + rest) / weight
    return count, mean, spread**0.5 if count > 1 else None


def file_mean(decayed: dict[str, Any]) -> float | None:
    return decayed["total"] / decayed["weight"] if decayed["weight"] else None


def check_attribution(audit: Audit, trades: pd.DataFrame, content: dict[str, Any], venue: str) -> None:
    simple = {
        "symbol": trades["symbol"],
        "strategy": trades["strategy"],
        "venue": trades["symbol"].map(lambda _: venue),
        "direction": trades["row"].map(lambda row: row["direction"]),
        "conviction": trades["row"].map(lambda row: row["conviction"]),
        "exit_rule": trades["row"].map(lambda row: row["exit_rule"] or "unknown"),
        "regime": trades["row"].map(lambda row: row["signal_context"].get("regime") or "unknown"),
    }
    for dimension, keys in simple.items():
        stored = content["dimensions"].get(dimension, {})
        for member, group in trades.groupby(keys):
            share = stored.get(member, {"trades": 0, "wins": 0, "net_usd": "0"})
            audit.same("attribution", f"{dimension} {member} trades", len(group), share["trades"])
            audit.same("attribution", f"{dimension} {member} wins", int(group["won"].sum()), share["wins"])
            audit.same("attribution", f"{dimension} {member} net", sum(group["net_usd"], D(0)), share["net_usd"], 0.0)
    parts: defaultdict[str, Decimal] = defaultdict(lambda: D(0))
    for row, net in zip(trades["row"], trades["net_usd"], strict=True):
        for name, share in component_shares(row).items():
            parts[name] += net * share
    for name, net in parts.items():
        audit.same("components", name, net, content["dimensions"]["component"][name]["net_usd"], 1e-9)
    whole = sum(trades["net_usd"], D(0))
    for dimension, members in content["dimensions"].items():
        # What earlier periods brought stays among the venues, each under a name of its own.
        now = [member for name, member in members.items() if dimension != "venue" or name == venue]
        summed = sum((D(member["net_usd"]) for member in now), D(0))
        audit.same("dimensions add up", dimension, whole, summed, 0.0)


def component_shares(row: dict[str, Any]) -> dict[str, Decimal]:
    said, weights = row["signal_context"].get("components") or {}, row["signal_context"].get("component_weights") or {}
    agreeing = {
        name: D(repr(float(weights.get(name, 0.0)) * float(one["confidence"])))
        for name, one in said.items()
        if one["direction"] == row["direction"]
    }
    whole = sum(agreeing.values(), D(0))
    return {name: part / whole for name, part in agreeing.items() if part > 0} if whole else {"none": D(1)}


def check_expectancy(audit: Audit, trades: pd.DataFrame, content: dict[str, Any], carried: Carried) -> None:
    for key, weights, stored in (("pair", "weight", "pairs"), ("strategy", "strategy_weight", "strategies")):
        for name, group in trades.groupby(key):
            file = content[stored][name]
            audit.same("expectancy", f"{name} trades", len(group), file["trades"])
            audit.same("expectancy", f"{name} net_usd", sum(group["net_usd"], D(0)), file["net_usd"], 0.0)
            for part, column in (("net_bps",) * 2, ("edge_bps",) * 2, ("efficiency",) * 2, ("won", "won")):
                # Weights are relative to the newest known value, so a mean does not depend on where they are anchored.
                before = carried.sums("expectancy", (stored, str(name), part), group["at"].max())
                count, mean, _ = weighted(group[column], group[weights], before)
                audit.same("expectancy", f"{name} {part} count", count, file[part]["count"])
                audit.same("expectancy", f"{name} {part}", mean, file_mean(file[part]))


def check_calibration(audit: Audit, trades: pd.DataFrame, content: dict[str, Any], carried: Carried) -> None:
    said = trades[trades["said"].between(0, 1)]
    audit.same("calibration", "unpredicted", len(trades) - len(said), content["unpredicted"])
    for name, sign in (("long", 1), ("short", -1), ("all", 0)):
        group = said[said["sign"] == sign] if sign else said
        if not len(group):
            continue
        before = carried.files.get("calibration", {}).get("directions", {}).get(name)
        file, came = carried.less(content["directions"][name], before), (group["return_bps"] > 0).astype(float)
        audit.same("calibration", f"{name} count", len(group), file["count"])
        audit.same("calibration", f"{name} came", int(came.sum()), file["came"])
        brier = float(((group["said"] - came) ** 2).mean())
        audit.same("calibration", f"{name} Brier", brier, file["squared_errors"] / file["count"])
        moves = group[group["move_bps"].notna()]
        audit.same("calibration", f"{name} expected", moves["move_bps"].sum(), file["expected_bps"])
        audit.same("calibration", f"{name} realised", moves["return_bps"].sum(), file["realised_bps"])
        error = (moves["return_bps"] - moves["move_bps"]).abs().sum()
        audit.same("calibration", f"{name} error", error, file["absolute_error_bps"])
        bins = np.minimum(9, np.floor(group["said"].to_numpy() * 10)).astype(int)
        for number, stored in enumerate(file["bins"]):
            audit.same("calibration", f"{name} bin {number}", int((bins == number).sum()), stored["count"])


def check_timing(audit: Audit, trades: pd.DataFrame, files: dict[str, Any], least: int, carried: Carried) -> None:
    left = (trades["peak_bps"] - trades["return_bps"]).clip(lower=0.0)
    best = trades["best_min"].where(trades["peak_bps"] > trades["fee_bps"])
    for pair, group in trades.groupby("pair"):
        file, weights = files["timing"]["content"]["pairs"][pair], group["weight"]
        means, newest = {}, group["at"].max()
        for part, values in (("held_min", group["held_min"]), ("best_min", best[group.index]), ("left_bps", left)):
            before = carried.sums("timing", ("pairs", str(pair), part), newest)
            count, means[part], _ = weighted(values[group.index], weights, before)
            audit.same("timing", f"{pair} {part} count", count, file[part]["count"])
            audit.same("timing", f"{pair} {part}", means[part], file_mean(file[part]))
        optimal = means["best_min"] if file["best_min"]["count"] >= least else None
        learned = files["learned"]["parameters"]["records"][pair]
        audit.same("learned", f"{pair} optimal hold", optimal, learned["optimal_hold_min"])
        for what, part, read in (("net", "net_bps", "mean_net_bps"), ("wins", "won", "win_rate")):
            before = carried.sums("expectancy", ("pairs", str(pair), part), newest)
            audit.same("learned", f"{pair} {what}", weighted(group[part], weights, before)[1], learned[read])
    for strategy, group in trades.groupby("strategy"):
        before = carried.sums("expectancy", ("strategies", str(strategy), "net_bps"), group["at"].max())
        deviation = weighted(group["net_bps"], group["strategy_weight"], before)[2]
        stored = files["learned"]["parameters"]["strategy_volatility_bps"].get(strategy)
        audit.same("learned", f"{strategy} volatility", deviation, stored)


def check_counter(audit: Audit, trades: pd.DataFrame, content: dict[str, Any]) -> None:
    for pair, group in (*trades.groupby("pair"), ("all", trades)):
        file = content["pairs"][pair]
        audit.same("counter-signal", f"{pair} trades", len(group), file["trades"])
        audit.same("counter-signal", f"{pair} won", int(group["won"].sum()), file["won"])
        won = int((group["inverse"] > 0).sum())
        audit.same("counter-signal", f"{pair} inverse won", won, file["inverse_won"])
        inverse = sum(group["inverse_usd"], D(0))
        audit.same("counter-signal", f"{pair} inverse", inverse, file["inverse_net_usd"], 1e-12)
        audit.same("counter-signal", f"{pair} net", sum(group["net_usd"], D(0)), file["net_usd"], 0.0)


def check_allocation(audit: Audit, trades: pd.DataFrame, files: dict[str, Any], args: argparse.Namespace) -> None:
    for symbol, group in trades.groupby("symbol"):
        file = files["allocation"]["content"]["symbols"][symbol]
        count, days = len(group), (group["at"].max() - group["at"].min()) / pd.Timedelta("1D")
        pct = 100 * min(1.0, count / args.ready_trades, days / args.ready_days)
        ready = count >= args.ready_trades and days >= args.ready_days
        factor = 1.0
        if ready:
            error = max(1.0, float(group["net_bps"].sem(ddof=1)))
            shrunk = group["net_bps"].sum() / (count + args.prior_trades)
            factor = float(np.clip(1 + args.step * shrunk / error, *args.bounds))
        learned = files["learned"]["parameters"]["symbols"][symbol]
        for name, ours, theirs, read in (
            ("trades", count, "trade_count", "trades"),
            ("days", days, "days_active", "days"),
            ("readiness", pct, "sample_readiness_pct", "readiness_pct"),
            ("ready", ready, "ready", "ready"),
            ("multiplier", factor, "allocation_multiplier", "allocation_multiplier"),
        ):
            audit.same("allocation", f"{symbol} {name}", ours, file[theirs])
            audit.same("learned", f"{symbol} {name}", ours, learned[read])


def check_rollout(audit: Audit, trades: pd.DataFrame, content: dict[str, Any], args: argparse.Namespace) -> None:
    simulated, unknown = D(0), 0
    for one in trades.itertuples():
        entry, leave = one.entry_mid or D(one.row["entry_price"]), one.exit_mid or D(one.row["exit_price"])
        unknown += (one.entry_mid is None) + (one.exit_mid is None)
        costs = 2 * (D(str(args.taker_fee_bps)) + D(str(args.default_slippage_bps)))
        costs += D(0) if np.isnan(one.spread_bps) else D(repr(one.spread_bps))
        simulated += one.notional * ((leave / entry - 1) * one.sign - costs / BPS) + one.funding_usd
    actual, notional = sum(trades["net_usd"], D(0)), sum(trades["notional"], D(0))
    audit.same("rollout", "actual", actual, content["actual_pnl_usd"], 0.0)
    audit.same("rollout", "notional", notional, content["notional_usd"], 0.0)
    audit.same("rollout", "simulated", simulated, content["simulated_pnl_usd"], 1e-5)  # each trade is rounded to 1e-6
    audit.same("rollout", "legs without decision", unknown, content["legs_without_decision"])
    audit.same("rollout", "gap", float((simulated - actual) / notional) * BPS, content["gap_bps"], 1e-4)


def check_orders(
    audit: Audit, orders: list[dict[str, Any]], fills: list[dict[str, Any]], intents: list[dict[str, Any]]
) -> None:
    """Every line of the meter anew from fills and intents: price, size, fees, and each part of the cost."""
    given = {line["client_order_id"]: line["intent"] for line in intents if line["event"] == "intent"}
    sent = {line["client_order_id"]: line["market"] for line in intents if line.get("market")}
    traded: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for fill in fills:
        if fill["client_order_id"] is not None:
            traded[fill["client_order_id"]].append(fill)
    audit.same("orders", "lines of one order", len({line["client_order_id"] for line in orders}), len(orders))
    for line in orders:
        name = line["client_order_id"]
        intent, ours = given.get(name, {}), traded[name]
        context = intent.get("context", {})
        entry = given.get(line["position_id"].removeprefix("t-"), {}).get("plan") or {}
        linear = entry.get("kind", "linear") == "linear"
        parts = [(D(fill["size"]), D(fill["price"])) for fill in ours]
        paid, size = average(parts, linear), sum((part for part, _ in parts), D(0))
        audit.same("orders", f"{name} price", paid, line["average_price"], 1e-12)
        audit.same("orders", f"{name} size", size, line["size"], 0.0)
        notional = size * D(entry.get("contract_size", "1")) * (paid if linear else 1)
        if None not in [fill["fee"] for fill in ours]:
            fee = sum((D(fill["fee"]) for fill in ours), D(0)) * (1 if linear else paid)
            audit.same("orders", f"{name} fees", fee / notional * BPS, line["fees_bps"], 1e-6)
        sign = 1 if line["side"] == "buy" else -1
        if line["purpose"] == "stop":
            base = D(intent["stop_price"])
            audit.same("orders", f"{name} slip", (paid - base) * sign / base * BPS, line["slip_bps"], 1e-6)
            continue
        base, quote = D(context["decision_mid"]), sent.get(name)
        audit.same("orders", f"{name} total", (paid - base) * sign / base * BPS, line["total_bps"], 1e-6)
        if quote is None:
            audit.same("orders", f"{name} impact", None, line["impact_bps"])
            continue
        bid, ask = D(quote["bid"]), D(quote["ask"])
        middle, touch = (bid + ask) / 2, ask if sign > 0 else bid
        for part, distance in (("delay", middle - base), ("spread", touch - middle), ("impact", paid - touch)):
            audit.same("orders", f"{name} {part}", distance * sign / base * BPS, line[f"{part}_bps"], 2e-6)
        whole = sum((D(line[f"{part}_bps"]) for part in ("delay", "spread", "impact")), D(0))
        audit.same("identity", f"{name} delay + spread + impact", whole, line["total_bps"], 0.0)
        rest = D(line["delay_bps"]) + D(line["impact_bps"])
        audit.same("identity", f"{name} slippage", rest, line["slippage_bps"], 0.0)
        gap = D(line["total_bps"]) - D(line["expected_bps"])
        audit.same("identity", f"{name} gap", gap, line["gap_bps"], 0.0)


def check_gap(audit: Audit, orders: list[dict[str, Any]], files: dict[str, Any], args: argparse.Namespace) -> None:
    table = pd.DataFrame(orders)
    for symbol, mine in table.groupby("symbol"):
        for purpose, group in mine.groupby("purpose"):
            for part, file in files["gap"]["content"]["symbols"][symbol]["purposes"][purpose].items():
                values = pd.to_numeric(group[f"{part}_bps"]).dropna()
                where = f"{symbol} {purpose} {part}"
                audit.same("distributions", f"{where} count", len(values), file["count"])
                audit.same("distributions", f"{where} mean", values.mean(), file["mean"])
                if len(values) <= args.newest_values:
                    audit.same("distributions", f"{where} p50", values.quantile(0.5), file["p50"])
                    audit.same("distributions", f"{where} p90", values.quantile(0.9), file["p90"])
        values, prior = pd.to_numeric(mine["slippage_bps"]).dropna(), args.slippage_prior_fills
        learned = files["learned"]["parameters"]
        shrunk = max(0.0, (values.sum() + prior * args.default_slippage_bps) / (len(values) + prior))
        audit.same("learned", f"{symbol} slippage", shrunk, learned["slippage_bps"].get(symbol))
        if "fee_bps" in learned:
            fees = mine.groupby("purpose")["fees_bps"].apply(lambda group: pd.to_numeric(group).dropna().tail(20))
            fee = float(fees.mean()) if len(fees) else None
            audit.same("learned", f"{symbol} fee", fee, learned["fee_bps"].get(symbol))


def check_trades(audit: Audit, trades: pd.DataFrame, fills: list[dict[str, Any]]) -> None:
    """Prices and fees of the trades against their fills."""
    by_id = {fill["fill_id"]: fill for fill in fills}
    for row in trades["row"]:
        ours = [by_id[one] for one in row["fill_ids"] if one in by_id]
        if len(ours) != len(row["fill_ids"]):
            continue
        linear = row["settlement_currency"] == "USD"
        opening = "buy" if row["direction"] == "long" else "sell"
        for name, chosen in (("entry_price", True), ("exit_price", False)):
            parts = [(D(f["size"]), D(f["price"])) for f in ours if (f["side"] == opening) is chosen]
            audit.same("trades", f"{row['trade_id']} {name}", average(parts, linear), row[name], 1e-12)
        if None not in [fill["fee"] for fill in ours]:
            audit.same("trades", f"{row['trade_id']} fees", sum(D(fill["fee"]) for fill in ours), row["fees"], 1e-9)


def main() -> int:
    """0 when everything agrees; 1 when not; 2 for wrong arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    for name, default in (
        ("half-life-days", 30.0), ("ready-trades", 30), ("ready-days", 7.0), ("prior-trades", 30), ("step", 0.25),
        ("taker-fee-bps", 5.0), ("slippage-prior-fills", 20), ("hold-min-trades", 5),
        ("newest-values", 500),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"as configured; {default}")
    parser.add_argument("--default-slippage-bps", type=float, help="as the home's learned parameters say")
    parser.add_argument("--bounds", type=float, nargs=2, default=(0.5, 1.5), help="of the allocation multiplier")
    args = parser.parse_args()
    home: Path = args.home
    files = {name: kept(home, file) for name, file in FILES.items()}
    if args.default_slippage_bps is None:
        args.default_slippage_bps = files["learned"]["parameters"].get("default_slippage_bps", 2.0)
    executed = lines(home, "executed_trades")
    orders, fills, intents = (lines(home, name) for name in ("execution_quality", "fills", "intents"))
    audit, venue = Audit(), files["attribution"]["_venue_metadata"]
    since = pd.Timestamp(venue["since"])
    executed = [row for row in executed if pd.Timestamp(row["exit_time"]) >= since]
    orders = [row for row in orders if pd.Timestamp(row["filled_at"]) >= since][: files["gap"]["handled"]["count"]]
    counts = {name: files[name]["handled"]["count"] for name in FILES if name not in ("gap", "learned")}
    if len(set(counts.values())) > 1:
        print(f"the daemon wrote while the files were read ({counts}): run this again")
        return 1
    count = counts["attribution"]
    print(f"{home}: {count} trades, {len(orders)} orders of {venue['venue']} since {venue['since']}")
    audit.same("files", "trades in the journal", min(count, len(executed)), count)
    audit.same("files", "orders in the journal", len(orders), files["gap"]["handled"]["count"])
    if executed[:count]:
        trades = frame_of(executed[:count], args.half_life_days)
        carried = carried_into(home, venue, args.half_life_days)
        check_trades(audit, trades, fills)
        check_attribution(audit, trades, files["attribution"]["content"], venue["venue"])
        check_expectancy(audit, trades, files["expectancy"]["content"], carried)
        check_calibration(audit, trades, files["calibration"]["content"], carried)
        check_timing(audit, trades, files, args.hold_min_trades, carried)
        check_counter(audit, trades, files["counter"]["content"])
        check_allocation(audit, trades, files, args)
        check_rollout(audit, trades, files["rollout"]["content"], args)
    if orders:
        check_orders(audit, orders, fills, intents)
        check_gap(audit, orders, files, args)
    return audit.show()


if __name__ == "__main__":
    sys.exit(main())
