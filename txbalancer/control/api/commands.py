"""
The bodies of requests that change something, and the commands that they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from txbalancer.config.balancers import PLAIN_PROBES
from txbalancer.config.members import make_member, parse_url
from txbalancer.control.api.options import BALANCER, LONGEST, MEMBER, shape_of
from txbalancer.control.api.shapes import Fields, Shape, either, exactly, span, switch, text
from txbalancer.control.manager.board import Board
from txbalancer.core import flags, specs, values
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import AddMember, SetBalancer, SetMember
from txbalancer.core.member import Member
from txbalancer.core.overrides import configured_spec
from txbalancer.core.performing import adding
from txbalancer.core.specs import MemberSpec

FLAGS = {
    "drain": (flags.DRAIN, "Take the requests of its sessions only."),
    "disabled": (flags.DISABLED, "Take no requests."),
    "stopped": (flags.STOPPED, "Take no requests and no health checks."),
    "standby": (flags.STANDBY, "Take requests when all others are out."),
    "spare": (flags.SPARE, "Take requests when another one is out."),
    "ignore_errors": (flags.IGNORE_ERRORS, "Go on in spite of errors."),
    "hc_failed": (flags.HC_FAILED, "Out because of its health checks."),
}
"""Field -> flag, and what it means."""

SET_MEMBER = ("loadfactor", "lbset", "route", "redirect")
CHECKS = ("hcmethod", "hcinterval", "hcpasses", "hcfails", "hcuri", "hcexpr")
SET_BALANCER = ("lbmethod", "timeout", "maxattempts", "stickysession", "nofailover")

_FILES = frozenset(
    {"sslproxycacertificatefile", "sslproxycacertificatepath", "sslproxymachinecertificatefile"}
)
"""Options that only a configuration file may have: an order must not have files of this
machine shown to a member that it names."""

_LASTING = span(1.0, LONGEST, values.duration(1.0)).described(
    "How long the loadfactor holds before the former one comes back."
)
ENDED = {
    "error": (flags.IN_ERROR, "False ends an error: the member is tried again."),
    "ejected": (flags.EJECTED, "False ends an ejection."),
    "tripped": (flags.TRIPPED | flags.TRIAL, "False closes the member's circuit breaker."),
}
"""Field that may be false only -> flags, and what that does."""


def _shapes(board: Board, names: tuple[str, ...]) -> dict[str, Shape]:
    expressions = ("", *(each.name for each in board.spec.service.hcexpr))
    return {
        name: shape_of(MEMBER[name], board.registry, expressions if name == "hcexpr" else ())
        for name in names
    }


def _flags() -> dict[str, Shape]:
    return {name: switch().described(doc) for name, (_, doc) in FLAGS.items()}


def member_fields(board: Board) -> Fields:
    """
    Return what can be changed about a member.
    """
    shapes = _shapes(board, SET_MEMBER + CHECKS)
    ended = {name: exactly(False, False).described(doc) for name, (_, doc) in ENDED.items()}
    shapes |= {"lasting": _LASTING, **_flags(), **ended}
    return Fields(shapes, needs={"lasting": "loadfactor"}, least=1)


def set_member(balancer: Balancer, member: Member, found: Mapping[str, Any]) -> SetMember:
    """
    Make the command of fields that were read.
    """
    on = off = 0
    for name, (bit, _) in FLAGS.items():
        if name in found:
            on, off = (on | bit, off) if found[name] else (on, off | bit)
    for name, (bit, _) in ENDED.items():
        if name in found:
            off |= bit
    options = {key: found[key] for key in (*SET_MEMBER, *CHECKS, "lasting") if key in found}
    method = options.get("hcmethod", member.spec.hcmethod)
    if method not in PLAIN_PROBES and not options.get("hcuri", member.spec.hcuri):
        options["hcuri"] = "/"
    return SetMember(balancer.spec.name, member.name, on=on, off=off, **options)


def balancer_fields(board: Board) -> Fields:
    """
    Return what can be changed about a balancer.
    """
    shapes = {name: shape_of(BALANCER[name], board.registry) for name in SET_BALANCER}
    for name in ("maxattempts", "stickysession"):
        unset = either(exactly(None, None), shapes[name])
        shapes[name] = unset.described(f"{BALANCER[name].doc} null = unset.")
    return Fields(shapes, least=1)


def set_balancer(balancer: Balancer, found: Mapping[str, Any]) -> SetBalancer:
    """
    Make the command of fields that were read.
    """
    return SetBalancer(balancer.spec.name, **found)


def new_member_fields(board: Board) -> Fields:
    """
    Return what a new member is described by: its URL, any option, and flags.
    """
    names = tuple(name for name in MEMBER if name not in _FILES and name != "status")
    url = text("member-url", parse_url, ["http://10.0.0.9:8080"]).described("Where it is.")
    return Fields({"url": url, **_shapes(board, names), **_flags()}, required=("url",))


def add_member(board: Board, balancer: Balancer, found: Mapping[str, Any]) -> AddMember:
    """
    Make the command of fields that were read. A member that the configuration or a source knows
    and that was removed comes back as it is there, as far as nothing else is said.
    """
    options = {name: value for name, value in found.items() if name not in ("url", *FLAGS)}
    spec = configured_spec(balancer, found["url"].url)
    if spec is None:
        apache = board.spec.service.defaults == "apache"
        defaults = specs.apache_defaults(MemberSpec) if apache else {}
        spec = make_member(found["url"], {**defaults, **options})
    else:
        spec = replace(spec, **options)
    status = spec.status
    for name, (bit, _) in FLAGS.items():
        if name in found:
            status = status | bit if found[name] else status & ~bit
    needs_uri = not spec.hcuri and spec.hcmethod not in PLAIN_PROBES
    spec = replace(spec, status=status, hcuri="/" if needs_uri else spec.hcuri)
    return adding(balancer, spec)
