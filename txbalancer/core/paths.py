"""
Request paths: one normal form to match mounts with, one canonical form to send.

Both come from the same bytes, so that what is routed is what is forwarded.
Matching uses decoded bytes, in which a NUL stands for an encoded slash: C{%00}
is refused, so no path can hold a real one. Source: APACHE items H51, H56, H57.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from txbalancer.errors import ClientError

PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789~$-_.+!*'(),;:@&=/"
"""The bytes that stand for themselves in a canonical path (H56)."""

ENCODED_SLASH = b"\0"
"""Stands for C{%2F} in a normal path."""

_CANONICAL = [bytes((code,)) if code in PLAIN else b"%%%02X" % code for code in range(256)]
_CANONICAL[0] = b"%2F"

_FORBIDDEN = re.compile(rb"[\x00-\x20#\x7f]")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_SLASH_ESCAPE = re.compile(rb"%2[fF]")
_SLASHES = re.compile(rb"/{2,}")
# What some members take for a dot segment, though it is none by RFC 3986:
# beside an encoded slash or a backslash, or with a path parameter (Tomcat).
_HIDDEN_DOTS = re.compile(rb"[/\\\0]\.\.?(?:[/\\\0;]|\Z)")


def normalise(raw: bytes) -> bytes:
    """
    Decode a path, merge its slashes and resolve its dot segments.

    @param raw: the path of a request's target, without query.
    @return: the normal form, starting with C{/}; C{raw} itself where that is normal already.
    @raise ClientError: 404 for C{%00}; else 400: no leading slash, a bad escape, a raw space,
        C{#} or control character, dot segments above the root or in disguise.
    """
    if (
        raw.startswith(b"/")
        and not raw.translate(None, PLAIN)
        and b"/." not in raw
        and b"//" not in raw
    ):
        return raw
    if not raw.startswith(b"/"):
        raise ClientError("the path does not start with a slash")
    if _FORBIDDEN.search(raw):
        raise ClientError("the path has a space, a # or a control character")
    path = merge_slashes(decode(raw))
    if b"/." in path:
        path = resolve_dots(path)
    if has_dots(path):
        raise ClientError("the path has a hidden dot segment")
    return path


def canonical(path: bytes) -> bytes:
    """
    Encode a normal path for a request line: everything but L{PLAIN} as C{%XX} (H56).

    @return: C{path} itself where nothing needs an escape.
    """
    if not path.translate(None, PLAIN):
        return path
    return b"".join([_CANONICAL[code] for code in path])


def decode(text: bytes) -> bytes:
    """
    Resolve the escapes of a path; C{%2F} becomes L{ENCODED_SLASH}.

    @raise ClientError: 400 for a bad escape, 404 for C{%00} (H57).
    """
    if b"%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise ClientError("the path has a % without two hexadecimal digits")
    if b"%00" in text:
        raise ClientError("the path has an encoded NUL", 404)
    return unquote_to_bytes(_SLASH_ESCAPE.sub(ENCODED_SLASH, text))


def merge_slashes(path: bytes) -> bytes:
    """
    Make each run of slashes one.
    """
    return _SLASHES.sub(b"/", path) if b"//" in path else path


def hides_slash(path: bytes) -> bool:
    """
    Tell whether a normal path has what a member may take for another slash.
    """
    return ENCODED_SLASH in path or b"\\" in path


def has_dots(path: bytes) -> bool:
    """
    Tell whether a decoded path has a dot segment, plain or in disguise.
    """
    return b"." in path and _HIDDEN_DOTS.search(path) is not None


def has_doubtful_climb(raw: bytes) -> bool:
    """
    Tell whether a path has C{..} that takes away more or less where other slashes are read as
    one, or encoded ones as slashes: C{/a%2Fb/../c} is C{/c} or C{/a/c}, C{/a//../c} too.
    """
    path = decode(raw)
    return b".." in path.split(b"/") and (b"//" in path or hides_slash(path))


def resolve_dots(path: bytes) -> bytes:
    """
    Resolve the dot segments of a path that starts with a slash.

    @raise ClientError: 400 when they lead above the root.
    """
    segments = path.split(b"/")
    kept: list[bytes] = []
    for segment in segments:
        if segment == b"..":
            if len(kept) < 2:
                raise ClientError("the path climbs above the root")
            kept.pop()
        elif segment != b".":
            kept.append(segment)
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return b"/".join(kept)
