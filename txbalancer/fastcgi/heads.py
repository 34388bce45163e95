"""
Heads of answers, as CGI has them: header lines, of which Status is one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from txbalancer.errors import BadResponse

_MOST_REMEMBERED = 1024
"""Bytes of a head that is not taken apart again when the same comes soon."""
_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"([1-9][0-9][0-9])(?: (.*))?", re.DOTALL).fullmatch
_IS_STATUS = re.compile(rb"status[ \t]*:", re.IGNORECASE).match
_LOCATION = re.compile(rb"location:", re.IGNORECASE).match


def find_end(data: bytes) -> tuple[int, int] | None:
    """
    Find the empty line after a head; lines may end in LF alone (RFC 3875 6.2).

    @return: where the head ends and where the body begins, C{None} while it is not there.
    """
    at = data.find(b"\r\n\r\n")
    if at >= 0 and data.find(b"\n\n", 0, at) < 0 and data.find(b"\n\r\n", 0, at + 3) < 0:
        return at, at + 4
    found = _END.search(data)
    return found.span() if found is not None else None


def head(data: bytes) -> bytes:
    """
    Turn the head of a CGI answer into one of HTTP/1.1, both without the empty line.

    Without Status it is 200, with a Location 302 (RFC 3875 6.2.3 and 6.2.4); Apache makes it
    200 then, too. What the other lines mean is not looked at.

    @raise BadResponse: for a status that is none.
    """
    return _remembered(data) if len(data) <= _MOST_REMEMBERED else _head(data)


def _head(data: bytes) -> bytes:
    status = b""
    lines = []
    for line in data.split(b"\n"):
        line = line.removesuffix(b"\r")
        if line[:1] in b"sS" and _IS_STATUS(line):
            if status:
                raise BadResponse("more than one Status")
            status = _status(line.partition(b":")[2].strip(b" \t"))
        else:
            lines.append(line)
    if not status:
        status = b"302 Found" if any(map(_LOCATION, lines)) else b"200 OK"
    return b"\r\n".join((b"HTTP/1.1 " + status, *lines))


_remembered = lru_cache(512)(_head)


def _status(value: bytes) -> bytes:
    match = _STATUS(value)
    if match is None:
        raise BadResponse("a Status that is no number from 100 to 999")
    return match[1] + b" " + (match[2] or b"")
