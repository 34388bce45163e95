"""
One URL rule: which paths it takes, and what becomes of them.

Source: APACHE items H51 to H58.
"""

from __future__ import annotations

from typing import Any

from txbalancer.core.conditions import compile_condition
from txbalancer.core.editor import answer_editor
from txbalancer.core.encoded import EncodedRule, normalise_encoded
from txbalancer.core.locations import compile_location, location_prefix
from txbalancer.core.mapping import LocationTemplate, PathTemplate, base_path
from txbalancer.core.paths import (
    ENCODED_SLASH,
    canonical,
    decode,
    has_doubtful_climb,
    merge_slashes,
    normalise,
)
from txbalancer.core.patterns import compile_pattern
from txbalancer.core.request import Request
from txbalancer.core.specs import FixedStatus, MountSpec, NotProxied, Redirect, ToBalancer, ToMember
from txbalancer.errors import ClientError

_MAPPED = (ToBalancer, ToMember, NotProxied, Redirect, FixedStatus)
"""Targets that do not look at the path themselves."""


class Mount:
    """
    One URL rule, compiled.

    @ivar spec: what it was made of.
    @ivar order: its place in the file.
    @ivar target: what the shell serves it with; not used here.
    @ivar prefix: the path it takes, slashes merged; empty for a C{match}.
    @ivar regex: the compiled C{match}, or C{None}.
    @ivar conditions: what must hold beside the path.
    @ivar locations: what paths must fulfil too, of C{location} conditions.
    @ivar key: a prefix of all paths that it takes; longer than C{prefix} by a C{location}.
    @ivar encoded: decides instead of the prefix, on paths as the client wrote them, or C{None}.
    @ivar editor: header edits of answers, or C{None}.
    @ivar server_name: own name; empty for the listener's.
    @ivar base: what replaces the prefix; starts with C{/} or is empty.
    @ivar same: whether a path goes on as it came.
    """

    __slots__ = (
        "_location",
        "_template",
        "base",
        "conditions",
        "editor",
        "encoded",
        "key",
        "locations",
        "order",
        "prefix",
        "regex",
        "same",
        "server_name",
        "spec",
        "target",
    )

    def __init__(self, spec: MountSpec, order: int = 0) -> None:
        """
        @raise ValueError: when a part of the spec cannot work; says what.
        """
        self.spec = spec
        self.order = order
        self.target: Any = None
        self.regex = compile_pattern(spec.match) if spec.match else None
        self.prefix = b"" if spec.match else merge_slashes(spec.path.encode())
        if not spec.match and not self.prefix.startswith(b"/"):
            raise ValueError(f"{spec.path!r} must start with /")
        places = [each for each in spec.conditions if each.kind == "location"]
        self.conditions = tuple(
            compile_condition(each) for each in spec.conditions if each.kind != "location"
        )
        self.locations = tuple(map(compile_location, places))
        self.key = self.prefix
        for place in places:
            found = location_prefix(place)
            if found is not None and len(found) > len(self.key) and self._has(found):
                self.key = found
        self.editor = answer_editor(spec.header)
        self.server_name = spec.server_name.encode("idna")
        groups = self.regex.groups if self.regex else None
        path = _target_path(spec)
        try:
            self.base = b"" if self.regex else base_path(path, self.prefix)
            self._template = PathTemplate(path if self.regex else "", groups or 0)
        except ClientError as error:
            raise ValueError(f"{path!r}: {error}") from None
        self._location = (
            LocationTemplate(spec.target.location, groups)
            if isinstance(spec.target, Redirect)
            else None
        )
        self.same = self.base == self.prefix
        self.encoded = None
        if spec.mapping != "normal":
            if self.regex and self._location:
                raise ValueError(f"mapping = {spec.mapping} and match cannot make a redirect")
            if not isinstance(spec.target, _MAPPED):
                raise ValueError(f"mapping = {spec.mapping} is not for pages of the service itself")
            servlet = spec.mapping == "servlet"
            self.encoded = EncodedRule(spec.path, self.regex, servlet, self.base, self._template)

    def accepts(self, request: Request) -> bool:
        """
        Tell whether all conditions hold that are not about the path.
        """
        return all(holds(request) for holds in self.conditions)

    def takes(self, path: bytes) -> bool:
        """
        Tell whether a normal path is this mount's (H51, H55).
        """
        regex = self.regex
        found = regex.search(path) is not None if regex is not None else self._has(path)
        return found and all([fits(path) for fits in self.locations])

    def _has(self, path: bytes) -> bool:
        prefix = self.prefix
        return path.startswith(prefix) and (
            prefix.endswith(b"/") or path[len(prefix) : len(prefix) + 1] in (b"", b"/")
        )

    def map_path(self, path: bytes) -> bytes:
        """
        Map a normal path of this mount to the one that goes on, canonical (H52, H53, H55, H56).

        @raise ClientError: 400 when a C{match} makes a dot segment of it.
        """
        if self.regex is None:
            path = canonical(path[len(self.prefix) :])
            return (self.base + path) or b"/"
        match = self.regex.search(path)
        if match is None:
            raise ClientError("nothing is mounted at this path", 404)
        return self._template.expand(match)

    def map_raw(self, path: bytes, raw: bytes) -> bytes:
        """
        Map a path for C{nocanon}: as the client wrote it, if that is this mount's too (H58).

        @param path: the normal form of C{raw}, which decided on the mount.
        @raise ClientError: 400 when dot segments lead out of what the mount leaves, or lead
            elsewhere for a member that takes the slashes beside them in another way.
        """
        if self.regex is not None:
            match = self.regex.search(raw)
            return self._template.expand(match, encode=False) if match else self.map_path(path)
        rest = raw[len(self.prefix) :]
        # More slashes than the prefix has at its end do not count as the client's, either.
        if not self._has(raw) or (self.prefix.endswith(b"/") and rest.startswith(b"/")):
            return self.map_path(path)
        if has_doubtful_climb(raw):
            raise ClientError("the path has .. and slashes that can be read in two ways")
        normalise(b"/" + rest.removeprefix(b"/"))
        return (self.base + rest) or b"/"

    def location(self, request: Request) -> bytes:
        """
        Make the Location of a request that this redirect took.

        @raise ClientError: 400 or 404 when none can be made that is safe.
        """
        assert self._location is not None, "only for a redirect"
        if self.encoded is not None:
            rest = decode(self.encoded.rest(normalise_encoded(request.path)))
            return self._location.expand(request, rest, None)
        path = self.decoded(normalise(request.path))
        match = self.regex.search(path) if self.regex is not None else None
        return self._location.expand(request, path[len(self.prefix) :], match)

    def decoded(self, path: bytes) -> bytes:
        """
        Turn encoded slashes into slashes if C{encodedslashes} says so (H57).
        """
        if ENCODED_SLASH in path and self.spec.encodedslashes == "on":
            return merge_slashes(path.replace(ENCODED_SLASH, b"/"))
        return path


def _target_path(spec: MountSpec) -> str:
    if isinstance(spec.target, ToBalancer):
        return spec.target.path
    if isinstance(spec.target, ToMember):
        return spec.target.member.path
    return ""
