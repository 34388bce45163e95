"""
Targets of mounts: what stands after C{to =}.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from txbalancer.config import words
from txbalancer.config.members import (
    KNOWN_SCHEMES,
    PORTS,
    make_member,
    parse_options,
    parse_url,
    split_line,
)
from txbalancer.config.scope import Scope
from txbalancer.config.suggest import choose_from, did_you_mean
from txbalancer.core import values
from txbalancer.core.specs import (
    FixedStatus,
    MemberSpec,
    NotProxied,
    Redirect,
    Target,
    ToBalancer,
    ToHealth,
    ToHeartbeat,
    ToManager,
    ToMember,
    ToMetrics,
    ToResource,
    ToStatus,
    options,
)
from txbalancer.core.specs.passive import BreakerOptions

ALLOWED = (
    "balancer://NAME/, http://HOST:PORT/, https://…, unix:/PATH|http://HOST/, !, "
    "redirect:[STATUS ]URL, status:NNN, manager:, metrics:, health:, server-status: or "
    "resource:NAME"
)
REDIRECTS = (301, 302, 303, 307, 308)
_SHOWN = 100
"""Characters of a target that are worth to be repeated."""
NEEDS_BALANCER = frozenset(
    {"failwindow", "lbset", "loadfactor", "maxfails", "redirect", "retry", "route", "status"}
    | {"slow-start", "slow-start-aggression"}
    | {each.name for _, each in options(BreakerOptions)}
)
"""Options of members that mean nothing for a single one; those of health checks neither."""

Reader = Callable[[str, int | None, Scope], Target]
"""Takes what stands after the colon, the groups of the mount's C{match}, and the scope."""

_BALANCER = re.compile(r"balancer://([^/?#]*)([^?#]*)", re.IGNORECASE)
_PATH = re.compile(r"[!-~]*")


def read_target(text: str, path: str, groups: int | None, scope: Scope) -> Target:
    """
    Read a target.

    @param path: the mount's prefix, or empty.
    @param groups: how many groups the mount's C{match} has; C{None} for a prefix.
    @raise ValueError: saying what is wrong and what is allowed.
    """
    if not text:
        raise ValueError(f"is missing: use {ALLOWED}")
    if text == "!":
        return NotProxied()
    # The URL of a member may be in quotes.
    kind, colon, rest = text.lstrip("'\"").partition(":")
    kind = kind.lower()
    if colon and kind in _READERS:
        return _READERS[kind](rest.strip(), groups, scope)
    if colon and kind == "balancer":
        return _balancer(text, path, groups, scope)
    if colon and (kind in PORTS or kind in KNOWN_SCHEMES or kind == "unix"):
        return _member(text, path, groups, scope)
    raise ValueError(f"{text!r} is no target: use {ALLOWED}{_guess(text, scope)}")


def _guess(text: str, scope: Scope) -> str:
    if text.lower().rstrip("/") in scope.balancers:
        return f" (did you mean balancer://{text.lower().rstrip('/')}/?)"
    if re.fullmatch(r"[\w.-]+:\d+(/\S*)?", text):
        return f" (did you mean http://{text}?)"
    kind, colon, rest = text.partition(":")
    like = did_you_mean(kind, [*_READERS, *("http", "https", "balancer", "unix")]) if colon else ""
    return like.replace("?)", f":{rest}?)") if len(rest) <= _SHOWN else like


def _redirect(text: str, groups: int | None, scope: Scope) -> Target:
    status = 302
    match = re.fullmatch(r"(\d+)\s+(.*)", text, re.ASCII)
    if match is not None:
        text = match[2]
        status = int(match[1][:4])
        if status not in REDIRECTS:
            raise ValueError(f"{match[1]} is not a redirect: use {', '.join(map(str, REDIRECTS))}")
    if not _PATH.fullmatch(text) or not text:
        raise ValueError(f"{text!r} is not a URL in ASCII without blanks: redirect:[STATUS ]URL")
    check_references(text, groups)
    return Redirect(status, text)


def _status(text: str, groups: int | None, scope: Scope) -> Target:
    if not re.fullmatch(r"[2-5]\d\d", text, re.ASCII):
        raise ValueError(f"{text!r} is not a status from 200 to 599")
    return FixedStatus(int(text))


def _resource(text: str, groups: int | None, scope: Scope) -> Target:
    name = text.lower()
    known = scope.registry.resources
    if name not in known:
        there = choose_from(name, known) if known else "; no plugin with resources is installed"
        raise ValueError(f"no resource is called {text!r}{there}")
    return ToResource(name)


def _for_balancers(make: Callable[[tuple[str, ...]], Target]) -> Reader:
    """
    Return the reader of a target with the names of balancers after its colon.
    """

    def read(text: str, groups: int | None, scope: Scope) -> Target:
        names = tuple(values.words(text.lower()))
        for name in names:
            if name not in scope.balancers:
                raise ValueError(f"no [balancer:{name}]{choose_from(name, scope.balancers)}")
        return make(names)

    return read


def _alone(name: str, target: Target) -> Reader:
    """
    Return the reader of a target with nothing after its colon.
    """

    def read(text: str, groups: int | None, scope: Scope) -> Target:
        if text:
            raise ValueError(f"{name}: takes nothing after the colon")
        return target

    return read


_READERS: dict[str, Reader] = {
    "health": _for_balancers(ToHealth),
    "heartbeat": _alone("heartbeat", ToHeartbeat()),
    "manager": _for_balancers(ToManager),
    "metrics": _alone("metrics", ToMetrics()),
    "redirect": _redirect,
    "resource": _resource,
    "server-status": _alone("server-status", ToStatus()),
    "status": _status,
}


def _balancer(text: str, path: str, groups: int | None, scope: Scope) -> Target:
    match = _BALANCER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} must be balancer://NAME[/PATH], without query or fragment")
    name = match[1].lower()
    if name not in scope.balancers:
        raise ValueError(f"no [balancer:{match[1]}]{choose_from(name, scope.balancers)}")
    if not _PATH.fullmatch(match[2]):
        raise ValueError(f"{match[2]!r} has a character that must be written as %XX")
    check_references(match[2], groups)
    return ToBalancer(name, join_path(match[2], path, groups))


def _member(text: str, path: str, groups: int | None, scope: Scope) -> Target:
    url, rest = split_line(text)
    options, faults = parse_options(rest, scope.defaults(MemberSpec), scope.registry)
    faults += [
        (key, "needs a balancer: a single member has no use for it")
        for key in (word.partition("=")[0].lower() for word in rest)
        if key in NEEDS_BALANCER or key.startswith("hc")
    ]
    if faults:
        raise ValueError("; ".join(f"{key}: {fault}" for key, fault in faults))
    address = parse_url(url)
    check_references(address.path, groups)
    member = make_member(address, options)
    return ToMember(replace(member, path=join_path(address.path, path, groups)))


def check_references(text: str, groups: int | None) -> None:
    """
    @raise ValueError: when a target refers to a group that is not there.
    """
    found = [int(digit) for digit in re.findall(r"\$(\d)", text)]
    if any(found) and groups is None:
        raise ValueError(f"${max(found)} needs `match =` instead of a path")
    if groups is not None and any(number > groups for number in found):
        raise ValueError(f"${max(found)} is not there: the match has no group {max(found)}")


def join_path(target: str, path: str, groups: int | None) -> str:
    """
    Make the path that a target puts before what its mount leaves.

    @param target: the path of the target's URL.
    @param path: the mount's prefix.
    @param groups: see L{read_target}.
    """
    # A bare slash says nothing: one stands between target and rest anyway. Apache
    # would send `//b` or glue host and path instead (APACHE items H52, H53 and X29).
    if target not in ("", "/"):
        return target
    return "/" if groups is None and path.endswith("/") else ""


def show_target(target: Target, options: Callable[[ToMember], str]) -> str:
    """
    Write a target in the form that L{read_target} reads.

    @param options: writes the options of a member, each after a blank.
    """
    match target:
        case ToBalancer():
            return f"balancer://{target.name}{target.path}"
        case ToMember():
            return words.quote(target.member.url) + options(target)
        case NotProxied():
            return "!"
        case Redirect():
            return f"redirect:{target.status} {target.location}"
        case FixedStatus():
            return f"status:{target.status}"
        case ToManager():
            return f"manager:{' '.join(target.balancers)}"
        case ToHealth():
            return f"health:{' '.join(target.balancers)}"
        case ToStatus():
            return "server-status:"
        case ToMetrics():
            return "metrics:"
        case ToHeartbeat():
            return "heartbeat:"
        case _:
            return f"resource:{target.name}"
