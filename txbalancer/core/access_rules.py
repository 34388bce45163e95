"""
Whether a visitor may come in: C{Require} rules at work, with the results of Apache's.

A rule that only keeps people out never lets anybody in, so its result is neutral where
it does not hold. Source: httpd 2.4 C{mod_authz_core}, in meaning; APACHE item M2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from txbalancer.core.access import Group, Not, Require, Rule


class Result(Enum):
    """
    What a rule says of a visitor.

    C{NO_USER}: denied, but it may be different for somebody who logged in. C{UNKNOWN}: it
    depends on a look-up of names that L{Visitor.missing} tells.
    """

    GRANTED = auto()
    DENIED = auto()
    NEUTRAL = auto()
    NO_USER = auto()
    UNKNOWN = auto()


class Verdict(Enum):
    """
    What is to be done with a visitor.
    """

    GRANTED = auto()
    FORBIDDEN = auto()
    LOGIN = auto()
    LOOK_UP = auto()


class Visitor:
    """
    What rules may know of who asks.

    @ivar client: the client's address; empty for a unix socket.
    @ivar local: the address at this end of the connection.
    @ivar here: whether the client's own connection ends here, and not at a proxy before.
    @ivar user: who logged in, if anybody did.
    @ivar names: what look-ups found: C{""} -> the client's own verified name, C{""} for
        none; and for each name that was resolved, the client's address if it is that of the
        name, else C{""}.
    @ivar missing: the key of C{names} that a rule asked for in vain.
    """

    __slots__ = ("client", "here", "local", "missing", "names", "user")

    def __init__(
        self, client: str, local: str = "", user: str | None = None, here: bool = True
    ) -> None:
        self.client = client
        self.here = here
        self.local = local
        self.user = user
        self.names: dict[str, str] = {}
        self.missing = ""


Check = Callable[[Visitor], Result]


def compile_rules(rules: Sequence[Rule]) -> Callable[[Visitor], Verdict]:
    """
    Make the judge of rules of which any suffices.

    A visitor with a user is told C{LOGIN} again where that user is not enough, as in Apache.
    """
    check = _any([_compile(rule) for rule in rules])

    def judge(visitor: Visitor) -> Verdict:
        result = check(visitor)
        if result is Result.GRANTED:
            return Verdict.GRANTED
        if result is Result.UNKNOWN:
            return Verdict.LOOK_UP
        if result is Result.NO_USER or visitor.user is not None:
            return Verdict.LOGIN
        return Verdict.FORBIDDEN

    return judge


def asks_for_users(rules: Sequence[Rule]) -> bool:
    """
    Tell whether any rule can only be judged with a user.
    """
    return any(_names_users(rule) for rule in rules)


def _names_users(rule: Rule) -> bool:
    if isinstance(rule, Group):
        return asks_for_users(rule.rules)
    return (rule.rule if isinstance(rule, Not) else rule).kind in ("user", "valid-user")


@lru_cache(maxsize=4096)
def plain_address(text: str) -> IPv4Address | IPv6Address:
    """
    Return an address; an IPv4 one that came over IPv6 is itself.
    """
    address = ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


# -- groups


def _compile(rule: Rule) -> Check:
    if isinstance(rule, Group):
        checks = [_compile(each) for each in rule.rules]
        if rule.kind == "all":
            return _all(checks)
        return _any(checks) if rule.kind == "any" else _negated(_any(checks))
    if isinstance(rule, Not):
        return _negated(_compile(rule.rule))
    return _KINDS[rule.kind](rule)


def _any(checks: Sequence[Check]) -> Check:
    return _until(Result.GRANTED, checks)


def _all(checks: Sequence[Check]) -> Check:
    return _until(Result.DENIED, checks)


def _until(end: Result, checks: Sequence[Check]) -> Check:
    def check(visitor: Visitor) -> Result:
        found = Result.NEUTRAL
        for each in checks:
            result = each(visitor)
            if result is end or result is Result.UNKNOWN:
                return result
            if found is Result.NEUTRAL or result is Result.NO_USER:
                found = result
        return found

    return check


def _negated(check: Check) -> Check:
    def negated(visitor: Visitor) -> Result:
        result = check(visitor)
        if result is Result.GRANTED:
            return Result.DENIED
        return result if result is Result.UNKNOWN else Result.NEUTRAL

    return negated


# -- single rules


def _constant(result: Result) -> Callable[[Require], Check]:
    return lambda rule: lambda visitor: result


def _yes_or_no(holds: Callable[[Visitor], bool]) -> Check:
    return lambda visitor: Result.GRANTED if holds(visitor) else Result.DENIED


def _ip(rule: Require) -> Check:
    networks = [ip_network(word) for word in rule.words]

    @lru_cache(maxsize=4096)
    def within(client: str) -> bool:
        if not client:
            return False
        address = plain_address(client)
        return any(address in network for network in networks)

    return _yes_or_no(lambda visitor: within(visitor.client))


@lru_cache(maxsize=4096)
def same_machine(client: str, local: str) -> bool:
    """
    Tell whether a client is on this machine, which is what C{Require local} asks.

    @param client: its address; empty for a unix socket.
    @param local: the address that it connected to.
    """
    if not client:
        # Whoever opens a unix socket is on this machine.
        return True
    address = plain_address(client)
    return address.is_loopback or (bool(local) and address == plain_address(local))


def _local(rule: Require) -> Check:
    return _yes_or_no(lambda visitor: visitor.here and same_machine(visitor.client, visitor.local))


def _host(rule: Require) -> Check:
    words = [(word.removeprefix("."), word.startswith(".")) for word in rule.words]

    def check(visitor: Visitor) -> Result:
        if not visitor.client:
            return Result.DENIED
        name = visitor.names.get("")
        if name is None:
            visitor.missing = ""
            return Result.UNKNOWN
        for domain, below in words:
            if name.endswith(f".{domain}") or (name == domain and not below):
                return Result.GRANTED
        return Result.DENIED

    return check


def _forward(rule: Require) -> Check:
    def check(visitor: Visitor) -> Result:
        if not visitor.client:
            return Result.DENIED
        for word in rule.words:
            found = visitor.names.get(word)
            if found is None:
                visitor.missing = word
                return Result.UNKNOWN
            if found:
                return Result.GRANTED
        return Result.DENIED

    return check


def _user(rule: Require) -> Check:
    allowed = frozenset(rule.words)

    def check(visitor: Visitor) -> Result:
        if visitor.user is None:
            return Result.NO_USER
        return Result.GRANTED if visitor.user in allowed else Result.DENIED

    return check


def _valid_user(rule: Require) -> Check:
    return lambda visitor: Result.NO_USER if visitor.user is None else Result.GRANTED


_KINDS: dict[str, Callable[[Require], Check]] = {
    "all granted": _constant(Result.GRANTED),
    "all denied": _constant(Result.DENIED),
    "ip": _ip,
    "local": _local,
    "host": _host,
    "forward-dns": _forward,
    "user": _user,
    "valid-user": _valid_user,
}
