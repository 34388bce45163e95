"""
C{stickysession}: the route at the end of the application's own session id.

The search is Apache's down to its corners (APACHE S1 to S7): applications and
their clients have been made to fit it.
"""

from __future__ import annotations

import re
from collections.abc import Container
from urllib.parse import unquote_to_bytes

from zope.interface import implementer

from txbalancer.core.member import Member
from txbalancer.core.request import Request
from txbalancer.core.specs import BalancerSpec, StickyNames
from txbalancer.interfaces import IStickyScheme, IStickySchemeFactory

_PERCENT = ord("%")


@implementer(IStickyScheme)
class SessionScheme:
    """
    Finds the text after the separator, in a URL parameter or else in a cookie.
    """

    __slots__ = ("_cookie", "_cookie_value", "_separator", "_url", "_url_key", "_url_value")

    def __init__(self, names: StickyNames, separator: str, semicolon_ends: bool) -> None:
        self._cookie = names.cookie.encode()
        self._url = names.url.encode()
        self._url_key = self._url + b"="
        self._separator = separator.encode()
        # Delimiters right after the = are skipped, as strtok does (S4).
        ends = b";?&" if semicolon_ends else b"?&"
        self._url_value = re.compile(b"[%b]*([^%b]+)" % (ends, ends)).match
        # Preceded by a boundary; something must follow the = (S5).
        self._cookie_value = re.compile(
            rb"(?<![^;,\s])%b\s*=(?!\Z)([^;,]*)" % re.escape(self._cookie)
        ).match

    def find(self, request: Request, known: Container[bytes]) -> tuple[bytes, bytes] | None:
        """
        The URL decides if it has a value at all, even one without a route (S2).
        """
        name = self._url
        value = self._in_url(request)
        if value is None:
            name = self._cookie
            value = self._in_cookies(request)
            if value is None:
                return None
        if not self._separator:
            return name, value
        _, separator, route = value.partition(self._separator)
        return (name, route) if separator else None

    def _in_url(self, request: Request) -> bytes | None:
        """
        Search the decoded path, then the query as sent, without boundaries (S3).
        """
        key, path, query = self._url_key, request.path, request.query
        # Bytes in bytes cost an exception inside CPython where they are not found; these do not.
        if _PERCENT in path:
            path = unquote_to_bytes(path)
        if path.find(key) < 0 and (query is None or query.find(key) < 0):
            return None
        if query is not None:
            path = b"%b?%b" % (path, query)
        found = self._url_value(path, path.index(key) + len(key))
        return found[1] if found else None

    def _in_cookies(self, request: Request) -> bytes | None:
        cookies = request.header(b"cookie")
        if cookies is None:
            return None
        place = cookies.find(self._cookie)
        while place >= 0:
            found = self._cookie_value(cookies, place)
            if found:
                return found[1]
            place = cookies.find(self._cookie, place + 1)
        return None

    def labels(self, member: Member) -> tuple[bytes, ...]:
        return (member.route,)

    def remember(self, request: Request, found: object, member: Member) -> None:
        """
        The application makes the session and its cookie.
        """


@implementer(IStickySchemeFactory)
class SessionFactory:
    """
    Makes the scheme where C{stickysession} is set.
    """

    name = "session"

    def __call__(self, spec: BalancerSpec, secret: bytes) -> SessionScheme | None:
        if spec.stickysession is None:
            return None
        return SessionScheme(spec.stickysession, spec.stickysessionsep, spec.scolonpathdelim)


factory = SessionFactory()
