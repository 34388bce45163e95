"""
Header names, each judged once: pass on, take out, or note.

The tables map a name as written to its key: C{b""} for a header that is passed
on unread, C{UNDERSCORE} for a suspicious one, else the lower-case name under
which its value is noted. Names that were never seen are checked and learned.
"""

from __future__ import annotations

import re

UNDERSCORE = b"_"

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_MOST_LEARNED = 4096

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Names that concern one connection only. Source: RFC 9110 section 7.6.1, APACHE H4 and H31."""

REQUEST_TAKEN = HOP_BY_HOP | frozenset(
    (
        b"host",
        b"content-length",
        b"expect",
        b"forwarded",
        b"http2-settings",
        b"max-forwards",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-server",
    )
)
"""Names taken out of a request's lines; what goes on is made anew."""

REQUEST_NOTED = REQUEST_TAKEN | frozenset((b"accept", b"cookie", b"referer", b"user-agent"))

RESPONSE_TAKEN = HOP_BY_HOP | frozenset(
    (
        b"content-length",
        b"content-location",
        b"destination",
        b"location",
        b"proxy-authenticate",
        b"uri",
        b"via",
    )
)
"""Names taken out of an answer's lines."""

RESPONSE_NOTED = RESPONSE_TAKEN | frozenset((b"content-type", b"date", b"set-cookie"))

NOT_IN_TRAILERS = (
    HOP_BY_HOP
    | REQUEST_NOTED
    | RESPONSE_NOTED
    | frozenset(
        (
            b"authorization",
            b"cache-control",
            b"content-encoding",
            b"content-range",
            b"proxy-authorization",
            b"www-authenticate",
        )
    )
)
"""Framing, routing and authentication have no place after the body. Source: RFC 9110 6.5.1."""


class Names:
    """
    The judgement on header names for one direction.

    @ivar known: name as written -> key; look here first.
    @ivar kept: keys whose lines are passed on although their values are noted.
    """

    __slots__ = ("_learned", "_noted", "kept", "known")

    def __init__(self, noted: frozenset[bytes], taken: frozenset[bytes]) -> None:
        self.known: dict[bytes, bytes] = {}
        self.kept = noted - taken
        self._noted = noted
        self._learned = 0
        for name in noted:
            self.known[name] = self.known[name.title()] = name

    def learn(self, name: bytes) -> bytes | None:
        """
        Judge a name that is not in L{known}.

        @return: its key, or C{None} when it is no token.
        """
        if _TOKEN(name) is None:
            return None
        lower = name.lower()
        key = lower if lower in self._noted else UNDERSCORE if b"_" in name else b""
        if self._learned < _MOST_LEARNED:
            self._learned += 1
            self.known[name] = key
        return key


def is_token(text: bytes) -> bool:
    """
    Tell whether C{text} is an RFC 9110 token.
    """
    return _TOKEN(text) is not None
