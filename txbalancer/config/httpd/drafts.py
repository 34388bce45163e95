"""
Balancers while their file is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from txbalancer.config.httpd.members import Identity, MemberDraft, draft_member
from txbalancer.config.httpd.parameters import Parameters, no_pair
from txbalancer.config.httpd.tree import Directive

MOST_NAME = 95
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BALANCER = re.compile(r"balancer://([^/?#]*)([^?#]*)", re.IGNORECASE)
_FOREIGN = re.compile(r"[^a-z0-9._-]")


@dataclass(slots=True, eq=False)
class BalancerDraft:
    """
    What one server says of a balancer, in all places together.

    @ivar name: Apache's, in lower case and without C{balancer://}.
    @ivar place: where it is named first.
    @ivar own: its parameters so far.
    @ivar shared: parameters for all its members, which their own go before.
    @ivar mounted: whether a C{ProxyPass} of this server leads to it.
    @ivar spec_name: the name of its spec, once all is read and settled.
    """

    name: str
    place: Directive
    own: Parameters = field(default_factory=dict)
    shared: Parameters = field(default_factory=dict)
    members: dict[Identity, MemberDraft] = field(default_factory=dict)
    mounted: bool = False
    spec_name: str = ""


def is_balancer(url: str) -> bool:
    """
    Tell whether a URL is that of a balancer.
    """
    return url[:9].lower() == "balancer:"


def split_balancer(url: str) -> tuple[str, str]:
    """
    Divide C{balancer://NAME/PATH} into the name, in lower case, and the path (APACHE item 0.2).

    @raise ValueError: when it is not of that form.
    """
    match = _BALANCER.fullmatch(url)
    if match is None or not match[1]:
        raise ValueError(f"{url!r} must be balancer://NAME or balancer://NAME/PATH")
    if len("balancer://") + len(match[1]) > MOST_NAME:
        raise ValueError(f"the name of {url!r} is too long: {MOST_NAME} characters are allowed")
    return match[1].lower(), match[2]


def new_name(name: str, suffix: str, taken: set[str]) -> str:
    """
    Make the name of a spec from Apache's, and take it.

    @param suffix: used when the plain name is taken.
    """
    plain, suffix = (_FOREIGN.sub("-", part)[:63] for part in (name, suffix[:40]))
    found, number = plain, 1
    while found in taken:
        number += 1
        tail = suffix if suffix and number == 2 else f"{suffix}.{number}"
        found = plain[: 63 - len(tail)] + tail
    taken.add(found)
    return found


def divide_words(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """
    Divide words into URLs and others, wherever they stand.
    """
    places = [word for word in args if "=" not in word or _URL.match(word)]
    return places, [word for word in args if word not in places]


def draft_only(places: Sequence[str], place: Directive) -> MemberDraft:
    """
    Start the member of a balancer that words name.

    @raise ValueError: unless they are just one URL.
    """
    if not places:
        raise ValueError("the member's URL is missing: URL key=value …")
    url, *more = places
    if is_balancer(url):
        raise ValueError(
            f"{url} cannot be a member"
            + (": the balancer's name is not repeated in its section" if more else "")
        )
    draft = draft_member(url, place)
    if more:
        raise ValueError(no_pair(more[0]))
    return draft
