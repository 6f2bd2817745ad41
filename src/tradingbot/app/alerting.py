"""Alerts put together: addresses from the environment, the outbox on the home's files, and what commands show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tradingbot.alerts.addresses import hidden
from tradingbot.alerts.book import AlertBook
from tradingbot.alerts.outbox import Outbox
from tradingbot.alerts.routing import Audience
from tradingbot.alerts.sender import AppriseSender
from tradingbot.app.bootstrap import secret_texts
from tradingbot.app.options import RunOptions
from tradingbot.app.stores import Stores, open_document
from tradingbot.clock import SystemClock
from tradingbot.config import Secrets, Settings
from tradingbot.config.environment import alert_url_name
from tradingbot.core.errors import ConfigurationError, StateCorruptError
from tradingbot.engine.alert_models import AlertsState
from tradingbot.guards.issues import Finding
from tradingbot.ports import Clock
from tradingbot.storage.writer import StorageWriter

LEAST_HIDDEN = 6
SHOWN_PENDING = 20


@dataclass(frozen=True, slots=True)
class AlertAccess:
    """Addresses by channel, and every secret text that no message may hold."""

    addresses: Mapping[str, SecretStr] = field(default_factory=dict)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def alert_access(settings: Settings, secrets: Secrets) -> AlertAccess:
    """What a run may use; no address when alerts are switched off."""
    texts = sorted((one for one in secret_texts(secrets) if len(one) >= LEAST_HIDDEN), key=len, reverse=True)
    return AlertAccess(dict(secrets.alert_urls) if settings.alerts.enabled else {}, tuple(texts))


def open_outbox(
    options: RunOptions,
    settings: Settings,
    stores: Stores,
    clock: Clock,
    access: AlertAccess,
    note: Callable[[Finding], None],
) -> Outbox:
    """The outbox as the last life left it; a damaged file begins anew, and what is open is told again."""
    found = stores.documents["alerts"].load(allow_loss=True)
    state: AlertsState | None = found.value
    sender = AppriseSender(access.addresses, clock, settings.alerts.send_deadline_s)
    return Outbox(
        options.home,
        state,
        stores.documents["alerts"],
        stores.journals["alerts"],
        clock,
        Audience(settings.alerts, sender.channels, f"tradingbot {options.profile}"),
        sender,
        note,
        lambda text: hidden(text, list(access.secrets)),
    )


# ------------------------------------------------------------ for commands


def alert_facts(home: Path, settings: Settings, secrets: Secrets) -> dict[str, Any]:
    """What ``tradingbot alerts`` shows: channels without their addresses, what waits, what was sent last."""
    state = _state(home)
    book = AlertBook.of(state) if state is not None else AlertBook()
    names = sorted({*settings.alerts.channels, *secrets.alert_urls})
    return {
        "home": str(home),
        "enabled": settings.alerts.enabled,
        "channels": [_channel(name, settings, secrets, book) for name in names],
        "pending": [
            {name: value for name, value in asdict(one).items() if name not in ("body", "page")}
            for one in book.pending[-SHOWN_PENDING:]
        ],
        "pending_count": len(book.pending),
        "as_of": state.as_of if state is not None else None,
    }


def _channel(name: str, settings: Settings, secrets: Secrets, book: AlertBook) -> dict[str, Any]:
    known = book.channels.get(name)
    return {
        "channel": name,
        "address": "set" if name in secrets.alert_urls else f"missing: set {alert_url_name(name)}",
        "configured": name in settings.alerts.channels,
        **settings.alerts.channel(name).model_dump(mode="json"),
        "pending": sum(one.channel == name for one in book.pending),
        "held_back": 0 if known is None else len(known.held) + known.held_more,
        "left_out": 0 if known is None else known.more,
        "sent": 0 if known is None else known.sent,
        "failed": 0 if known is None else known.failed,
        "dropped": 0 if known is None else known.dropped,
        "last_sent_at": None if known is None else known.last_sent_at,
        "last_title": "" if known is None else known.last_title,
        "last_error": "" if known is None else known.last_error,
    }


def _state(home: Path) -> AlertsState | None:
    try:
        found: AlertsState | None = open_document(home, "alerts", StorageWriter(SystemClock())).peek()
    except StateCorruptError:  # made again by the daemon
        return None
    return found


async def send_test(settings: Settings, secrets: Secrets, channel: str, who: str) -> list[dict[str, Any]]:
    """A real message to every channel, or to one; per channel why it was not delivered, empty when it was.

    Raises ConfigurationError when there is no such channel or none at all.
    """
    addresses = {name: url for name, url in secrets.alert_urls.items() if channel.lower() in ("", name)}
    if not addresses:
        wanted = alert_url_name(channel) if channel else alert_url_name("name")
        raise ConfigurationError(f"no address to send to; set {wanted} in the environment or beside the keys")
    sender = AppriseSender(addresses, SystemClock(), settings.alerts.send_deadline_s)
    body = "This is a test. Whoever reads it will be told of issues: tradingbot issues"
    return [
        {"channel": name, "error": await sender.send(name, f"[TEST] {who}: a test message", body)}
        for name in sender.channels
    ]
