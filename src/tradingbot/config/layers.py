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
    """The values so far, nested, and the origin of every dotted key that a layer set."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)

    def put(self, content: Mapping[str, Any], origin: Origin, prefix: str = "") -> None:
        """Put a nested mapping on top; lists and plain values replace what was there."""
        for key, value in content.items():
            dotted = f"{prefix}.{key}" if prefix else key
            if isinstance(value, Mapping) and value:
                self.origins.setdefault(dotted, origin)
                self.put(value, origin, dotted)
            else:
                self.put_value(dotted, value, origin)

    def put_value(self, dotted: str, value: Any, origin: Origin) -> None:
        """Put one value on top."""
        *parents, last = dotted.split(".")
        place = self.values
        for parent in parents:
            below = place.get(parent)
            if not isinstance(below, dict):
                below = place[parent] = {}
            place = below
        place[last] = dict(value) if isinstance(value, Mapping) else value
        self.origins[dotted] = origin

    def origin(self, dotted: str) -> Origin | None:
        """Who set this key, or the nearest one above it; None when it is a default."""
        while dotted:
            if dotted in self.origins:
                return self.origins[dotted]
            dotted = dotted.rpartition(".")[0]
        return None
