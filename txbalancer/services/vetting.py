"""
Whether this installation has what a command names: methods, probes, expressions, files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from txbalancer.config.members import parse_url
from txbalancer.config.suggest import choose_from
from txbalancer.core.commands import (
    KEEP,
    AddMember,
    Command,
    PutBack,
    RenewMember,
    SetBalancer,
    SetMember,
)
from txbalancer.core.registry import Registry
from txbalancer.core.schemes import (
    Unfit,
    balancer_mode,
    check_probe,
    is_secure,
    mode_of,
    schemes_of,
)
from txbalancer.core.specs import MemberSpec, ServiceSpec, ToMember
from txbalancer.errors import StartError
from txbalancer.proxy.resource import BalancerResource
from txbalancer.tls.members import client_options


def check_command(command: Command, registry: Registry, spec: ServiceSpec) -> None:
    """
    See whether what a command names is there.

    @param spec: the configuration in force, with its expressions of health checks.
    @raise LookupError: for what is not; L{ValueError} for what cannot be used, L{Unfit}
        where it cannot be used here.
    """
    if isinstance(command, SetBalancer):
        if command.lbmethod is not KEEP:
            _known(command.lbmethod, registry.lbmethods, "lbmethod")
        _check_without_requests(command, registry, spec)
    elif isinstance(command, SetMember):
        _check_probe(command.hcmethod, command.hcexpr, registry, spec)
        _check_fit(parse_url(command.member).scheme, command.hcmethod, registry)
    elif isinstance(command, AddMember | RenewMember | PutBack):
        member = command.gone.spec if isinstance(command, PutBack) else command.spec
        _check_probe(member.hcmethod, member.hcexpr, registry, spec)
        _check_fit(member.scheme, member.hcmethod, registry)
        mode = balancer_mode(spec, command.balancer)
        if mode_of(member.scheme) != mode:
            raise Unfit(f"{member.url}: {command.balancer} needs {schemes_of(mode)}")
        check_files(member)


def _check_without_requests(command: SetBalancer, registry: Registry, spec: ServiceSpec) -> None:
    """
    @raise Unfit: when an option needs requests, and the balancer has connections only.
    """
    if balancer_mode(spec, command.balancer) == "http":
        return
    without = f"needs HTTP requests: {command.balancer} has none"
    if command.stickysession is not KEEP and command.stickysession:
        raise Unfit(f"stickysession {without}")
    if command.lbmethod is KEEP:
        return
    before = next((each for each in spec.balancers if each.name == command.balancer), None)
    by_request = command.lbmethod == "hash" and before is not None and before.hashkey != "source"
    if by_request or "http" in getattr(registry.lbmethods[command.lbmethod], "needs", ()):
        raise Unfit(f"{command.lbmethod} {without}")


def check_expression(name: str, spec: ServiceSpec) -> None:
    """
    @raise LookupError: when no expression of health checks has this name.
    """
    _known(name, {each.name: each for each in spec.service.hcexpr}, "expression")


def check_files(member: MemberSpec) -> None:
    """
    @raise ValueError: when a member's TLS files cannot be used.
    """
    if is_secure(member.scheme):
        try:
            client_options(member)
        except StartError as error:
            raise ValueError(f"{member.url}: {error}") from error


def try_tls(spec: ServiceSpec, live: Mapping[str, BalancerResource]) -> None:
    """
    Try the TLS files of every member, also of those that were added at run time and stay.

    @raise StartError: when some cannot be used.
    """
    members = [each.target.member for each in spec.mounts if isinstance(each.target, ToMember)]
    for each in spec.balancers:
        members += each.members
        if each.name in live:
            balancer = live[each.name].balancer
            said = {member.url for member in balancer.configured.members}
            members += [member.spec for member in balancer.members if member.name not in said]
    for member in members:
        if is_secure(member.scheme):
            client_options(member)


def _check_probe(
    method: str | None, expression: str | None, registry: Registry, spec: ServiceSpec
) -> None:
    if method not in (None, "none"):
        _known(method, registry.probes, "health check")
    if expression:
        check_expression(expression, spec)


def _check_fit(scheme: str, method: str | None, registry: Registry) -> None:
    if method is not None:
        check_probe(scheme, method, registry.probes.get(method))


def _known(name: Any, there: Mapping[str, Any], what: str) -> None:
    if name not in there:
        raise LookupError(f"there is no {what} {name!r}{choose_from(name, there)}")
