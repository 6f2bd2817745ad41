"""What the documentation says exists: links, make targets, commands and options, faults, settings, files, rooms."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import click
import pytest

import tradingbot
from tradingbot.app.cli import COMMANDS, cli
from tradingbot.config.listing import list_settings
from tradingbot.core.types import Symbol
from tradingbot.engine.catalog import DOCUMENTS, JOURNALS
from tradingbot.guards.downtime import Downtime, TradingState
from tradingbot.guards.entry_permission import AlphaTradingPolicy, VenueView, entry_permission
from tradingbot.guards.issue_kinds import KINDS, runbook
from tradingbot.jobs.routine import JOBS
from tradingbot.sim_server.coinglass.gate import ENDPOINTS
from tradingbot.sim_server.hub import PRIVATE_FEEDS, PUBLIC_FEEDS
from tradingbot.simulator.coinglass_faults import COINGLASS_FAULTS
from tradingbot.simulator.faults import FAULTS, FaultSpec

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("writer", ROOT / "scripts" / "write_configuration_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(text: str) -> set[str]:
    """Anchors of headings as Git hosts make them."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.+)$", outside, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def options_of(command: str) -> set[str]:
    """What ``--help`` of a command and its subcommands lists."""
    context = click.Context(cli)
    found = cli.get_command(context, command)
    assert found is not None
    parts = found.commands.values() if isinstance(found, click.Group) else ()
    texts = [one.get_help(click.Context(one, info_name=command)) for one in (found, *parts)]
    return {
        option for text in texts for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text.partition("Options:")[2])
    }


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name} links to {target}"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{path.name} links to {target}"


def test_every_page_is_in_the_index() -> None:
    index = page("README.md")
    for path in PAGES[1:]:
        name = str(path.relative_to(ROOT / "docs"))
        if path.parent.name == "runbooks":
            name, lists = path.name, page("runbooks/README.md") + index
        else:
            lists = index
        assert name == "README.md" or f"({name})" in lists, f"no index lists {name}"


def test_every_kind_of_issue_has_its_runbook_and_every_runbook_its_kind() -> None:
    folder = ROOT / "docs" / "runbooks"
    assert {path.stem for path in folder.glob("*.md")} - {"README"} == set(KINDS)
    for kind in KINDS.values():
        text = (ROOT / runbook(kind.name)).read_text(encoding="utf-8")
        assert text.startswith(f"# {kind.name}: {kind.title}\n")
        assert f"Usual severity: {kind.severity}." in text
        for section in ("What it means", "What the daemon does", "What you do", "It is over when"):
            assert f"## {section}\n" in text, (kind.name, section)
        assert f"| [{kind.name}]({kind.name}.md) | {kind.title} | {kind.severity} | {kind.remedy} |" in page(
            "runbooks/README.md"
        )


def test_make_targets_of_the_readme_are_those_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    documented = set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", " ".join(re.findall(r"`+[^`]+`+", README))))
    assert named == documented


def test_every_command_and_option_of_the_pages_exists() -> None:
    known = {command: options_of(command) for command in COMMANDS}
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for command, rest in re.findall(r"^(?:.*\s)?tradingbot (\w+)([^\n|`#]*)", text, flags=re.MULTILINE):
            if command in COMMANDS:
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest):
                    assert option in known[command], f"{path.name}: tradingbot {command} has no {option}"


def test_the_readme_names_every_option() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README))
    existing = set().union(*(options_of(command) for command in COMMANDS))
    assert existing - {"--help"} <= named
    assert named <= existing | {"--kills", "--seeds", "--strict"}


def test_the_readme_names_every_command() -> None:
    for command in COMMANDS:
        assert f"| `tradingbot {command}` |" in README


def test_the_one_liners_of_the_readme_are_those_that_exist() -> None:
    assert set(re.findall(r"from tradingbot import (\w+);", README)) == set(tradingbot.__all__)


def test_the_fault_table_is_complete_and_says_what_the_program_says() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", page("simulated-venue.md"), flags=re.MULTILINE)
    assert {name: text for name, text in rows if name not in FaultSpec.model_fields} == dict(FAULTS)
    assert {name for name, _ in rows} - set(FAULTS) == set(FaultSpec.model_fields) - {"name"}


def test_the_fault_table_of_the_simulated_coinglass_is_complete() -> None:
    table = page("simulated-coinglass.md").partition("## Faults")[2]
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, flags=re.MULTILINE)) == dict(COINGLASS_FAULTS)


def test_the_page_of_the_simulated_coinglass_names_every_path() -> None:
    text = page("simulated-coinglass.md")
    roots = ("/api/futures/", "/api/exchange/", "/api/option/")
    for path in ENDPOINTS:
        short = next((path.removeprefix(root) for root in roots if path.startswith(root)), path)
        assert f"`{short}`" in text, path


def test_every_fault_has_a_row_on_the_page_of_faults() -> None:
    table = page("faults.md").partition("## ")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE))
    assert named == set(FAULTS)


def test_every_reason_against_entries_is_named() -> None:
    policy, venue = AlphaTradingPolicy(enabled=False), VenueView(False, True, False, clock_agrees=False)
    downtime = Downtime(TradingState.DOWNTIME, None, None)
    disagree = dict.fromkeys((Symbol("ETHUSDT"), Symbol("SOLUSDT")), "position_size")
    found = entry_permission((Symbol("BTCUSDT"),), policy, downtime, venue, False, True, disagree)
    text = page("architecture.md")
    for reason in (*found.reasons, *found.per_symbol.values()):
        assert f"| `{reason}` |" in text or f"| `{reason}`, `" in text, reason


def test_every_feed_is_named() -> None:
    text = page("simulated-venue.md")
    for feed in PUBLIC_FEEDS | PRIVATE_FEEDS:
        assert f"`{feed}`" in text


def test_configuration_page_is_up_to_date() -> None:
    """When this fails: python scripts/write_configuration_docs.py"""
    text = page("configuration.md")
    assert writer().page_with_tables(text) == text


def test_every_unread_entry_is_a_setting() -> None:
    module = writer()
    keys = [row.key for row in list_settings(module.settings_of("paper"))]
    for name in module.UNREAD:
        assert any(key == name or key.startswith(f"{name}.") for key in keys), name


def test_every_state_file_is_described_with_owner_and_retention() -> None:
    text = page("state-files.md")
    for document in DOCUMENTS.values():
        assert f"| `{document.path}` | `{document.owner}` |" in text
    for journal in JOURNALS.values():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{journal.path}` | `{journal.owner}` |"))
        kept = f"| {journal.max_mb} MB | {journal.keep_files} files, {journal.retention_days} days |"
        assert row.endswith(kept), journal.path


def test_every_job_is_described_as_the_timetable_has_it() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|", page("jobs.md"), flags=re.MULTILINE)
    told = {name: tuple(rest) for name, *rest in rows}
    assert told == {
        job.name: (
            job.when,
            f"{job.deadline_s:g} s",
            "yes" if job.in_downtime else "no",
            f"within {job.catch_up_h:g} h" if job.catch_up_h else "never",
        )
        for job in JOBS
    }


def test_every_room_is_described() -> None:
    text = page("architecture.md")
    for room in (ROOT / "src" / "tradingbot").iterdir():
        if (room / "__init__.py").is_file():
            assert f"| `{room.name}/`" in text, room.name


def test_the_layers_of_the_page_are_those_that_are_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    present = [names for layer in contracts[0]["layers"] if (names := _present(layer))]
    assert "\n".join(present) in page("architecture.md")


def _present(layer: str) -> str:
    """The names of a layer that exist."""
    source = ROOT / "src" / "tradingbot"
    names = [name.strip(" ()") for name in layer.split("|")]
    return " | ".join(name for name in names if (source / name).is_dir() or (source / f"{name}.py").is_file())
