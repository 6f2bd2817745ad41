"""Every setting there is, with its value, who set it and what it may be: for the banner, the shell and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from tradingbot.config.messages import allowed_values, shown
from tradingbot.config.settings import Settings


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting. `origin` is the layer that set it, or ``default``; `allowed` says range and meaning."""

    key: str
    value: str
    origin: str
    allowed: str


def list_settings(settings: Settings) -> list[SettingRow]:
    """All settings in the order of their definition; lists are one row."""
    return _rows(settings, "", settings)


def _rows(part: BaseModel, prefix: str, root: Settings) -> list[SettingRow]:
    rows: list[SettingRow] = []
    for name, field in type(part).model_fields.items():
        key = f"{prefix}{field.alias or name}"
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            rows += _rows(value, f"{key}.", root)
        else:
            origin = root.provenance.get(key, "default")
            rows.append(SettingRow(key, shown(key, _plain(value)), origin, allowed_values(field)))
    return rows


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value
