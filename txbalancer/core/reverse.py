"""
What members say about where things are, in the words that clients know.

Source: APACHE items H60 to H65. Safer than Apache: a rule's URL ends at a
boundary, default ports do not matter, and one slash stands at the seam.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Protocol

from txbalancer.core.balancer import Balancer
from txbalancer.core.mapping import base_path
from txbalancer.core.paths import canonical, decode
from txbalancer.core.specs import MountSpec, ToBalancer, ToMember

Pair = tuple[bytes, bytes]

_ORIGIN = re.compile(rb"([a-z][a-z0-9+.\-]*)://([^/?#]*)", re.IGNORECASE)
_BALANCER = "balancer://"
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}
_BOUNDARY = (b"", b"/", b"?", b"#")


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One place as members call it, and what clients are told instead.

    @ivar path: the clients' path, or a whole URL.
    @ivar origin: the members' scheme and authority, normalised; empty for any.
    @ivar prefix: the members' path, lower case, without a slash at the end.
    """

    path: bytes
    origin: bytes
    prefix: bytes


class Reverse(Protocol):
    """
    Puts a member's words into those that clients know.
    """

    def rewrite(self, value: bytes, scheme: bytes, host: bytes) -> bytes:
        """
        Rewrite a value; see L{ReverseMap.rewrite}.
        """


class ReverseMap:
    """
    The rules of one mount by origin: the cost does not grow with the number of members.
    """

    __slots__ = ("_anywhere", "_by_origin")

    def __init__(self, rules: Iterable[Rule]) -> None:
        """
        @param rules: the first that matches wins.
        """
        places: dict[bytes, list[tuple[int, Rule]]] = {b"": []}
        for place, rule in enumerate(rules):
            places.setdefault(rule.origin, []).append((place, rule))
        anywhere = places.pop(b"")
        self._anywhere = tuple(rule for _, rule in anywhere)
        self._by_origin = {
            origin: tuple(rule for _, rule in sorted(found + anywhere, key=itemgetter(0)))
            for origin, found in places.items()
        }

    def rewrite(self, value: bytes, scheme: bytes, host: bytes) -> bytes:
        """
        Rewrite the value of a Location, Content-Location, URI or Destination header.

        @param scheme: of the client's request.
        @param host: the client's Host, with its port; where empty the result is a path.
        @return: C{value} when no rule matches (H64).
        """
        found = _ORIGIN.match(value)
        if found:
            rules = self._by_origin.get(_origin(found), self._anywhere)
            place = value[found.end() :]
        elif value.startswith(b"/") and not value.startswith(b"//"):
            rules, place = self._anywhere, value
        else:
            return value
        for rule in rules:
            length = len(rule.prefix)
            if place[length : length + 1] in _BOUNDARY and place[:length].lower() == rule.prefix:
                return _complete(rule.path, place[length:], scheme, host)
        return value


def plain_rule(path: str, url: str) -> Rule:
    """
    Make the rule of a pair of path and URL (H61); a URL that is only a path fits any host (H62).
    """
    _, _, url = url.rpartition("|")  # a unix socket's path stands before a bar
    text = url.encode()
    found = _ORIGIN.match(text)
    origin, place = (_origin(found), text[found.end() :]) if found else (b"", text)
    public = path.encode("utf-8", "surrogateescape")
    if not _ORIGIN.match(public):
        public = canonical(public)
    return Rule(public, origin, place.rstrip(b"/").lower())


def balancer_rules(path: str, balancer_path: str, member_urls: Iterable[str]) -> tuple[Rule, ...]:
    """
    Make the rules of a balancer: any member may have said it, whatever its state (H63).

    @param balancer_path: what the mount puts before paths, before each member's own path.
    @param member_urls: with base paths.
    """
    below = base_path(balancer_path, b"").decode("ascii").rstrip("/")
    return tuple(plain_rule(path, url.rstrip("/") + below) for url in member_urls)


def mount_rules(spec: MountSpec, member_urls: Collection[str] = ()) -> tuple[Rule, ...]:
    """
    Make the rules that undo a mount; none when it is not to be undone, or cannot be.

    A C{match} can be when it appends the whole path; one with C{$n} cannot.

    @param member_urls: all members of the mount's balancer; to be made again when they change.
    """
    if isinstance(spec.target, ToBalancer):
        below = spec.target.path
    elif isinstance(spec.target, ToMember):
        below, member_urls = "", (spec.target.member.url,)
    else:
        return ()
    if not spec.reverse:
        return ()
    path = spec.path
    if spec.mapping != "normal":
        # A rule's path is made canonical, which escapes.
        path = decode(path.encode()).decode("utf-8", "surrogateescape")
    if spec.match:
        if "$" in below or any("$" in url for url in member_urls):
            return ()
        path = "/"
    return balancer_rules(path, below, member_urls)


def may_reverse(spec: MountSpec) -> bool:
    """
    Tell whether a mount has anything to map back.
    """
    return spec.reverse or bool(spec.proxypassreverse)


class LiveReverse:
    """
    What a mount maps back, with the members that its balancers have at the time.
    """

    __slots__ = ("_balancers", "_map", "_own", "_pairs", "_seen", "_spec")

    def __init__(self, spec: MountSpec, own: Balancer, others: Mapping[str, Balancer]) -> None:
        """
        @param own: the mount's balancer.
        @param others: balancers by name.
        """
        self._spec = spec
        self._own = own
        self._pairs = [
            (path, url, *_balancer_of(url, spec, own, others))
            for path, url in spec.proxypassreverse
        ]
        found = (balancer for *_, balancer in self._pairs if balancer is not None)
        self._balancers = list(dict.fromkeys((own, *found)))
        self._refresh()

    def rewrite(self, value: bytes, scheme: bytes, host: bytes) -> bytes:
        """
        Rewrite a value; see L{ReverseMap.rewrite}.
        """
        for balancer, members in zip(self._balancers, self._seen, strict=True):
            if balancer.members is not members:
                self._refresh()
                break
        return self._map.rewrite(value, scheme, host)

    def _refresh(self) -> None:
        self._seen = [balancer.members for balancer in self._balancers]
        rules: list[Rule] = []
        for path, url, below, balancer in self._pairs:
            if balancer is None:
                rules.append(plain_rule(path, url))
            else:
                rules += balancer_rules(path, below, [each.name for each in balancer.members])
        rules += mount_rules(self._spec, [each.name for each in self._own.members])
        self._map = ReverseMap(rules)


def _balancer_of(
    url: str, spec: MountSpec, own: Balancer, others: Mapping[str, Balancer]
) -> tuple[str, Balancer | None]:
    """
    Return the path and the balancer of a C{balancer://} URL.
    """
    if not url.lower().startswith(_BALANCER):
        return "", None
    name, slash, below = url[len(_BALANCER) :].partition("/")
    name = name.lower()
    is_own = isinstance(spec.target, ToBalancer) and spec.target.name == name
    return slash + below, own if is_own else others.get(name)


def rewrite_cookie(value: bytes, domains: Iterable[Pair], paths: Iterable[Pair]) -> bytes:
    """
    Rewrite the Domain and Path of a Set-Cookie value (H65).

    @param domains: what a member's domain is, and what clients are told; any case. The
        first pair that fits counts.
    @param paths: what a member's path starts with, and what clients are told as a whole.
    """
    parts = value.split(b";")
    for place in range(1, len(parts)):
        name, equals, text = parts[place].partition(b"=")
        word, text = name.strip().lower(), text.strip()
        public = None
        if word == b"path":
            public = next((there for here, there in paths if _starts_path(text, here)), None)
        elif word == b"domain":
            public = next((there for here, there in domains if _starts_domain(text, here)), None)
        if public is not None:
            parts[place] = name + equals + public
    return b";".join(parts)


def _origin(found: re.Match[bytes]) -> bytes:
    scheme, authority = found[1].lower(), found[2].lower()
    return scheme + b"://" + authority.removesuffix(_DEFAULT_PORTS.get(scheme, b""))


def _complete(path: bytes, rest: bytes, scheme: bytes, host: bytes) -> bytes:
    if path.endswith(b"/") and rest.startswith(b"/"):
        path = path[:-1]
    if _ORIGIN.match(path):
        return path + rest
    if not host:
        # Without an authority before it, // would name one; /\ is the same to browsers.
        return b"/" + (path + rest).lstrip(b"/\\")
    return scheme + b"://" + host.removesuffix(_DEFAULT_PORTS[scheme]) + path + rest


def _starts_path(text: bytes, prefix: bytes) -> bool:
    return text.startswith(prefix) and (
        prefix.endswith(b"/") or text[len(prefix) : len(prefix) + 1] in (b"", b"/")
    )


def _starts_domain(text: bytes, prefix: bytes) -> bool:
    text, prefix = text.lower(), prefix.lower()
    if not prefix.startswith(b"."):
        text = text.removeprefix(b".")
    return text.startswith(prefix) and text[len(prefix) : len(prefix) + 1] in (b"", b".")
