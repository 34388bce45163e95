"""
Members: their URLs as Apache takes them, and their specs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from txbalancer.config.httpd.parameters import Given, Parameters
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.members import Address, make_member, parse_url
from txbalancer.config.targets import NEEDS_BALANCER
from txbalancer.core.specs import MemberSpec, apache_defaults

AS_TIMEOUT = ("connectiontimeout", "tunneltimeout")
"""Options that follow C{timeout} in Apache unless they are given (W8, W50)."""

_WEBSOCKET = re.compile(r"((?:unix:[^|]*\|)?)ws(s?):", re.IGNORECASE)

Identity = tuple[str, str, int, str, str]


@dataclass(slots=True, eq=False)
class MemberDraft:
    """
    A member while its file is read.

    @ivar websocket: whether it was written C{ws://} or C{wss://} (H40).
    @ivar own: its parameters so far.
    """

    address: Address
    websocket: bool
    place: Directive
    own: Parameters = field(default_factory=dict)

    @property
    def identity(self) -> tuple[bool, Identity]:
        """
        Equal for those that Apache takes for one.
        """
        return self.websocket, self.address.identity


def draft_member(url: str, place: Directive) -> MemberDraft:
    """
    Start a member.

    @raise ValueError: saying what is wrong with its URL.
    """
    plain = _WEBSOCKET.sub(r"\1http\2:", url, count=1)
    draft = MemberDraft(parse_url(plain), plain != url, place)
    if draft.websocket:
        draft.own["upgrade"] = Given("upgrade", "websocket", place)
    return draft


def member_options(
    apache: bool, server: Mapping[str, Any], secure: bool, *layers: Parameters
) -> dict[str, Any]:
    """
    Put the options of a member together; later layers win.

    @param server: what directives of its server give.
    @param secure: whether the member is spoken to over TLS.
    """
    found = apache_defaults(MemberSpec) if apache else {}
    given = {**server, **{key: each.value for layer in layers for key, each in layer.items()}}
    # What a plain member would never use must not make it differ from another.
    given = {key: each for key, each in given.items() if secure or not key.startswith("sslproxy")}
    found.update(given)
    if apache:
        for follower in AS_TIMEOUT:
            if follower not in given:
                found[follower] = max(found["timeout"], 0.01)
    return found


def balancer_member(draft: MemberDraft, options: Mapping[str, Any]) -> MemberSpec:
    """
    Make the spec of a member of a balancer.
    """
    return make_member(draft.address, options)


def single_member(draft: MemberDraft, options: Mapping[str, Any], apache: bool) -> MemberSpec:
    """
    Make the spec of a member without a balancer: options of which it has no use keep their default.
    """
    kept = {key: value for key, value in options.items() if not needs_balancer(key)}
    return make_member(draft.address, {**(apache_defaults(MemberSpec) if apache else {}), **kept})


def needs_balancer(key: str) -> bool:
    """
    Tell whether an option means nothing for a single member.
    """
    return key in NEEDS_BALANCER or key.startswith("hc")
