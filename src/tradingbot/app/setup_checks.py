"""Checks of what is known before the venue is asked: configuration, environment, isolation, windows, model (SPEC 1)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tradingbot.alerts.addresses import problem_of
from tradingbot.app.bootstrap import asks_elsewhere, credentials_of
from tradingbot.app.deployment_checks import CheckResult
from tradingbot.app.options import RunOptions
from tradingbot.config import Secrets, Settings
from tradingbot.config.environment import ALERT_URL, alert_url_name
from tradingbot.dashboard.security import MIN_TOKEN

OTHER_SYSTEMS: Final = ("swing",)
"""Names of systems whose artifacts must never be mixed with ours."""


def setup_checks(options: RunOptions, settings: Settings, secrets: Secrets) -> list[CheckResult]:
    """What is known before the venue is asked (SPEC 1): configuration, environment, isolation, windows, model."""
    keyed = credentials_of(secrets) is not None
    needed = "present" if keyed else ("not needed: fills are simulated" if options.embedded else "missing")
    downtime = settings.downtime
    window = f"{downtime.start}-{downtime.end} UTC" if downtime.enabled else "none"
    policy = settings.alpha_trading
    trading = f"{len(policy.enabled_symbols)} symbols enabled" if policy.enabled else "disabled by signal_policies.json"
    return [
        CheckResult(
            "config", True, f"{len(settings.provenance)} values set, cycle every {settings.engine.cycle_s:g} s"
        ),
        CheckResult(
            "environment", keyed or options.embedded, f"profile {options.profile}, keys {needed}", remedy=_keys(needed)
        ),
        _isolation(options.home),
        CheckResult(
            "market", True, f"{options.source}, {'embedded simulated venue' if options.embedded else 'external venue'}"
        ),
        _intelligence(options, settings, secrets),
        check_alerts(settings, secrets),
        check_page(settings, secrets),
        CheckResult("policy", policy.enabled, trading, critical=False),
        CheckResult("downtime window", True, window),
        CheckResult("trading window", True, f"outside {window}" if downtime.enabled else "always"),
        CheckResult("ML mode", True, "off: this version trains and serves no models"),
        CheckResult("approved model", True, "not found: rules only until one is promoted"),
    ]


def _keys(needed: str) -> str:
    return "set KRAKEN_FUTURES_API_KEY and KRAKEN_FUTURES_API_SECRET" if needed == "missing" else ""


def _intelligence(options: RunOptions, settings: Settings, secrets: Secrets) -> CheckResult:
    """Where market intelligence comes from; without it components cannot judge, but the daemon runs (SPEC 3.3)."""
    name = "intelligence"
    if not settings.coinglass.enabled:
        return CheckResult(name, True, "switched off in the settings: what rests on it stays neutral")
    own = asks_elsewhere(settings.coinglass)
    if options.embedded and options.source != "kraken" and settings.simulator.coinglass.enabled and not own:
        return CheckResult(name, True, "CoinGlass, simulated beside the market")
    if secrets.coinglass_key is not None:
        return CheckResult(name, True, f"CoinGlass{f' at {settings.coinglass.base_url}' if own else ''}, key present")
    detail = "no COINGLASS_API_KEY: liquidations, whale flow and taker flow are unknown and stay neutral"
    return CheckResult(name, False, detail, critical=False)


def check_alerts(settings: Settings, secrets: Secrets) -> CheckResult:
    """Every address can be read, every row of the settings has one; which channels there are, never where they lead."""
    name, params, urls = "alerts", settings.alerts, secrets.alert_urls
    if not params.enabled:
        return CheckResult(name, True, "switched off in the settings")
    bad = [(one, why) for one, url in urls.items() if (why := problem_of(url.get_secret_value()))]
    if bad:
        detail = "; ".join(f"{alert_url_name(one)}: {why}" for one, why in bad)
        return CheckResult(name, False, detail, remedy=f"mend or remove {', '.join(alert_url_name(o) for o, _ in bad)}")
    bare = [alert_url_name(one) for one in params.channels if one not in urls]
    if bare:
        detail = f"no address: {', '.join(bare)} not set"
        return CheckResult(name, False, detail, critical=False, remedy="set it, or remove the row of alerts.channels")
    return CheckResult(name, True, f"to {', '.join(urls)}" if urls else f"to nobody: no {ALERT_URL}NAME is set")


def check_page(settings: Settings, secrets: Secrets) -> CheckResult:
    """Whoever can reach the page from elsewhere needs a token, and a token must not be guessed."""
    name, params, token = "page", settings.dashboard, secrets.dashboard_token
    if not params.enabled:
        return CheckResult(name, True, "switched off")
    remedy = f"set TRADINGBOT_DASHBOARD_TOKEN to at least {MIN_TOKEN} characters, e.g. of `openssl rand -hex 24`"
    if token is not None and len(token.get_secret_value()) < MIN_TOKEN:
        return CheckResult(name, False, "TRADINGBOT_DASHBOARD_TOKEN is too short", remedy=remedy)
    if token is None and not params.on_loopback:
        return CheckResult(name, False, f"dashboard.host {params.host} can be reached from elsewhere", remedy=remedy)
    may = "shows and acts with the token" if token is not None else "only shows: no token is set"
    return CheckResult(name, True, f"{params.host} port {params.port}, {may}")


def _isolation(home: Path) -> CheckResult:
    """No part of the path may belong to another system (SPEC 12.3)."""
    strangers = [part for part in home.parts if any(word in part.lower() for word in OTHER_SYSTEMS)]
    if strangers:
        return CheckResult(
            "isolation", False, f"{home} belongs to another system ({strangers[0]}); choose another --home"
        )
    return CheckResult("isolation", True, "no other system's path")
