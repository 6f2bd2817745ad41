"""Layers of settings: nested values put over one another, with a note of who set what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """Who set a value: `label` for the banner, `source` for messages (a path, a variable, an option)."""

    label: str
    source: str


@dataclass(slots=True)
class Layers:
    """The values so far, nested, and the origin of every dotted key (`sections`: of mappings) that a layer set."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    sections: dict[str, Origin] = field(default_factory=dict)

    def put(self, content: Mapping[str, Any], origin: Origin, prefix: str = "") -> None:
        """Put a nested mapping on top; lists and plain values replace what was there, mappings are merged."""
        for key, value in content.items():
            self.put_value(f"{prefix}.{key}" if prefix else key, value, origin)

    def put_value(self, dotted: str, value: Any, origin: Origin) -> None:
        """Put one value, or a mapping of them, on top."""
        *parents, last = dotted.split(".")
        place = self.values
        for parent in parents:
            place = _section(place, parent)
        if isinstance(value, Mapping):
            _section(place, last)
            self.sections.setdefault(dotted, origin)
            self.put(value, origin, dotted)
        else:
            place[last] = value
            self.origins[dotted] = origin

    def origin(self, dotted: str) -> Origin | None:
        """Who set this key; None when it has its default."""
        return self.origins.get(dotted)

    def nearest(self, dotted: str) -> Origin | None:
        """Who set this key or, when nobody did, the nearest section above it."""
        while dotted:
            if found := self.origins.get(dotted) or self.sections.get(dotted):
                return found
            dotted = dotted.rpartition(".")[0]
        return None


def _section(place: dict[str, Any], name: str) -> dict[str, Any]:
    below = place.get(name)
    if not isinstance(below, dict):
        below = place[name] = {}
    return below
