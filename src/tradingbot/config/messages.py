"""From a validation error to one clear message: where it was set, key, value, what is allowed."""

from __future__ import annotations

import difflib
import json
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import annotated_types
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from tradingbot.config.files import type_name
from tradingbot.config.layers import Layers

_SECRET = re.compile(r"secret|passw|passphrase|token|api_?key|private", re.IGNORECASE)
_NEAR = 0.6
_SHOWN_CHARACTERS = 80


def explain(error: ValidationError, model: type[BaseModel], layers: Layers) -> str:
    """All problems, one a line, the first one first."""
    details = error.errors(include_url=False)
    return "\n".join(_line(one, model, layers) for one in details if not _follows(one, details))


def _follows(one: ErrorDetails, details: Sequence[ErrorDetails]) -> bool:
    """Whether a problem only follows from another: a key missing beside a misspelt one, say."""
    loc = one["loc"]
    if one["type"] == "missing":
        return any(other["type"] == "extra_forbidden" and other["loc"][:-1] == loc[:-1] for other in details)
    if one["type"] == "too_short":
        return any(len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in details)
    return False


def near(name: str, known: Iterable[str]) -> str:
    """``; did you mean x?`` or, when nothing is near, the list of what is known."""
    known = sorted(known)
    matches = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
    if matches:
        return f"; did you mean {matches[0]}?"
    return f"; known here: {', '.join(known)}" if known else ""


def shown(key: str, value: object) -> str:
    """A value for a message; what could be a secret is never shown."""
    if _SECRET.search(key):
        return "(not shown)"
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


def _line(one: ErrorDetails, model: type[BaseModel], layers: Layers) -> str:
    loc = one["loc"]
    key = dotted(loc)
    if one["type"] == "contradiction":
        return _contradiction(one, model, loc, layers)
    origin = layers.nearest(_plain(loc))
    source = origin.source if origin else "built-in default"
    if one["type"] == "extra_forbidden":
        return _unknown(model, loc, source)
    if one["type"] == "value_error":
        return f"{source}: {key}: {one['msg'].removeprefix('Value error, ')}"
    field = field_at(model, loc)
    allowed = allowed_values(field) if field else ""
    if one["type"] == "missing":
        return f"{source}: {key} is missing; allowed: {allowed}"
    text = f"{source}: {key} is {shown(key, one['input'])}"
    if "type" in one["type"] or one["type"].endswith("_parsing"):
        text += f" ({type_name(one['input'])})"
    return f"{text}; allowed: {allowed}" if allowed else f"{text}: {one['msg']}"


def _unknown(model: type[BaseModel], loc: Sequence[int | str], source: str) -> str:
    parent = model_at(model, loc[:-1])
    name = str(loc[-1])
    known = [info.alias or field for field, info in parent.model_fields.items()] if parent else []
    if _SECRET.search(name):
        return f"{source}: {dotted(loc)} does not belong here; secrets come from the environment or the .env file"
    return f"{source}: unknown key {dotted(loc)}{near(name, known)}"


def _contradiction(one: ErrorDetails, model: type[BaseModel], loc: Sequence[int | str], layers: Layers) -> str:
    context: Mapping[str, Any] = one.get("ctx", {})
    prefix = dotted(loc)
    by_source: dict[str, list[str]] = {}
    for name in context["keys"]:
        key = f"{prefix}.{name}" if prefix else name
        origin = layers.origin(_plain(key.split(".")))
        value = _value_at(one["input"], name.split("."), model_at(model, loc))
        by_source.setdefault(origin.source if origin else "built-in default", []).append(f"{key} = {shown(key, value)}")
    return f"{context['text']}: " + "; ".join(f"{', '.join(some)} ({source})" for source, some in by_source.items())


def _value_at(value: Any, path: Sequence[str], model: type[BaseModel] | None) -> Any:
    """The value as it was given, or the default."""
    for name in path:
        given = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
        if given is None and model is not None and name in model.model_fields:
            given = model.model_fields[name].get_default(call_default_factory=True)
        value = given
        model = type(value) if isinstance(value, BaseModel) else _inner_model(model, name)
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _inner_model(model: type[BaseModel] | None, name: str) -> type[BaseModel] | None:
    return _model_of(model.model_fields[name].annotation) if model and name in model.model_fields else None


def dotted(loc: Sequence[int | str]) -> str:
    """``exits.ladder[0].share_pct``."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _plain(loc: Sequence[int | str]) -> str:
    """The dotted key down to the first list, as layers know it."""
    names: list[str] = []
    for part in loc:
        if isinstance(part, int):
            break
        names.append(part)
    return ".".join(names)


def model_at(model: type[BaseModel], loc: Sequence[int | str]) -> type[BaseModel] | None:
    """The model that a place in the settings belongs to."""
    current: type[BaseModel] | None = model
    for part in loc:
        if current is None:
            return None
        if isinstance(part, str):
            info = _field(current, part)
            current = _model_of(info.annotation) if info else None
    return current


def field_at(model: type[BaseModel], loc: Sequence[int | str]) -> FieldInfo | None:
    """The field at a place; of a list's element, the list's."""
    names = [place for place, part in enumerate(loc) if isinstance(part, str)]
    if not names:
        return None
    parent = model_at(model, loc[: names[-1]])
    return _field(parent, str(loc[names[-1]])) if parent else None


def _field(model: type[BaseModel], name: str) -> FieldInfo | None:
    for field, info in model.model_fields.items():
        if name in (field, info.alias):
            return info
    return None


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in typing.get_args(annotation):
        if found := _model_of(inner):
            return found
    return None


def allowed_values(field: FieldInfo) -> str:
    """What a field takes, in words: ``a number above 0 and at most 100``, and what it means."""
    words = _kind(field.annotation)
    limits = [_limit(one) for one in field.metadata]
    text = " ".join([words, " and ".join(filter(None, limits))]).strip()
    return f"{text} ({field.description.rstrip('.')})" if field.description else text


def _kind(annotation: Any) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(str(one) for one in inner)
    if origin is typing.Annotated:
        return " ".join(filter(None, [_kind(inner[0]), *(_limit(one) for one in inner[1:])]))
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_kind(one) for one in inner)
    if origin in (tuple, list):
        return f"a list, each {_kind(inner[0])}"
    kinds: dict[Any, str] = {
        int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null",
    }  # fmt: skip
    return kinds.get(origin or annotation, "an object")


def _limit(one: Any) -> str:
    match one:
        case annotated_types.Ge(ge=limit):
            return f"at least {limit}"
        case annotated_types.Gt(gt=limit):
            return f"above {limit}"
        case annotated_types.Le(le=limit):
            return f"at most {limit}"
        case annotated_types.Lt(lt=limit):
            return f"below {limit}"
        case annotated_types.MinLen(min_length=limit):
            return f"at least {limit} long"
    pattern = getattr(one, "pattern", None)
    return f"like {_EXAMPLES.get(pattern, pattern)}" if pattern else ""


_EXAMPLES: dict[str, str] = {
    r"^https?://[^\s/?#]+(/[^\s]*)?$": "https://host/path",
    r"^wss?://[^\s/?#]+(/[^\s]*)?$": "wss://host/path",
    r"^([01]\d|2[0-3]):[0-5]\d$": '"03:00"',
    r"^(([01]\d|2[0-3]):[0-5]\d)?$": '"22:00", or empty',
    r"^[A-Z0-9]{2,15}USDT$": "BTCUSDT",
    r"^[A-Z0-9]{2,15}$": "BTC",
}
