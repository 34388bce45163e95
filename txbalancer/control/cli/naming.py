"""
Balancers and members by the names that people give them.

A member is meant by its URL, its route, or its host and port; a pattern such as C{web*} means
all whose URL, route or host and port it fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from txbalancer.config.suggest import choose_from
from txbalancer.control.cli.exits import REFUSED, UNKNOWN, Fault

Report = dict[str, Any]


class Target(NamedTuple):
    """
    A member that a command is for.

    @ivar balancer: the name of its balancer.
    @ivar url: its own name.
    """

    balancer: str
    url: str

    @property
    def shown(self) -> str:
        """
        It and its balancer, for people.
        """
        return f"{self.balancer} {short(self.url)}"


def short(url: str) -> str:
    """
    Leave out of a URL what is so by default.
    """
    return url.removeprefix("http://")


def find_balancers(service: Report, wanted: Sequence[str]) -> list[Report]:
    """
    Return the balancers that are meant; all when none is named.

    @raise Fault: for a name that fits none.
    """
    known: list[Report] = service["balancers"]
    if not wanted:
        return known
    found: dict[str, Report] = {}
    for each in wanted:
        fitting = [one for one in known if _fits(each, (one["name"],))]
        if not fitting:
            names = [one["name"] for one in known]
            there = choose_from(each, names) if names else "; there is none"
            raise Fault(f"no balancer {each}{there}", UNKNOWN)
        found.update((one["name"], one) for one in fitting)
    return list(found.values())


def find_members(service: Report, balancer: str, wanted: Iterable[str]) -> list[Target]:
    """
    Return the members that are meant, in the order of the words.

    @param balancer: a name, or a pattern: each word has to fit in one balancer then.
    @raise Fault: for a word that fits none, or one without C{*} that fits several of a balancer.
    """
    balancers = find_balancers(service, (balancer,))
    found: dict[Target, None] = {}
    for each in wanted:
        fitting = [target for one in balancers for target in _in_balancer(one, each)]
        if not fitting:
            names = [name for one in balancers for name in _offered(one)]
            lacking = "no balancer has a" if balancer == "*" else f"{balancer} has no"
            raise Fault(f"{lacking} member {each}{choose_from(each, names)}", UNKNOWN)
        found.update(dict.fromkeys(fitting))
    return list(found)


def _in_balancer(balancer: Report, word: str) -> list[Target]:
    """
    Return the members of one balancer that a word means.

    A URL goes before a route, and that before what hosts there are: a route may look like a host.
    """
    members: list[Report] = balancer["members"]
    if _is_pattern(word):
        return [Target(balancer["name"], one["url"]) for one in members if _fits(word, names(one))]
    for place in range(4):
        fitting = [one for one in members if word == (*names(one), "", "")[place]]
        if not place and not fitting:
            fitting = [one for one in members if word.rstrip("/") == one["url"]]
        if len(fitting) > 1:
            urls = ", ".join(one["url"] for one in fitting)
            raise Fault(
                f"{word} is the name of {len(fitting)} members of {balancer['name']}: {urls}",
                REFUSED,
                f"Name one by its URL, or all of them as '{word}*'.",
            )
        if fitting:
            return [Target(balancer["name"], fitting[0]["url"])]
    return []


def names(member: Report) -> tuple[str, str, str, str]:
    """
    Return how a member may be called: URL, route, host and port, host. Empty for none.
    """
    url = str(member["url"])
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url, str(member["route"]), "", ""
    if parts.scheme not in ("http", "https"):
        return url, str(member["route"]), "", ""
    host = parts.hostname or ""
    bracketed = f"[{host}]" if ":" in host else host
    its_port = port or (443 if parts.scheme == "https" else 80)
    return url, str(member["route"]), f"{bracketed}:{its_port}", bracketed


def _offered(balancer: Report) -> Iterator[str]:
    for each in balancer["members"]:
        url, route, *_ = names(each)
        yield route or short(url)


def _is_pattern(word: str) -> bool:
    return any(char in word for char in "*?")


def _fits(word: str, known: Iterable[str]) -> bool:
    if not _is_pattern(word):
        return word in known
    # Brackets are of IPv6 addresses here, not of sets of characters.
    pattern = word.replace("[", "[[]")
    return any(each and fnmatchcase(each, pattern) for each in known)
