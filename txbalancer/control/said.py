"""
What a request says in its header lines, whatever its bytes are.
"""

from __future__ import annotations

from twisted.web.http import Request


def header(request: Request, name: str) -> str | None:
    """
    Return a header, repeated ones joined; C{None} where it is not sent.

    Bytes are taken one by one, for not all that comes is text of some encoding.
    """
    found = request.requestHeaders.getRawHeaders(name.encode("ascii"))
    return None if found is None else b", ".join(found).decode("latin-1")
