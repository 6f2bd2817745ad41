"""Base of every part's settings model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Params(BaseModel):
    """Frozen, typed settings of one part; an unknown key is an error, every field has a default or is required."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's; what a cached property of the original remembers is left behind."""
        made = super().model_copy(update=update, deep=deep)
        for name in made.__dict__.keys() - type(self).model_fields.keys():
            del made.__dict__[name]
        return made


def contradiction(text: str, *keys: str) -> PydanticCustomError:
    """What a model validator raises when settings that are fine each cannot hold together.

    `keys` are the dotted keys involved, seen from the model that complains; the loader adds their values and origins.
    """
    return PydanticCustomError("contradiction", "{text}", {"text": text, "keys": keys})
