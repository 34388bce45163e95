"""
URL rules: which mount takes a request, and the path that goes on.

The first match in file order wins, but a lookup does not walk the file: mounts
are indexed by host, by prefix and by the literal start of an anchored regular
expression. The result is that of the walk. Source: APACHE items H50 to H58.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from txbalancer.core.conditions import (
    Predicate,
    compile_condition,
    host_name,
    host_pattern,
    is_glob,
)
from txbalancer.core.encoded import normalise_encoded
from txbalancer.core.mount import Mount
from txbalancer.core.paths import (
    ENCODED_SLASH,
    PLAIN,
    canonical,
    hides_slash,
    merge_slashes,
    normalise,
)
from txbalancer.core.request import Request
from txbalancer.errors import ClientError

__all__ = ["Mount", "MountTable"]

Entry = tuple[int, tuple[Predicate, ...], Mount]
"""A mount in an index: its order and the conditions that the index does not cover, but for
those about the path."""


_MOST_REMEMBERED = 4096
_LONGEST_REMEMBERED = 256


class MountTable:
    """
    All mounts of a listener or service, in file order.
    """

    __slots__ = (
        "_any_host",
        "_by_host",
        "_by_suffix",
        "_encoded",
        "_found",
        "_remembers",
        "mounts",
    )

    def __init__(self, mounts: Iterable[Mount]) -> None:
        """
        @param mounts: in file order, C{order} rising.
        """
        self.mounts = tuple(mounts)
        self._any_host = _Index()
        self._by_host: dict[bytes, _Index] = {}
        self._by_suffix: dict[bytes, _Index] = {}
        # Where nothing but the path decides, the answers for the latest paths are kept.
        self._remembers = not any(mount.conditions for mount in self.mounts)
        self._found: dict[bytes, tuple[Mount, bytes]] = {}
        self._encoded = tuple(mount for mount in self.mounts if mount.encoded is not None)
        for mount in self.mounts:
            if mount.encoded is None:
                for index, tests in self._places(mount):
                    index.add((mount.order, tests, mount))

    def find(self, request: Request) -> tuple[Mount, bytes] | None:
        """
        Find the mount of a request and the path that goes on, without query.

        The path is canonical and starts with a slash. It has the path of the mount's target in
        it, thus all of a C{ToMember}'s, but not the base path of a balancer's member.

        @return: C{None} when nothing is mounted there.
        @raise ClientError: 400 or 404 for a path that must not go on; see L{normalise}, H57.
        """
        raw = request.path
        found = self._found.get(raw)
        if found is None:
            found = self._find(request, raw)
            if found is not None and self._remembers and len(raw) <= _LONGEST_REMEMBERED:
                if len(self._found) >= _MOST_REMEMBERED:
                    self._found.clear()
                self._found[raw] = found
        return found

    def _find(self, request: Request, raw: bytes) -> tuple[Mount, bytes] | None:
        if raw.translate(None, PLAIN) or b"/." in raw or b"//" in raw or not raw.startswith(b"/"):
            return self._find_unusual(request, raw)
        mount = self.lookup(request, raw)
        if mount is None:
            return None
        if mount.encoded is not None:
            return mount, mount.encoded.map(raw)
        if mount.regex is not None:
            return mount, mount.map_path(raw)
        if mount.same:
            return mount, raw
        return mount, (mount.base + raw[len(mount.prefix) :]) or b"/"

    def lookup(self, request: Request, path: bytes, encoded: bytes | None = None) -> Mount | None:
        """
        Find the first mount that takes a normal path and accepts the request.

        @param encoded: the form of C{path} with escapes; made of it where not given.
        """
        best = self._any_host.first(request, path, None)
        if self._by_host or self._by_suffix:
            name = host_name(request.host)
            index = self._by_host.get(name)
            if index is not None:
                best = index.first(request, path, best)
            if self._by_suffix:
                dot = name.find(b".")
                while dot >= 0:
                    index = self._by_suffix.get(name[dot:])
                    if index is not None:
                        best = index.first(request, path, best)
                    dot = name.find(b".", dot + 1)
        if self._encoded:
            if encoded is None:
                encoded = canonical(path)
            best = _first_encoded(self._encoded, request, path, encoded, best)
        return best

    def _find_unusual(self, request: Request, raw: bytes) -> tuple[Mount, bytes] | None:
        path = normalise(raw)
        encoded = normalise_encoded(raw) if self._encoded else None
        mount = self.lookup(request, path, encoded)
        if mount is None:
            return None
        if hides_slash(path):
            self._refuse_ambiguous(request, path, mount)
            path = mount.decoded(path)
        if mount.encoded is not None and encoded is not None:
            if mount.spec.encodedslashes == "on":
                encoded = merge_slashes(encoded.replace(b"%2F", b"/"))
            return mount, mount.encoded.map(encoded)
        if mount.spec.nocanon:
            return mount, mount.map_raw(path, raw)
        return mount, mount.map_path(path)

    def _refuse_ambiguous(self, request: Request, path: bytes, mount: Mount) -> None:
        """
        Refuse an encoded slash or a backslash that is not wanted, or that gets past a mount.

        Were C{/admin} excluded above a mount at C{/}, C{/admin%2Fx} would reach a member that
        decodes it: the path is read each way, and no reading may belong to an earlier mount.
        """
        mode = mount.spec.encodedslashes
        if mode == "off":
            raise ClientError("the path has an encoded slash or a backslash", 404)
        slashed = path.replace(ENCODED_SLASH, b"/")
        for reading in (slashed, slashed.replace(b"\\", b"/")):
            other = self.lookup(request, merge_slashes(reading))
            if other is not mount and (
                mode == "on" or (other is not None and other.order < mount.order)
            ):
                raise ClientError("the path's encoded slash leads to another mount", 404)

    def _places(self, mount: Mount) -> Iterator[tuple[_Index, tuple[Predicate, ...]]]:
        """
        Say where a mount is looked up: everywhere, or by the hosts of one of its conditions.
        """
        for place, condition in enumerate(mount.spec.conditions):
            if condition.kind == "host" and all(map(_indexable, condition.allowed)):
                others = tuple(
                    compile_condition(each)
                    for each in mount.spec.conditions[:place] + mount.spec.conditions[place + 1 :]
                    if each.kind != "location"
                )
                for pattern in sorted(set(map(host_pattern, condition.allowed))):
                    if pattern.startswith(b"*"):
                        yield self._by_suffix.setdefault(pattern[1:], _Index()), others
                    else:
                        yield self._by_host.setdefault(pattern, _Index()), others
                return
        yield self._any_host, mount.conditions


class _Index:
    """
    Mounts by path. Entries of one key are in file order.
    """

    __slots__ = ("_lengths", "_literals", "_longest", "_loose", "_prefixes")

    def __init__(self) -> None:
        self._prefixes: dict[bytes, list[Entry]] = {}
        self._longest = -1
        self._literals: dict[bytes, list[Entry]] = {}
        self._lengths: tuple[int, ...] = ()
        self._loose: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """
        Add an entry whose order is above all others'.
        """
        mount = entry[2]
        if mount.regex is None:
            key = mount.key.removesuffix(b"/")
            self._prefixes.setdefault(key, []).append(entry)
            self._longest = max(self._longest, len(key))
            return
        literal = literal_start(mount.spec.match)
        if not literal:
            self._loose.append(entry)
            return
        self._literals.setdefault(literal, []).append(entry)
        self._lengths = tuple(sorted({*self._lengths, len(literal)}))

    def first(self, request: Request, path: bytes, best: Mount | None) -> Mount | None:
        """
        Return the first mount for a path, or C{best} if that comes before.
        """
        if self._longest >= 0:
            best = self._first_prefix(request, path, best)
        if self._lengths:
            get = self._literals.get
            for length in self._lengths:
                entries = get(path[:length])
                if entries is not None:
                    best = _first_match(entries, request, path, best)
        if self._loose:
            best = _first_match(self._loose, request, path, best)
        return best

    def _first_prefix(self, request: Request, path: bytes, best: Mount | None) -> Mount | None:
        get = self._prefixes.get
        longest = self._longest
        end = 0
        while 0 <= end <= longest:
            entries = get(path[:end])
            if entries is not None:
                best = _first_accepted(entries, request, path, best)
            end = path.find(b"/", end + 1)
        if len(path) <= longest:
            entries = get(path)
            if entries is not None:
                whole = [entry for entry in entries if entry[2].takes(path)]
                best = _first_accepted(whole, request, path, best)
        return best


def literal_start(pattern: str) -> bytes:
    """
    Return what every path that matches starts with, as far as that is plain to see.

    Careful rather than clever: empty when the pattern is not anchored or has an alternative
    outside of groups.
    """
    if not pattern.startswith("^") or "(?#" in pattern or _has_alternatives(pattern):
        return b""
    literal = ""
    place = 1
    while place < len(pattern):
        char = pattern[place]
        if char == "\\" and place + 1 < len(pattern) and not pattern[place + 1].isalnum():
            place += 1
            char = pattern[place]
        elif char in "\\.^$*+?{}[]|()":
            # A quantifier belongs to the character before it.
            return (literal[:-1] if char in "*?{" else literal).encode()
        literal += char
        place += 1
    return literal.encode()


def _has_alternatives(pattern: str) -> bool:
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]", "", pattern, flags=re.DOTALL)
    depth = 0
    for char in bare:
        depth += (char == "(") - (char == ")")
        if char == "|" and depth <= 0:
            return True
    return False


def _first_accepted(
    entries: list[Entry], request: Request, path: bytes, best: Mount | None
) -> Mount | None:
    for order, tests, mount in entries:
        if best is not None and order > best.order:
            break
        if (not tests or all([holds(request) for holds in tests])) and (
            not mount.locations or all([fits(path) for fits in mount.locations])
        ):
            return mount
    return best


def _first_match(
    entries: list[Entry], request: Request, path: bytes, best: Mount | None
) -> Mount | None:
    for order, tests, mount in entries:
        if best is not None and order > best.order:
            break
        if mount.takes(path) and (not tests or all([holds(request) for holds in tests])):
            return mount
    return best


def _first_encoded(
    mounts: tuple[Mount, ...], request: Request, path: bytes, encoded: bytes, best: Mount | None
) -> Mount | None:
    for mount in mounts:
        if best is not None and mount.order > best.order:
            break
        rule = mount.encoded
        if rule is None or not rule.takes(encoded):
            continue
        located = rule.located(path, encoded) if mount.locations else path
        if all([fits(located) for fits in mount.locations]) and mount.accepts(request):
            return mount
    return best


def _indexable(text: str) -> bool:
    pattern = host_pattern(text)
    return bool(pattern) and (
        not is_glob(pattern) or (pattern.startswith(b"*.") and not is_glob(pattern[1:]))
    )
