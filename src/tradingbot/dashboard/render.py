"""Templates: everything is escaped, numbers and times are shown the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from tradingbot.core.types import iso_utc, parse_utc
from tradingbot.dashboard.assets import asset_url
from tradingbot.dashboard.runbooks import markdown

HERE: Final = Path(__file__).resolve().parent
_DASH: Final = "–"
_TICKED: Final = re.compile("`([^`]*)`")


@cache
def environment() -> Environment:
    """The templates with their filters."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters = (usd, signed, number, pct, when, epoch, words, codes, span, tone)
    made.globals["asset"] = asset_url
    made.filters.update({one.__name__: one for one in (*filters, markdown)}, tojson_text=as_json)
    return made


def warm(names: Iterable[str]) -> None:
    """Read and compile the templates of these pages, so that nobody waits for it."""
    for name in names:
        environment().get_template(f"{name}.html")


def render(template: str, values: Mapping[str, Any]) -> str:
    """One template filled in."""
    return environment().get_template(template).render(values)


def as_json(value: Any) -> str:
    """JSON as text; whoever puts it into HTML escapes it."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def _decimal(value: Any) -> Decimal | None:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def usd(value: Any) -> str:
    """``1,234.50``; a dash for what is not known."""
    found = _decimal(value)
    return _DASH if found is None else f"{found:,.2f}"


def signed(value: Any) -> str:
    """``+1,234.50``."""
    found = _decimal(value)
    return _DASH if found is None else f"{found:+,.2f}"


def pct(value: Any) -> str:
    """``+1.25 %``."""
    found = _decimal(value)
    return _DASH if found is None else f"{found:+.2f} %"


def number(value: Any, digits: int = 8) -> str:
    """Up to so many significant digits, without a tail of zeros; all digits of a larger whole number."""
    found = _decimal(value)
    if found is None:
        return _DASH
    if abs(found) >= 10**digits:
        return f"{float(found):,.0f}"
    if found and found.adjusted() < -4:  # a price of some tokens; nobody reads powers of ten
        return f"{found:.{digits - 1 - found.adjusted()}f}".rstrip("0")
    return f"{float(found):,.{digits}g}"


def tone(value: Any) -> str:
    """The class of a number by its sign: ``gain``, ``loss`` or ``even``."""
    found = _decimal(value)
    if not found:
        return "even"
    return "gain" if found > 0 else "loss"


def when(value: Any) -> str:
    """``2026-01-05 08:00:03`` UTC."""
    if value is None or value == "":
        return _DASH
    moment = value if isinstance(value, datetime) else parse_utc(str(value))
    return iso_utc(moment)[:19].replace("T", " ")


def epoch(seconds: float) -> str:
    """Epoch seconds as `when` shows times."""
    return when(datetime.fromtimestamp(seconds, UTC))


def span(seconds: Any) -> str:
    """``2 d 3 h``, ``4 min``, ``12 s``."""
    found = _decimal(seconds)
    if found is None:
        return _DASH
    left, parts = int(found), []
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def codes(text: Any) -> Markup:
    """What stands in backticks as code; everything is escaped."""
    return Markup(_TICKED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def words(code: Any) -> str:
    """``profit_target`` as ``profit target``."""
    return str(code).replace("_", " ")
