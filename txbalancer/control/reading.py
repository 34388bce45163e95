"""
Pages that can only be read.
"""

from __future__ import annotations

from twisted.web.http import NOT_ALLOWED, Request

REFUSAL = b"Use GET or HEAD here.\n"


def refuses(request: Request) -> bool:
    """
    Tell whether a request is to do more than read, and prepare the refusal: L{REFUSAL} is
    what is left to be said.
    """
    if request.method in (b"GET", b"HEAD"):
        return False
    request.setResponseCode(NOT_ALLOWED)
    request.setHeader("Allow", "GET, HEAD")
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return True
