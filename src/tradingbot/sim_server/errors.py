"""Refusals in the venue's own shapes."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than success: HTTP status and what the body says."""

    def __init__(self, error: str, http_status: int = 200, body: dict[str, Any] | str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.http_status = http_status
        self.body = body


def missing(name: str) -> ApiError:
    """A required argument is not there."""
    return ApiError("requiredArgumentMissing", body={"errors": [f"requiredArgumentMissing: {name}"]})


def invalid(name: str) -> ApiError:
    """An argument makes no sense."""
    return ApiError(f"invalidArgument: {name}")


def bad_request(code: int, message: str) -> ApiError:
    """The request parser's refusal."""
    return ApiError(
        message,
        400,
        {"status": "BAD_REQUEST", "result": "error", "errors": [{"code": code, "message": message}]},
    )


def unknown_path() -> ApiError:
    """There is no such endpoint."""
    return ApiError(
        "404 NOT_FOUND",
        404,
        {"status": "NOT_FOUND", "result": "error", "errors": [{"code": 0, "message": "404 NOT_FOUND"}]},
    )
