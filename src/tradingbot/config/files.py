"""Reading configuration files: every way a file can be wrong has one message with its place."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from tradingbot.core.errors import ConfigurationError

COMMENT = "_comment"


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, without the keys that begin with ``_comment``. Raises ConfigurationError."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key, value in pairs:
            if key in content and not key.startswith(COMMENT):
                raise ConfigurationError(f"{path}: key {key!r} appears twice in the same object; keep one of them")
            content[key] = value
        return {key: value for key, value in content.items() if not key.startswith(COMMENT)}

    def refuse(constant: str) -> None:
        raise ConfigurationError(f"{path}: {constant} is no JSON; write a number")

    text = _read_text(path)
    try:
        content = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{path}: not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    except RecursionError as error:
        raise ConfigurationError(f"{path}: nested too deeply") from error
    return _object(path, content)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigurationError."""
    try:
        content = yaml.load(_read_text(path), _UniqueLoader)  # noqa: S506 - a SafeLoader that also refuses doubles
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationError(f"{path}: not valid YAML{place}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not valid YAML: {error}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: a value cannot be read: {error}") from error
    return _object(path, {} if content is None else content)


class _UniqueLoader(yaml.SafeLoader):
    """Plain data only; a key that appears twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} appears twice; keep one of them", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file; restore it (an empty object means all defaults)") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}: not UTF-8 at line {line}; save it as UTF-8") from error


def _object(path: Path, content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: must hold an object of keys and values, not {type_name(content)}")
    return _string_keys(path, content)


def _string_keys(path: Path, content: dict[Any, Any]) -> dict[str, Any]:
    for key, value in content.items():
        if not isinstance(key, str):
            raise ConfigurationError(f"{path}: key {key!r} is {type_name(key)}, not text; put it in quotes")
        if isinstance(value, dict):
            _string_keys(path, value)
    return content


def type_name(value: object) -> str:
    """What a person calls the type of a value."""
    names: dict[type, str] = {
        bool: "true/false", int: "a number", float: "a number", str: "text",
        list: "a list", tuple: "a list", dict: "an object", type(None): "null",
    }  # fmt: skip
    return names.get(type(value), type(value).__name__)
