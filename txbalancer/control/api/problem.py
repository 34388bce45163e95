"""
What went wrong with a request to the API, as its answer (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """
    Ends a call with an answer that says why.

    @ivar status: of the answer.
    @ivar detail: what is wrong, in words.
    @ivar remedy: what to do about it; empty where that is plain.
    @ivar errors: (field, what is wrong with it) pairs.
    @ivar headers: further lines of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        remedy: str = "",
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.remedy = status, detail, remedy
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def as_json(self) -> dict[str, Any]:
        """
        Return the body of the answer.
        """
        found: dict[str, Any] = {
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.remedy:
            found["remedy"] = self.remedy
        if self.errors:
            found["errors"] = [{"field": field, "text": text} for field, text in self.errors]
        return found


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, in words."},
        "remedy": {"type": "string", "description": "What to do about it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "text"],
                "properties": {"field": {"type": "string"}, "text": {"type": "string"}},
            },
        },
    },
}
