"""
What becomes of a path that a mount took: the member's path, or a redirect's Location.

Source: APACHE items H52, H53 and H55. Ours where Apache glues: a slash always
stands between an authority and the path after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from txbalancer.core.conditions import host_name
from txbalancer.core.paths import canonical, decode, has_dots
from txbalancer.core.request import Request
from txbalancer.errors import ClientError

_REFERENCE = re.compile(r"\$(\d)")
_LOCATION_REFERENCE = re.compile(r"\$(\d|host)")
_AUTHORITY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*:)?//[^/?#]*")
_GLUED = re.compile(r"(?<=[^/])\$\d\Z")
_HOST = re.compile(rb"[a-z0-9._~\-]+|\[[0-9a-f:.]+\]")
_HOST_PART = re.compile(rb"[A-Za-z0-9.\-]+")
_UNSAFE = re.compile(rb"[\x00-\x20\x7f]")

HOST = -1
"""Stands for C{$host} among the parts of a template."""

Parts = tuple[bytes | int, ...]


def parse_parts(template: str, reference: re.Pattern[str], groups: int) -> Parts:
    """
    Split a template into literal bytes and group numbers, L{HOST} for C{$host}.

    @param groups: how many groups the match has.
    @raise ValueError: when a reference names a group that the match does not have.
    """
    parts: list[bytes | int] = []
    for place, text in enumerate(reference.split(template)):
        if place % 2 == 0:
            if text:
                parts.append(text.encode())
        elif text == "host":
            parts.append(HOST)
        elif int(text) > groups:
            raise ValueError(f"${text}: the match has only {groups} groups")
        else:
            parts.append(int(text))
    return tuple(parts)


def base_path(path: str, prefix: bytes) -> bytes:
    """
    Make what replaces a mount's prefix, never leaving the rest without a slash before it.
    """
    base = canonical(decode(path.encode()))
    if base and not base.startswith(b"/"):
        base = b"/" + base
    return base or (b"/" if prefix.endswith(b"/") else b"")


class PathTemplate:
    """
    The member's path of a C{match} mount: C{$n} are groups; without any, the path is appended.
    """

    __slots__ = ("_parts",)

    def __init__(self, path: str, groups: int) -> None:
        """
        @raise ValueError: see L{parse_parts}.
        """
        parts = parse_parts(path, _REFERENCE, groups)
        self._parts = tuple(
            canonical(decode(part)) if isinstance(part, bytes) else part for part in parts
        )

    def appends(self) -> bool:
        """
        Tell whether there is no reference, so that the whole path is appended.
        """
        return all(isinstance(part, bytes) for part in self._parts)

    def expand(self, match: re.Match[bytes], encode: bool = True) -> bytes:
        """
        Fill in the groups of a match.

        @param encode: whether the match is on a decoded path; else on one as the client wrote it.
        @raise ClientError: 400 when the result would have a dot segment, as groups taken from
            the middle of a segment may make one.
        """
        if self.appends():
            path = b"".join(map(bytes, self._parts)) + _text(match.string, encode)
        else:
            path = b"".join(
                part if isinstance(part, bytes) else _text(match[part] or b"", encode)
                for part in self._parts
            )
        if not path.startswith(b"/"):
            path = b"/" + path
        if has_dots(path if encode else decode(path)):
            raise ClientError("the path leads to a dot segment")
        return path


class LocationTemplate:
    """
    Where a redirect sends a client. C{$host} is the request's host, C{$n} a group.

    Neither may bring the client to a place that the template does not name: a slash is kept
    between authority and path, and groups within an authority must be parts of a host name.
    """

    __slots__ = ("_appends", "_authority", "_path", "_query")

    def __init__(self, location: str, groups: int | None) -> None:
        """
        @param groups: how many groups the match has, C{None} for a prefix: then the rest of the
            path is appended.
        @raise ValueError: when it is neither a URL nor a path, or see L{parse_parts}.
        """
        if _UNSAFE.search(location.encode()):
            raise ValueError(f"{location!r} has a space or control character")
        found = _AUTHORITY.match(location)
        if found is None and not location.startswith("/"):
            raise ValueError(f"{location!r} must be a URL or a path that starts with /")
        authority = found[0] if found else ""
        path = location[len(authority) :]
        glued = _GLUED.search(authority)
        if glued:
            authority, path = authority[: glued.start()], glued[0] + path
        self._authority = parse_parts(authority, _LOCATION_REFERENCE, groups or 0)
        self._path = parse_parts(path, _LOCATION_REFERENCE, groups or 0)
        # A location with a query of its own stands as it is.
        self._query = "?" in location or "#" in location
        self._appends = groups is None and not self._query

    def expand(self, request: Request, rest: bytes, match: re.Match[bytes] | None) -> bytes:
        """
        Make the value of Location.

        @param rest: what is left of the decoded path behind a prefix.
        @raise ClientError: when the request has no sound host, or would lead astray.
        """
        authority = self._join(self._authority, request, match, _host_part)
        path = self._join(self._path, request, match, canonical)
        if self._appends:
            path += canonical(rest)
        if path[:1] not in (b"?", b"#") and (path or not authority):
            path = b"/" + path.lstrip(b"/")
        if request.query is not None and not self._query:
            path += b"?" + request.query
        if _UNSAFE.search(path):
            raise ClientError("the target has a space or a control character")
        return authority + path

    def _join(
        self,
        parts: Parts,
        request: Request,
        match: re.Match[bytes] | None,
        encode: Callable[[bytes], bytes],
    ) -> bytes:
        return b"".join(
            part
            if isinstance(part, bytes)
            else _host(request)
            if part == HOST
            else encode((match and match[part]) or b"")
            for part in parts
        )


def _text(path: bytes, encode: bool) -> bytes:
    return canonical(path) if encode else path


def _host_part(text: bytes) -> bytes:
    if not _HOST_PART.fullmatch(text):
        raise ClientError("the path does not make a host name", 404)
    return text


def _host(request: Request) -> bytes:
    name = host_name(request.host or request.peer.server_name)
    if not _HOST.fullmatch(name):
        raise ClientError("the host is not a name or an address")
    return name
