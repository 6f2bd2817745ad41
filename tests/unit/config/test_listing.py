"""Every setting can be listed with value, origin and range."""

from __future__ import annotations

from tests.unit.config.support import SHIPPED, load
from tradingbot.config.listing import list_settings


def test_rows_tell_value_origin_and_range() -> None:
    settings = load(SHIPPED, "live", overrides={"risk.limits.max_pairs": 4})
    rows = {row.key: row for row in list_settings(settings)}
    pairs = rows["risk.limits.max_pairs"]
    assert (pairs.value, pairs.origin) == ("4", "command line")
    assert pairs.allowed == "a whole number at least 1 and at most 50 (Pairs held at once)"
    assert rows["signals.thresholds.oi_change_pct"].origin == "profile live"
    assert rows["storage.generations"].origin == "default"
    assert rows["exits.ladder"].value.startswith('[{"share_pct": 25')
    assert set(settings.provenance) <= set(rows)
