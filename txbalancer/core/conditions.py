"""
What a mount may demand of a request beside its path, as fast predicates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from txbalancer.core.locations import compile_location
from txbalancer.core.networks import within
from txbalancer.core.paths import normalise
from txbalancer.core.request import Request
from txbalancer.core.specs import Condition

Predicate = Callable[[Request], bool]


def compile_condition(condition: Condition) -> Predicate:
    """
    Make the predicate of one condition.

    @raise ValueError: for an unknown kind or a C{client} that is no address range.
    """
    make = _KINDS.get(condition.kind)
    if make is None:
        raise ValueError(f"{condition.kind!r} is none of {', '.join(_KINDS)}")
    if condition.kind not in ("header", "query") and "*" in condition.allowed:
        return _always
    return make(condition)


def host_name(host: bytes) -> bytes:
    """
    Reduce an authority to its name in lower case: no port, no final dot; IPv6 keeps brackets.
    """
    if host.startswith(b"["):
        return host[: host.find(b"]") + 1].lower()
    return host.partition(b":")[0].lower().removesuffix(b".")


def host_pattern(text: str) -> bytes:
    """
    Bring a configured host glob to the form that L{host_name} gives; C{::1} gets its brackets.
    """
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    return host_name(text.encode())


def _always(request: Request) -> bool:
    return True


def _host(condition: Condition) -> Predicate:
    patterns = [host_pattern(text) for text in condition.allowed]
    exact = frozenset(pattern for pattern in patterns if not is_glob(pattern))
    globs = [_glob(pattern) for pattern in patterns if is_glob(pattern)]

    def holds(request: Request) -> bool:
        name = host_name(request.host)
        return name in exact or any(glob.fullmatch(name) for glob in globs)

    return holds


def is_glob(pattern: bytes) -> bool:
    """
    Tell whether a host pattern has C{*} or C{?}; brackets belong to IPv6 literals.
    """
    return b"*" in pattern or b"?" in pattern


def _glob(pattern: bytes) -> re.Pattern[bytes]:
    escaped = re.escape(pattern).replace(rb"\*", b".*").replace(rb"\?", b".")
    return re.compile(escaped, re.DOTALL)


def _method(condition: Condition) -> Predicate:
    allowed = frozenset(word.upper().encode() for word in condition.allowed)
    return lambda request: request.method in allowed


def _header(condition: Condition) -> Predicate:
    name = condition.name.lower().encode()
    if "*" in condition.allowed:
        return lambda request: request.header(name) is not None
    allowed = frozenset(word.encode() for word in condition.allowed)

    def holds(request: Request) -> bool:
        value = request.header(name)
        if value is None:
            return False
        # Repeated lines are joined: each of them, and each part of a list, counts.
        return value in allowed or any(each.strip() in allowed for each in value.split(b","))

    return holds


def _query(condition: Condition) -> Predicate:
    name = condition.name.encode()
    present = "*" in condition.allowed
    allowed = frozenset(word.encode() for word in condition.allowed)

    def holds(request: Request) -> bool:
        if not request.query:
            return False
        for part in request.query.replace(b"+", b" ").split(b"&"):
            key, _, value = part.partition(b"=")
            if unquote_to_bytes(key) == name and (present or unquote_to_bytes(value) in allowed):
                return True
        return False

    return holds


def _client(condition: Condition) -> Predicate:
    holds = within(condition.allowed)
    return lambda request: holds(request.peer.client)


def _listener(condition: Condition) -> Predicate:
    allowed = frozenset(condition.allowed)
    return lambda request: request.peer.listener in allowed


def _alpn(condition: Condition) -> Predicate:
    allowed = frozenset(word.encode() for word in condition.allowed)
    # Only a connection has this; a mount of HTTP requests cannot ask for it.
    return lambda request: not allowed.isdisjoint(getattr(request, "alpn", ()))


def _location(condition: Condition) -> Predicate:
    test = compile_location(condition)
    return lambda request: test(normalise(request.path))


_KINDS: dict[str, Callable[[Condition], Predicate]] = {
    "host": _host,
    "method": _method,
    "header": _header,
    "query": _query,
    "client": _client,
    "listener": _listener,
    "location": _location,
    "alpn": _alpn,
}
