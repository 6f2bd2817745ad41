"""The document of the interface for programs (OpenAPI 3.1), made from the pages it serves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.metadata import version
from typing import Any, Final

from tradingbot.dashboard.pages import Page

_AT: Final = {
    "name": "at",
    "in": "query",
    "required": False,
    "description": "a past moment: everything as it was then, e.g. 2026-01-05T09:00:00Z; empty: now",
    "schema": {
        "type": "string",
        "pattern": "^$|^2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
    },
}
_ERROR: Final = {
    "description": "what is wrong",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
_REFUSALS: Final = dict.fromkeys(("401", "405", "421", "429", "500"), _ERROR)
_ACTIONS: Final = {
    "/pause": "Hold entries back; exits and stops go on.",
    "/resume": "Lift kill switches.",
    "/flatten": "Close every position of ours now, and hold entries back.",
    "/issues/{issue_id}/acknowledge": "A person took note of an open issue.",
}


def document(pages: Mapping[str, Page], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The whole document. `asked` is the schema of an action's body."""
    asked = dict(asked)
    named = asked.pop("$defs", {})
    reads = {f"/{page.name}": {"get": _read(page.title, page.arguments, page.required)} for page in pages.values()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "tradingbot", "version": version("tradingbot"), "description": "One trading daemon."},
        "servers": [{"url": "."}],
        "paths": {
            "/openapi.json": {"get": _plain("This document.")},
            "/status": {"get": _read("Everything of one minute", {})},
            **reads,
            **{path: {"post": _action(path, text)} for path, text in _ACTIONS.items()},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Asked": asked,
                **named,
                "Error": {
                    "type": "object",
                    "required": ["error", "status"],
                    "properties": {"error": {"type": "string"}, "status": {"type": "integer"}},
                },
                "Done": {
                    "type": "object",
                    "required": ["done", "text", "lines", "facts"],
                    "properties": {
                        "done": {"type": "boolean"},
                        "text": {"type": "string"},
                        "lines": {"type": "array", "items": {"type": "string"}},
                        "facts": {"type": "object"},
                    },
                },
            },
        },
    }


def _plain(summary: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {"summary": summary, "responses": {"200": {"description": summary, "content": content}, **_REFUSALS}}


def _read(summary: str, arguments: Mapping[str, str], required: Collection[str] = ()) -> dict[str, Any]:
    wanted = [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": text,
            "schema": {"type": "string", "maxLength": 200},
        }
        for name, text in arguments.items()
    ]
    made = _plain(summary)
    made["responses"] |= dict.fromkeys(("400", "404", "409", "503"), _ERROR)
    return {**made, "parameters": [*wanted, _AT]}


def _action(path: str, summary: str) -> dict[str, Any]:
    done = {"application/json": {"schema": {"$ref": "#/components/schemas/Done"}}}
    parameters = [{"name": "issue_id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 200}}]
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/Asked"}}}
    return {
        "summary": summary,
        "security": [{"token": []}],
        "parameters": parameters if "{issue_id}" in path else [],
        "requestBody": {"required": False, "content": body},
        "responses": {
            "200": {"description": "done", "content": done},
            "409": {"description": "not done, and why", "content": done},
            **dict.fromkeys(("400", "401", "403", "404", "429", "503"), _ERROR),
        },
    }
