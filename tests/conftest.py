"""How examples are drawn: always the same, so that a red run shows what a change broke; `make fuzz` draws others."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", derandomize=True)
settings.register_profile("search", max_examples=400, deadline=None, print_blob=True)
settings.load_profile("steady")
