"""
What FastCGI applications are told of a request: the meta-variables of RFC 3875, section 4.1.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from txbalancer.core.specs import MountSpec
from txbalancer.errors import ClientError

_NAME = re.compile(rb"[A-Za-z0-9-]+").fullmatch
_OWN = {b"content-type": b"CONTENT_TYPE"}
_NEVER = frozenset((b"proxy", b"proxy-authorization", b"content-length"))
"""Proxy would be HTTP_PROXY, which programs take for their own setting (httpoxy)."""
_AUTHORIZATION = b"authorization"


def variable_of(line: bytes, passes_authorization: bool) -> tuple[bytes, bytes] | None:
    """
    Return name and value of the variable that a header line becomes; C{None} for none.

    As in Apache, names with other characters than letters, digits and hyphens become none:
    one could not be told from another.
    """
    name, _, value = line.partition(b":")
    lower = name.lower()
    if lower in _NEVER or (lower == _AUTHORIZATION and not passes_authorization):
        return None
    if _NAME(name) is None:
        return None
    own = _OWN.get(lower)
    return own or b"HTTP_" + name.upper().replace(b"-", b"_"), value.strip(b" \t")


class Script(NamedTuple):
    """
    Which script is asked for.

    @ivar name: SCRIPT_NAME; C{filename}: SCRIPT_FILENAME; C{info}: PATH_INFO, or empty.
    @ivar root: DOCUMENT_ROOT.
    """

    name: bytes
    filename: bytes
    info: bytes
    root: bytes


class ScriptRules:
    """
    How a mount finds the script in a path.

    @ivar refuses_unsized: whether a large body of unknown length is refused, since applications
        would take it for an empty one.
    """

    __slots__ = ("_fpm", "_index", "_root", "_split", "find", "refuses_unsized")

    def __init__(self, spec: MountSpec) -> None:
        php = spec.fcgitype == "php"
        self._fpm = spec.fcgitype == "fpm"
        self.refuses_unsized = spec.fcgitype != "generic"
        split = spec.fcgisplit or ((".php",) if php else ())
        self._split = None
        if split:
            words = b"|".join(re.escape(each.encode()) for each in split)
            self._split = re.compile(rb"(?:%b)(?=/|\Z)" % words).search
        self._index = (spec.fcgiindex or ("index.php" if php else "")).encode()
        self._root = spec.fcgiroot.encode()
        self.find = lru_cache(1024)(self._find)

    def _find(self, path: bytes, url: bytes, place: bytes) -> Script:
        """
        Find the script.

        @param path: the path on the member, as it would be sent in HTTP.
        @param url: that of the client's URL.
        @param place: the member, as C{fcgi://HOST:PORT}.
        @raise ClientError: 400 or 404 for what must not reach a file system.
        """
        plain, shown = _decoded(path), _decoded(url)
        if self._fpm:
            root = self._root or _above(plain, shown)
            return Script(shown, b"proxy:" + place + path, b"", root)
        found = self._split(plain) if self._split is not None else None
        if found is None and self._index and plain.endswith(b"/"):
            plain += self._index
            shown += self._index
        info = plain[found.end() :] if found is not None else b""
        filename = plain[: len(plain) - len(info)]
        name = _script_name(shown, filename, info)
        root = self._root or _above(filename, name) or filename.rpartition(b"/")[0]
        return Script(name, filename, info, root)


def _script_name(shown: bytes, filename: bytes, info: bytes) -> bytes:
    """
    Return the URL path of a script: what is left of the client's without PATH_INFO; for a
    script that the URL does not name, where it would be.
    """
    if not info:
        return shown
    name = shown.removesuffix(info)
    script = filename[filename.rfind(b"/") :]
    return name if name.endswith(script) else name.rstrip(b"/") + script


def _above(filename: bytes, name: bytes) -> bytes:
    """
    Return the folder in which a URL path is a file; empty where it is in none.
    """
    return filename[: len(filename) - len(name)] if filename.endswith(name) else b""


def _decoded(path: bytes) -> bytes:
    plain = unquote_to_bytes(path) if b"%" in path else path
    if b"\0" in plain:
        raise ClientError("the path has an encoded NUL", 404)
    if b".." in plain and b".." in plain.split(b"/"):
        raise ClientError("the path has a hidden dot segment")
    return plain
