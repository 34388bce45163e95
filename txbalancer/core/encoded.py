"""
Mounts that look at paths as the client wrote them: C{mapping = encoded} and C{servlet}.

Their paths are brought to a form in which escapes stay: only those of letters, digits and
C{-._~} are resolved, which mean the same either way (RFC 3986 6.2.2.2). The rest behind
the prefix goes on in that form. Source: APACHE items H58 and D19.

Apache resolves C{/..;/} for servlets; here no path with a hidden dot segment is taken by
any mount, so that no member reads another path than the one that was looked at.
"""

from __future__ import annotations

import re

from txbalancer.core.mapping import PathTemplate
from txbalancer.core.paths import decode, merge_slashes, normalise, resolve_dots

_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_PARAMETERS = rb"(?:;[^/]*)?"
_PARAMETER = re.compile(rb";[^/]*")
_NAMELESS = rb"(?:/;[^/]*)*"
"""Segments of parameters alone: nothing, to a servlet."""


def normalise_encoded(raw: bytes) -> bytes:
    """
    Bring a path to the form of this module.

    @raise ClientError: as L{normalise} does.
    """
    normalise(raw)
    return _tidy(raw)


def _tidy(raw: bytes) -> bytes:
    path = merge_slashes(_ESCAPE.sub(_plain, raw))
    return resolve_dots(path) if b"/." in path else path


def _plain(escape: re.Match[bytes]) -> bytes:
    code = int(escape[0][1:], 16)
    return bytes((code,)) if code in _UNRESERVED else escape[0].upper()


class EncodedRule:
    """
    Which encoded paths a mount takes, and what is left of them.
    """

    __slots__ = ("_base", "_pattern", "_servlet", "_template")

    def __init__(
        self,
        path: str,
        regex: re.Pattern[bytes] | None,
        servlet: bool,
        base: bytes,
        template: PathTemplate,
    ) -> None:
        """
        @param path: the prefix, encoded; not used with C{regex}.
        @param base: what replaces the prefix; C{template} what becomes of a match.
        @raise ValueError: for a C{regex} for servlets.
        """
        if regex is not None and servlet:
            raise ValueError("mapping = servlet takes a path: a match sees parameters anyway")
        self._pattern = regex or _prefix(_tidy(path.encode()), servlet)
        self._template = template if regex is not None else None
        self._base = base
        self._servlet = servlet

    def located(self, path: bytes, encoded: bytes) -> bytes:
        """
        Return the path that C{location} conditions test: of servlets without its parameters,
        which do not make it another one there. An escaped semicolon begins none.

        @param path: the normal form of C{encoded}.
        """
        if not self._servlet or b";" not in encoded:
            return path
        return merge_slashes(decode(_PARAMETER.sub(b"", encoded)))

    def takes(self, encoded: bytes) -> bool:
        """
        Tell whether a path of this module's form is the mount's.
        """
        return self._search(encoded) is not None

    def rest(self, encoded: bytes) -> bytes:
        """
        Return what follows the prefix.
        """
        match = self._search(encoded)
        return encoded[match.end() :] if match is not None and self._template is None else b""

    def map(self, encoded: bytes) -> bytes:
        """
        Map a path that the mount takes to the one that goes on.

        @raise ClientError: see L{PathTemplate.expand}.
        """
        if self._template is None:
            return (self._base + self.rest(encoded)) or b"/"
        match = self._search(encoded)
        assert match is not None, "only for a path that is taken"
        return self._template.expand(match, encode=False)

    def _search(self, encoded: bytes) -> re.Match[bytes] | None:
        if self._template is None:
            return self._pattern.match(encoded)
        return self._pattern.search(encoded)


def _prefix(path: bytes, servlet: bool) -> re.Pattern[bytes]:
    """
    Compile a prefix that ends at a segment's end. Parameters of the last one belong to the rest.
    """
    if not servlet:
        pattern, end = re.escape(path), rb"(?=/|\Z)"
    else:
        segments = path.removesuffix(b"/").split(b"/")[1:]
        slash = _NAMELESS + b"/"
        pattern = b"".join(
            slash + re.escape(segment) + (_PARAMETERS if number < len(segments) else b"")
            for number, segment in enumerate(segments, 1)
        )
        end = rb"(?=[/;]|\Z)"
        if path.endswith(b"/"):
            pattern += (_PARAMETERS if segments else b"") + slash
    if path.endswith(b"/"):
        end = b""
    return re.compile(pattern + end, re.DOTALL)
