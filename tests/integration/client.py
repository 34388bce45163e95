"""
A plain HTTP client for one question at a time.
"""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A whole answer; headers in their order, with names in lower case.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """
        Return a header that is there at most once, or an empty string.
        """
        found = [value for each, value in self.headers if each == name]
        assert len(found) <= 1, f"{name} is there {len(found)} times"
        return found[0] if found else ""


def ask(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    context: ssl.SSLContext | None = None,
    /,
    **headers: str,
) -> Answer:
    """
    Send one request on a connection of its own; C{_} in header names stands for C{-}.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=30, context=context
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body, named)
        # An answer that ends with its connection keeps it open until it is closed itself.
        with connection.getresponse() as answer:
            found = tuple((name.lower(), value) for name, value in answer.getheaders())
            return Answer(answer.status, found, answer.read())
    finally:
        connection.close()
