"""Every container of the running daemon and of the exchange beside it is bounded, or it is said here why it is not."""

from __future__ import annotations

import re
from pathlib import Path

from tests.integration.daemon_rig import running
from tests.object_graph import container_sizes

PAGE = Path(__file__).resolve().parents[2] / "docs" / "resources.md"

PAGE_ON = {"TRADINGBOT__DASHBOARD__ENABLED": "true", "TRADINGBOT__DASHBOARD__PORT": "0"}
MAY_GROW = (
    # (paths, the word under which docs/resources.md tells of their bound)
    (r"daemon\._account\.intents\._(intents|markets|executed)\b.*", "IntentLog"),
    (r"daemon\.(_account\.)?_?keeper\._(trades|trade_ids|journalled_trades)\b.*", "finished trades"),
    (r"daemon\._post_trade\._done", "finished trades"),
    (r"daemon\.(_account\.)?_?keeper\._trades_file\._encode\._known\b.*", "finished trades"),
    (r"daemon\.(_account\.)?_?keeper\._(journalled|book\.seen_fills)\b.*", "REMEMBERED_FILLS"),
    (r"parts\.venue\._venue\._account\.fills\._seen", "FillBox"),
    (r"daemon\._post_trade\._quality\._written", "ExecutionQuality"),
    (r"daemon\._post_trade\._quality\._state\..*", "RealityGap"),
    (r"daemon\._post_trade\.(steps|_learned)\b.*", "learning files"),
    (r"daemon\._bus\._handlers\.\*\.self\._(known|refused)\b.*", "OutcomeDesk"),
    (r"daemon\._switches\.(_state\.refused|_trades|_judged)", "KillSwitches"),
    (r"daemon\._readings\b.*|.*\._interest\.\*|daemon\.resources\._history\.\*", "deque(maxlen)"),
    (r"daemon\.alerts\._book\b.*", "Outbox"),
    (r"daemon\._page\._equity\..*", "EquitySeries"),
    (r"daemon\._page\._(moment|figures)\b.*", "newest moment"),
    (r"daemon\._bot_cycle\._p\.scribe\.inputs\..*", "InputRecorder"),
    (r"daemon\._clock\._sleepers", "SteppedClock"),
    (r"daemon\._(collector|intel)\b.*", "as many as symbols"),
    (r"daemon\._stores\.writer\._(open|unsynced|queue\b.*)|.*\.__pydantic_fields_set__", "storage queue"),
    (r"daemon\..*\._newest\b.*", "newest value of each document"),
    (r"parts\.venue\..*\.window\._(costs|times_s)", "rate limiters"),
    (r"parts\.sim\._service\.requests", "as many as kinds"),
    (r"parts\.sim\..*\.rows\.(fills|log|events|positions)", "the exchange's records"),
    (r"parts\.sim\..*\.client_ids", "the exchange's records"),
    (r"parts\.sim\..*(bars\._(rows|waiting)|_tables|memory|_days|_made|_states|_blocks|_charts)\b.*", "market made"),
)
"""What may hold more after many cycles than after a few. A path that is not here must not grow at all."""


async def test_what_grows_is_known_and_bounded(tmp_path: Path) -> None:
    async with running(tmp_path / "home", PAGE_ON, ("BTC", "ETH")) as rig:
        roots = {"daemon": rig.daemon, "parts": rig.parts}
        await rig.cycle(8)
        before = container_sizes(roots)
        await rig.cycle(16)
        after = container_sizes(roots)
        assert rig.failures == []
    assert (
        after["daemon._account.intents._intents"] > before["daemon._account.intents._intents"]
    )  # the walk sees what grows
    grown = {path: (before[path], size) for path, size in after.items() if size > before[path]}
    unknown = {path: sizes for path, sizes in grown.items() if not any(re.fullmatch(row, path) for row, _ in MAY_GROW)}
    assert unknown == {}, "say in MAY_GROW and docs/resources.md what bounds these"


def test_the_page_tells_every_bound() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for _, word in MAY_GROW:
        assert word in page, word
