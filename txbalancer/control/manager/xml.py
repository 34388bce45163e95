"""
The same as XML, element for element as Apache has it (APACHE section 8.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import partial
from math import inf
from typing import Any

from txbalancer.control.manager.board import Board
from txbalancer.control.pages import fill_slowly
from txbalancer.control.slices import Steps
from txbalancer.core import flags, specs
from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member
from txbalancer.core.specs import MemberSpec

Elements = Iterator[tuple[str, str]]

_OPTIONS = dict(specs.options(MemberSpec))


def write_xml(board: Board, names: tuple[str, ...], nonce: Callable[[str], str]) -> Steps[bytes]:
    """
    Write down these balancers.

    @param nonce: returns what the reader's forms for a balancer have to bring.
    """
    balancers = []
    for name in names:
        balancer = board.balancer(name)
        elements = partial(_elements, board, balancer)
        balancers.append(
            {
                "name": name,
                "nonce": nonce(name),
                "options": list(_of_balancer(balancer)),
                "members": map(elements, balancer.members),
            }
        )
    return (yield from fill_slowly("manager.xml", balancers=balancers))


def _of_balancer(balancer: Balancer) -> Elements:
    spec = balancer.spec
    sticky = spec.stickysession
    if sticky is not None:
        yield "stickysession", sticky.cookie
        if sticky.url != sticky.cookie:
            # Apache leaves this half out (APACHE M31).
            yield "stickysession_path", sticky.url
        yield "nofailover", _switch(spec.nofailover)
    yield "timeout", _seconds(spec.timeout)
    if spec.maxattempts is not None:
        yield "maxattempts", str(spec.maxattempts)
    yield "lbmethod", spec.lbmethod
    if sticky is not None:
        yield "scolonpathdelim", _switch(spec.scolonpathdelim)


def _elements(board: Board, balancer: Balancer, member: Member) -> list[tuple[str, str]]:
    return list(_of_member(board, balancer, member))


def _of_member(board: Board, balancer: Balancer, member: Member) -> Elements:
    spec, factor = member.spec, f"{member.lbfactor / 100:.2f}"
    apache = board.spec.service.defaults == "apache"
    yield "name", member.name
    yield "scheme", spec.scheme
    yield "hostname", spec.host
    yield "loadfactor", factor
    yield "port", str(spec.port)
    yield "min", str(spec.min)
    yield "smax", str(spec.max if spec.smax is None else spec.smax)
    yield "max", str(spec.max)
    yield "ttl", _seconds(spec.ttl)
    yield from _configured(spec, _BEFORE, apache)
    yield "status", flags.describe(member.flags)
    if member.error_time != -inf:
        went = board.wall() - (board.now() - member.error_time)
        yield "error_time", formatdate(went, usegmt=True)
    yield "retries", str(member.retries)
    yield "lbstatus", str(balancer.lbstatus(member))
    yield "loadfactor", factor
    yield "transferred", str(member.transferred)
    yield "read", str(member.read)
    yield "elected", str(member.elected)
    yield "route", member.route.decode()
    yield "redirect", member.redirect.decode()
    yield "busy", str(member.busy)
    yield "lbset", str(member.lbset)
    yield from _configured(spec, _AFTER, apache)


def _configured(spec: MemberSpec, elements: dict[str, _Element], apache: bool) -> Elements:
    """
    Write down what is only there when it is configured, which is to say, not the default
    (APACHE M30).
    """
    for name, (attribute, show) in elements.items():
        option, value = _OPTIONS[attribute], getattr(spec, attribute)
        if value != (option.apache if apache else option.modern):
            yield name, show(value)


def _switch(value: bool) -> str:
    return "On" if value else "Off"


def _seconds(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _milliseconds(value: float) -> str:
    # All of them: Apache shows what is left of the last second (APACHE M31).
    return f"{value * 1000:.0f}"


_Element = tuple[str, Callable[[Any], str]]
_BEFORE: dict[str, _Element] = {
    "timeout": ("timeout", _seconds),
    "acquire": ("acquire", _milliseconds),
    "recv_buffer_size": ("receivebuffersize", str),
    "io_buffer_size": ("iobuffersize", str),
    "keepalive": ("keepalive", _switch),
}
_AFTER: dict[str, _Element] = {
    "disablereuse": ("disablereuse", _switch),
    "connectiontimeout": ("connectiontimeout", _milliseconds),
    "retry": ("retry", _seconds),
}
